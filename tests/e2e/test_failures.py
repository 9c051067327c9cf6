"""Tasks that fail, nodes that vanish, storage that refuses: what the user is told, and that nothing is lost."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from azure.batch import models

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, event_lines, processes_of, settings, wait_for
from tests.e2e.conftest import WORKLOADS, Submit

pytestmark = pytest.mark.ours

MANY = "{from: 1, to: 8}"  # more tasks than the pool has slots


def running(azure: Clients, job: str) -> dict[str, str]:
    """The node of each task of a job that runs now."""
    tasks = azure.batch.list_tasks(job)
    return {task.id: str(task.node_info.node_id) for task in tasks if task.state == "running" and task.node_info}


def test_failed_task_is_retried_and_explained(local: Checkout, azure: Clients, place: Path) -> None:
    """Retries are used up, the exit code is 1, reason and stderr are shown; the streams of every task are kept."""
    chosen = settings({"place": str(place), "mode": "[ok, once, fail]", "number": "1"})
    done = local.jobs(
        "submit", str(WORKLOADS / "worker.yaml"), "--follow", "--json", *local.target(), *chosen, expect=1
    )
    result = json.loads(done.stdout)
    [failure] = result["failures"]
    assert (result["succeeded"], result["failed"], failure["id"]) == (2, 1, "fail-1")
    assert failure["stderr"] == ["attempt 1 on stderr: this is why"]
    assert "fail-1 failed after 1 retry" in done.stderr
    assert "(exit code 3)" in done.stderr
    starts = [line[1] for line in event_lines(place) if line[0] == "start"]
    assert {task: starts.count(task) for task in starts} == {"ok-1": 1, "once-1": 2, "fail-1": 2}
    streams = {task: azure.streams(result["job"], task)[0] for task in ("ok-1", "once-1", "fail-1")}
    last = {"ok-1": "attempt 0", "once-1": "attempt 1", "fail-1": "attempt 1"}
    assert streams == {task: f"{text} on stdout\n" for task, text in last.items()}
    report = json.loads(local.jobs("report", "--json", expect=1).stdout)
    assert (report["percent_completed"], report["retries"], report["failed"]) == (100.0, 2, 1)


def test_preempted_node_loses_nothing(local: Checkout, azure: Clients, submit: Submit, place: Path) -> None:
    """A task whose Spot node is taken away runs again elsewhere without using up a retry, and the report says so."""
    job = submit(mode="gate", number=MANY)
    spot = wait_for(
        lambda: {line[2]: line[1] for line in event_lines(place) if line[3] == "false"}, "a task runs on a Spot node"
    )
    node, task = next(iter(spot.items()))
    local.batchite("chaos", "preempt", local.pool["id"], "--node", node)
    wait_for(lambda: running(azure, job).get(task) != node, "the task has left the node")
    (place / "open").touch()
    assert local.wait_for_job(job).returncode == 0
    assert [line for line in event_lines(place) if line[0] == "overlap"] == []
    stops = [line for line in event_lines(place) if line[0] == "stop"]
    assert sorted(line[1] for line in stops) == [f"gate-{number}" for number in range(1, 9)]
    assert next(line[2] for line in stops if line[1] == task) != node
    report = json.loads(local.jobs("report", "--json", "--job", job).stdout)
    assert (report["percent_completed"], report["retries"], report["ran_again"]) == (100.0, 0, [task])
    assert f"{task} ran again" in local.jobs("report", "--job", job).stderr
    assert len(azure.names("logs", f"{job}/")) == 16


def test_missing_input_is_named(local: Checkout, azure: Clients, submit: Submit, place: Path) -> None:
    """Tasks read their inputs from Blob storage only: a blob that was deleted in between fails its task by name."""
    filler = submit(mode="gate", number=MANY)
    waiting = submit(mode="ok", number="1")
    container = azure.blobs.get_container_client(azure.containers["input"])
    script = next(name for name in container.list_blob_names() if name.endswith("/worker.py"))
    container.delete_blob(script)
    (place / "open").touch()
    done = local.wait_for_job(waiting)
    assert done.returncode == 1
    [failure] = json.loads(done.stdout)["failures"]
    assert "BlobNotFound" in failure["reason"]
    assert "worker.py" in failure["reason"]
    local.wait_for_job(filler)


def test_refused_upload_is_the_tasks_failure(local: Checkout, azure: Clients, request: pytest.FixtureRequest) -> None:
    """An output for a container that nodes may only read fails a task that exited with 0, by the documented code."""
    job = "refused-upload"
    azure.batch.create_job(
        models.BatchJobCreateOptions(id=job, pool_info=models.BatchPoolInfo(pool_id=local.pool["id"]))
    )
    request.addfinalizer(lambda: azure.batch.begin_delete_job(job).wait())
    url = f"{local.outputs['storage']['blobEndpoint']}/{azure.containers['input']}"
    identity = models.BatchNodeIdentityReference(resource_id=local.pool["identityResourceId"])
    output = models.OutputFile(
        file_pattern="../std*.txt",
        destination=models.OutputFileDestination(
            container=models.OutputFileBlobContainerDestination(container_url=url, identity_reference=identity)
        ),
        upload_options=models.OutputFileUploadConfiguration(upload_condition="taskcompletion"),
    )
    azure.batch.create_task(
        job, models.BatchTaskCreateOptions(id="task", command_line="/bin/true", output_files=[output])
    )
    task = wait_for(lambda: (seen := azure.batch.get_task(job, "task")).state == "completed" and seen, "the task ends")
    assert task.execution_info is not None
    assert (task.execution_info.exit_code, task.execution_info.result) == (0, "failure")
    assert task.execution_info.failure_info is not None
    assert task.execution_info.failure_info.code == "FileUploadAccessDenied"


def test_killed_blob_store_comes_back(local: Checkout, azure: Clients, submit: Submit, place: Path) -> None:
    """Azurite killed while tasks run is started again: their outputs and streams arrive as if nothing had happened."""
    job = submit(mode="gate")
    wait_for(lambda: len(event_lines(place)) == 2, "both tasks run")
    azurite = [pid for pid, command in processes_of(local.data).items() if "launcher.cjs" in command]
    for pid in azurite:
        os.kill(pid, signal.SIGKILL)
    (place / "open").touch()
    assert local.wait_for_job(job).returncode == 0
    assert len(azurite) == 1
    assert len(azure.names("logs", f"{job}/")) == 4
    assert len(azure.names("output", f"{job}/")) == 2
