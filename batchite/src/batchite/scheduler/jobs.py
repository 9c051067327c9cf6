"""A job's life: created, changed, terminated, deleted, and completed by itself."""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import placement, tasks
from batchite.scheduler.events import CreateJob, DeleteJob, TerminateJob, UpdateJob
from batchite.scheduler.model import JobKey, JobState
from batchite.scheduler.turn import Turn

REFUSED = {"terminating": "JobBeingTerminated", "completed": "JobCompleted", "deleting": "JobBeingDeleted"}
"""The error of an operation that needs an active job, by the job's state."""


def create(turn: Turn, event: CreateJob) -> None:
    """Add a job to a pool, which must exist. With onAllTasksComplete it ends at once, being empty (documented)."""
    job = event.job
    if job.key in turn.world.jobs:
        raise ServiceError("JobExists")
    if job.pool not in turn.world.pools:
        raise ServiceError("PoolNotFound")
    now = turn.now.wire
    sequence = turn.world.next_sequence()
    turn.put(replace(job, created_at=now, state="active", state_at=now, started_at=now, sequence=sequence))
    limit(turn, turn.world.jobs[job.key])
    settle(turn, job.key)


def limit(turn: Turn, job: JobState) -> None:
    """Set the deadline of a job with a wall-clock limit; it counts from the creation, in real time."""
    if job.max_wall_clock is not None and job.state == "active":
        turn.timers.at_wire(
            job.created_at + job.max_wall_clock, "jobwall", job.key, job.created_at + job.max_wall_clock
        )


def update(turn: Turn, event: UpdateJob) -> None:
    """Change the limits of a job; onAllTasksComplete may complete it at once."""
    job = active(turn, event.key)
    given = {
        name: value
        for name in ("priority", "max_parallel", "on_all_complete", "max_wall_clock", "max_retries")
        if (value := getattr(event, name)) is not None
    }
    turn.put(replace(job, **given))
    limit(turn, turn.world.jobs[job.key])
    settle(turn, job.key)
    placement.place(turn, job.pool)


def terminate(turn: Turn, event: TerminateJob) -> None:
    """Stop running tasks, then complete; active tasks stay active and never run (documented)."""
    job = active(turn, event.key)
    end(turn, job, event.reason)


def end(turn: Turn, job: JobState, reason: str) -> None:
    """Begin the end of an active job."""
    turn.move_job(job, "terminating", terminate_reason=reason)
    for task in list(turn.world.tasks[job.key].values()):
        if task.state in {"preparing", "running"}:
            tasks.stop(turn, task, "terminate")
    settle(turn, job.key)


def delete(turn: Turn, event: DeleteJob) -> None:
    """Stop running tasks, then remove the job and its tasks."""
    job = _existing(turn, event.key)
    if job.state == "deleting":
        raise ServiceError("JobBeingDeleted")
    turn.move_job(job, "deleting")
    for task in list(turn.world.tasks[job.key].values()):
        if task.state in {"preparing", "running"}:
            tasks.stop(turn, task, "terminate")
    settle(turn, job.key)


def settle(turn: Turn, key: JobKey) -> None:
    """Complete, end or remove the job when the state of its tasks says so."""
    job, counts = turn.world.jobs[key], turn.world.counts[key].tasks
    if counts["running"]:
        return
    if job.state == "terminating":
        turn.move_job(job, "completed", ended_at=turn.now.wire)
    elif job.state == "deleting":
        _remove(turn, job)
    elif job.state == "active" and job.on_all_complete == "terminatejob" and not counts["active"]:
        end(turn, job, "AllTasksComplete")


def wall_clock_reached(turn: Turn, job: JobState, deadline: float) -> None:
    """The job's wall-clock limit is over, unless it was changed since."""
    current = job.max_wall_clock is not None and deadline == job.created_at + job.max_wall_clock
    if current and job.state == "active":
        end(turn, job, "MaxWallClockTimeExpiry")


def active(turn: Turn, key: JobKey) -> JobState:
    """The job, which must exist and be active."""
    job = _existing(turn, key)
    if job.state != "active":
        raise ServiceError(REFUSED[job.state])
    return job


def _existing(turn: Turn, key: JobKey) -> JobState:
    job = turn.world.jobs.get(key)
    if job is None:
        raise ServiceError("JobNotFound")
    return job


def _remove(turn: Turn, job: JobState) -> None:
    turn.world.dependencies.forget_job(job.key)
    for task in list(turn.world.tasks[job.key].values()):
        tasks.remove(turn, task)
    turn.gone(job.key)
