"""Nodes removed by name, and a resize that is stopped, in the core.

Documented in the REST reference: Pool - Remove Nodes, Pool - Stop Resize.
"""

from __future__ import annotations

import pytest
from scheduler.worlds import JOB, POOL, Driver, pool, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.model import PoolState


def only_pool(driver: Driver) -> PoolState:
    """The pool."""
    return driver.core.world.pools[POOL]


def booted(dedicated: int, spot: int = 0) -> Driver:
    """A steady pool whose nodes are idle."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated, spot)))
    driver.boot()
    return driver


@pytest.mark.ours
def test_the_named_nodes_leave_and_no_other_takes_their_place() -> None:
    """The targets are lower by their number, of each kind; a name given twice counts once."""
    driver = booted(2, 2)
    nodes = driver.nodes()
    chosen = [next(node for node in nodes if node.spot == spot).key for spot in (False, True)]
    driver.send(e.RemoveNodes(POOL, tuple(key.node for key in [*chosen, chosen[0]])))
    assert only_pool(driver).allocation == "resizing"
    assert {node.state for node in driver.nodes() if node.key in chosen} == {"leavingpool"}
    driver.answer_nodes()
    assert {node.key for node in driver.nodes()} == {node.key for node in nodes} - set(chosen)
    now = only_pool(driver)
    assert (now.allocation, now.target_dedicated, now.target_spot) == ("steady", 1, 1)


@pytest.mark.documented
@pytest.mark.parametrize(("option", "state"), [("requeue", "active"), ("terminate", "completed")])
def test_running_tasks_end_as_the_client_says(option: str, state: str) -> None:
    """Once the node is gone."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, run.attempt))
    driver.send(e.RemoveNodes(POOL, (run.node.node,), option))
    assert driver.task("a").state == "running"
    driver.answer_nodes()
    assert (driver.task("a").state, driver.nodes()) == (state, [])


@pytest.mark.documented
def test_a_removal_can_wait_for_the_tasks() -> None:
    """The pool is resizing until they have ended."""
    driver = ready()
    driver.send(e.AddTasks(JOB, (task("a"),)))
    (run,) = driver.runs()
    driver.send(e.RemoveNodes(POOL, (run.node.node,), "taskcompletion"))
    assert (only_pool(driver).allocation, driver.nodes()[0].state) == ("resizing", "leavingpool")
    driver.end(run)
    driver.answer_nodes()
    assert (driver.task("a").result, driver.nodes(), only_pool(driver).allocation) == ("success", [], "steady")


@pytest.mark.documented
def test_nothing_is_removed_when_one_name_is_wrong_or_the_pool_is_not_steady() -> None:
    """NodeNotFound with the name; PoolBeingResized."""
    driver = booted(2)
    first, second = (node.key.node for node in driver.nodes())
    with pytest.raises(ServiceError, match="NodeNotFound"):
        driver.send(e.RemoveNodes(POOL, (first, "none")))
    assert [node.state for node in driver.nodes()] == ["idle", "idle"]
    driver.send(e.RemoveNodes(POOL, (first,)))
    with pytest.raises(ServiceError, match="PoolBeingResized"):
        driver.send(e.RemoveNodes(POOL, (second,)))


@pytest.mark.documented
def test_a_stopped_resize_leaves_the_nodes_that_are_there() -> None:
    """The pool is stopping, then steady with an error that says why it has fewer nodes than its target."""
    driver = booted(1)
    driver.send(e.ResizePool(POOL, 3, None))
    driver.send(e.StopResize(POOL))
    assert only_pool(driver).allocation == "stopping"
    driver.answer_nodes()
    now = only_pool(driver)
    assert (now.allocation, now.target_dedicated, len(driver.nodes())) == ("steady", 3, 1)
    assert [error.code for error in now.resize_errors] == ["ResizeStopped"]
    driver.send(e.ResizePool(POOL, 2, None))
    driver.boot()
    assert (len(driver.nodes()), only_pool(driver).resize_errors) == (2, ())


@pytest.mark.ours
def test_only_a_resize_can_be_stopped() -> None:
    """A steady pool is a conflict, also while its nodes boot; so is one that stops already."""
    driver = booted(1)
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.StopResize(POOL))
    driver.send(e.ResizePool(POOL, 2, None))
    driver.send(e.StopResize(POOL))
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.StopResize(POOL))
