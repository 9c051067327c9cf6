"""From the document of a multi-instance task to what runs on each of its nodes."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch.test_launch import POOL_KEY, facts
from hypothesis import given
from hypothesis import strategies as st

from batchite import ids
from batchite.agent.launch import Launch, ResourceFile
from batchite.batch.launch import NodeFacts
from batchite.batch.multi_instance import attempt_launch
from batchite.scheduler.model import JobKey, JobState, NodeKey, TaskKey, TaskState

DOCUMENT: dict[str, Any] = {
    "id": "T1",
    "commandLine": "mpirun",
    "resourceFiles": [{"httpUrl": "https://h/c/own", "filePath": "own"}],
    "environmentSettings": [{"name": "A", "value": "1"}, {"name": "CCP_NODES", "value": "forged"}],
    "constraints": {"maxWallClockTime": "PT1M"},
    "outputFiles": [
        {
            "filePattern": "*.txt",
            "destination": {"container": {"containerUrl": "https://h/c"}},
            "uploadOptions": {"uploadCondition": "taskcompletion"},
        }
    ],
    "multiInstanceSettings": {
        "numberOfInstances": 2,
        "coordinationCommandLine": "prepare",
        "commonResourceFiles": [{"httpUrl": "https://h/c/common", "filePath": "common"}],
    },
}


def node(name: str) -> NodeFacts:
    """A node with two cores."""
    known = facts()
    state, pool = replace(known.state, key=NodeKey(*POOL_KEY, name)), replace(known.pool, cores=2)
    return replace(known, state=state, pool=pool, root=Path(f"/nodes/{name}"))


def made() -> Launch:
    """The launch on two nodes."""
    job = JobState(JobKey("account", "job"), "Job", POOL_KEY, "Pool", 0, "active", 0)
    task = TaskState(TaskKey("account", "job", "t1"), "T1", 0, "preparing", 0, 1, instances=2)
    return attempt_launch([node("n1"), node("n2")], job, {}, task, DOCUMENT)


@pytest.mark.documented
def test_what_runs_where() -> None:
    """Common files and coordination on all nodes; own files, command, outputs and limit are the primary's."""
    launch = made()
    first, second = launch.instances
    assert (launch.command_line, launch.directory, launch.wall_clock) == ("mpirun", "workitems/job/job-1/t1", 60)
    assert launch.resource_files == (ResourceFile("https://h/c/own", path="own"),)
    assert len(launch.output_files) == 1
    assert (first.node.node, first.launch.directory) == ("n1", "workitems/job/job-1/t1")
    assert (second.node.node, second.launch.directory) == ("n2", "workitems/job/job-1/t1/1")
    for one in (first.launch, second.launch):
        assert (one.command_line, one.files_in, one.output_files) == ("prepare", "workitems/job/job-1/t1", ())
        assert one.resource_files == (ResourceFile("https://h/c/common", path="common"),)


@pytest.mark.documented
def test_the_environment_of_an_instance() -> None:
    """The documented variables, which no setting of the task overrides."""
    launch = made()
    a, b = ids.node_address("n1"), ids.node_address("n2")
    common = {
        "A": "1",
        "AZ_BATCH_HOST_LIST": f"{a},{b}",
        "AZ_BATCH_NODE_LIST": f"{a};{b}",
        "AZ_BATCH_MASTER_NODE": f"{a}:6000",
        "CCP_NODES": f"2 {a} 2 {b} 2",
        "AZ_BATCH_JOB_ID": "Job",
        "AZ_BATCH_TASK_ID": "T1",
    }
    primary = {
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true",
        "AZ_BATCH_TASK_SHARED_DIR": "/nodes/n1/workitems/job/job-1/t1",
        "AZ_BATCH_TASK_DIR": "/nodes/n1/workitems/job/job-1/t1",
    }
    subtask = {
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "false",
        "AZ_BATCH_TASK_SHARED_DIR": "/nodes/n2/workitems/job/job-1/t1",
        "AZ_BATCH_TASK_DIR": "/nodes/n2/workitems/job/job-1/t1/1",
        "AZ_BATCH_TASK_WORKING_DIR": "/nodes/n2/workitems/job/job-1/t1/1/wd",
    }
    assert launch.environment.items() >= (common | primary).items()
    assert launch.instances[0].launch.environment.items() >= (common | primary).items()
    assert launch.instances[1].launch.environment.items() >= (common | subtask).items()


@pytest.mark.ours
@given(name=st.text())
def test_an_address_is_one_of_this_machine(name: str) -> None:
    """A host address of the loopback network, the same for the same node, and never the one the server listens on."""
    parts = [int(part) for part in ids.node_address(name).split(".")]
    assert ids.node_address(name) == ids.node_address(name)
    assert parts[0] == 127
    assert sys.platform != "linux" or (64 <= parts[1] < 128 and 1 <= parts[3] <= 254)
