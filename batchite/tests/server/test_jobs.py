"""Jobs with preparation and release tasks, and disabled jobs, on a server with real processes that is killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient, models
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours

OVER: Any = {"terminateReason": "over"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    """A server with one node; the tests of this module follow each other on it."""
    with server("--time-scale=600") as started:
        started.client().create_pool(pool("pool", dedicated=1, slots=2))
        yield started


def shell(script: str) -> str:
    """A command line that runs the script."""
    return f"/bin/sh -c '{script}'"


def completed(client: BatchClient, name: str, task_id: str) -> models.BatchTaskExecutionInfo:
    """How the task ended."""
    wait_until(lambda: client.get_task(name, task_id).state == "completed", f"{task_id} is completed")
    info = client.get_task(name, task_id).execution_info
    assert info is not None
    return info


def folder(running: RunningServer, name: str) -> Path:
    """A folder that tasks may write to."""
    made: Path = running.shared / name
    made.mkdir()
    made.chmod(0o777)
    return made


def test_preparation_and_release_around_the_tasks_of_a_job(running: RunningServer) -> None:
    """Tasks find what the preparation made; the release finds it, too, and is run again after a kill of the server."""
    client, shared = running.client(), folder(running, "prepared")
    options = job("prepared", "pool")
    options.job_preparation_task = models.BatchJobPreparationTask(
        command_line=shell(f"echo data > made; echo prepared >> {shared}/log")
    )
    wait = f"until [ -e {shared}/go ]; do sleep 0.05; done"
    options.job_release_task = models.BatchJobReleaseTask(
        command_line=shell(
            f"echo begin >> {shared}/log; {wait}; cat $AZ_BATCH_JOB_PREP_WORKING_DIR/made >> {shared}/log"
        )
    )
    client.create_job(options)
    client.create_tasks(
        "prepared", [task(name, "grep data $AZ_BATCH_JOB_PREP_WORKING_DIR/made") for name in ("a", "b", "c")]
    )
    assert [completed(client, "prepared", name).exit_code for name in ("a", "b", "c")] == [0, 0, 0]
    client.begin_terminate_job("prepared", OVER, polling_interval=5)
    log = shared / "log"
    wait_until(lambda: log.read_text().splitlines() == ["prepared", "begin"], "the release runs")
    running.kill()
    running.start()
    client = running.client()
    wait_until(lambda: log.read_text().splitlines() == ["prepared", "begin", "begin"], "the release runs again")
    assert client.get_job("prepared").state == "terminating"
    (shared / "go").touch()
    wait_until(lambda: client.get_job("prepared").state == "completed", "the job has ended")
    assert log.read_text().splitlines() == ["prepared", "begin", "begin", "data"]
    (row,) = client.list_job_preparation_and_release_task_status("prepared")
    assert row.job_release_task_execution_info is not None
    assert row.job_release_task_execution_info.exit_code == 0


def test_a_disabled_job_stays_so_after_a_kill(running: RunningServer) -> None:
    """Its task waits, and runs once the job is enabled; a failed one that was reactivated does, too."""
    client, shared = running.client(), folder(running, "disabled")
    client.create_job(job("disabled", "pool"))
    client.create_task("disabled", task("fails", f"test -e {shared}/go"))
    assert completed(client, "disabled", "fails").exit_code == 1
    client.create_task("disabled", task("waits", f"until [ -e {shared}/go ]; do sleep 0.05; done"))
    wait_until(lambda: client.get_task("disabled", "waits").state == "running", "it runs")
    option = models.BatchJobDisableOptions(disable_tasks="requeue")
    client.begin_disable_job("disabled", option, polling_interval=1).result()
    client.reactivate_task("disabled", "fails")
    running.kill()
    (shared / "go").touch()
    running.start()
    client = running.client()
    assert client.get_job("disabled").state == "disabled"
    assert {found.state for found in client.list_tasks("disabled")} == {"active"}
    client.begin_enable_job("disabled", polling_interval=1).result()
    ends = [completed(client, "disabled", name) for name in ("fails", "waits")]
    assert [(end.exit_code, end.requeue_count) for end in ends] == [(0, 0), (0, 1)]
