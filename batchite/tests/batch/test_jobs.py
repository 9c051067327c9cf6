"""Jobs through the unmodified client."""

from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from batch.harness import wait_until
from batch.sdk import code_of, finish, pool_options

pytestmark = pytest.mark.documented


def add(client: BatchClient, task: str, command: str = "exit 0", **more: Any) -> None:
    """A task."""
    client.create_task("Job", models.BatchTaskCreateOptions(id=task, command_line=command, **more))


def state_of(client: BatchClient) -> tuple[Any, Any]:
    """The job's state and the one before."""
    job = client.get_job("Job")
    assert job.state_transition_time is not None
    return job.state, job.previous_state


def runs(client: BatchClient, task: str) -> None:
    """Until the task runs."""
    wait_until(lambda: client.get_task("Job", task).state == "running", f"{task} runs")


@pytest.mark.parametrize(("option", "after"), [("requeue", "active"), ("terminate", "completed")])
def test_disable_and_enable_a_job(working: BatchClient, option: str, after: str) -> None:
    """Running tasks are stopped, none starts until the job is enabled; both pollers end."""
    add(working, "long", "hold")
    runs(working, "long")
    working.begin_disable_job("Job", models.BatchJobDisableOptions(disable_tasks=option), polling_interval=0).result()
    assert state_of(working) == ("disabled", "disabling")
    assert working.get_task("Job", "long").state == after
    add(working, "later")
    assert working.get_task("Job", "later").state == "active"
    working.begin_enable_job("Job", polling_interval=0).result()
    assert state_of(working) == ("active", "enabling")
    finish(working, "later")


def test_a_job_is_disabling_while_it_waits(working: BatchClient) -> None:
    """With `wait` the running task goes on, and the job says so until it has ended."""
    add(working, "long", "hold")
    runs(working, "long")
    options = models.BatchJobDisableOptions(disable_tasks="wait")
    poller = working.begin_disable_job("Job", options, polling_interval=1)
    assert state_of(working) == ("disabling", "active")
    working.terminate_task("Job", "long")
    poller.result()
    assert state_of(working) == ("disabled", "disabling")


def test_disable_and_enable_are_refused_at_the_end_of_a_job(working: BatchClient) -> None:
    """409 with the job's state, 404 for no job, 412 for a stale ETag, 400 for an option that does not exist."""
    option = models.BatchJobDisableOptions(disable_tasks="wait")
    with pytest.raises(HttpResponseError) as wrong:
        working.begin_disable_job("Job", models.BatchJobDisableOptions(disable_tasks="later"))
    assert code_of(wrong.value) == "InvalidPropertyValue"
    stale: Any = {"etag": "0x1", "match_condition": MatchConditions.IfNotModified}
    with pytest.raises(ResourceModifiedError):
        working.begin_disable_job("Job", option, **stale)
    with pytest.raises(ResourceModifiedError):
        working.begin_enable_job("Job", **stale)
    reason: Any = {"terminateReason": "over"}
    working.begin_terminate_job("Job", reason, polling_interval=0).result()
    with pytest.raises(ResourceExistsError) as over:
        working.begin_disable_job("Job", option)
    assert code_of(over.value) == "JobCompleted"
    with pytest.raises(ResourceExistsError) as over:
        working.begin_enable_job("Job")
    assert code_of(over.value) == "JobCompleted"
    with pytest.raises(ResourceNotFoundError):
        working.begin_enable_job("other")


def test_a_disabled_job_moves_to_another_pool(working: BatchClient) -> None:
    """Not before; then its tasks run there, and those that ran keep showing where they did."""
    add(working, "before")
    finish(working, "before")
    working.create_pool(pool_options(id="Next", target_dedicated_nodes=1))
    move = models.BatchJobUpdateOptions(pool_info=models.BatchPoolInfo(pool_id="next"))
    with pytest.raises(ResourceExistsError) as caught:
        working.update_job("Job", move)
    assert code_of(caught.value) == "OperationInvalidForCurrentState"
    working.begin_disable_job("Job", models.BatchJobDisableOptions(disable_tasks="wait"), polling_interval=0).result()
    working.update_job("Job", move)
    working.begin_enable_job("Job", polling_interval=0).result()
    add(working, "after")
    after, before = finish(working, "after").node_info, working.get_task("Job", "before").node_info
    assert after is not None
    assert before is not None
    assert (after.pool_id, before.pool_id) == ("Next", "pool")
    job = working.get_job("Job")
    assert job.execution_info is not None
    assert (job.pool_info.pool_id, job.execution_info.pool_id) == ("next", "Next")
