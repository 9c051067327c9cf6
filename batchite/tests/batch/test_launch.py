"""From documents to what the agent runs."""

from pathlib import Path
from typing import Any

import pytest
from batch.harness import IDENTITY, POOL, Account, Server

from batchite.agent.launch import OutputFile, ResourceFile
from batchite.batch.launch import (
    NodeFacts,
    host_changes,
    identity_environment,
    refusal,
    start_task_launch,
    task_launch,
)
from batchite.scheduler.model import JobKey, JobState, NodeKey, NodeState, PoolKey, PoolState, TaskKey, TaskState

POOL_KEY = PoolKey("account", "pool")


def facts(**document: Any) -> NodeFacts:
    """A Spot node with an identity and auto-storage."""
    listed = [{"resourceId": IDENTITY, "clientId": "client", "principalId": "object"}]
    pool = PoolState(POOL_KEY, "Pool", 0, "active", 0, "steady", 0, 0, 1, 1, "spread", 900)
    return NodeFacts(
        state=NodeState(NodeKey(*POOL_KEY, "n1"), spot=True, state="idle", state_at=0, allocated_at=0, slots=1),
        pool=pool,
        pool_document=POOL | {"identity": {"userAssignedIdentities": listed}} | document,
        root=Path("/nodes/n1"),
        account_url="https://127.0.0.1/batch/account",
        auto_storage_url="https://127.0.0.1/stored/",
        environment={"AZURE_CLIENT_ID": "client", "PATH": "/bin"},
    )


def launch_of(**document: Any) -> Any:
    """The launch of a task with this document."""
    job = JobState(JobKey("account", "job"), "Job", POOL_KEY, "Pool", 0, "active", 0)
    task = TaskState(TaskKey("account", "job", "t1"), "T1", 0, "preparing", 0, 1)
    settings = {"commonEnvironmentSettings": [{"name": "A", "value": "job"}, {"name": "B", "value": "job"}]}
    return task_launch(facts(), job, settings, task, {"id": "T1", "commandLine": "x", **document})


@pytest.mark.documented
def test_environment_of_a_task() -> None:
    """The documented variables are set, the task's settings win over the job's, and nobody overrides the service's."""
    listed = [{"name": "B", "value": "task"}, {"name": "AZ_BATCH_NODE_ID", "value": "forged"}, {"name": "EMPTY"}]
    found = launch_of(environmentSettings=listed).environment
    assert found == {
        "PATH": "/bin",
        "HOME": "/nodes/n1/workitems/job/job-1/t1/wd",
        "AZURE_CLIENT_ID": "client",
        "A": "job",
        "B": "task",
        "EMPTY": "",
        "AZ_BATCH_ACCOUNT_NAME": "account",
        "AZ_BATCH_ACCOUNT_URL": "https://127.0.0.1/batch/account",
        "AZ_BATCH_POOL_ID": "Pool",
        "AZ_BATCH_NODE_ID": "n1",
        "AZ_BATCH_NODE_IS_DEDICATED": "false",
        "AZ_BATCH_NODE_ROOT_DIR": "/nodes/n1",
        "AZ_BATCH_NODE_STARTUP_DIR": "/nodes/n1/startup",
        "AZ_BATCH_NODE_SHARED_DIR": "/nodes/n1/shared",
        "AZ_BATCH_NODE_MOUNTS_DIR": "/nodes/n1/fsmounts",
        "AZ_BATCH_TASK_DIR": "/nodes/n1/workitems/job/job-1/t1",
        "AZ_BATCH_TASK_WORKING_DIR": "/nodes/n1/workitems/job/job-1/t1/wd",
        "AZ_BATCH_CERTIFICATES_DIR": "/nodes/n1/workitems/job/job-1/t1/certs",
        "AZ_BATCH_JOB_ID": "Job",
        "AZ_BATCH_TASK_ID": "T1",
    }


@pytest.mark.documented
def test_resource_files_in_three_forms() -> None:
    """A URL, a container and a container of the auto-storage; identities become client ids, in any letter case."""
    found = launch_of(
        resourceFiles=[
            {"httpUrl": "https://h/c/b", "filePath": "in/b", "fileMode": "0750"},
            {
                "storageContainerUrl": "https://h/c",
                "blobPrefix": "p/",
                "identityReference": {"resourceId": IDENTITY.upper()},
            },
            {"autoStorageContainerName": "input", "filePath": "data"},
        ]
    )
    assert found.resource_files == (
        ResourceFile(url="https://h/c/b", path="in/b", mode="0750"),
        ResourceFile(container_url="https://h/c", prefix="p/", client_id="client"),
        ResourceFile(container_url="https://127.0.0.1/stored/input", path="data"),
    )


@pytest.mark.documented
def test_output_files_limits_and_rights() -> None:
    """Output files, the wall-clock limit and the elevation level reach the agent."""
    destination = {
        "container": {"containerUrl": "https://h/o", "path": "logs", "uploadHeaders": [{"name": "a", "value": "b"}]}
    }
    found = launch_of(
        outputFiles=[
            {
                "filePattern": "../std*.txt",
                "destination": destination,
                "uploadOptions": {"uploadCondition": "taskfailure"},
            }
        ],
        constraints={"maxWallClockTime": "PT1M"},
        userIdentity={"autoUser": {"elevationLevel": "admin"}},
    )
    assert found.output_files == (OutputFile("../std*.txt", "https://h/o", "logs", "taskfailure", headers={"a": "b"}),)
    assert (found.wall_clock, found.admin) == (60.0, True)
    assert launch_of().wall_clock is None


@pytest.mark.documented
def test_start_task_has_no_job() -> None:
    """A start task runs in `startup` and knows of no job."""
    found = start_task_launch(facts(startTask={"commandLine": "prepare"}))
    assert (found.directory, found.command_line) == ("startup", "prepare")
    assert "AZ_BATCH_JOB_ID" not in found.environment
    assert found.environment["AZ_BATCH_TASK_WORKING_DIR"] == "/nodes/n1/startup/wd"


@pytest.mark.ours
def test_node_environment() -> None:
    """Identity variables only with an identity, CA variables only with a bundle."""
    assert identity_environment("http://m", "", None) == {}
    assert identity_environment("http://m", "c", Path("/ca.pem")) == {
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://m",
        "AZURE_CLIENT_ID": "c",
        "SSL_CERT_FILE": "/ca.pem",
        "REQUESTS_CA_BUNDLE": "/ca.pem",
    }


@pytest.mark.ours
def test_scripts_are_told_when_the_host_must_not_change() -> None:
    """A variable says so, also to tasks that run as root; nothing is said where changes are allowed."""
    assert host_changes(allowed=False) == {"BATCHITE_HOST_CHANGES": "refused"}
    assert host_changes(allowed=True) == {}


@pytest.mark.ours
def test_windows_is_refused() -> None:
    """No node of a Windows image can be had; Linux images are not refused."""
    assert refusal(POOL) is None
    found = refusal({"virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.windows amd64"}})
    assert found is not None
    assert "Windows" in found.message


@pytest.mark.documented
def test_launch_of_a_task_with_identities(server: Server) -> None:
    """The agent gets the files of a task with the client id of the pool's identity, and the node's variables."""
    account = Account(server, "linkedone")
    account.identity_pool()
    account.job(commonEnvironmentSettings=[{"name": "COMMON", "value": "1"}, {"name": "BOTH", "value": "job"}])
    files = [{"autoStorageContainerName": "input", "blobPrefix": "p/"}]
    task = {"id": "T", "commandLine": "exit 0", "resourceFiles": files}
    assert account.post("/jobs/job/tasks", task).status == 201
    account.finished("T")
    launch = server.agent.launches[TaskKey("linkedone", "job", "t")]
    assert launch.resource_files[0].container_url == "https://127.0.0.1:1/stored/input"
    assert launch.resource_files[0].client_id == "client"
    assert launch.environment["AZURE_CLIENT_ID"] == "client"
    assert launch.environment["AZ_BATCH_TASK_ID"] == "T"
    assert launch.environment["COMMON"] == "1"
    assert account.get("/pools/pool").json["identity"]["type"] == "UserAssigned"
