"""Job schedules: from documents to events, and back to what the service shows."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch import auto_pools, jobs, render, statistics
from batchite.batch.context import SCHEDULE, stored, version
from batchite.batch.durations import limit, parse_time
from batchite.errors import ServiceError
from batchite.http.types import Json, Request
from batchite.scheduler.events import UpdateSchedule
from batchite.scheduler.model import AutoPool, JobState, ScheduleKey, ScheduleState, Timing
from batchite.service import BatchService

CHANGEABLE = ("schedule", "jobSpecification", "metadata")


def existing(service: BatchService, account: str, schedule_id: str) -> ScheduleState:
    """The schedule's record. Raises JobScheduleNotFound."""
    found = service.schedules.get(ScheduleKey(account, schedule_id.lower()))
    if found is None:
        raise ServiceError("JobScheduleNotFound")
    return found


def new_state(account: str, body: Mapping[str, Json], quota: int | None, auto_pool: AutoPool | None) -> ScheduleState:
    """The core's view of a new schedule; the core fills in the times."""
    return ScheduleState(
        key=ScheduleKey(account, body["id"].lower()),
        id=body["id"],
        created_at=0.0,
        state="active",
        state_at=0.0,
        pattern=_pattern(account, body["jobSpecification"], auto_pool),
        timing=_timing(body["schedule"]),
        quota=quota,
    )


def changes(key: ScheduleKey, body: Mapping[str, Json], auto_pool: AutoPool | None, cause: str) -> UpdateSchedule:
    """The event of a PATCH or PUT: what is given is replaced as a whole, what is absent stays (documented)."""
    specification, times = body.get("jobSpecification"), body.get("schedule")
    return UpdateSchedule(
        key,
        timing=None if times is None else _timing(times),
        pattern=None if specification is None else _pattern(key.account, specification, auto_pool),
        cause=cause,
    )


def render_schedule(service: BatchService, request: Request, state: ScheduleState) -> dict[str, Json]:
    """A schedule in the data plane's shape."""
    document, etag = stored(service, SCHEDULE, state.key), version(service, SCHEDULE, state.key)
    item = render.schedule(document, state, etag, _next_run(service, state), request.base_url)
    item |= {"url": f"{request.base_url}/jobschedules/{state.id}"}
    return statistics.with_schedule(request, item, service, state)


def _pattern(account: str, specification: Mapping[str, Json], auto_pool: AutoPool | None) -> JobState:
    """What the jobs are like. A job may be due before its pool exists; its tasks then wait for it (documented)."""
    pool_id = auto_pools.pool_id(specification["poolInfo"])
    return jobs.new_state(account, {**specification, "id": ""}, pool_id, auto_pool)


def _timing(times: Mapping[str, Json]) -> Timing:
    return Timing(
        not_before=_moment(times.get("doNotRunUntil")),
        not_after=_moment(times.get("doNotRunAfter")),
        window=limit(times.get("startWindow")),
        interval=limit(times.get("recurrenceInterval")),
    )


def _moment(text: str | None) -> float | None:
    return None if text is None else parse_time(text)


def _next_run(service: BatchService, state: ScheduleState) -> float | None:
    """When the next job is due, in real time; a schedule at its end has none."""
    if state.state not in ("active", "disabled"):
        return None
    if not state.begun:
        return state.timing.not_before
    return None if state.next_at is None else service.clock.real_time(state.next_at, service.now())
