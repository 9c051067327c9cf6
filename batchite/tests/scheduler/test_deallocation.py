"""Nodes that give their machine back, and start again, and users of nodes, in the core.

Documented in the REST reference: Nodes - Deallocate Node, Start Node, Create Node User.
"""

from __future__ import annotations

import pytest
from scheduler.worlds import JOB, POOL, Driver, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.commands import PrepareNode, RemoveNode, RunStartTask
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import NodeState, StartTaskPolicy
from batchite.scheduler.samples import node_readings
from batchite.scheduler.shortages import RegionLimit


def node(driver: Driver) -> NodeState:
    """The only node."""
    (found,) = driver.nodes()
    return found


def deallocated(driver: Driver) -> NodeState:
    """The only node, once its machine is given back."""
    driver.send(e.DeallocateNode(node(driver).key))
    driver.answer_nodes()
    return node(driver)


@pytest.mark.documented
def test_a_node_gives_its_machine_back_and_starts_again() -> None:
    """Its id stays; it boots as after a creation, with a directory made anew."""
    driver = ready()
    before = node(driver)
    driver.send(e.DeallocateNode(before.key))
    assert node(driver).state == "deallocating"
    assert driver.pending == [RemoveNode(before.key, 1, "", keep=False)]
    driver.answer_nodes()
    assert (node(driver).state, node(driver).booted_at) == ("deallocated", None)
    driver.send(e.StartNode(before.key))
    assert node(driver).state == "starting"
    driver.advance(70)
    assert driver.pending == [PrepareNode(before.key, 2, "timer", keep=False)]
    driver.answer_nodes()
    assert (node(driver).key, node(driver).state) == (before.key, "idle")


@pytest.mark.documented
def test_the_start_task_runs_on_every_start() -> None:
    """As on every boot."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=0))))
    driver.boot()
    found = deallocated(driver)
    assert found.start_task is None
    driver.send(e.StartNode(found.key))
    driver.advance(70)
    driver.answer(driver.pending.pop())
    assert driver.pending == [RunStartTask(found.key, 2, 0, "agent")]


@pytest.mark.documented
@pytest.mark.parametrize(("option", "expected"), [("requeue", "active"), ("terminate", "completed")])
def test_running_tasks_end_as_the_client_says(option: str, expected: str) -> None:
    """A requeued one waits for the node, which is no usable capacity while it has no machine."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, run.attempt))
    driver.send(e.DeallocateNode(node(driver).key, option))
    driver.answer_nodes()
    assert (driver.task("a").state, node(driver).state) == (expected, "deallocated")
    driver.send(e.AddTasks(JOB, (task("b"),)))
    driver.advance(1000)
    assert driver.runs() == []
    driver.send(e.StartNode(node(driver).key))
    driver.boot()
    assert [run.task.task for run in driver.runs()] == ["a" if expected == "active" else "b"]


@pytest.mark.documented
def test_a_node_can_wait_for_its_tasks() -> None:
    """It is deallocating, takes no new one, and goes once the last has ended."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    (run,) = driver.runs()
    driver.send(e.DeallocateNode(node(driver).key, "taskcompletion"))
    assert (driver.pending, node(driver).state) == ([], "deallocating")
    driver.end(run)
    assert [type(command) for command in driver.pending] == [RemoveNode]
    driver.answer_nodes()
    assert (node(driver).state, driver.task("a").result, driver.task("b").state) == ("deallocated", "success", "active")


@pytest.mark.documented
def test_states_that_do_not_permit_it_are_named() -> None:
    """Only an idle or running node is deallocated, only a deallocated one is started."""
    driver = Driver()
    driver.send(e.CreatePool(pool(1)))
    key = node(driver).key
    with pytest.raises(ServiceError, match="NodeBeingCreated"):
        driver.send(e.DeallocateNode(key))
    driver.boot()
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.StartNode(key))
    deallocated(driver)
    for event in (e.DeallocateNode(key), e.RestartNode(key, "rebooting")):
        with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
            driver.send(event)
    driver.send(e.StartNode(key))
    with pytest.raises(ServiceError, match="NodeBeingStarted"):
        driver.send(e.StartNode(key))


@pytest.mark.documented
def test_an_offline_node_is_not_deallocated_or_rebooted() -> None:
    """It is neither idle nor running."""
    driver = ready()
    driver.send(e.DisableNode(node(driver).key))
    for event in (e.DeallocateNode(node(driver).key), e.RestartNode(node(driver).key, "rebooting")):
        with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
            driver.send(event)


@pytest.mark.ours
def test_a_deallocated_node_keeps_its_place_in_the_pool() -> None:
    """The pool stays steady and gets no other node for it; a smaller target gives it up before one that works."""
    driver = ready(2)
    first, second = driver.nodes()
    driver.send(e.DeallocateNode(first.key))
    driver.answer_nodes()
    driver.send(e.ResizePool(POOL, 2, 0))
    assert len(driver.nodes()) == 2
    assert driver.core.world.pools[POOL].allocation == "steady"
    seen = node_readings(driver.nodes())
    assert (seen["$CurrentDedicatedNodes"], seen["$UsableNodeCount"]) == (2, 1)
    driver.send(e.ResizePool(POOL, 1, 0))
    driver.answer_nodes()
    assert [found.key for found in driver.nodes()] == [second.key]


@pytest.mark.ours
def test_a_node_is_deallocated_after_a_restart_of_the_server() -> None:
    """What was under way goes on; what was done stays."""
    driver = ready()
    driver.send(e.DeallocateNode(node(driver).key))
    driver.pending.clear()
    driver.send(e.Restarted())
    driver.answer_nodes()
    driver.send(e.Restarted())
    assert (node(driver).state, driver.pending) == ("deallocated", [])


@pytest.mark.ours
def test_a_region_without_machines_starts_no_node() -> None:
    """The node stays deallocated, and the error says why."""
    driver = Driver()
    driver.send(e.CreatePool(pool(0, 1)))
    driver.boot()
    found = deallocated(driver)
    driver.send(e.LimitRegion(POOL, RegionLimit(None, 0)))
    with pytest.raises(ServiceError, match="no machine"):
        driver.send(e.StartNode(found.key))
    assert node(driver).state == "deallocated"


@pytest.mark.ours
@pytest.mark.parametrize(("state", "kept"), [("rebooting", True), ("reimaging", False)])
def test_users_stay_with_the_disk(state: str, kept: bool) -> None:
    """A reboot and a deallocation keep them, a reimage does not."""
    driver = ready()
    ann = NodeUser("ann", driver.at + 86400)
    driver.send(e.PutNodeUser(node(driver).key, ann))
    driver.send(e.StartNode(deallocated(driver).key))
    driver.boot()
    assert node(driver).users == (ann,)
    driver.send(e.RestartNode(node(driver).key, state))
    driver.boot()
    assert node(driver).users == ((ann,) if kept else ())


@pytest.mark.documented
def test_users_are_added_replaced_and_deleted_on_nodes_that_are_up() -> None:
    """Once each; what is not there is 404."""
    driver = ready()
    key = node(driver).key
    old, new = NodeUser("ann", driver.at + 1), NodeUser("ann", driver.at + 2)
    with pytest.raises(ServiceError, match="NodeUserNotFound"):
        driver.send(e.PutNodeUser(key, old, replaces=True))
    driver.send(e.PutNodeUser(key, old))
    with pytest.raises(ServiceError, match="NodeUserExists"):
        driver.send(e.PutNodeUser(key, new))
    driver.send(e.PutNodeUser(key, new, replaces=True))
    assert node(driver).users == (new,)
    driver.send(e.DeleteNodeUser(key, "ann"))
    with pytest.raises(ServiceError, match="NodeUserNotFound"):
        driver.send(e.DeleteNodeUser(key, "ann"))
    driver.send(e.RestartNode(key, "rebooting"))
    with pytest.raises(ServiceError, match="NodeBeingRebooted"):
        driver.send(e.PutNodeUser(key, old))


def leave(driver: Driver, way: str) -> None:
    """Have the node go down with the option retaineddata."""
    key = node(driver).key
    event: e.Event = e.RestartNode(key, way, "retaineddata")
    if way == "deallocating":
        event = e.DeallocateNode(key, "retaineddata")
    elif way == "leavingpool":
        event = e.RemoveNodes(POOL, (key.node,), "retaineddata")
    driver.send(event)


@pytest.mark.documented
@pytest.mark.parametrize("way", ["deallocating", "rebooting", "reimaging", "leavingpool"])
def test_a_node_can_wait_for_what_its_tasks_have_left(way: str) -> None:
    """It takes nothing new, goes once the last retention time is over, and not before."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a", retention=50.0), task("b", retention=500.0))))
    for _ in range(2):
        (run,) = driver.runs()
        if run.task.task == "b":
            leave(driver, way)
        driver.end(run)
    driver.pending.clear()
    driver.send(e.AddTasks(JOB, (task("c"),)))
    driver.advance(499)
    assert node(driver).state == way
    assert not [command for command in driver.pending if isinstance(command, RemoveNode)]
    driver.advance(1)
    assert [type(command) for command in driver.pending if isinstance(command, RemoveNode)] == [RemoveNode]
    assert driver.runs() == []


@pytest.mark.ours
def test_a_pool_that_is_deleted_waits_for_no_retention() -> None:
    """Its nodes go at once, those that were waiting too."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.end(run)
    leave(driver, "leavingpool")
    driver.advance(1000)
    assert node(driver).state == "leavingpool"
    driver.send(e.DeletePool(POOL))
    driver.answer_nodes()
    assert driver.nodes() == []
