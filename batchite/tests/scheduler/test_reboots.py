"""Reboot and reimage of a node in the core."""

from __future__ import annotations

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.commands import PrepareNode, RemoveNode, RunStartTask
from batchite.scheduler.model import NodeKey, NodeState, StartTaskPolicy

pytestmark = pytest.mark.documented  # REST reference: Node - Reboot, Node - Reimage

STATES = pytest.mark.parametrize("state", ["rebooting", "reimaging"])


def node(driver: Driver) -> NodeState:
    """The only node."""
    (found,) = driver.nodes()
    return found


@STATES
def test_a_node_goes_down_boots_and_takes_tasks_again(state: str) -> None:
    """Its id stays; a reboot keeps its files, a reimage does not."""
    driver = ready()
    before = node(driver)
    driver.send(e.RestartNode(before.key, state))
    assert node(driver).state == state
    keep = state == "rebooting"
    assert driver.pending == [RemoveNode(before.key, 1, "", keep=keep)]
    driver.answer_nodes()
    assert node(driver).state == "starting"
    driver.advance(70)
    assert driver.pending == [PrepareNode(before.key, 2, "timer", keep=keep)]
    driver.answer_nodes()
    assert (node(driver).key, node(driver).state) == (before.key, "idle")


def test_the_start_task_runs_again_and_is_the_present_one() -> None:
    """What has changed since the last boot comes with the next one."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=0))))
    driver.boot()
    driver.send(e.UpdatePool(POOL, StartTaskPolicy(wait_for_success=True, max_retries=0, revision=1)))
    driver.advance(1000)
    assert driver.pending == []
    driver.send(e.RestartNode(node(driver).key, "rebooting"))
    driver.answer(driver.pending.pop())
    driver.advance(70)
    driver.answer(driver.pending.pop())
    assert driver.pending == [RunStartTask(node(driver).key, 2, 0, "agent")]
    driver.answer_nodes()
    info = node(driver).start_task
    assert info is not None
    assert (node(driver).state, info.revision) == ("idle", 1)


@STATES
@pytest.mark.parametrize(("option", "expected"), [("requeue", "active"), ("terminate", "completed")])
def test_running_tasks_end_as_the_client_says(state: str, option: str, expected: str) -> None:
    """Before the node is up again."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, run.attempt))
    driver.send(e.RestartNode(node(driver).key, state, option))
    assert driver.task("a").state == "running"
    driver.answer_nodes()
    assert (driver.task("a").state, node(driver).state) == (expected, "starting")


def test_a_node_can_wait_for_its_tasks() -> None:
    """It takes no new one, and goes down once, when the last has ended."""
    driver = ready(slots=2)
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    first, second = driver.runs()
    driver.send(e.RestartNode(node(driver).key, "rebooting", "taskcompletion"))
    driver.send(e.AddTasks(JOB, (task("c"),)))
    driver.end(first)
    assert (driver.pending, node(driver).state) == ([], "rebooting")
    driver.end(second)
    assert [type(command) for command in driver.pending] == [RemoveNode]
    driver.boot()
    assert [run.task.task for run in driver.runs()] == ["c"]
    assert driver.task("a").result == driver.task("b").result == "success"


def test_a_failed_start_task_can_be_tried_again_by_a_reboot() -> None:
    """The node was closed; it opens when the start task succeeds."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=0))))
    driver.advance(20)
    driver.advance(70)
    driver.answer(driver.pending.pop())
    driver.pending.clear()
    driver.send(e.StartTaskEnded(node(driver).key, 1, 1, FAILED))
    assert node(driver).state == "starttaskfailed"
    driver.send(e.RestartNode(node(driver).key, "rebooting"))
    driver.boot()
    assert node(driver).state == "idle"


def test_a_node_that_is_on_its_way_is_not_restarted() -> None:
    """409 with the reason; a node that is not there is 404."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1)))
    key = node(driver).key
    with pytest.raises(ServiceError, match="NodeBeingCreated"):
        driver.send(e.RestartNode(key, "rebooting"))
    driver.boot()
    driver.send(e.RestartNode(key, "rebooting"))
    with pytest.raises(ServiceError, match="NodeBeingRebooted"):
        driver.send(e.RestartNode(key, "reimaging"))
    driver.answer_nodes()
    with pytest.raises(ServiceError, match="NodeBeingStarted"):
        driver.send(e.RestartNode(key, "rebooting"))
    driver.send(e.ResizePool(POOL, 0, None))
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.RestartNode(key, "rebooting"))
    with pytest.raises(ServiceError, match="NodeNotFound"):
        driver.send(e.RestartNode(NodeKey(*POOL, "none"), "rebooting"))


@pytest.mark.parametrize("taken", [e.Preempt(POOL), e.ResizePool(POOL, 0, 0)], ids=["preempted", "resized"])
def test_a_node_that_is_taken_waits_for_no_task(taken: e.Event) -> None:
    """A reboot that waits for the tasks of the node ends with it; the tasks run elsewhere."""
    driver = ready(dedicated=0, spot=1)
    driver.send(e.AddTasks(JOB, (task("a"),)))
    driver.send(e.RestartNode(node(driver).key, "rebooting", "taskcompletion"))
    assert node(driver).draining
    driver.send(taken)
    assert not node(driver).draining
    driver.answer_nodes()
    assert driver.task("a").state == "active"
    assert driver.task("a").requeue_count == 1
