"""A region that runs out of machines, and nodes that fail."""

from __future__ import annotations

import orjson
import pytest
from scheduler.worlds import JOB, POOL, Driver, pool, ready, task

from batchite.errors import ServiceError
from batchite.records import decoder, encode
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.commands import Record
from batchite.scheduler.core import Scheduler
from batchite.scheduler.model import AutoScale, Failure, NodeState
from batchite.scheduler.shortages import RegionLimit


def states(driver: Driver) -> list[str]:
    """The states of the pool's nodes, the oldest first."""
    return [node.state for node in driver.nodes()]


def errors(driver: Driver) -> list[tuple[str, str]]:
    """The pool's resize errors."""
    return [(error.code, error.message) for error in driver.core.world.pools[POOL].resize_errors]


def resize(driver: Driver, dedicated: int, spot: int) -> None:
    """New targets, and what comes of them."""
    driver.send(e.ResizePool(POOL, dedicated, spot))
    driver.boot()


@pytest.mark.documented
def test_a_resize_beyond_the_region_ends_with_allocation_failed() -> None:
    """The pool is steady with what there is, one error a kind; with enough capacity the next resize clears it."""
    driver = ready(1)
    driver.send(e.LimitRegion(POOL, RegionLimit(2, 1)))
    resize(driver, 4, 3)
    assert states(driver) == ["idle"] * 3
    assert driver.core.world.pools[POOL].allocation == "steady"
    assert errors(driver) == [
        ("AllocationFailed", "Desired number of dedicated nodes could not be allocated"),
        ("AllocationFailed", "Desired number of low priority nodes could not be allocated"),
    ]
    driver.send(e.LimitRegion(POOL, None))
    resize(driver, 4, 3)
    assert (states(driver), errors(driver)) == (["idle"] * 7, [])


@pytest.mark.documented
def test_an_autoscaled_pool_tries_again_at_each_evaluation() -> None:
    """It shows the error as long as the region has too little, and grows with the evaluation after the limit's end."""
    driver = Driver()
    formula = AutoScale("$TargetDedicatedNodes = 3; $TargetLowPriorityNodes = 2;", 300)
    driver.send(e.CreatePool(pool()))
    driver.send(e.LimitRegion(POOL, RegionLimit(1, 0)))
    driver.send(e.SetAutoScale(POOL, formula))
    driver.boot()
    assert (states(driver), {code for code, _ in errors(driver)}) == (["idle"], {"AllocationFailed"})
    driver.advance(300)
    assert (states(driver), len(errors(driver))) == (["idle"], 2)
    driver.send(e.LimitRegion(POOL, None))
    driver.advance(300)
    driver.boot()
    assert (states(driver), errors(driver)) == (["idle"] * 5, [])


@pytest.mark.documented
def test_spot_nodes_above_the_limit_are_taken_and_come_back_with_it() -> None:
    """The youngest first, dedicated ones never; a taken node is tried again until there is room."""
    driver = ready(1, 2)
    driver.send(e.AddTasks(JOB, tuple(task(f"t{n}") for n in range(3))))
    runs = driver.runs()
    driver.send(e.LimitRegion(POOL, RegionLimit(0, 1)))
    assert states(driver) == ["running", "running", "preempted"]
    driver.answer_nodes()
    lost = next(run for run in runs if run.node == driver.nodes()[2].key)
    assert (driver.task(lost.task.task).state, driver.task(lost.task.task).requeue_count) == ("active", 1)
    driver.advance(1000)
    assert states(driver)[2] == "preempted"
    driver.send(e.LimitRegion(POOL, None))
    driver.advance(1000)
    driver.boot()
    assert states(driver)[2] == "running"


@pytest.mark.documented
def test_a_node_without_contact_is_unusable_and_recovered() -> None:
    """No errors; its tasks run again elsewhere once nothing of them runs; after a while it boots, with its files."""
    driver = ready(2)
    driver.send(e.AddTasks(JOB, (task("a"), task("b"))))
    [first, _] = driver.runs()
    driver.send(e.FailNode(first.node, "fail-node-1", recovers=300))
    node = driver.core.world.nodes[first.node]
    assert (node.state, node.failure, driver.task("a").state) == ("unusable", None, "preparing")
    driver.send(e.TaskEnded(first.task, first.attempt, 0, None))
    assert driver.task("a").state == "preparing", "only the removal of the node says that nothing runs"
    driver.answer_nodes()
    assert (driver.task("a").state, driver.task("a").requeue_count) == ("active", 1)
    driver.advance(299)
    assert driver.core.world.nodes[first.node].state == "unusable"
    driver.advance(2)
    assert driver.core.world.nodes[first.node].state == "starting"
    driver.advance(100)
    assert [one.keep for one in driver.pending if isinstance(one, c.PrepareNode)] == [True]
    driver.answer_nodes()
    back = driver.core.world.nodes[first.node]
    assert (back.state, back.outage, driver.task("a").node) == ("running", None, first.node)


@pytest.mark.documented
def test_a_node_with_an_error_stays_unusable_until_it_is_removed() -> None:
    """The service does not recover it; a reboot is refused, a removal is not."""
    driver = ready(1)
    [node] = driver.nodes()
    driver.send(e.FailNode(node.key, "fail-node-1", Failure("servererror", "DiskFull", "full")))
    driver.answer_nodes()
    driver.advance(100_000)
    assert states(driver) == ["unusable"]
    with pytest.raises(ServiceError, match="NodeStateUnusable"):
        driver.send(e.RestartNode(node.key, "rebooting"))
    driver.send(e.RemoveNodes(POOL, (node.key.node,)))
    driver.answer_nodes()
    assert driver.nodes() == []


@pytest.mark.ours
@pytest.mark.parametrize("removed", [True, False])
def test_the_end_of_the_drill_recovers_the_node(removed: bool) -> None:
    """At once, or as soon as nothing of it runs any more."""
    driver = ready(1)
    [node] = driver.nodes()
    driver.send(e.FailNode(node.key, "fail-node-1", Failure("servererror", "DiskFull", "full")))
    if removed:
        driver.answer_nodes()
    driver.send(e.RecoverNode(node.key))
    driver.answer_nodes()
    driver.boot()
    assert states(driver) == ["idle"]
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.RecoverNode(node.key))


@pytest.mark.ours
def test_drills_survive_a_restart() -> None:
    """A limit and an outage come from the records; the outage's time begins anew."""
    driver = ready(1, 1)
    driver.send(e.LimitRegion(POOL, RegionLimit(None, 1, "capacity-1")))
    driver.send(e.FailNode(driver.nodes()[0].key, "fail-node-2", recovers=300))
    world, fresh = driver.core.world, Scheduler()
    records: list[Record] = [*world.pools.values(), *world.nodes.values(), *world.jobs.values()]
    fresh.load(decoder(type(record))(orjson.loads(encode(record))) for record in records)
    driver.core, driver.pending = fresh, []
    driver.send(e.Restarted())
    assert fresh.world.pools[POOL].region == RegionLimit(None, 1, "capacity-1")
    assert states(driver) == ["unusable", "idle"]
    driver.advance(301)
    driver.boot()
    assert states(driver) == ["idle", "idle"]


@pytest.mark.ours
@pytest.mark.parametrize("state", ["creating", "preempted", "leavingpool"])
def test_only_a_node_that_is_up_can_fail(state: str) -> None:
    """The others are refused with their state."""
    driver = ready(0, 1)
    [node] = driver.nodes()
    if state == "creating":
        driver.send(e.ResizePool(POOL, 1, 1))
        node = driver.nodes()[1]
    elif state == "preempted":
        driver.send(e.Preempt(POOL))
    else:
        driver.send(e.ResizePool(POOL, 0, 0))
    assert isinstance(node, NodeState)
    with pytest.raises(ServiceError, match=state):
        driver.send(e.FailNode(node.key, "fail-node-1"))
