"""What tasks have used, as sums that stay exact: whole microseconds, calls and bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the records hold these sums
    from batchite.scheduler.model import JobState, TaskState
    from batchite.scheduler.world import World

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Consumption:
    """Of one attempt, of a task in all its attempts, or of many tasks. Times in microseconds of real time."""

    user: int = 0
    kernel: int = 0
    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    wall: int = 0
    wait: int = 0  # from a task's creation to the start of its last attempt
    retries: int = 0
    at: float = 0.0  # wire time of the last end of an attempt in it

    def plus(self, other: Consumption, sign: int = 1) -> Consumption:
        """Both together, or (sign -1) this one without the other; the time is the later one."""
        return Consumption(
            self.user + sign * other.user,
            self.kernel + sign * other.kernel,
            self.reads + sign * other.reads,
            self.writes + sign * other.writes,
            self.read_bytes + sign * other.read_bytes,
            self.written_bytes + sign * other.written_bytes,
            self.wall + sign * other.wall,
            self.wait + sign * other.wait,
            self.retries + sign * other.retries,
            max(self.at, other.at),
        )


NOTHING = Consumption()


@dataclass(frozen=True, slots=True)
class Tally:
    """What tasks of a job have used and how they ended."""

    used: Consumption = NOTHING
    succeeded: int = 0
    failed: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(self.used.plus(other.used), self.succeeded + other.succeeded, self.failed + other.failed)


NONE_YET = Tally()


def charged(task: TaskState, measured: Consumption | None, now: float) -> TaskState:
    """The task after the end of an attempt. One that never ran and was measured nowhere has used nothing.

    Wall-clock times add up over the attempts, the wait is that of the last one. Source: REST reference,
    BatchTaskStatistics.
    """
    ran = task.state == "running" and task.started_at is not None
    if measured is None and not ran:
        return task
    used = (task.used or NOTHING).plus(measured or NOTHING)
    if task.started_at is not None and ran:
        wall, wait = now - task.started_at, task.started_at - task.created_at
        used = replace(used, wall=used.wall + round(wall * MICRO), wait=round(wait * MICRO))
    return replace(task, used=replace(used, at=now))


def retried(task: TaskState) -> TaskState:
    """The task whose attempt is followed by a retry."""
    used = task.used or NOTHING
    return replace(task, used=replace(used, retries=used.retries + 1))


def of_job(world: World, job: JobState) -> Tally:
    """All tasks of a job, those that were deleted too; in constant time."""
    counts = world.counts[job.key]
    return Tally(counts.used, counts.tasks["succeeded"], counts.tasks["failed"]).plus(job.past)


def of_task(task: TaskState) -> Tally:
    """One task, on its way out."""
    done = task.state == "completed"
    return Tally(task.used or NOTHING, int(done and task.result == "success"), int(done and task.result == "failure"))
