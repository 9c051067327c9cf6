"""A job's life: created, changed, disabled and enabled, terminated, deleted, and completed by itself."""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import auto_pools, capacity, job_nodes, notes, placement, tasks
from batchite.scheduler.consumption import of_job
from batchite.scheduler.events import CreateJob, DeleteJob, DisableJob, EnableJob, TerminateJob, UpdateJob
from batchite.scheduler.model import JobKey, JobState, PoolKey, ScheduleKey
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import OCCUPYING, schedule_of

LIVING = frozenset({"active", "disabling", "disabled"})
ENDING = frozenset({"terminating", "deleting"})
REFUSED = {"terminating": "JobBeingTerminated", "completed": "JobCompleted", "deleting": "JobBeingDeleted"}
"""The error of an operation that needs a job whose end has not begun, by the job's state."""


def create(turn: Turn, event: CreateJob) -> None:
    """Add a job. Its pool may come later: its tasks wait for it (documented, poolInfo.poolId).

    With onAllTasksComplete the job ends at once, being empty (documented).
    """
    job = event.job
    if job.key in turn.world.jobs:
        raise ServiceError("JobExists")
    if ScheduleKey(*job.key) in turn.world.schedules:
        raise ServiceError("JobScheduleWithSameIdExists")
    capacity.check_jobs(turn.world, job.key.account, event.quota)
    start(turn, job)


def start(turn: Turn, job: JobState) -> None:
    """Begin the life of a new job. Without the auto pool that it asks for it completes at once (documented)."""
    job, now = auto_pools.provide(turn, job), turn.now.wire
    sequence = turn.world.next_sequence()
    job = replace(job, created_at=now, state="active", state_at=now, started_at=now, sequence=sequence)
    turn.put(job)
    turn.told.append(notes.of_job(job, "active"))
    if job.scheduling_error is not None:
        end(turn, turn.world.jobs[job.key], "")
        return
    limit(turn, turn.world.jobs[job.key])
    tasks.add_manager(turn, turn.world.jobs[job.key])
    settle(turn, job.key)


def limit(turn: Turn, job: JobState) -> None:
    """Set the deadline of a job with a wall-clock limit; it counts from the creation, in real time."""
    if job.max_wall_clock is not None and job.state in LIVING:
        turn.timers.at_wire(
            job.created_at + job.max_wall_clock, "jobwall", job.key, job.created_at + job.max_wall_clock
        )


def update(turn: Turn, event: UpdateJob) -> None:
    """Change the limits of a job, or its pool; onAllTasksComplete may complete it at once."""
    job = living(turn, event.key)
    if event.pool is not None and event.pool != job.pool:
        job = _moved(turn, job, event.pool, event.pool_id)
    if event.keep_alive is not None:
        job = replace(job, auto_pool=auto_pools.kept_alive(job.auto_pool, event.keep_alive))
    given = {
        name: value
        for name in ("priority", "max_parallel", "preemptible", "on_all_complete", "max_wall_clock", "max_retries")
        if (value := getattr(event, name)) is not None
    }
    turn.put(replace(job, **given))
    limit(turn, turn.world.jobs[job.key])
    settle(turn, job.key)
    placement.place(turn, turn.world.jobs[job.key].pool)


def disable(turn: Turn, event: DisableJob) -> None:
    """Start no more tasks; the job is disabled once none runs. Disabling it again is no error (documented)."""
    job = living(turn, event.key)
    if job.state == "active":
        turn.move_job(job, "disabling")
    if event.tasks != "wait":
        _stop_all(turn, job, event.tasks)
    settle(turn, job.key)


def enable(turn: Turn, event: EnableJob) -> None:
    """Start tasks again; there is nothing to wait for, so the job is active at once. An active job stays so."""
    job = living(turn, event.key)
    if job.state == "active":
        return
    turn.move_job(turn.move_job(job, "enabling"), "active")
    settle(turn, job.key)
    placement.place(turn, job.pool)


def terminate(turn: Turn, event: TerminateJob) -> None:
    """Stop running tasks, then complete; active tasks stay active and never run (documented)."""
    if event.force:
        job_nodes.hurry(turn, _existing(turn, event.key).key)
    if not event.force or turn.world.jobs[event.key].state != "terminating":
        end(turn, living(turn, event.key), event.reason)


def end(turn: Turn, job: JobState, reason: str) -> None:
    """Begin the end of a job."""
    turn.move_job(job, "terminating", terminate_reason=reason)
    _stop_all(turn, job, "terminate")
    job_nodes.stop_preparations(turn, job.key)
    settle(turn, job.key)


def delete(turn: Turn, event: DeleteJob) -> None:
    """Stop running tasks, then remove the job and its tasks."""
    job = _existing(turn, event.key)
    if event.force:
        job_nodes.hurry(turn, job.key)
    if job.state == "deleting":
        if event.force:
            return
        raise ServiceError("JobBeingDeleted")
    job = turn.world.jobs[job.key]
    turn.move_job(job, "deleting")
    _stop_all(turn, job, "terminate")
    job_nodes.stop_preparations(turn, job.key)
    settle(turn, job.key)


def settle(turn: Turn, key: JobKey) -> None:
    """Disable, complete, end or remove the job when the state of its tasks says so.

    onAllTasksComplete ends a disabled job, too. Source: an observation of the service (Azure/batch-shipyard #227).
    """
    job, counts = turn.world.jobs[key], turn.world.counts[key].tasks
    if counts["running"]:
        return
    if job.state in ENDING and not job.releasing and not job_nodes.busy(job):
        job_nodes.release(turn, key)
        job = turn.world.jobs[key]
    if job.state in ENDING and job_nodes.busy(job):
        return
    if job.state == "terminating":
        turn.move_job(job, "completed", ended_at=turn.now.wire)
        auto_pools.retire(turn, job, auto_pools.JOB)
    elif job.state == "deleting":
        _remove(turn, job)
        auto_pools.retire(turn, job, auto_pools.JOB)
    elif job.on_all_complete == "terminatejob" and job.state in LIVING and not counts["active"]:
        end(turn, job, "AllTasksComplete")
    elif job.state == "disabling":
        turn.move_job(job, "disabled")


def wall_clock_reached(turn: Turn, job: JobState, deadline: float) -> None:
    """The job's wall-clock limit is over, unless it was changed since."""
    current = job.max_wall_clock is not None and deadline == job.created_at + job.max_wall_clock
    if current and job.state in LIVING:
        end(turn, job, "MaxWallClockTimeExpiry")


def living(turn: Turn, key: JobKey) -> JobState:
    """The job, which must exist and not be at its end."""
    job = _existing(turn, key)
    if job.state not in LIVING:
        raise ServiceError(REFUSED[job.state])
    return job


def not_deleting(turn: Turn, key: JobKey) -> None:
    """Raise JobBeingDeleted: a job on its way out takes no changes."""
    if _existing(turn, key).state == "deleting":
        raise ServiceError("JobBeingDeleted")


def _existing(turn: Turn, key: JobKey) -> JobState:
    job = turn.world.jobs.get(key)
    if job is None:
        raise ServiceError("JobNotFound")
    return job


def _moved(turn: Turn, job: JobState, key: PoolKey, pool_id: str) -> JobState:
    """The job in another pool, which may come later, where it can go only while it is disabled (documented)."""
    if job.auto_pool is not None:
        raise ServiceError("OperationInvalidForCurrentState", "A job with an auto pool stays in it.")
    if job.state != "disabled":
        raise ServiceError("OperationInvalidForCurrentState", "The pool of a job can change only while it is disabled.")
    pool = turn.world.pools.get(key)
    return replace(job, pool=key, pool_id=pool.id if pool else pool_id)


def _stop_all(turn: Turn, job: JobState, ending: str) -> None:
    """Stop the tasks that run; a requeue leaves those alone that are being stopped already."""
    for task in list(turn.world.tasks[job.key].values()):
        if task.state in OCCUPYING and not (ending == "requeue" and task.ending):
            tasks.stop(turn, task, ending)


def _remember(turn: Turn, job: JobState) -> None:
    """What the tasks of a schedule's job have used stays with the schedule."""
    key = schedule_of(job.key)
    if key is not None:
        schedule = turn.world.schedules[key]
        turn.put(replace(schedule, past=schedule.past.plus(of_job(turn.world, job))))


def _remove(turn: Turn, job: JobState) -> None:
    _remember(turn, job)
    turn.world.dependencies.forget_job(job.key)
    job_nodes.forget(turn, job)
    for task in list(turn.world.tasks[job.key].values()):
        tasks.remove(turn, task)
    turn.gone(job.key)
