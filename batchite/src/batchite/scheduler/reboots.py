"""A node that starts again on a client's word: a reboot keeps its directory, a reimage makes it anew.

The state says so at once; the node's tasks end or finish as the client chose; when nothing of the node runs any more it
boots, and runs the pool's present start task.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import allocation, draining
from batchite.scheduler.events import RestartNode
from batchite.scheduler.model import NodeState
from batchite.scheduler.turn import Turn

UNDER_WAY = {
    "creating": "NodeBeingCreated",
    "starting": "NodeBeingStarted",
    "waitingforstarttask": "NodeBeingStarted",
    "rebooting": "NodeBeingRebooted",
    "reimaging": "NodeBeingReimaged",
}
"""Why a node cannot be started again while it is on its way up."""
PERMITTED = frozenset({"idle", "running", "starttaskfailed"})
"""Documented: a node is rebooted or reimaged only if it is idle or running, so not while it is offline. A reboot is
also the documented remedy for a start task that failed."""


def require(node: NodeState, permitted: frozenset[str]) -> None:
    """Raise the 409 that says why a node in its present state cannot do what is asked."""
    if node.state not in permitted:
        other = "NodeStateUnusable" if node.state == "unusable" else "OperationInvalidForCurrentState"
        allowed = " or ".join(sorted(permitted))
        raise ServiceError(
            UNDER_WAY.get(node.state, other), f"The node is {node.state}; the operation needs one that is {allowed}."
        )


def restart(turn: Turn, event: RestartNode) -> None:
    """Begin a reboot or reimage; tasks are requeued, terminated, or waited for."""
    node = turn.world.nodes.get(event.node)
    if node is None:
        raise ServiceError("NodeNotFound")
    require(node, PERMITTED)
    go_down(turn, turn.move_node(node, event.state, ready=False, keeps_files=event.state == "rebooting"), event.option)


def go_down(turn: Turn, node: NodeState, option: str) -> None:
    """Have a node that is to go down do so: its tasks end as the option says, or it waits until it is free."""
    waits = option in draining.WAITING
    node = replace(node, draining=waits, retains=option == draining.RETAINING)
    turn.put(node)
    if waits:
        drained(turn, node)
    else:
        allocation.vacate(turn, node, "terminate" if option == "terminate" else "requeue")


def drained(turn: Turn, node: NodeState) -> None:
    """A node that waited until it is free goes down, if it is so now."""
    if node.draining and draining.free(turn, node):
        node = replace(node, draining=False)
        turn.put(node)
        allocation.vacate(turn, node, "requeue")


def up_again(turn: Turn, node: NodeState) -> None:
    """Nothing of the node runs any more: it boots."""
    users = () if node.state == "reimaging" else node.users
    fresh = replace(node, boot=node.boot + 1, booted_at=None, start_task=None, ready=False, users=users)
    fresh = replace(fresh, draining=False, retains=False)
    turn.move_node(fresh, "starting")
    turn.timers.at_service(turn.now.service + allocation.BOOT_SECONDS, "boot", fresh.key, fresh.boot)
