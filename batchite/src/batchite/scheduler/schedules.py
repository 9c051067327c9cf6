"""A job schedule's life: it makes jobs as they become due, one at a time, and ends by itself or on request.

Source of the rules: REST reference, JobScheduleConfiguration. An opportunity begins when a job is due and closes with
the start window, at the latest when the next one begins; an opportunity that closes unused is lost. Intervals and
windows are spans of the service's own time, which goes on while no server runs.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.errors import ServiceError
from batchite.scheduler import auto_pools, capacity, jobs
from batchite.scheduler.commands import Derived, Gone, Key, Put
from batchite.scheduler.events import (
    CreateSchedule,
    DeleteJob,
    DeleteSchedule,
    DisableSchedule,
    EnableSchedule,
    TerminateJob,
    TerminateSchedule,
    UpdateSchedule,
)
from batchite.scheduler.model import JobKey, JobState, ScheduleKey, ScheduleState, Timing
from batchite.scheduler.turn import Turn

TERMINATED = "TerminateJobSchedule"
"""The terminateReason of a job that ends with its schedule (documented)."""

REFUSED = {
    "terminating": "JobScheduleBeingTerminated",
    "completed": "JobScheduleCompleted",
    "deleting": "JobScheduleBeingDeleted",
}
"""The error of an operation that needs a schedule whose end has not begun, by the schedule's state."""


def create(turn: Turn, event: CreateSchedule) -> None:
    """Add a schedule, whose id no job may have; without doNotRunUntil its first job is due at once (documented)."""
    schedule, now = event.schedule, turn.now.wire
    present = turn.world.schedules.get(schedule.key)
    if present is not None:
        raise ServiceError("JobScheduleBeingDeleted" if present.state == "deleting" else "JobScheduleExists")
    if JobKey(*schedule.key) in turn.world.jobs:
        raise ServiceError("JobWithSameIdExists")
    capacity.check_jobs(turn.world, schedule.key.account, schedule.quota)
    turn.put(replace(schedule, created_at=now, state="active", state_at=now))
    watch(turn, turn.world.schedules[schedule.key])
    settle(turn, schedule.key)


def update(turn: Turn, event: UpdateSchedule) -> None:
    """Change the jobs to come; the present job stays as it is (documented)."""
    schedule = living(turn, event.key)
    if event.pattern is not None:
        schedule = replace(schedule, pattern=_in_its_pool(event.pattern, schedule.pattern))
    if event.timing is not None and event.timing != schedule.timing:
        schedule = _retimed(turn, schedule, event.timing)
    turn.put(schedule)
    watch(turn, schedule)
    settle(turn, event.key)


def disable(turn: Turn, event: DisableSchedule) -> None:
    """Make no more jobs. A disabled schedule stays so."""
    schedule = living(turn, event.key)
    if schedule.state == "active":
        turn.move_schedule(schedule, "disabled")


def enable(turn: Turn, event: EnableSchedule) -> None:
    """Make jobs again. An active schedule stays so."""
    schedule = living(turn, event.key)
    if schedule.state == "disabled":
        turn.move_schedule(schedule, "active")
        settle(turn, event.key)


def terminate(turn: Turn, event: TerminateSchedule) -> None:
    """End the schedule's job, then the schedule."""
    again = event.force and _existing(turn, event.key).state == "terminating"
    if not again:
        turn.move_schedule(living(turn, event.key), "terminating")
    job = live_job(turn, turn.world.schedules[event.key])
    if job is not None and (job.state in jobs.LIVING or (event.force and job.state == "terminating")):
        jobs.terminate(turn, TerminateJob(job.key, TERMINATED, event.cause, event.force))
    settle(turn, event.key)


def delete(turn: Turn, event: DeleteSchedule) -> None:
    """Delete the schedule's jobs, completed ones too, then the schedule."""
    schedule = _existing(turn, event.key)
    if schedule.state != "deleting":
        turn.move_schedule(schedule, "deleting")
    elif not event.force:
        raise ServiceError("JobScheduleBeingDeleted")
    for key in list(turn.world.jobs_from[event.key]):
        if event.force or turn.world.jobs[key].state != "deleting":
            jobs.delete(turn, DeleteJob(key, event.cause, event.force))
    settle(turn, event.key)


def watch(turn: Turn, schedule: ScheduleState) -> None:
    """Set the timers of a schedule anew: when it may begin, when it must end, when its next job is due."""
    for moment in (schedule.timing.not_before, schedule.timing.not_after):
        if moment is not None and moment > turn.now.wire:
            turn.timers.at_wire(moment, "schedule", schedule.key)
    _watch_opportunity(turn, schedule)


def settle(turn: Turn, key: ScheduleKey) -> None:
    """Make the job that is due, complete or remove the schedule, when its time or the state of its jobs says so."""
    schedule = turn.world.schedules[key]
    if schedule.state == "active":
        _go_on(turn, schedule)
    elif schedule.state == "terminating" and live_job(turn, schedule) is None:
        _complete(turn, schedule)
    elif schedule.state == "deleting" and not turn.world.jobs_from[key]:
        turn.gone(key)
        auto_pools.retire(turn, schedule.pattern, auto_pools.SCHEDULE)


def follow(turn: Turn) -> None:
    """Go on with the schedules of accounts in which a job or a schedule came to its end: there is room for a job."""
    if not turn.world.schedules:
        return
    seen: set[Key] = set()
    while fresh := _ended(turn) - seen:
        seen |= fresh
        accounts = {key.account for key in fresh}
        for key in [key for key in turn.world.schedules if key.account in accounts]:
            settle(turn, key)


def live_job(turn: Turn, schedule: ScheduleState) -> JobState | None:
    """The schedule's job that has not completed; there is one at most, the last."""
    job = turn.world.jobs.get(job_key(schedule, schedule.runs))
    return None if job is None or job.state == "completed" else job


def job_key(schedule: ScheduleState, number: int) -> JobKey:
    """The key of the schedule's job of that number, from 1."""
    return JobKey(schedule.key.account, f"{schedule.key.schedule}:job-{number}")


def living(turn: Turn, key: ScheduleKey) -> ScheduleState:
    """The schedule, which must exist and not be at its end."""
    schedule = _existing(turn, key)
    if schedule.state in REFUSED:
        raise ServiceError(REFUSED[schedule.state])
    return schedule


def _retimed(turn: Turn, schedule: ScheduleState, timing: Timing) -> ScheduleState:
    """The schedule with other times: it begins anew unless it has made jobs and nothing forbids the next one yet."""
    last, waits = schedule.last_at, timing.not_before is not None and turn.now.wire < timing.not_before
    if last is None or waits:
        return replace(schedule, timing=timing, next_at=None, begun=False)
    next_at = None if timing.interval is None else last + timing.interval
    return replace(schedule, timing=timing, next_at=next_at, begun=True)


def _existing(turn: Turn, key: ScheduleKey) -> ScheduleState:
    schedule = turn.world.schedules.get(key)
    if schedule is None:
        raise ServiceError("JobScheduleNotFound")
    return schedule


def _ended(turn: Turn) -> set[Key]:
    """The jobs and schedules that completed or went in this turn."""
    found: set[Key] = set()
    for change in turn.changes.values():
        match change:
            case Gone(key=JobKey() | ScheduleKey() as key):
                found.add(key)
            case Put(record=JobState(state="completed") | ScheduleState(state="completed") as record):
                found.add(record.key)
    return found


def _go_on(turn: Turn, schedule: ScheduleState) -> None:
    """Open the opportunity of this moment, use it if no other job is in the way, and see whether that was all."""
    opened = _opened(turn, schedule)
    if _may_run(turn, opened):
        opened = _run(turn, opened)
    if opened != schedule:
        turn.put(opened)
    if opened.next_at != schedule.next_at:
        _watch_opportunity(turn, opened)
    if live_job(turn, opened) is None and (_is_past(turn, opened) or (opened.begun and opened.next_at is None)):
        _complete(turn, turn.move_schedule(opened, "terminating"))


def _complete(turn: Turn, schedule: ScheduleState) -> None:
    turn.move_schedule(schedule, "completed", ended_at=turn.now.wire)
    auto_pools.retire(turn, schedule.pattern, auto_pools.SCHEDULE)


def _opened(turn: Turn, schedule: ScheduleState) -> ScheduleState:
    """The schedule with the opportunity that is open now, or the next one."""
    begin = schedule.timing.not_before
    if schedule.begun:
        return replace(schedule, next_at=_opportunity(schedule, turn.now.service))
    if begin is not None and turn.now.wire < begin:
        return schedule
    return replace(schedule, begun=True, next_at=turn.now.service)


def _opportunity(schedule: ScheduleState, now: float) -> float | None:
    """When the opportunity that is open now began, or when the next one will begin; None when there is none left."""
    at, interval = schedule.next_at, schedule.timing.interval
    if at is None or now < at:
        return at
    if interval is not None:
        at += (now - at) // interval * interval
        at = at + interval if now >= at + interval else at
    closes = _closes(schedule, at)
    if closes is None or now < closes:
        return at
    return None if interval is None else at + interval


def _closes(schedule: ScheduleState, at: float) -> float | None:
    """When the opportunity that begins at that moment is over."""
    spans = [span for span in (schedule.timing.window, schedule.timing.interval) if span is not None]
    return at + min(spans) if spans else None


def _run(turn: Turn, schedule: ScheduleState) -> ScheduleState:
    """Make the job that is due. It is there before its schedule's record, and may have completed already."""
    number, interval, at = schedule.runs + 1, schedule.timing.interval, schedule.next_at
    assert at is not None
    key, job_id = job_key(schedule, number), f"{schedule.id}:job-{number}"
    turn.derive(Derived(schedule.key, ("jobSpecification",), key, job_id))
    jobs.start(turn, replace(schedule.pattern, key=key, id=job_id))
    pattern = _in_its_pool(schedule.pattern, turn.world.jobs[key])
    next_at = None if interval is None else at + interval
    return replace(schedule, pattern=pattern, runs=number, last_at=at, next_at=next_at)


def _in_its_pool(pattern: JobState, job: JobState) -> JobState:
    """The pattern with the auto pool that the job has made for all jobs of the schedule, if they share one."""
    shared = pattern.auto_pool is not None and pattern.auto_pool.lifetime == auto_pools.SCHEDULE
    if shared and job.auto_pool is not None and job.auto_pool.lifetime == auto_pools.SCHEDULE:
        return replace(pattern, pool=job.pool, pool_id=job.pool_id)
    return pattern


def _may_run(turn: Turn, schedule: ScheduleState) -> bool:
    """Whether a job is due and neither its end, another job nor the account's quota is in the way."""
    due = schedule.next_at is not None and schedule.next_at <= turn.now.service
    room = capacity.room_for_job(turn.world, schedule.key.account, schedule.quota)
    return due and room and not _is_past(turn, schedule) and live_job(turn, schedule) is None


def _is_past(turn: Turn, schedule: ScheduleState) -> bool:
    """Whether doNotRunAfter is over."""
    return schedule.timing.not_after is not None and schedule.timing.not_after <= turn.now.wire


def _watch_opportunity(turn: Turn, schedule: ScheduleState) -> None:
    if schedule.next_at is None:
        return
    for moment in (schedule.next_at, _closes(schedule, schedule.next_at)):
        if moment is not None:
            turn.timers.at_service(moment, "schedule", schedule.key)
