"""A pool's life: created, resized by hand or by formula, changed, deleted."""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import allocation, autoscaling, capacity
from batchite.scheduler.events import (
    CreatePool,
    DeletePool,
    RemoveNodes,
    ResizePool,
    SetAutoScale,
    StopResize,
    UpdatePool,
)
from batchite.scheduler.model import NodeKey, NodeState, PoolKey, PoolState
from batchite.scheduler.turn import Turn


def create(turn: Turn, event: CreatePool) -> None:
    """Add a pool; an autoscale formula is evaluated at once."""
    pool, now = event.pool, turn.now.wire
    if pool.key in turn.world.pools:
        deleting = turn.world.pools[pool.key].state == "deleting"
        raise ServiceError("PoolBeingDeleted" if deleting else "PoolExists")
    capacity.check_pools(turn.world, pool.key.account, event.quota)
    turn.put(replace(pool, created_at=now, state="active", state_at=now, allocation="steady", allocation_at=now))
    if pool.autoscale is not None:
        autoscaling.enable(turn, pool.key)
    allocation.reconcile(turn, turn.world.pools[pool.key])


def update(turn: Turn, event: UpdatePool) -> None:
    """Change the start task or the resize timeout; nodes that have booted keep the start task they ran (documented)."""
    pool = existing(turn, event.key)
    if event.resize_timeout is not None:
        pool = replace(pool, resize_timeout=event.resize_timeout)
        turn.put(pool)
    if event.start_task is not None or event.clear_start_task:
        turn.put(replace(pool, start_task=event.start_task))


def set_autoscale(turn: Turn, event: SetAutoScale) -> None:
    """Enable or change the formula, evaluated at once, or disable it: the nodes then stay as they are."""
    pool = existing(turn, event.key)
    turn.put(replace(pool, autoscale=event.autoscale))
    if event.autoscale is None:
        turn.samples.stop(pool.key)
        return
    autoscaling.enable(turn, pool.key)
    allocation.reconcile(turn, turn.world.pools[pool.key])


def resize(turn: Turn, event: ResizePool) -> None:
    """New targets by hand."""
    pool = existing(turn, event.key)
    if pool.autoscale is not None:
        raise ServiceError("OperationInvalidForCurrentState", detail="Autoscale is enabled on the pool.")
    if pool.allocation != "steady":
        raise ServiceError("PoolBeingResized")
    timeout = pool.resize_timeout if event.resize_timeout is None else event.resize_timeout
    resized = replace(
        pool,
        target_dedicated=pool.target_dedicated if event.dedicated is None else event.dedicated,
        target_spot=pool.target_spot if event.spot is None else event.spot,
        deallocation=event.deallocation,
        resize_timeout=timeout,
        resize_errors=(),
    )
    turn.put(resized)
    allocation.reconcile(turn, resized)


def remove_nodes(turn: Turn, event: RemoveNodes) -> None:
    """Let chosen nodes leave; an autoscale pool may get others at its next evaluation."""
    pool = existing(turn, event.key)
    if pool.allocation != "steady":
        raise ServiceError("PoolBeingResized")
    leaving = [_node(turn, pool, name) for name in dict.fromkeys(event.nodes)]
    spot = sum(node.spot for node in leaving)
    smaller = replace(
        pool,
        target_dedicated=max(0, pool.target_dedicated - (len(leaving) - spot)),
        target_spot=max(0, pool.target_spot - spot),
        resize_timeout=pool.resize_timeout if event.resize_timeout is None else event.resize_timeout,
        resize_errors=(),
    )
    turn.put(smaller)
    for node in leaving:
        allocation.release(turn, node, event.deallocation)
    allocation.settle(turn, pool.key)


def stop_resize(turn: Turn, event: StopResize) -> None:
    """Stop a resize that is under way, also the first one of a new pool."""
    pool = existing(turn, event.key)
    if pool.allocation != "resizing":
        raise ServiceError("OperationInvalidForCurrentState", detail=f"The pool is {pool.allocation}, not resizing.")
    allocation.stop(turn, pool)


def delete(turn: Turn, event: DeletePool) -> None:
    """Mark deleting and let every node go. Its jobs stay, without a pool, as in the service."""
    pool = existing(turn, event.key)
    turn.samples.stop(pool.key)
    gone = replace(pool, state="deleting", state_at=turn.now.wire, target_dedicated=0, target_spot=0, autoscale=None)
    gone = replace(gone, deallocation="requeue")
    turn.put(gone)
    allocation.hurry(turn, pool.key)
    allocation.reconcile(turn, gone)


def _node(turn: Turn, pool: PoolState, name: str) -> NodeState:
    """The pool's node of this id."""
    node = turn.world.nodes.get(NodeKey(*pool.key, name))
    if node is None:
        raise ServiceError("NodeNotFound", detail=f"The pool has no node {name}.")
    return node


def existing(turn: Turn, key: PoolKey) -> PoolState:
    """The pool, which must exist and not be on its way out."""
    pool = turn.world.pools.get(key)
    if pool is None:
        raise ServiceError("PoolNotFound")
    if pool.state == "deleting":
        raise ServiceError("PoolBeingDeleted")
    return pool
