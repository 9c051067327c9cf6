"""Tasks through the unmodified client: constraints, reactivation, exit conditions, retention."""

from datetime import timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from batch.harness import Account, wait_until
from batch.sdk import code_of, finish

pytestmark = pytest.mark.documented


def add(client: BatchClient, task: str, command: str = "exit 0", job: str = "Job", **more: Any) -> None:
    """A task."""
    client.create_task(job, models.BatchTaskCreateOptions(id=task, command_line=command, **more))


def test_the_constraints_of_a_task_are_replaced(working: BatchClient) -> None:
    """A fetched task goes back with other constraints; whatever else is in it changes nothing."""
    add(working, "t", "hold")
    task = working.get_task("Job", "t")
    task.constraints = models.BatchTaskConstraints(max_task_retry_count=3, retention_time=timedelta(hours=1))
    task.command_line = "exit 1"
    working.replace_task("Job", "t", task)
    found = working.get_task("Job", "t")
    assert found.constraints is not None
    assert (found.constraints.max_task_retry_count, found.constraints.retention_time) == (3, timedelta(hours=1))
    assert found.command_line == "hold"
    assert found.etag != task.etag
    with pytest.raises(ResourceModifiedError):
        working.replace_task("Job", "t", task, etag=task.etag, match_condition=MatchConditions.IfNotModified)
    found.constraints = None
    working.replace_task("Job", "t", found)
    defaults = working.get_task("Job", "t").constraints
    assert defaults is not None
    assert (defaults.max_task_retry_count, defaults.retention_time) == (0, timedelta(days=7))
    with pytest.raises(ResourceNotFoundError):
        working.replace_task("Job", "other", found)


def test_bad_constraints_name_the_property(working: BatchClient, account: Account) -> None:
    """A PUT is checked like a POST."""
    add(working, "t")
    answer = account.call("PUT", "/jobs/job/tasks/t", {"constraints": {"retentionTime": "1 day"}})
    assert (answer.code, answer.values["PropertyName"]) == ("InvalidPropertyValue", "constraints.retentionTime")


def test_a_failed_task_is_reactivated(working: BatchClient) -> None:
    """It runs again with its retries; a success, or a task that still runs, is refused by its code."""
    add(working, "bad", "exit 3", constraints=models.BatchTaskConstraints(max_task_retry_count=1))
    finish(working, "bad")
    working.reactivate_task("Job", "bad")
    info = finish(working, "bad").execution_info
    assert info is not None
    assert (info.exit_code, info.retry_count) == (3, 1)
    add(working, "good")
    finish(working, "good")
    with pytest.raises(ResourceExistsError) as succeeded:
        working.reactivate_task("Job", "good")
    assert code_of(succeeded.value) == "TaskSucceeded"
    add(working, "long", "hold")
    with pytest.raises(ResourceExistsError) as runs:
        working.reactivate_task("Job", "long")
    assert code_of(runs.value) == "TaskNotCompleted"


def test_what_a_reactivated_task_shows(working: BatchClient) -> None:
    """In a disabled job it stays active: no exit code, no failure, no end, completed before."""
    add(working, "bad", "exit 3")
    finish(working, "bad")
    options = models.BatchJobDisableOptions(disable_tasks="wait")
    working.begin_disable_job("Job", options, polling_interval=0).result()
    working.reactivate_task("Job", "bad")
    task = working.get_task("Job", "bad")
    assert (task.state, task.previous_state) == ("active", "completed")
    info = task.execution_info
    assert info is not None
    assert (info.exit_code, info.failure_info, info.result, info.end_time) == (None, None, None, None)
    assert working.get_job_task_counts("Job").task_counts.active == 1


def test_a_completed_task_is_not_terminated_again(working: BatchClient) -> None:
    """409 TaskCompleted; previous state and both times are shown; a deleted task is 404 for every operation."""
    add(working, "long", "hold")
    wait_until(lambda: working.get_task("Job", "long").state == "running", "it runs")
    working.terminate_task("Job", "long")
    task = finish(working, "long")
    assert task.previous_state == "running"
    assert task.previous_state_transition_time is not None
    assert task.state_transition_time is not None
    assert task.previous_state_transition_time <= task.state_transition_time
    with pytest.raises(ResourceExistsError) as completed:
        working.terminate_task("Job", "long")
    assert code_of(completed.value) == "TaskCompleted"
    working.delete_task("Job", "long")
    for call in (working.get_task, working.terminate_task, working.delete_task, working.reactivate_task):
        with pytest.raises(ResourceNotFoundError) as missing:
            call("Job", "long")
        assert code_of(missing.value) == "TaskNotFound"


def exits(**options: Any) -> models.ExitConditions:
    """Exit code 2 has these options."""
    mapping = models.ExitCodeMapping(code=2, exit_options=models.ExitOptions(**options))
    found: models.ExitConditions = models.ExitConditions(exit_codes=[mapping])
    return found


@pytest.mark.parametrize(("action", "state"), [("terminate", "completed"), ("disable", "disabled"), ("none", "active")])
def test_exit_conditions_act_on_the_job(working: BatchClient, action: str, state: str) -> None:
    """With performexitoptionsjobaction; the reason of a termination is TaskFailed."""
    options = models.BatchJobCreateOptions(
        id="Acts",
        pool_info=models.BatchPoolInfo(pool_id="Pool"),
        task_failure_mode="performexitoptionsjobaction",
    )
    working.create_job(options)
    assert working.get_job("Acts").task_failure_mode == "performexitoptionsjobaction"
    add(working, "t", "exit 2", "Acts", exit_conditions=exits(job_action=action))
    wait_until(lambda: working.get_task("Acts", "t").state == "completed", "it ended")
    wait_until(lambda: working.get_job("Acts").state == state, f"the job is {state}")
    kept = working.get_task("Acts", "t").exit_conditions
    assert kept is not None
    assert kept.exit_codes is not None
    assert kept.exit_codes[0].exit_options.job_action == action
    info = working.get_job("Acts").execution_info
    assert info is not None
    assert info.termination_reason == ("TaskFailed" if action == "terminate" else None)


def test_exit_conditions_satisfy_dependants(working: BatchClient) -> None:
    """The dependant of a failure runs when its exit code says so."""
    add(working, "first", "exit 2", exit_conditions=exits(dependency_action="satisfy"))
    add(working, "second", depends_on=models.BatchTaskDependencies(task_ids=["first"]))
    finish(working, "second")


def test_actions_need_a_job_that_performs_them(account: Account) -> None:
    """400 that names the property, for both kinds of action and for a range that is upside down."""
    account.pool()
    account.job()
    for conditions, name in (
        ({"exitCodes": [{"code": 1, "exitOptions": {"jobAction": "none"}}]}, "exitCodes[0].exitOptions.jobAction"),
        ({"default": {"dependencyAction": "satisfy"}}, "default.dependencyAction"),
        ({"exitCodeRanges": [{"start": 2, "end": 1, "exitOptions": {}}]}, "exitCodeRanges[0]"),
    ):
        answer = account.post("/jobs/job/tasks", {"id": "t", "commandLine": "exit 0", "exitConditions": conditions})
        assert (answer.code, answer.values["PropertyName"]) == ("InvalidPropertyValue", f"exitConditions.{name}")


def test_a_task_runs_on_the_node_it_asks_for(working: BatchClient) -> None:
    """By the affinity id that nodes and tasks show."""
    for number, node in enumerate(list(working.list_nodes("Pool"))):
        hint = models.BatchAffinityInfo(affinity_id=node.affinity_id or "")
        add(working, f"t{number}", affinity_info=hint)
        info = finish(working, f"t{number}").node_info
        assert info is not None
        assert (info.node_id, info.affinity_id) == (node.id, node.affinity_id)
    kept = working.get_task("Job", "t0").affinity_info
    assert kept is not None
    assert kept.affinity_id.startswith("TVM:tvmps_")


def test_files_are_cleaned_up_after_their_retention(working: BatchClient) -> None:
    """Soon after the task has completed they go, which is what the error says."""
    limits = models.BatchTaskConstraints(retention_time=timedelta(milliseconds=10))
    add(working, "t", constraints=limits)
    finish(working, "t")

    def refusal() -> str | None:
        try:
            list(working.list_task_files("Job", "t"))
        except HttpResponseError as error:
            return code_of(error)
        return None

    assert wait_until(refusal, "the files are gone") == "TaskFilesCleanedup"
