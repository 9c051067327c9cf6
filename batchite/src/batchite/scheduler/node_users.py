"""The users of a node: who may log in there, until when, with what.

They live as long as the machine's disk: a reboot or a deallocation keeps them, a reimage or a preemption does not.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import reboots
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.events import DeleteNodeUser, PutNodeUser
from batchite.scheduler.model import NodeKey, NodeState
from batchite.scheduler.turn import Turn

PERMITTED = frozenset({"idle", "running"})
"""Documented: a user is added, updated and deleted only on a node that is idle or running."""


def put(turn: Turn, event: PutNodeUser) -> None:
    """Add a user, or replace all of one that is there."""
    node = _node(turn, event.node)
    known = _find(node, event.user.name)
    if event.replaces and known is None:
        raise ServiceError("NodeUserNotFound")
    if not event.replaces and known is not None:
        raise ServiceError("NodeUserExists")
    others = tuple(user for user in node.users if user is not known)
    turn.put(replace(node, users=(*others, event.user)))


def delete(turn: Turn, event: DeleteNodeUser) -> None:
    """Remove a user."""
    node = _node(turn, event.node)
    known = _find(node, event.name)
    if known is None:
        raise ServiceError("NodeUserNotFound")
    turn.put(replace(node, users=tuple(user for user in node.users if user is not known)))


def _node(turn: Turn, key: NodeKey) -> NodeState:
    node = turn.world.nodes.get(key)
    if node is None:
        raise ServiceError("NodeNotFound")
    reboots.require(node, PERMITTED)
    return node


def _find(node: NodeState, name: str) -> NodeUser | None:
    return next((user for user in node.users if user.name == name), None)
