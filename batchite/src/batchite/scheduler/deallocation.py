"""A node that gives its machine back and keeps its place in the pool, until a client starts it again.

Source: REST reference, Nodes - Deallocate Node and Start Node. The disk of a node's directory goes with the machine.
"""

from __future__ import annotations

from batchite.errors import ServiceError
from batchite.scheduler import outages, reboots
from batchite.scheduler.events import DeallocateNode, StartNode
from batchite.scheduler.model import NodeKey, NodeState
from batchite.scheduler.turn import Turn

PERMITTED = frozenset({"idle", "running"})


def deallocate(turn: Turn, event: DeallocateNode) -> None:
    """Begin to give the machine back; tasks are requeued, terminated, or waited for."""
    node = _node(turn, event.node)
    reboots.require(node, PERMITTED)
    reboots.go_down(turn, turn.move_node(node, "deallocating", ready=False, keeps_files=False), event.option)


def deallocated(turn: Turn, node: NodeState) -> None:
    """Nothing of the node runs any more, and its directory is gone."""
    turn.move_node(node, "deallocated", draining=False, retains=False, booted_at=None, start_task=None)


def start(turn: Turn, event: StartNode) -> None:
    """Boot a deallocated node on a machine of its own again."""
    node = _node(turn, event.node)
    reboots.require(node, frozenset({"deallocated"}))
    if not outages.has_room(turn, node):
        raise ServiceError("OperationInvalidForCurrentState", "The region has no machine for the node at present.")
    reboots.up_again(turn, node)


def _node(turn: Turn, key: NodeKey) -> NodeState:
    node = turn.world.nodes.get(key)
    if node is None:
        raise ServiceError("NodeNotFound")
    return node
