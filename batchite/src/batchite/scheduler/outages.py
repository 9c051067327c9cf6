"""A region that runs out of machines, and nodes that fail.

Capacity: "Desired number of … nodes could not be allocated" (AllocationFailed) is what pools show where a region has no
more. Nodes: "Check for pool and node errors": a node that is unusable without errors is one the service has no contact
with, and it always tries to recover it; one with errors is not recovered by itself.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import allocation, capacity, reboots
from batchite.scheduler.events import FailNode, LimitRegion, Preempt, RecoverNode
from batchite.scheduler.model import NodeKey, NodeState, PoolKey
from batchite.scheduler.shortages import NodeOutage
from batchite.scheduler.turn import Turn

MAY_FAIL = frozenset({"idle", "running", "offline"})
GOING = frozenset({"leavingpool", "preempted", "deallocating", "deallocated"})


def preempt(turn: Turn, event: Preempt) -> None:
    """The platform takes Spot nodes: their tasks run again elsewhere once nothing of them runs any more."""
    if event.pool not in turn.world.pools:
        raise ServiceError("PoolNotFound")
    for node in _to_preempt(turn, event):
        _take(turn, node)
    allocation.settle(turn, event.pool)


def limit_region(turn: Turn, event: LimitRegion) -> None:
    """Set or lift the limit: Spot nodes above it are taken, the youngest first; dedicated ones stay.

    What a pool lacks it gets when its targets are set or evaluated again, Spot nodes that were taken when they are due.
    """
    pool = turn.world.pools.get(event.pool)
    if pool is None:
        raise ServiceError("PoolNotFound")
    turn.put(replace(pool, region=event.limit))
    if event.limit is None or event.limit.spot is None:
        return
    for node in _takeable(turn, event.pool)[event.limit.spot :]:
        _take(turn, node)
    allocation.settle(turn, event.pool)


def has_room(turn: Turn, node: NodeState) -> bool:
    """Whether the region has a machine for a node that waits for one."""
    pool = turn.world.pools[PoolKey(node.key.account, node.key.pool)]
    room = capacity.region_room(turn.world, pool, spot=node.spot)
    return room is None or room > 0


def fail(turn: Turn, event: FailNode) -> None:
    """A node is unusable from now on; its tasks run again elsewhere once nothing of them runs any more."""
    node = _existing(turn, event.node)
    if node.state not in MAY_FAIL:
        raise ServiceError("OperationInvalidForCurrentState", f"The node is {node.state}; it must be up to fail.")
    outage = NodeOutage(event.drill, event.recovers)
    node = turn.move_node(
        node, "unusable", ready=False, failure=event.failure, keeps_files=True, draining=False, outage=outage
    )
    allocation.vacate(turn, node, "requeue")


def recover(turn: Turn, event: RecoverNode) -> None:
    """End a node's outage: now, or once nothing of the node runs any more."""
    node = _existing(turn, event.node)
    if node.state != "unusable" or node.outage is None:
        raise ServiceError("OperationInvalidForCurrentState", f"The node is {node.state} and was not made to fail.")
    if node.outage.down:
        up(turn, node)
    else:
        turn.put(replace(node, outage=replace(node.outage, recovers=0.0)))


def down(turn: Turn, node: NodeState) -> None:
    """Nothing of a failed node runs any more: it waits for its recovery, if there will be one."""
    if node.outage is None:
        return
    turn.put(replace(node, outage=replace(node.outage, down=True)))
    if node.outage.recovers is not None:
        turn.timers.at_service(turn.now.service + node.outage.recovers, "recover", node.key, node.boot)


def up(turn: Turn, node: NodeState) -> None:
    """The service has the node back: it boots, with its files."""
    reboots.up_again(turn, replace(node, outage=None, failure=None))


def _take(turn: Turn, node: NodeState) -> None:
    allocation.vacate(turn, turn.move_node(node, "preempted", draining=False, ready=False), "requeue")


def _takeable(turn: Turn, pool: PoolKey) -> list[NodeState]:
    """The Spot nodes that have a machine and are not on their way out, the oldest first."""
    return [node for node in turn.world.pool_nodes(pool) if node.spot and node.state not in GOING]


def _to_preempt(turn: Turn, event: Preempt) -> list[NodeState]:
    nodes = _takeable(turn, event.pool)
    if not event.nodes:
        return nodes
    wanted = [node for node in nodes if node.key.node in event.nodes]
    if len(wanted) < len(set(event.nodes)):
        raise ServiceError("NodeNotFound", detail="Only Spot nodes that are not leaving can be preempted.")
    return wanted


def _existing(turn: Turn, key: NodeKey) -> NodeState:
    node = turn.world.nodes.get(key)
    if node is None:
        raise ServiceError("NodeNotFound")
    return node
