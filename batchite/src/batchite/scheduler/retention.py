"""How long the directory of a completed task stays on its node."""

from __future__ import annotations

from dataclasses import replace

from batchite.scheduler.commands import RemoveTaskFiles
from batchite.scheduler.model import TaskState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import nodes_of_attempt


def keep(turn: Turn, task: TaskState) -> None:
    """Have the directory removed at the end of the task's retention time, if the task has one."""
    if task.ended_at is not None and task.node is not None and not task.cleaned:
        turn.timers.at_wire(task.ended_at + task.retention, "retention", task.key)


def over(turn: Turn, task: TaskState | None) -> None:
    """A retention time is over, unless it was lengthened, or the task is gone or runs again."""
    if task is None or task.state != "completed" or task.node is None or task.cleaned:
        return
    if task.ended_at is not None and task.ended_at + task.retention <= turn.now.wire:
        turn.put(replace(task, cleaned=True))
        clean(turn, task)


def clean(turn: Turn, task: TaskState) -> None:
    """Have the task's directory removed, on each of its nodes that is still there."""
    for node in nodes_of_attempt(task):
        if node in turn.world.nodes:
            turn.command(RemoveTaskFiles(task.key, node, turn.cause))
