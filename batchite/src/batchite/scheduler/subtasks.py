"""The subtasks of a multi-instance task: its coordination command on the nodes beside the primary's.

A task takes all its nodes at once and gives them back at once. The agent runs the whole attempt: when anything of it
fails or is stopped, it ends everything else before it answers TaskEnded.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.scheduler import notes, transitions
from batchite.scheduler.events import SubtaskEnded, SubtaskStarted
from batchite.scheduler.model import Failure, Subtask, TaskState
from batchite.scheduler.turn import Turn, require
from batchite.scheduler.world import OCCUPYING


def started(turn: Turn, event: SubtaskStarted) -> None:
    """The coordination command runs."""
    task = _current(turn, event)
    if task is not None:
        _put(turn, task, event.number, "running", started_at=turn.now.wire)
        turn.tell(task, "subtask", {"number": event.number, "state": "running"})


def ended(turn: Turn, event: SubtaskEnded) -> None:
    """The coordination command is over; what it left running goes on until the primary has ended."""
    task = _current(turn, event)
    if task is not None:
        how = {"exit_code": event.exit_code, "failure": event.failure, "ended_at": turn.now.wire}
        _put(turn, task, event.number, "completed", **how)
        told = {"number": event.number, "state": "completed", "exitCode": event.exit_code}
        turn.tell(task, "subtask", {**told, **notes.why(event.failure)})


def closed(turn: Turn, task: TaskState, failure: Failure) -> TaskState:
    """The task at the end of its attempt: no subtask outlives the primary (documented)."""
    if not task.subtasks:
        return task
    over = tuple(
        one
        if one.state == "completed"
        else replace(one, state="completed", state_at=turn.now.wire, ended_at=turn.now.wire, failure=failure)
        for one in task.subtasks
    )
    return replace(task, subtasks=over)


def _current(turn: Turn, event: SubtaskStarted | SubtaskEnded) -> TaskState | None:
    """The task, if this attempt is the one under way and the subtask has not ended."""
    task = turn.world.task(event.key)
    if task is None or task.attempt != event.attempt or task.state not in OCCUPYING:
        return None
    return task if task.subtasks[event.number - 1].state != "completed" else None


def _put(turn: Turn, task: TaskState, number: int, state: str, **fields: object) -> None:
    found = task.subtasks[number - 1]
    require(transitions.SUBTASK, found.state, state, task)
    changed: Subtask = replace(found, state=state, state_at=turn.now.wire, **fields)  # type: ignore[arg-type]  # dataclass fields
    turn.put(replace(task, subtasks=(*task.subtasks[: number - 1], changed, *task.subtasks[number:])))
