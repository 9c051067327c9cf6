"""What a client asks of a job, and the ends of its preparation and release tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.model import Failure, JobKey, JobState, JobTaskKey, PoolKey


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Add a job. `quota`: active jobs and schedules that the account may have, None = without limit."""

    job: JobState
    cause: str = ""
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class UpdateJob:
    """Change what the core knows of a job. None keeps the value."""

    key: JobKey
    priority: int | None = None
    max_parallel: int | None = None
    preemptible: bool | None = None
    on_all_complete: str | None = None
    max_wall_clock: float | None = None
    max_retries: int | None = None
    pool: PoolKey | None = None  # another pool only while the job is disabled
    pool_id: str = ""  # as the client spelled it
    keep_alive: bool | None = None  # of its auto pool
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableJob:
    """Start no more tasks; `tasks` says what becomes of those that run: requeue | terminate | wait."""

    key: JobKey
    tasks: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableJob:
    """Start tasks again."""

    key: JobKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateJob:
    """Terminate: running tasks are stopped, then the job completes with the reason."""

    key: JobKey
    reason: str
    cause: str = ""
    force: bool = False  # without release tasks; ends those of a job that is terminating


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete: tasks are stopped, then the job and its tasks go. `force` as for a termination."""

    key: JobKey
    cause: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class JobTaskEnded:
    """A preparation or release task ended. `retryable` as for a task."""

    key: JobTaskKey
    attempt: int
    exit_code: int | None
    failure: Failure | None
    retryable: bool = False
    container: ContainerInfo | None = None
    cause: str = "agent"


JobEvent: TypeAlias = CreateJob | UpdateJob | DisableJob | EnableJob | TerminateJob | DeleteJob | JobTaskEnded
