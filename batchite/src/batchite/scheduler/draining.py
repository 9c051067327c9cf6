"""Nodes that go down once they are free: of their tasks, or also of what their tasks have left.

Documented of every option of this kind: `taskcompletion` lets the tasks complete; `retaineddata` then also waits until
the retention times of all of them are over, so that nobody loses files that were to be kept.
"""

from __future__ import annotations

from batchite.scheduler.model import NodeKey, NodeState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import nodes_of_attempt

WAITING = frozenset({"taskcompletion", "retaineddata"})
RETAINING = "retaineddata"


def free(turn: Turn, node: NodeState) -> bool:
    """Whether the node may go down now. One that only keeps files is looked at again when that is over."""
    if turn.world.attempts_on(node.key):
        return False
    until = _kept_until(turn, node.key) if node.retains else None
    if until is None:
        return True
    turn.timers.at_wire(until, "retained", node.key, node.boot)
    return False


def _kept_until(turn: Turn, node: NodeKey) -> float | None:
    """When the last retention time of a task on the node is over (wire time), if that lies ahead."""
    ends = [
        task.ended_at + task.retention
        for tasks in turn.world.tasks.values()
        for task in tasks.values()
        if task.ended_at is not None and not task.cleaned and node in nodes_of_attempt(task)
    ]
    return max((end for end in ends if end > turn.now.wire), default=None)
