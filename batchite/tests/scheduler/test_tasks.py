"""A task's life in the core."""

from __future__ import annotations

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import StartTaskPolicy, TaskKey

pytestmark = pytest.mark.documented


def test_a_task_passes_through_preparing_and_running_to_success() -> None:
    """The states of an ordinary task, in order, each with the one before it."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    assert driver.task("a").state == "preparing"
    driver.send(e.TaskStarted(run.task, run.attempt))
    assert (driver.task("a").state, driver.task("a").previous_state) == ("running", "preparing")
    driver.send(e.TaskEnded(run.task, run.attempt, 0, None))
    done = driver.task("a")
    assert (done.state, done.result, done.exit_code) == ("completed", "success", 0)


def test_tasks_queue_for_slots_in_the_order_they_were_added() -> None:
    """With two slots the first two tasks run; each end lets the next one run."""
    driver = ready(slots=2)
    driver.send(e.AddTasks(JOB, tuple(task(name) for name in "abcd")))
    first, second = driver.runs()
    assert [first.task.task, second.task.task] == ["a", "b"]
    driver.end(second)
    assert [run.task.task for run in driver.runs()] == ["c"]


def test_a_failed_task_is_retried_as_often_as_it_may() -> None:
    """A non-zero exit is retried maxTaskRetryCount times, then reported with its code."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", max_retries=2),)))
    for attempt in (1, 2, 3):
        (run,) = driver.runs()
        assert run.attempt == attempt
        driver.end(run, exit_code=3)
    failed = driver.task("a")
    assert (failed.state, failed.result, failed.exit_code, failed.retry_count) == ("completed", "failure", 3, 2)
    assert driver.runs() == []


def test_a_failed_download_is_not_retried() -> None:
    """Only a non-zero exit of the command is retried; preparation failures are not."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", max_retries=5),)))
    (run,) = driver.runs()
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED, retryable=False))
    assert (driver.task("a").state, driver.task("a").retry_count) == ("completed", 0)


def test_a_dependant_runs_only_after_every_task_it_needs_has_succeeded() -> None:
    """Dependencies by id and by range of integer ids."""
    driver = ready(slots=4, uses_dependencies=True)
    merge = task("merge", depends_on=("x",), depends_on_ranges=((1, 2),))
    driver.send(e.AddTasks(JOB, (merge, task("1"), task("2"), task("x"))))
    runs = driver.runs()
    assert [run.task.task for run in runs] == ["1", "2", "x"]
    for run in runs:
        assert driver.runs() == []
        driver.end(run)
    assert [run.task.task for run in driver.runs()] == ["merge"]


def test_a_dependant_of_a_failed_task_stays_blocked() -> None:
    """The default dependency action of a failure is block."""
    driver = ready(uses_dependencies=True)
    driver.send(e.AddTasks(JOB, (task("a"), task("b", depends_on=("a",)))))
    (run,) = driver.runs()
    driver.end(run, exit_code=1)
    assert driver.runs() == []
    assert driver.task("b").state == "active"


def test_dependencies_need_the_jobs_leave() -> None:
    """A job without usesTaskDependencies refuses tasks that depend on others, whole."""
    driver = ready()
    with pytest.raises(ServiceError, match="TaskDependenciesNotSpecifiedOnJob"):
        driver.send(e.AddTasks(JOB, (task("a"), task("b", depends_on=("a",)))))
    assert driver.core.world.tasks[JOB] == {}


def test_a_preempted_task_runs_again_elsewhere_once_its_node_is_dead() -> None:
    """The task is requeued only when nothing of it runs any more, keeps its place, and counts the requeue."""
    driver = ready(dedicated=1, spot=1)
    driver.send(e.AddTasks(JOB, tuple(task(name) for name in "abc")))
    by_node = {run.node: run for run in driver.runs()}
    spot = next(node for node in driver.nodes() if node.spot)
    lost = by_node[spot.key].task.task
    driver.send(e.Preempt(POOL))
    assert driver.task(lost).state == "preparing"
    driver.answer_nodes()
    assert (driver.task(lost).state, driver.task(lost).requeue_count) == ("active", 1)
    survivor = next(run for node, run in by_node.items() if node != spot.key)
    driver.end(survivor)
    (again,) = driver.runs()
    assert (again.task.task, again.node, again.attempt) == (lost, survivor.node, 2)


def test_a_preempted_node_comes_back_under_its_id() -> None:
    """The platform gives the Spot node back later: same id, fresh boot, start task again."""
    driver = Driver()
    driver.send(e.CreatePool(pool(spot=1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=0))))
    driver.boot()
    (before,) = driver.nodes()
    driver.send(e.Preempt(POOL, (before.key.node,)))
    driver.answer_nodes()
    assert driver.nodes()[0].state == "preempted"
    driver.advance(300)
    driver.boot()
    (after,) = driver.nodes()
    assert (after.key, after.state, after.boot) == (before.key, "idle", 2)


def test_answers_of_an_older_attempt_change_nothing() -> None:
    """A late answer of an attempt that was requeued is ignored."""
    driver = ready(spot=1, dedicated=0)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.Preempt(POOL))
    driver.answer_nodes()
    driver.send(e.TaskEnded(run.task, run.attempt, 0, None))
    assert driver.task("a").state == "active"


def test_a_terminated_task_completes_when_its_processes_are_gone() -> None:
    """Terminate stops the attempt; until the agent confirms, the task is not completed."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    (stop,) = driver.send(e.TerminateTask(TaskKey("acct", "job", "a")))
    assert isinstance(stop, c.StopTask)
    assert driver.task("a").state == "preparing"
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    failure = driver.task("a").failure
    assert failure is not None
    assert failure.code == "TaskEnded"


def test_a_task_that_needs_more_slots_than_a_node_has_does_not_block_others() -> None:
    """It waits for ever; the tasks behind it run."""
    driver = ready(slots=2)
    driver.send(e.AddTasks(JOB, (task("huge", slots=3), task("small"))))
    assert [run.task.task for run in driver.runs()] == ["small"]


def test_jobs_share_a_pool_by_priority() -> None:
    """The job of higher priority gets the free slot, although it came later."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("running"), task("low"))))
    driver.send(e.CreateJob(job("urgent", priority=100)))
    driver.send(e.AddTasks(job("urgent").key, (task("high", "urgent"),)))
    (run,) = driver.runs()
    driver.end(run)
    assert [run.task.task for run in driver.runs()] == ["high"]


def test_spread_uses_the_emptiest_node_and_pack_the_fullest() -> None:
    """NodeFillType decides between nodes that both have room."""
    chosen = {}
    for fill in ("spread", "pack"):
        driver = Driver()
        driver.send(e.CreatePool(pool(dedicated=2, slots=2, fill=fill)))
        driver.boot()
        driver.send(e.CreateJob(job()))
        driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
        chosen[fill] = len({run.node for run in driver.runs()})
    assert chosen == {"spread": 2, "pack": 1}
