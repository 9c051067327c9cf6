"""Handlers of the job operations."""

from __future__ import annotations

from functools import partial

from batchite.batch import auto_pools, documents, job_tasks, jobs, pools
from batchite.batch.answers import address, created, done, one
from batchite.batch.bodies import read_body
from batchite.batch.conditions import check_conditions
from batchite.batch.context import JOB, Context, document_key, job_quota, stored, version
from batchite.batch.job_task_status import status
from batchite.batch.options import flag, list_page
from batchite.batch.own_tasks import check_own_tasks
from batchite.batch.resources import JOB as JOBS
from batchite.batch.resources import JOB_NODES
from batchite.batch.versions import task_counts
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
from batchite.scheduler.events import CreateJob, DeleteJob, DisableJob, EnableJob, TerminateJob
from batchite.scheduler.model import JobState, PoolKey
from batchite.service import Document

DEFAULT_REASON = "UserTerminate"


async def create_job(context: Context, request: Request) -> Response:
    """POST /jobs."""
    body = job_tasks.with_manager_limits(read_body(request, documents.JOB))
    info = body["poolInfo"]
    auto_pool = auto_pools.auto_pool(context, request.account, info, of_schedule=False)
    account = context.accounts.find(request.account)
    check_own_tasks(
        body, auto_pools.pool_document(context.service, request.account, info), account, context.applications
    )
    pool = context.service.pools.get(pools.pool_key(request.account, auto_pools.pool_id(info)))
    state = jobs.new_state(request.account, body, pool.id if pool else auto_pools.pool_id(info), auto_pool)
    document = Document(JOB, document_key(state.key), {**body, "poolInfo": auto_pools.stored_form(info)})
    await context.service.apply(CreateJob(state, request.cause, job_quota(context, request.account)), document)
    return created(address(request, "jobs", state.id), version(context.service, JOB, state.key))


async def list_jobs(context: Context, request: Request) -> Response:
    """GET /jobs, in the order of their ids."""
    states = sorted(
        (state for key, state in context.service.jobs.items() if key.account == request.account),
        key=lambda state: state.key,
    )
    rows = ((state.key.job, partial(jobs.render_job, context.service, request, state)) for state in states)
    return Response(200, list_page(request, JOBS, rows))


async def get_job(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}."""
    state = _job(context, request)
    item = jobs.render_job(context.service, request, state)
    return one(request, JOBS, item, version(context.service, JOB, state.key))


async def update_job(context: Context, request: Request) -> Response:
    """PATCH /jobs/{jobId}: what is absent or null stays."""
    state = _checked(context, request)
    body = read_body(request, documents.JOB_PATCH)
    jobs.check_completion(state, body)
    event = jobs.changes(state.key, body, request.cause)
    await context.service.apply(event, _document(context, state, body))
    return _done(context, request, state, 200)


async def replace_job(context: Context, request: Request) -> Response:
    """PUT /jobs/{jobId}: what is absent gets its default; what cannot change is ignored, as clients send it back."""
    state = _checked(context, request)
    body = read_body(request, documents.JOB_PUT)
    jobs.check_completion(state, {"onAllTasksComplete": "noaction", **body})
    event = jobs.replacement(state.key, body, request.cause)
    await context.service.apply(event, _document(context, state, {"metadata": None, **body}))
    return _done(context, request, state, 200)


async def delete_job(context: Context, request: Request) -> Response:
    """DELETE /jobs/{jobId}: deleting when this answers, or gone."""
    state = _checked(context, request)
    await context.service.apply(DeleteJob(state.key, request.cause, flag(request, "force")))
    return done(202, request)


async def disable_job(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/disable: disabling when this answers, or disabled."""
    state = _checked(context, request)
    option = read_body(request, documents.JOB_DISABLE)["disableTasks"]
    await context.service.apply(DisableJob(state.key, option, request.cause))
    return _done(context, request, state, 202)


async def enable_job(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/enable: active again when this answers."""
    state = _checked(context, request)
    await context.service.apply(EnableJob(state.key, request.cause))
    return _done(context, request, state, 202)


async def terminate_job(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/terminate: terminating when this answers, or completed."""
    state = _checked(context, request)
    body = read_body(request, documents.JOB_TERMINATE, optional=True)
    reason = body.get("terminateReason", DEFAULT_REASON)
    await context.service.apply(TerminateJob(state.key, reason, request.cause, flag(request, "force")))
    return _done(context, request, state, 202)


async def list_job_preparation_and_release_task_status(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/jobpreparationandreleasetaskstatus: one row for each node, also for those that have gone."""
    state = _job(context, request)
    if state.preparation is None:
        raise ServiceError("JobPreparationTaskNotSpecified")
    rows = (
        (entry.node.node, partial(status, state, entry, _pool_id(context, state, entry.node.pool), request.base_url))
        for entry in sorted(state.on_nodes, key=lambda entry: entry.node.node)
    )
    return Response(200, list_page(request, JOB_NODES, rows))


async def get_job_task_counts(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/taskcounts."""
    state = _job(context, request)
    tasks, slots = context.service.task_counts(state.key)
    counts = task_counts(request, {"taskCounts": tasks, "taskSlotCounts": slots})
    return Response(200, {"odata.metadata": f"{request.base_url}/$metadata#taskcountsresult/@Element", **counts})


def _pool_id(context: Context, job: JobState, pool: str) -> str:
    """The pool's id as the client spelled it; that of a pool that has gone in lower case."""
    if pool == job.pool.pool:
        return job.pool_id
    found = context.service.pools.get(PoolKey(job.key.account, pool))
    return found.id if found else pool


def _job(context: Context, request: Request) -> JobState:
    return jobs.existing(context.service, request.account, request.params["jobId"])


def _checked(context: Context, request: Request) -> JobState:
    """The job, once the conditional headers fit it."""
    state = _job(context, request)
    check_conditions(request, *version(context.service, JOB, state.key))
    return state


def _document(context: Context, state: JobState, body: dict[str, Json]) -> Document:
    """The stored document with the changed properties; a None removes one."""
    changed = {name: value for name, value in body.items() if name in jobs.CHANGEABLE}
    present = stored(context.service, JOB, state.key)
    if "poolInfo" in changed:
        changed["poolInfo"] = auto_pools.changed(present["poolInfo"], changed["poolInfo"])
    merged = present | changed
    return Document(JOB, document_key(state.key), {name: value for name, value in merged.items() if value is not None})


def _done(context: Context, request: Request, state: JobState, status: int) -> Response:
    return done(status, request, version(context.service, JOB, state.key))
