"""What the core asks of the shell, and what changed in its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from batchite.scheduler.model import (
    JobKey,
    JobState,
    JobTaskKey,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    TaskKey,
    TaskState,
)
from batchite.scheduler.notes import Note


@dataclass(frozen=True, slots=True)
class PrepareNode:
    """Make the node's directories, anew unless `keep`; answer NodePrepared or NodeUnusable."""

    node: NodeKey
    boot: int
    cause: str
    keep: bool = False


@dataclass(frozen=True, slots=True)
class RunStartTask:
    """Run the pool's start task on the node; answer StartTaskEnded."""

    node: NodeKey
    boot: int
    attempt: int  # 0 for the first run, then the retry's number
    cause: str


@dataclass(frozen=True, slots=True)
class RunTask:
    """Run the task on the node; answer TaskStarted, then TaskEnded after the uploads."""

    task: TaskKey
    node: NodeKey
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class StopTask:
    """Kill the whole process tree of the attempt; answer TaskEnded once nothing of it runs any more."""

    task: TaskKey
    node: NodeKey
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class RunJobTask:
    """Run a job's preparation or release task; answer JobTaskEnded."""

    task: JobTaskKey
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class StopJobTask:
    """Kill the whole process tree of a preparation or release task; answer JobTaskEnded."""

    task: JobTaskKey
    attempt: int
    cause: str


@dataclass(frozen=True, slots=True)
class RemoveTaskFiles:
    """Remove the task's directory on the node."""

    task: TaskKey
    node: NodeKey
    cause: str


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Kill everything on the node, remove its directory unless `keep`; answer NodeRemoved."""

    node: NodeKey
    boot: int
    cause: str
    keep: bool = False


TaskCommand: TypeAlias = RunStartTask | RunTask | StopTask | RunJobTask | StopJobTask | RemoveTaskFiles
Command: TypeAlias = PrepareNode | RemoveNode | TaskCommand
Record: TypeAlias = PoolState | NodeState | JobState | TaskState | ScheduleState
Key: TypeAlias = PoolKey | NodeKey | JobKey | TaskKey | ScheduleKey


@dataclass(frozen=True, slots=True)
class Put:
    """A record is new or has changed; it must be durable before the answer leaves."""

    record: Record


@dataclass(frozen=True, slots=True)
class Gone:
    """A record no longer exists."""

    key: Key


@dataclass(frozen=True, slots=True)
class Derived:
    """The target's document is this part of the source's document, as it is now, with an id."""

    source: Key
    path: tuple[str, ...]
    target: Key
    id: str


Change: TypeAlias = Put | Gone | Derived


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one event did: changes to commit first, then commands to carry out; the notes tell of it."""

    changes: tuple[Change, ...] = ()
    commands: tuple[Command, ...] = ()
    notes: tuple[Note, ...] = ()
    origin: str = ""
