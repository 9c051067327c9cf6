"""Handlers of the job schedule operations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from batchite.batch import auto_pools, jobs, schedule_rules, schedules
from batchite.batch.answers import address, created, done, one
from batchite.batch.bodies import read_body
from batchite.batch.conditions import check_conditions
from batchite.batch.context import SCHEDULE, Context, document_key, job_quota, stored, version
from batchite.batch.options import flag, list_page
from batchite.batch.own_tasks import check_own_tasks
from batchite.batch.resources import JOB as JOBS
from batchite.batch.resources import SCHEDULE as SCHEDULES
from batchite.http.types import Json, Request, Response
from batchite.scheduler.events import (
    CreateSchedule,
    DeleteSchedule,
    DisableSchedule,
    EnableSchedule,
    TerminateSchedule,
)
from batchite.scheduler.model import AutoPool, ScheduleState
from batchite.service import Document


async def create_job_schedule(context: Context, request: Request) -> Response:
    """POST /jobschedules."""
    body = read_body(request, schedule_rules.SCHEDULE)
    _check_own_tasks(context, request.account, body["jobSpecification"])
    auto_pool, body = _with_auto_pool(context, request, body)
    state = schedules.new_state(request.account, body, job_quota(context, request.account), auto_pool)
    document = Document(SCHEDULE, document_key(state.key), body)
    await context.service.apply(CreateSchedule(state, request.cause), document)
    return created(address(request, "jobschedules", state.id), version(context.service, SCHEDULE, state.key))


async def list_job_schedules(context: Context, request: Request) -> Response:
    """GET /jobschedules, in the order of their ids."""
    states = sorted(
        (state for key, state in context.service.schedules.items() if key.account == request.account),
        key=lambda state: state.key,
    )
    rows = (
        (state.key.schedule, partial(schedules.render_schedule, context.service, request, state)) for state in states
    )
    return Response(200, list_page(request, SCHEDULES, rows))


async def get_job_schedule(context: Context, request: Request) -> Response:
    """GET /jobschedules/{jobScheduleId}."""
    state = _schedule(context, request)
    item = schedules.render_schedule(context.service, request, state)
    return one(request, SCHEDULES, item, version(context.service, SCHEDULE, state.key))


async def job_schedule_exists(context: Context, request: Request) -> Response:
    """HEAD /jobschedules/{jobScheduleId}."""
    return _done(context, request, _checked(context, request), 200)


async def update_job_schedule(context: Context, request: Request) -> Response:
    """PATCH /jobschedules/{jobScheduleId}: what is absent or null stays."""
    state = _checked(context, request)
    return await _change(context, request, state, read_body(request, schedule_rules.SCHEDULE_PATCH))


async def replace_job_schedule(context: Context, request: Request) -> Response:
    """PUT /jobschedules/{jobScheduleId}: without a schedule it is one job, as soon as possible (documented)."""
    state = _checked(context, request)
    body = {"schedule": {}, "metadata": None, **read_body(request, schedule_rules.SCHEDULE_PUT)}
    return await _change(context, request, state, body)


async def disable_job_schedule(context: Context, request: Request) -> Response:
    """POST /jobschedules/{jobScheduleId}/disable."""
    state = _checked(context, request)
    await context.service.apply(DisableSchedule(state.key, request.cause))
    return _done(context, request, state, 204)


async def enable_job_schedule(context: Context, request: Request) -> Response:
    """POST /jobschedules/{jobScheduleId}/enable."""
    state = _checked(context, request)
    await context.service.apply(EnableSchedule(state.key, request.cause))
    return _done(context, request, state, 204)


async def terminate_job_schedule(context: Context, request: Request) -> Response:
    """POST /jobschedules/{jobScheduleId}/terminate: terminating when this answers, or completed."""
    state = _checked(context, request)
    await context.service.apply(TerminateSchedule(state.key, request.cause, flag(request, "force")))
    return _done(context, request, state, 202)


async def delete_job_schedule(context: Context, request: Request) -> Response:
    """DELETE /jobschedules/{jobScheduleId}: deleting when this answers, or gone."""
    state = _checked(context, request)
    await context.service.apply(DeleteSchedule(state.key, request.cause, flag(request, "force")))
    return done(202, request)


async def list_jobs_from_schedule(context: Context, request: Request) -> Response:
    """GET /jobschedules/{jobScheduleId}/jobs, in the order of their ids."""
    found = context.service.jobs_from(_schedule(context, request).key)
    rows = (
        (state.key.job, partial(jobs.render_job, context.service, request, state))
        for state in sorted(found, key=lambda state: state.key)
    )
    return Response(200, list_page(request, JOBS, rows))


def _check_own_tasks(context: Context, account: str, specification: Mapping[str, Json]) -> None:
    """The tasks that each job brings with it."""
    pool_document = auto_pools.pool_document(context.service, account, specification["poolInfo"])
    check_own_tasks(specification, pool_document, context.accounts.find(account), context.applications)


async def _change(context: Context, request: Request, state: ScheduleState, body: dict[str, Json]) -> Response:
    if "jobSpecification" in body:
        _check_own_tasks(context, request.account, body["jobSpecification"])
    changed = {name: value for name, value in body.items() if name in schedules.CHANGEABLE}
    auto_pool, changed = _with_auto_pool(context, request, changed)
    merged = stored(context.service, SCHEDULE, state.key) | changed
    document = {name: value for name, value in merged.items() if value is not None}
    event = schedules.changes(state.key, changed, auto_pool, request.cause)
    await context.service.apply(event, Document(SCHEDULE, document_key(state.key), document))
    return _done(context, request, state, 200)


def _with_auto_pool(
    context: Context, request: Request, body: dict[str, Json]
) -> tuple[AutoPool | None, dict[str, Json]]:
    """The auto pool that the body's job specification asks for, and the body as it is kept."""
    specification = body.get("jobSpecification")
    if specification is None:
        return None, body
    info = specification["poolInfo"]
    kept = {**specification, "poolInfo": auto_pools.stored_form(info)}
    auto_pool = auto_pools.auto_pool(context, request.account, info, of_schedule=True)
    return auto_pool, {**body, "jobSpecification": kept}


def _schedule(context: Context, request: Request) -> ScheduleState:
    return schedules.existing(context.service, request.account, request.params["jobScheduleId"])


def _checked(context: Context, request: Request) -> ScheduleState:
    """The schedule, once the conditional headers fit it."""
    state = _schedule(context, request)
    check_conditions(request, *version(context.service, SCHEDULE, state.key))
    return state


def _done(context: Context, request: Request, state: ScheduleState, status: int) -> Response:
    return done(status, request, version(context.service, SCHEDULE, state.key))
