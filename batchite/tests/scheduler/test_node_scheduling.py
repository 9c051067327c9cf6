"""Scheduling on a node disabled and enabled, in the core."""

from __future__ import annotations

import pytest
from scheduler.worlds import JOB, POOL, Driver, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.commands import RunTask
from batchite.scheduler.model import NodeKey, NodeState

documented = pytest.mark.documented  # REST reference: Node - Disable Scheduling, Node - Enable Scheduling


def node(driver: Driver) -> NodeState:
    """The only node."""
    (found,) = driver.nodes()
    return found


def running(driver: Driver) -> RunTask:
    """A task that runs on the node, with another one that waits."""
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, run.attempt))
    return run


@documented
def test_an_idle_node_is_offline_at_once_and_takes_nothing() -> None:
    """Until scheduling is enabled again: then what waited runs."""
    driver = ready()
    driver.send(e.DisableNode(node(driver).key))
    assert (node(driver).state, node(driver).disabled) == ("offline", True)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    assert driver.pending == []
    driver.send(e.EnableNode(node(driver).key))
    assert (node(driver).state, node(driver).disabled) == ("running", False)
    assert [run.task.task for run in driver.runs()] == ["a"]


@documented
@pytest.mark.parametrize(("option", "state", "requeued"), [("requeue", "active", 1), ("terminate", "completed", 0)])
def test_running_tasks_end_as_the_client_says(option: str, state: str, requeued: int) -> None:
    """The node runs until their processes are gone, then it is offline."""
    driver = ready()
    running(driver)
    driver.pending.clear()
    driver.send(e.DisableNode(node(driver).key, option))
    assert (node(driver).state, driver.task("a").state) == ("running", "running")
    driver.answer(driver.pending.pop())
    assert (driver.task("a").state, driver.task("a").requeue_count) == (state, requeued)
    assert (node(driver).state, driver.pending) == ("offline", [])


@documented
def test_running_tasks_may_run_to_their_end() -> None:
    """No new task follows them."""
    driver = ready()
    run = running(driver)
    driver.pending.clear()
    driver.send(e.DisableNode(node(driver).key, "taskcompletion"))
    assert (node(driver).state, driver.pending) == ("running", [])
    driver.end(run)
    assert (driver.task("a").result, driver.task("b").state) == ("success", "active")
    assert (node(driver).state, driver.pending) == ("offline", [])


@documented
def test_a_task_that_a_client_ends_is_not_requeued() -> None:
    """Its termination was first."""
    driver = ready()
    run = running(driver)
    driver.send(e.TerminateTask(run.task))
    driver.send(e.DisableNode(node(driver).key, "requeue"))
    driver.answer(driver.pending.pop())
    assert driver.task("a").state == "completed"


@pytest.mark.ours
def test_a_node_stays_disabled_when_it_boots_and_when_the_server_stops() -> None:
    """It is offline when it is up again."""
    driver = ready()
    running(driver)
    driver.send(e.DisableNode(node(driver).key, "taskcompletion"))
    driver.send(e.Restarted())
    assert (node(driver).state, driver.task("a").state) == ("offline", "active")
    driver.send(e.EnableNode(node(driver).key))
    driver.send(e.DisableNode(node(driver).key, "taskcompletion"))
    driver.send(e.RestartNode(node(driver).key, "rebooting"))
    driver.boot()
    assert node(driver).state == "offline"


@documented
def test_what_cannot_be_changed_is_refused() -> None:
    """A node in the wanted state, one that leaves, one that is not there."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1)))
    key = node(driver).key
    with pytest.raises(ServiceError, match="NodeAlreadyInTargetSchedulingState"):
        driver.send(e.EnableNode(key))
    driver.send(e.DisableNode(key))
    with pytest.raises(ServiceError, match="NodeAlreadyInTargetSchedulingState"):
        driver.send(e.DisableNode(key))
    driver.boot()
    assert node(driver).state == "offline"
    driver.send(e.ResizePool(POOL, 0, None))
    with pytest.raises(ServiceError, match="NodeStateUnusable"):
        driver.send(e.EnableNode(key))
    with pytest.raises(ServiceError, match="NodeNotFound"):
        driver.send(e.DisableNode(NodeKey(*POOL, "none")))
