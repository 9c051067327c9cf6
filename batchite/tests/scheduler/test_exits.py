"""What the end of a task means: exit conditions, job actions, reactivation, retention."""

from __future__ import annotations

import pytest
from scheduler.worlds import FAILED, JOB, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.exit_rules import ExitAction, ExitCodes, ExitRules
from batchite.scheduler.exits import action
from batchite.scheduler.model import Failure, TaskKey

pytestmark = pytest.mark.documented

KEY = TaskKey("acct", "job", "a")
UPLOAD = Failure("usererror", "FileUploadAccessDenied", "denied")
DOWNLOAD = Failure("usererror", "BlobNotFound", "no blob")
ENDED = Failure("usererror", "TaskEnded", "ended")
RULES = ExitRules(
    codes=(ExitCodes(0, 0, ExitAction("block")), ExitCodes(3, 5, ExitAction(job="disable"))),
    pre_processing=ExitAction("satisfy", "none"),
    file_upload=ExitAction(job="none"),
    default=ExitAction("satisfy", "disable"),
)


@pytest.mark.parametrize(
    ("rules", "code", "failure", "expected"),
    [
        (None, 0, None, ExitAction("satisfy", "none")),
        (None, 1, FAILED, ExitAction("block", "terminate")),
        (RULES, 0, None, ExitAction("block", "none")),
        (RULES, 4, FAILED, ExitAction("block", "disable")),
        (RULES, 4, UPLOAD, ExitAction("block", "disable")),
        (RULES, 6, FAILED, ExitAction("satisfy", "disable")),
        (RULES, 7, UPLOAD, ExitAction("block", "none")),
        (RULES, None, DOWNLOAD, ExitAction("satisfy", "none")),
        (RULES, None, ENDED, ExitAction("satisfy", "disable")),
        (ExitRules(default=ExitAction("satisfy")), None, DOWNLOAD, ExitAction("satisfy", "terminate")),
        (ExitRules(default=ExitAction("block")), 0, None, ExitAction("satisfy", "none")),
    ],
)
def test_actions_of_ends(rules: ExitRules | None, code: int | None, failure: Failure | None, expected: object) -> None:
    """Codes, then the kind of failure, then the default; exit code 0 only where it is listed."""
    assert action(task("a", exits=rules, exit_code=code), failure) == expected


def test_a_dependency_action_lets_dependants_of_a_failure_run() -> None:
    """Satisfy on the code it exits with; the other code blocks."""
    rules = ExitRules(codes=(ExitCodes(7, 7, ExitAction("satisfy")),))
    driver = ready(slots=2, uses_dependencies=True)
    needs = tuple(task(f"after-{name}", depends_on=(name,)) for name in "ab")
    driver.send(e.AddTasks(JOB, (task("a", exits=rules), task("b", exits=rules), *needs)))
    first, second = driver.runs()
    driver.end(first, exit_code=7)
    driver.end(second, exit_code=8)
    assert [run.task.task for run in driver.runs()] == ["after-a"]


@pytest.mark.parametrize(
    ("chosen", "state", "reason"),
    [
        ("", "completed", "TaskFailed"),
        ("terminate", "completed", "TaskFailed"),
        ("disable", "disabled", ""),
        ("none", "active", ""),
    ],
)
def test_a_failed_task_acts_on_its_job(chosen: str, state: str, reason: str) -> None:
    """With performexitoptionsjobaction: terminate by default, disable, or none; after the last retry only."""
    driver = ready(on_task_failure="performexitoptionsjobaction")
    rules = ExitRules(default=ExitAction(job=chosen))
    driver.send(e.AddTasks(JOB, (task("a", exits=rules, max_retries=1),)))
    for expected in ("active", state):
        (run,) = driver.runs()
        driver.end(run, exit_code=1)
        assert driver.core.world.jobs[JOB].state == expected
    assert driver.core.world.jobs[JOB].terminate_reason == reason


def test_a_job_action_stops_the_other_tasks() -> None:
    """A disabling job queues those that run again; a job without the mode is left alone."""
    for mode, state in (("performexitoptionsjobaction", "disabling"), ("noaction", "active")):
        driver = ready(slots=2, on_task_failure=mode)
        rules = ExitRules(default=ExitAction(job="disable"))
        driver.send(e.AddTasks(JOB, (task("a", exits=rules), task("b"))))
        first, second = driver.runs()
        driver.end(first, exit_code=1)
        assert driver.core.world.jobs[JOB].state == state
        stops = [command for command in driver.pending if isinstance(command, c.StopTask)]
        assert [stop.task for stop in stops] == [second.task] * (state == "disabling")


def test_a_failed_task_is_reactivated_with_all_its_retries() -> None:
    """Active again, without exit code, failure and end; its retries count anew."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", max_retries=1),)))
    for attempt in (1, 2):
        (run,) = driver.runs()
        driver.end(run, exit_code=9)
        assert run.attempt == attempt
    driver.send(e.ReactivateTask(KEY))
    (run,) = driver.runs()
    again = driver.task("a")
    assert (again.retry_count, again.exit_code, again.failure, again.result, again.ended_at) == (
        0,
        None,
        None,
        "",
        None,
    )
    driver.end(run, exit_code=9)
    (run,) = driver.runs()
    driver.end(run, exit_code=0)
    assert (driver.task("a").result, driver.task("a").retry_count) == ("success", 1)


def test_what_cannot_be_reactivated() -> None:
    """A task that is not completed, one that succeeded, and any in a job that has ended."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    with pytest.raises(ServiceError, match="TaskNotCompleted"):
        driver.send(e.ReactivateTask(KEY))
    (run,) = driver.runs()
    driver.end(run)
    with pytest.raises(ServiceError, match="TaskSucceeded"):
        driver.send(e.ReactivateTask(KEY))
    (run,) = driver.runs()
    driver.end(run, exit_code=1)
    driver.send(e.TerminateJob(JOB, "over"))
    with pytest.raises(ServiceError, match="JobCompleted"):
        driver.send(e.ReactivateTask(run.task))


def test_a_reactivated_task_waits_for_its_dependencies_again() -> None:
    """One that was terminated before they were satisfied; a success of the other lets it run."""
    driver = ready(uses_dependencies=True)
    driver.send(e.AddTasks(JOB, (task("b"), task("a", depends_on=("b",)))))
    driver.send(e.TerminateTask(KEY))
    driver.send(e.ReactivateTask(KEY))
    (run,) = driver.runs()
    driver.end(run)
    assert [run.task.task for run in driver.runs()] == ["a"]


def test_the_directory_of_a_task_goes_after_its_retention_time() -> None:
    """Counted from its end in real time; a longer time set later counts from the same end."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", retention=60.0),)))
    (run,) = driver.runs()
    driver.end(run)
    driver.advance(59)
    assert driver.pending == []
    driver.send(e.UpdateTask(KEY, max_retries=0, retention=90.0))
    driver.advance(30)
    assert driver.pending == []
    driver.advance(1)
    assert [type(command) for command in driver.pending] == [c.RemoveTaskFiles]
    assert driver.task("a").cleaned
    driver.advance(60)
    assert len(driver.pending) == 1


def test_a_task_that_runs_again_keeps_its_directory() -> None:
    """The retention of an earlier end does not touch a reactivated task."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", retention=60.0),)))
    (run,) = driver.runs()
    driver.end(run, exit_code=1)
    driver.send(e.ReactivateTask(KEY))
    driver.advance(61)
    assert not driver.task("a").cleaned


def test_retention_survives_a_restart() -> None:
    """The deadline is set again from the records."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", retention=60.0),)))
    driver.end(driver.runs()[0])
    driver.core._timers.wire.clear()  # as a new core has none
    driver.send(e.Restarted())
    driver.advance(60)
    assert driver.task("a").cleaned
