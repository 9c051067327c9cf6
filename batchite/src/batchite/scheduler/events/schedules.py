"""What a client asks of a job schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from batchite.scheduler.model import JobState, ScheduleKey, ScheduleState, Timing


@dataclass(frozen=True, slots=True)
class CreateSchedule:
    """Add a job schedule; its first job may be made at once."""

    schedule: ScheduleState
    cause: str = ""


@dataclass(frozen=True, slots=True)
class UpdateSchedule:
    """Change when jobs start or what the next ones are like. None keeps the value."""

    key: ScheduleKey
    timing: Timing | None = None
    pattern: JobState | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableSchedule:
    """Make no more jobs; the present one goes on."""

    key: ScheduleKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableSchedule:
    """Make jobs again; what was due meanwhile is lost unless its window is still open."""

    key: ScheduleKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateSchedule:
    """Terminate: its job is ended, then the schedule completes. `force` as for the termination of a job."""

    key: ScheduleKey
    cause: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class DeleteSchedule:
    """Delete: its jobs and their tasks go, then the schedule. `force` as for the deletion of a job."""

    key: ScheduleKey
    cause: str = ""
    force: bool = False


ScheduleEvent: TypeAlias = (
    CreateSchedule | UpdateSchedule | DisableSchedule | EnableSchedule | TerminateSchedule | DeleteSchedule
)
