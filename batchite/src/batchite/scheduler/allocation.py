"""A pool's nodes follow its targets: which nodes are added, which leave, and when the resize is over."""

from __future__ import annotations

from dataclasses import replace

from batchite import ids
from batchite.scheduler import capacity, draining, notes
from batchite.scheduler.commands import RemoveNode
from batchite.scheduler.model import NodeKey, NodeState, PoolKey, PoolState, ResizeError
from batchite.scheduler.turn import Turn

ALLOCATE_SECONDS = 20.0
"""Service seconds until a node of a resize has been allocated (state creating -> starting)."""

BOOT_SECONDS = 70.0
"""Service seconds from allocation until the node agent is up. Azure documents minutes; no figure is published."""

LEAVES_FIRST = (
    "unusable",
    "starttaskfailed",
    "preempted",
    "deallocated",
    "deallocating",
    "creating",
    "starting",
    "rebooting",
    "reimaging",
    "waitingforstarttask",
    "offline",
    "idle",
    "running",
)
"""Which nodes a shrinking pool gives up first. The service documents no order: those that do least work."""


def reconcile(turn: Turn, pool: PoolState) -> None:
    """Add or remove nodes until both kinds match their targets or a limit, then settle the allocation state."""
    errors = tuple(error for error in pool.resize_errors if error not in capacity.LIMITS)
    for spot, target in ((False, pool.target_dedicated), (True, pool.target_spot)):
        present = [
            node for node in turn.world.pool_nodes(pool.key) if node.spot == spot and node.state != "leavingpool"
        ]
        new, short = capacity.granted(turn.world, pool, target - len(present), spot=spot)
        errors += tuple(error for error in short if error not in errors)
        for _ in range(new):
            pool = _add_node(turn, pool, spot=spot)
        for node in _leaving(present, len(present) - target):
            release(turn, node, pool.deallocation)
    if errors != pool.resize_errors:
        turn.put(replace(turn.world.pools[pool.key], resize_errors=errors))
    settle(turn, pool.key)


def release(turn: Turn, node: NodeState, option: str) -> None:
    """Let a node leave: at once, or once it is free when the option says so."""
    node = turn.move_node(node, "leavingpool", draining=False, retains=option == draining.RETAINING)
    if option not in draining.WAITING or draining.free(turn, node):
        vacate(turn, node, "terminate" if option == "terminate" else "requeue")


def hurry(turn: Turn, pool: PoolKey) -> None:
    """The nodes that leave once they are free leave now."""
    for node in turn.world.pool_nodes(pool):
        busy = any(not task.ending for task in turn.world.attempts_on(node.key))
        if node.state == "leavingpool" and (busy or node.retains):
            vacate(turn, node, "requeue")


def drained(turn: Turn, node: NodeState) -> None:
    """A leaving node that is free goes now."""
    if node.state == "leavingpool" and draining.free(turn, node):
        turn.command(RemoveNode(node.key, node.boot, turn.cause))


def settle(turn: Turn, key: PoolKey) -> None:
    """Set the allocation state from the nodes; a deleting pool without nodes goes."""
    pool = turn.world.pools[key]
    nodes = turn.world.pool_nodes(key)
    if pool.state == "deleting" and not nodes:
        turn.samples.stop(key)
        turn.gone(key)
        return
    steady = all(node.state not in {"creating", "leavingpool"} for node in nodes)
    allocation = "steady" if steady else "stopping" if pool.allocation == "stopping" else "resizing"
    if allocation == pool.allocation:
        return
    pool = replace(pool, allocation=allocation, allocation_at=turn.now.wire)
    turn.put(pool)
    limit(turn, pool)


def limit(turn: Turn, pool: PoolState) -> None:
    """Set the deadline of a resize that is under way."""
    if pool.allocation == "resizing":
        turn.timers.at_service(turn.now.service + pool.resize_timeout, "resize", pool.key, pool.allocation_at)


def stop(turn: Turn, pool: PoolState) -> None:
    """End a resize: nodes that the platform has not given are given up, those that leave go on leaving."""
    error = ResizeError("ResizeStopped", "Desired number of nodes could not be allocated as the resize was stopped.")
    errors = (*pool.resize_errors, error)
    turn.put(replace(pool, allocation="stopping", allocation_at=turn.now.wire, resize_errors=errors))
    for node in turn.world.pool_nodes(pool.key):
        if node.state == "creating":
            release(turn, node, "requeue")
    settle(turn, pool.key)


def timed_out(turn: Turn, pool: PoolState) -> None:
    """The resize timeout is over: keep the nodes that are there and say that the target was not reached."""
    error = ResizeError("AllocationTimedout", "Desired number of nodes could not be allocated in the given timeout.")
    turn.put(replace(pool, resize_errors=(*pool.resize_errors, error)))


def allocated(turn: Turn, node: NodeState) -> None:
    """The platform has given the node: it boots."""
    turn.move_node(node, "starting")
    turn.timers.at_service(turn.now.service + BOOT_SECONDS, "boot", node.key, node.boot)
    settle(turn, PoolKey(node.key.account, node.key.pool))


def allocate(turn: Turn, node: NodeState) -> None:
    """Wait for the platform to give the node."""
    turn.timers.at_service(turn.now.service + ALLOCATE_SECONDS, "allocate", node.key, node.boot)


def vacate(turn: Turn, node: NodeState, ending: str) -> None:
    """Have everything on the node killed and its tasks end so, except those that a client is ending already."""
    if node.retains:
        turn.put(replace(node, retains=False))
    for task in turn.world.attempts_on(node.key):
        if not task.ending:
            turn.put(replace(task, ending=ending))
            turn.tell(task, "stopping", {"ending": ending, "node": node.key.node, "nodeState": node.state})
    turn.command(RemoveNode(node.key, node.boot, turn.cause, keep=node.state in {"rebooting", "unusable"}))


def _add_node(turn: Turn, pool: PoolState, *, spot: bool) -> PoolState:
    pool = replace(pool, generation=pool.generation + 1)
    turn.put(pool)
    name = ids.node_id(pool.key.account, pool.key.pool, pool.created_at, pool.generation, spot=spot)
    node = NodeState(
        key=NodeKey(*pool.key, name),
        spot=spot,
        state="creating",
        state_at=turn.now.wire,
        allocated_at=turn.now.wire,
        slots=pool.slots_per_node,
        because=turn.origin,
    )
    turn.put(node)
    turn.told.append(notes.of_node(node, "creating"))
    allocate(turn, node)
    return pool


def _leaving(present: list[NodeState], surplus: int) -> list[NodeState]:
    """The nodes to give up: least useful state first, newest of a state first."""
    order = {state: rank for rank, state in enumerate(LEAVES_FIRST)}
    ranked = sorted(enumerate(present), key=lambda pair: (order.get(pair[1].state, 0), -pair[0]))
    return [node for _, node in ranked[: max(0, surplus)]]
