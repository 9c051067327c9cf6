"""What a client asks of a task, and what its attempts come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from batchite.scheduler.consumption import Consumption
from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.model import Failure, JobKey, TaskKey, TaskState


@dataclass(frozen=True, slots=True)
class AddTasks:
    """Add tasks, all to one job, ids already checked to be new. Existing ids raise TaskExists."""

    job: JobKey
    tasks: tuple[TaskState, ...]
    cause: str = ""


@dataclass(frozen=True, slots=True)
class UpdateTask:
    """Change what the core knows of a task's constraints."""

    key: TaskKey
    max_retries: int
    retention: float
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ReactivateTask:
    """Let a failed task run again, with all its retries."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateTask:
    """Stop the task and complete it with TaskEnded."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Stop the task if it runs and remove it and its directory."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The process of this attempt runs: preparing becomes running. `files`: how many were downloaded for it."""

    key: TaskKey
    attempt: int
    cause: str = "agent"
    files: int = 0


@dataclass(frozen=True, slots=True)
class SubtaskStarted:
    """The coordination command of a subtask runs; `number` is the subtask's id."""

    key: TaskKey
    attempt: int
    number: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class SubtaskEnded:
    """The coordination command of a subtask ended, or was ended with its task."""

    key: TaskKey
    attempt: int
    number: int
    exit_code: int | None
    failure: Failure | None
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """An attempt ended after its uploads. `retryable` is true only for a non-zero exit of the command itself.

    `uploaded`: what was stored, as `container/blob`, the last of them a number when there are many.
    """

    key: TaskKey
    attempt: int
    exit_code: int | None
    failure: Failure | None
    retryable: bool = False
    container: ContainerInfo | None = None
    cause: str = "agent"
    uploaded: tuple[str, ...] = ()
    used: Consumption | None = field(default=None, compare=False)  # measured: no two attempts use the same


TaskEvent: TypeAlias = (
    AddTasks
    | UpdateTask
    | ReactivateTask
    | TerminateTask
    | DeleteTask
    | TaskStarted
    | SubtaskStarted
    | SubtaskEnded
    | TaskEnded
)
