"""Jobs that are disabled and enabled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import JobKey, JobState, PoolKey

OTHER = PoolKey("acct", "other")


def state(driver: Driver) -> JobState:
    """The job's record."""
    return driver.core.world.jobs[JOB]


def working(**fields: object) -> tuple[Driver, c.RunTask]:
    """A job with one task that runs and one that waits for its slot."""
    driver = ready(**fields)  # type: ignore[arg-type]  # fields of the job
    driver.send(e.AddTasks(JOB, (task("a", max_retries=1), task("b"))))
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, run.attempt))
    return driver, run


@pytest.mark.documented
@pytest.mark.parametrize(("option", "after"), [("requeue", "active"), ("terminate", "completed")])
def test_running_tasks_of_a_disabled_job_are_stopped(option: str, after: str) -> None:
    """Disabling until their processes are gone, then disabled: they are queued again, or ended for good."""
    driver, run = working()
    driver.send(e.DisableJob(JOB, option))
    assert (state(driver).state, state(driver).previous_state) == ("disabling", "active")
    assert driver.task("a").state == "running"
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    assert (state(driver).state, state(driver).previous_state) == ("disabled", "disabling")
    assert driver.task("a").state == after
    assert driver.task("a").requeue_count == (option == "requeue")
    assert driver.task("b").state == "active"
    assert driver.runs() == []


@pytest.mark.documented
def test_disabling_may_wait_for_running_tasks() -> None:
    """They finish; a failed one that may be retried runs again once the job is enabled."""
    driver, run = working()
    driver.send(e.DisableJob(JOB, "wait"))
    assert driver.pending == []
    driver.end(run, exit_code=1)
    assert (state(driver).state, driver.task("a").state, driver.task("a").retry_count) == ("disabled", "active", 1)
    driver.send(e.EnableJob(JOB))
    assert (state(driver).state, state(driver).previous_state) == ("active", "enabling")
    assert [run.task.task for run in driver.runs()] == ["a"]


@pytest.mark.documented
def test_a_disabled_job_takes_tasks_and_runs_them_once_enabled() -> None:
    """No task starts before. Enabling an active job changes nothing."""
    driver = ready()
    driver.send(e.DisableJob(JOB, "requeue"))
    assert state(driver).state == "disabled"
    driver.send(e.AddTasks(JOB, (task("a"),)))
    assert driver.runs() == []
    driver.send(e.EnableJob(JOB))
    before = state(driver)
    assert len(driver.runs()) == 1
    driver.send(e.EnableJob(JOB))
    assert state(driver) == before


@pytest.mark.documented
def test_disabling_again_may_ask_for_more() -> None:
    """A job that waits for its tasks can be told to stop them; the task is stopped once."""
    driver, run = working()
    driver.send(e.DisableJob(JOB, "wait"))
    driver.send(e.DisableJob(JOB, "requeue"))
    driver.send(e.DisableJob(JOB, "terminate"))
    assert [type(command) for command in driver.pending] == [c.StopTask]
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    assert (state(driver).state, driver.task("a").state) == ("disabled", "completed")


@pytest.mark.documented
def test_disabling_does_not_bring_back_a_task_that_is_being_terminated() -> None:
    """The client's word on the one task stands."""
    driver, run = working()
    driver.send(e.TerminateTask(run.task))
    driver.send(e.DisableJob(JOB, "requeue"))
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    assert (driver.task("a").state, state(driver).state) == ("completed", "disabled")


@pytest.mark.documented
@pytest.mark.parametrize("event", [e.DisableJob(JOB, "wait"), e.EnableJob(JOB)])
def test_a_job_at_its_end_is_neither_disabled_nor_enabled(event: e.Event) -> None:
    """Terminating, completed and deleting have an error each."""
    driver, run = working()
    driver.send(e.TerminateJob(JOB, "x"))
    with pytest.raises(ServiceError, match="JobBeingTerminated"):
        driver.send(event)
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    with pytest.raises(ServiceError, match="JobCompleted"):
        driver.send(event)


@pytest.mark.documented
def test_a_disabled_job_can_end() -> None:
    """By its wall clock, by termination, by deletion."""
    driver = ready(max_wall_clock=60.0)
    driver.send(e.DisableJob(JOB, "wait"))
    driver.advance(60)
    assert (state(driver).state, state(driver).terminate_reason) == ("completed", "MaxWallClockTimeExpiry")
    driver = ready()
    driver.send(e.DisableJob(JOB, "wait"))
    driver.send(e.DeleteJob(JOB))
    assert JOB not in driver.core.world.jobs


@pytest.mark.recorded
def test_all_tasks_complete_ends_a_disabled_job() -> None:
    """Seen in the service (Azure/batch-shipyard #227): auto-completion goes before being disabled."""
    driver, run = working(on_all_complete="noaction")
    driver.send(e.DeleteTask(driver.task("b").key))
    driver.send(e.UpdateJob(JOB, on_all_complete="terminatejob"))
    driver.send(e.DisableJob(JOB, "wait"))
    driver.send(e.TaskEnded(run.task, run.attempt, 0, None))
    assert (state(driver).state, state(driver).terminate_reason) == ("completed", "AllTasksComplete")


@pytest.mark.documented
def test_a_job_moves_to_another_pool_while_it_is_disabled_only() -> None:
    """Its tasks then run on the nodes of the other pool."""
    driver, run = working()
    move = e.UpdateJob(JOB, pool=OTHER, pool_id="other")
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(move)
    driver.send(e.DisableJob(JOB, "requeue"))
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    driver.send(move)
    driver.send(e.EnableJob(JOB))
    driver.send(e.CreatePool(replace(pool(dedicated=1), key=OTHER, id="Other")))
    driver.boot()
    assert [run.node.pool for run in driver.runs()] == ["other"]
    driver.send(e.CreateJob(job("next")))
    driver.send(e.AddTasks(JobKey("acct", "next"), (task("n", "next"),)))
    assert [run.node.pool for run in driver.runs()] == [POOL.pool]


@pytest.mark.ours
def test_a_restart_finishes_disabling() -> None:
    """What ran is lost with the server and queued again; nothing starts until the job is enabled."""
    driver, _ = working()
    driver.send(e.DisableJob(JOB, "wait"))
    driver.pending = []
    driver.send(e.Restarted())
    assert (state(driver).state, driver.task("a").state) == ("disabled", "active")
    assert driver.runs() == []
