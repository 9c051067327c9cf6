"""Histories in which two endings meet: nothing acknowledged is undone, and nothing is left behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, ready, task

from batchite.scheduler import events as e
from batchite.scheduler.commands import Record
from batchite.scheduler.core import Scheduler
from batchite.scheduler.model import AutoScale, StartTaskPolicy, TaskKey

pytestmark = pytest.mark.ours

KEY = TaskKey("acct", "job", "a")


def running(**fields: int) -> Driver:
    """A core with task `a` running on the only node."""
    driver = ready(**fields)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    driver.send(e.TaskStarted(KEY, 1))
    driver.pending.clear()
    return driver


def restart(driver: Driver) -> None:
    """The same records in a new core."""
    world = driver.core.world
    kept: list[Record] = [*world.pools.values(), *world.nodes.values(), *world.jobs.values()]
    fresh = Scheduler()
    fresh.load([*kept, *(item for tasks in world.tasks.values() for item in tasks.values())])
    driver.core, driver.pending = fresh, []
    driver.send(e.Restarted())


def test_a_terminated_task_is_not_requeued_when_its_node_leaves() -> None:
    """The resize gives the node up while the task is being stopped: the task ends, it does not run again."""
    driver = running()
    driver.send(e.TerminateTask(KEY))
    driver.send(e.ResizePool(POOL, 0, 0, "requeue"))
    driver.answer_nodes()
    assert driver.task("a").state == "completed"


def test_a_job_being_terminated_completes_when_its_node_leaves() -> None:
    """The job's last task is being stopped on a node that goes."""
    driver = running()
    driver.send(e.TerminateJob(JOB, "done"))
    driver.send(e.ResizePool(POOL, 0, 0, "requeue"))
    driver.answer_nodes()
    assert driver.core.world.jobs[JOB].state == "completed"


@pytest.mark.parametrize("order", ["delete first", "terminate first"])
def test_a_job_completes_when_its_last_task_is_deleted(order: str) -> None:
    """The task's deletion and the job's termination meet: the task is gone and the job has ended."""
    driver = running()
    endings: list[e.Event] = [e.DeleteTask(KEY), e.TerminateJob(JOB, "done")]
    for event in endings if order == "delete first" else reversed(endings):
        driver.send(event)
    driver.send(e.TaskEnded(KEY, 1, None, FAILED))
    assert (driver.core.world.task(KEY), driver.core.world.jobs[JOB].state) == (None, "completed")


def test_a_deleted_task_stays_deleted_when_it_is_terminated_too() -> None:
    """The acknowledged deletion of a running task wins over a later termination."""
    driver = running()
    driver.send(e.DeleteTask(KEY))
    driver.send(e.TerminateTask(KEY))
    driver.send(e.TaskEnded(KEY, 1, None, FAILED))
    assert driver.core.world.task(KEY) is None


def test_deleting_a_pool_does_not_wait_for_tasks_on_draining_nodes() -> None:
    """A node that leaves once its task is done goes at once when the pool is deleted; the task is requeued."""
    driver = running()
    driver.send(e.ResizePool(POOL, 0, 0, "taskcompletion"))
    driver.send(e.DeletePool(POOL))
    driver.answer_nodes()
    assert POOL not in driver.core.world.pools
    assert driver.task("a").state == "active"


def test_a_pool_made_anew_runs_the_tasks_of_its_jobs() -> None:
    """Jobs outlive their pool and go on in the next one of that id."""
    driver = ready()
    driver.send(e.DeletePool(POOL))
    driver.answer_nodes()
    driver.send(e.CreatePool(pool(1)))
    driver.send(e.AddTasks(JOB, (task("a"),)))
    driver.boot()
    assert [run.task.task for run in driver.runs()] == ["a"]


def test_a_start_task_is_not_retried_on_a_node_that_goes() -> None:
    """The start task is killed with its leaving node: that end orders no other run of it."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=-1))))
    driver.advance(100)
    driver.advance(100)
    node = driver.nodes()[0]
    driver.send(e.NodePrepared(node.key, node.boot))
    driver.send(e.ResizePool(POOL, 0, 0))
    driver.pending.clear()
    assert driver.send(e.StartTaskEnded(node.key, node.boot, None, FAILED)) == ()


def test_a_deleted_task_lets_those_behind_it_run() -> None:
    """The head of the queue waits for more slots than are free; when it is deleted the next task starts."""
    driver = ready(slots=2)
    driver.send(e.AddTasks(JOB, (task("a"), task("wide", slots=2), task("b"))))
    driver.runs()
    driver.send(e.DeleteTask(TaskKey("acct", "job", "wide")))
    assert [run.task.task for run in driver.runs()] == ["b"]


def test_a_number_counts_once_for_a_range() -> None:
    """A task that is deleted, added again and completed again is still one of the range's tasks."""
    driver = ready(uses_dependencies=True)
    driver.send(e.AddTasks(JOB, (task("1"), task("merge", depends_on_ranges=((1, 2),)))))
    driver.end(driver.runs()[0])
    driver.send(e.DeleteTask(TaskKey("acct", "job", "1")))
    driver.send(e.AddTasks(JOB, (task("1"),)))
    driver.end(driver.runs()[0])
    assert driver.runs() == []


def test_a_task_added_again_waits_for_its_own_dependencies() -> None:
    """What an earlier task of the same id waited for does not set the new one free."""
    driver = ready(uses_dependencies=True)
    driver.send(e.AddTasks(JOB, (task("a"), task("b", depends_on=("a",)))))
    driver.send(e.DeleteTask(TaskKey("acct", "job", "b")))
    driver.send(e.AddTasks(JOB, (task("b", depends_on=("a", "c")),)))
    driver.end(driver.runs()[0])
    assert driver.runs() == []


@pytest.mark.parametrize("restarts", [False, True])
def test_a_satisfied_dependency_may_be_deleted(restarts: bool) -> None:
    """Cleaning up completed tasks does not block those that waited for them, not even over a restart."""
    driver = ready(uses_dependencies=True)
    waits = task("merge", depends_on=("a", "b"), depends_on_ranges=((1, 3),))
    driver.send(e.AddTasks(JOB, (*map(task, ("a", "2", "b", "1", "3")), waits)))
    for name in ("a", "2"):
        driver.end(driver.runs()[0])
        driver.send(e.DeleteTask(TaskKey("acct", "job", name)))
    if restarts:
        restart(driver)
    for _ in range(3):
        driver.end(driver.runs()[0])
    assert [run.task.task for run in driver.runs()] == ["merge"]


def test_a_wide_range_costs_nothing() -> None:
    """A range of billions of ids is kept as its two ends."""
    driver = ready(uses_dependencies=True)
    driver.send(e.AddTasks(JOB, (task("a", depends_on_ranges=((0, 2**40),)),)))
    assert driver.runs() == []


def test_a_job_without_tasks_that_ends_with_them_ends_at_once() -> None:
    """The documentation counts all tasks of an empty job as complete."""
    driver = ready()
    driver.send(e.CreateJob(job("empty", on_all_complete="terminatejob")))
    ended = driver.core.world.jobs[job("empty").key]
    assert (ended.state, ended.terminate_reason) == ("completed", "AllTasksComplete")


def test_the_last_deletion_ends_a_job_that_ends_with_its_tasks() -> None:
    """A job whose only unfinished task is deleted has nothing left to wait for."""
    driver = running()
    driver.send(e.UpdateJob(JOB, on_all_complete="terminatejob"))
    driver.send(e.DeleteTask(KEY))
    driver.send(e.TaskEnded(KEY, 1, None, FAILED))
    assert driver.core.world.jobs[JOB].state == "completed"


def test_samples_keep_their_rhythm_when_a_pool_is_made_anew() -> None:
    """Deleting and creating autoscale pools within a period leaves one series of samples, not several."""

    def samples(*, remade: int) -> str:
        driver = Driver()
        scaled = replace(pool(), autoscale=AutoScale("$TargetDedicatedNodes=0;", 300))
        for _ in range(remade):
            driver.send(e.CreatePool(scaled))
            driver.advance(5)
            driver.send(e.DeletePool(POOL))
        driver.send(e.CreatePool(scaled))
        for _ in range(300):
            driver.advance(1)
        formula = "$n = $CurrentDedicatedNodes.Count();"
        return driver.core.evaluate(POOL, formula, e.Now(driver.at, driver.at)).results

    assert samples(remade=3) == samples(remade=0)


def test_a_resize_that_was_under_way_still_times_out_after_a_restart() -> None:
    """The deadline of a resize is set again: a pool that cannot shrink says so."""
    driver = running()
    driver.send(e.ResizePool(POOL, 0, 0, "taskcompletion"))
    driver.send(e.TerminateJob(JOB, "x"))
    restart(driver)
    driver.advance(1000)
    assert [error.code for error in driver.core.world.pools[POOL].resize_errors] == ["AllocationTimedout"]
