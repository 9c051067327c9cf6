"""Lives of jobs and pools in the core."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.model import AutoScale, StartTaskPolicy

pytestmark = pytest.mark.documented


def test_a_job_ends_by_itself_when_all_its_tasks_have_completed() -> None:
    """onAllTasksComplete=terminatejob, set after the tasks were added."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    driver.send(e.UpdateJob(JOB, on_all_complete="terminatejob"))
    (run,) = driver.runs()
    driver.end(run)
    ended = driver.core.world.jobs[JOB]
    assert (ended.state, ended.terminate_reason) == ("completed", "AllTasksComplete")


def test_terminating_a_job_stops_running_tasks_and_leaves_active_ones_active() -> None:
    """The job is terminating until its processes are gone; tasks that never ran stay active."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    (run,) = driver.runs()
    driver.send(e.TerminateJob(JOB, "enough"))
    assert driver.core.world.jobs[JOB].state == "terminating"
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    assert driver.core.world.jobs[JOB].state == "completed"
    assert (driver.task("a").state, driver.task("b").state) == ("completed", "active")
    assert driver.runs() == []


def test_a_deleted_job_goes_with_its_tasks() -> None:
    """Deleting waits for the processes, then removes job and tasks."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    (run,) = driver.runs()
    driver.send(e.DeleteJob(JOB))
    assert driver.core.world.jobs[JOB].state == "deleting"
    driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    assert JOB not in driver.core.world.jobs
    assert JOB not in driver.core.world.tasks


def test_a_job_is_ended_at_its_wall_clock_limit() -> None:
    """MaxWallClockTime counts from the job's creation."""
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.CreateJob(job(max_wall_clock=60.0)))
    driver.advance(59)
    assert driver.core.world.jobs[JOB].state == "active"
    driver.advance(1)
    assert driver.core.world.jobs[JOB].terminate_reason == "MaxWallClockTimeExpiry"


@pytest.mark.parametrize("state", ["completed", "deleting"])
def test_tasks_are_added_to_active_jobs_only(state: str) -> None:
    """Each other state has an error of its own."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("running"),)))
    driver.send(e.TerminateJob(JOB, "x") if state == "completed" else e.DeleteJob(JOB))
    (run,) = driver.runs()
    if state == "completed":
        driver.send(e.TaskEnded(run.task, run.attempt, None, FAILED))
    with pytest.raises(ServiceError, match=r"JobCompleted|JobBeingDeleted"):
        driver.send(e.AddTasks(JOB, (task("late"),)))


def test_nodes_are_resizing_until_they_are_allocated_and_take_tasks_after_boot() -> None:
    """Creating -> starting -> idle; the pool is steady once its nodes are allocated."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1)))
    assert driver.core.world.pools[POOL].allocation == "resizing"
    driver.advance(20)
    assert driver.core.world.pools[POOL].allocation == "steady"
    assert driver.nodes()[0].state == "starting"
    driver.advance(70)
    driver.answer_nodes()
    assert driver.nodes()[0].state == "idle"


def test_a_start_task_that_fails_is_retried_and_then_closes_the_node() -> None:
    """With waitForSuccess a node whose start task failed for good takes no task."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=1))))
    driver.advance(20)
    driver.advance(70)
    (node,) = driver.nodes()
    driver.send(e.NodePrepared(node.key, node.boot))
    assert driver.nodes()[0].state == "waitingforstarttask"
    driver.send(e.StartTaskEnded(node.key, node.boot, 7, FAILED))
    assert driver.nodes()[0].state == "waitingforstarttask"
    driver.send(e.StartTaskEnded(node.key, node.boot, 7, FAILED))
    info = driver.nodes()[0].start_task
    assert driver.nodes()[0].state == "starttaskfailed"
    assert info is not None
    assert (info.exit_code, info.retry_count, info.result) == (7, 1, "failure")


def test_a_start_task_that_could_not_run_is_not_retried() -> None:
    """Only a command that ended with another code than 0 is; the time of its start is that of the last try."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=2, start_task=StartTaskPolicy(wait_for_success=True, max_retries=9))))
    driver.advance(20)
    driver.advance(70)
    first, second = driver.nodes()
    for node in (first, second):
        driver.send(e.NodePrepared(node.key, node.boot))
    driver.send(e.StartTaskEnded(first.key, first.boot, None, FAILED))
    driver.at += 5
    driver.send(e.StartTaskEnded(second.key, second.boot, 1, FAILED))
    first, second = driver.nodes()
    assert (first.state, second.state) == ("starttaskfailed", "waitingforstarttask")
    assert first.start_task is not None
    assert (first.start_task.retry_count, first.start_task.exit_code) == (0, None)
    assert second.start_task is not None
    assert second.start_task.started_at == second.start_task.last_retry_at == driver.at


def test_without_wait_for_success_a_failed_start_task_does_not_close_the_node() -> None:
    """The node takes tasks while the start task runs, and after it failed."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1, start_task=StartTaskPolicy(wait_for_success=False, max_retries=0))))
    driver.advance(20)
    driver.advance(70)
    (node,) = driver.nodes()
    driver.send(e.NodePrepared(node.key, node.boot))
    assert driver.nodes()[0].state == "idle"
    driver.send(e.StartTaskEnded(node.key, node.boot, 1, FAILED))
    assert driver.nodes()[0].state == "idle"


def test_shrinking_with_taskcompletion_lets_running_tasks_finish() -> None:
    """The leaving node takes nothing new and goes when its task has ended; idle nodes go at once."""
    driver = ready(dedicated=2)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.ResizePool(POOL, dedicated=0, spot=None, deallocation="taskcompletion"))
    driver.answer_nodes()
    assert [node.state for node in driver.nodes()] == ["leavingpool"]
    driver.end(run)
    driver.answer_nodes()
    assert driver.nodes() == []
    assert driver.task("a").result == "success"


def test_shrinking_with_requeue_sends_running_tasks_back() -> None:
    """Requeue is the default: the task is active again, and counted as requeued."""
    driver = ready(dedicated=1)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    driver.runs()
    driver.send(e.ResizePool(POOL, dedicated=0, spot=None))
    driver.answer_nodes()
    assert (driver.task("a").state, driver.task("a").requeue_count) == ("active", 1)


def test_a_pool_that_is_not_steady_refuses_a_resize() -> None:
    """409 PoolBeingResized."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1)))
    with pytest.raises(ServiceError, match="PoolBeingResized"):
        driver.send(e.ResizePool(POOL, dedicated=2, spot=None))


def test_a_deleted_pool_goes_with_its_last_node() -> None:
    """Deleting until the agent has removed every node."""
    driver = ready(dedicated=2)
    driver.send(e.DeletePool(POOL))
    assert driver.core.world.pools[POOL].state == "deleting"
    driver.answer_nodes()
    assert POOL not in driver.core.world.pools


def test_an_autoscale_pool_follows_its_formula_every_interval() -> None:
    """Evaluated on enabling and every interval; nodes follow the targets, both ways."""
    driver = Driver()
    formula = "$TargetDedicatedNodes = min(1, max(0, $PendingTasks.GetSample(1))); $TargetLowPriorityNodes = 0;"
    driver.send(e.CreatePool(replace(pool(), autoscale=AutoScale(formula, 300.0))))
    driver.send(e.CreateJob(job()))
    assert driver.nodes() == []
    driver.send(e.AddTasks(JOB, (task("a"),)))
    for _ in range(12):
        driver.advance(30)
    driver.boot()
    (run,) = driver.runs()
    run_shown = driver.core.world.pools[POOL].autoscale_run
    assert run_shown is not None
    assert run_shown.results.startswith("$TargetDedicatedNodes=1;$TargetLowPriorityNodes=0;")
    driver.end(run)
    for _ in range(12):
        driver.advance(30)
        driver.answer_nodes()
    assert driver.nodes() == []


def test_a_failed_evaluation_changes_nothing_but_the_run_shown() -> None:
    """InsufficientSampleData leaves the targets alone."""
    driver = Driver()
    formula = "$TargetDedicatedNodes = avg($PendingTasks.GetSample(180 * TimeInterval_Second));"
    driver.send(e.CreatePool(replace(pool(dedicated=1), autoscale=AutoScale(formula, 300.0))))
    run = driver.core.world.pools[POOL].autoscale_run
    assert run is not None
    assert run.error_code == "InsufficientSampleData"
    assert driver.core.world.pools[POOL].target_dedicated == 1


def test_a_new_resize_timeout_counts_for_the_next_resize() -> None:
    """UpdatePool changes it in place; a resize that is not done by then says so."""
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.UpdatePool(POOL, resize_timeout=10.0))
    driver.send(e.ResizePool(POOL, dedicated=1, spot=None))
    driver.advance(10)
    assert [error.code for error in driver.core.world.pools[POOL].resize_errors] == ["AllocationTimedout"]
