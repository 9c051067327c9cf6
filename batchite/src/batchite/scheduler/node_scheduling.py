"""Whether a node takes tasks: scheduling disabled and enabled by a client.

A node whose scheduling is disabled goes on with the tasks it has, or ends them as the client chose; it is offline once
it runs nothing. This outlasts a reboot, but not the machine: a preempted node comes back enabled.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import placement, tasks
from batchite.scheduler.events import DisableNode, EnableNode
from batchite.scheduler.model import NodeKey, NodeState, PoolKey
from batchite.scheduler.turn import Turn

GONE = frozenset({"leavingpool", "preempted", "unusable"})
"""Nodes that will take no task in any case."""


def disable(turn: Turn, event: DisableNode) -> None:
    """Let the node take no new task; those it has are requeued, terminated, or run to their end."""
    node = _change(turn, event.node, disabled=True)
    for task in turn.world.attempts_on(node.key):
        if event.option != "taskcompletion" and not task.ending:
            tasks.stop(turn, task, event.option)
    if node.state == "idle":
        turn.move_node(node, "offline")


def enable(turn: Turn, event: EnableNode) -> None:
    """Let the node take tasks again."""
    node = _change(turn, event.node, disabled=False)
    if node.state == "offline":
        turn.move_node(node, "idle")
    placement.place(turn, PoolKey(node.key.account, node.key.pool))


def _change(turn: Turn, key: NodeKey, *, disabled: bool) -> NodeState:
    """Note the wanted scheduling, which must be another than the node has."""
    node = turn.world.nodes.get(key)
    if node is None:
        raise ServiceError("NodeNotFound")
    if node.state in GONE:
        raise ServiceError("NodeStateUnusable", f"The node is {node.state}.")
    if node.disabled == disabled:
        raise ServiceError("NodeAlreadyInTargetSchedulingState")
    changed = replace(node, disabled=disabled)
    turn.put(changed)
    return changed
