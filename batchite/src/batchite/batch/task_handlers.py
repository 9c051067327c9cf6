"""Handlers of the task operations."""

from __future__ import annotations

from functools import partial

from batchite.batch import documents, jobs, multi_instance, statistics, tasks
from batchite.batch.answers import created, done, one
from batchite.batch.bodies import read_body
from batchite.batch.conditions import check_conditions
from batchite.batch.context import TASK, Context, stored, version
from batchite.batch.options import list_page
from batchite.batch.resources import SUBTASK as SUBTASKS
from batchite.batch.resources import TASK as TASKS
from batchite.batch.rules import without_nulls
from batchite.clock import wire_time
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
from batchite.scheduler.events import AddTasks, DeleteTask, ReactivateTask, TerminateTask
from batchite.scheduler.model import JobState, TaskState
from batchite.scheduler.tasks import check_id

MOST_TASKS = 100  # of one addtaskcollection request


async def create_task(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/tasks."""
    job = _job(context, request)
    account = context.accounts.find(request.account)
    known = context.applications
    body = read_body(request, lambda _, value: tasks.check_task(context.service, job, account, known, value, ()))
    state = tasks.new_state(job, body)
    event = AddTasks(job.key, (state,), request.cause)
    await context.service.apply(event, tasks.task_document(state, body))
    return created(tasks.task_url(job, state, request.base_url), version(context.service, TASK, state.key))


async def create_task_collection(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/addtaskcollection: each task succeeds or fails by itself, the answer keeps their order."""
    job = _job(context, request)
    value = read_body(request, documents.TASK_COLLECTION)["value"]
    if len(value) > MOST_TASKS:
        raise ServiceError("RequestBodyTooLarge", f"A request may hold {MOST_TASKS} tasks.")
    good, refused = _sorted_out(context, request, job, value)
    states = [tasks.new_state(job, body) for body in good.values()]
    written = [tasks.task_document(state, body) for state, body in zip(states, good.values(), strict=True)]
    await context.service.apply(AddTasks(job.key, tuple(states), request.cause), *written)
    added = {index: _added(context, request, job, state) for index, state in zip(good, states, strict=True)}
    results = [added[index] if index in added else refused[index] for index in range(len(value))]
    return Response(200, {"odata.metadata": f"{request.base_url}/$metadata#taskaddresult", "value": results})


async def list_tasks(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/tasks, in the order they were added."""
    job = _job(context, request)
    after = request.query_value("$skiptoken") or ""
    states = context.service.tasks_after(job.key, int(after) if after.isdecimal() else 0)
    rows = ((f"{state.sequence:016d}", partial(_render, context, request, job, state)) for state in states)
    return Response(200, list_page(request, TASKS, rows))


async def get_task(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/tasks/{taskId}."""
    job, state = _task(context, request)
    item = _render(context, request, job, state)
    return one(request, TASKS, item, version(context.service, TASK, state.key))


async def list_subtasks(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/tasks/{taskId}/subtasksinfo; empty for a task of one instance (documented)."""
    job, state = _task(context, request)
    shown = multi_instance.subtasks(state, job, request.base_url)
    rows = ((f"{item['id']:06d}", partial(dict[str, Json], item)) for item in shown)
    return Response(200, list_page(request, SUBTASKS, rows))


async def delete_task(context: Context, request: Request) -> Response:
    """DELETE /jobs/{jobId}/tasks/{taskId}; a running one goes once its processes are gone."""
    _, state = _checked(context, request)
    await context.service.apply(DeleteTask(state.key, request.cause))
    return done(200, request)


async def replace_task(context: Context, request: Request) -> Response:
    """PUT /jobs/{jobId}/tasks/{taskId}: only the constraints change; those that are absent get their defaults."""
    job, state = _checked(context, request)
    body = read_body(request, documents.TASK_PUT)
    event = tasks.replacement(job, state, body, request.cause)
    document = {
        name: value for name, value in stored(context.service, TASK, state.key).items() if name != "constraints"
    }
    constraints = {"constraints": body["constraints"]} if "constraints" in body else {}
    await context.service.apply(event, tasks.task_document(state, document | constraints))
    return done(200, request, version(context.service, TASK, state.key))


async def reactivate_task(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/tasks/{taskId}/reactivate: active again, or on its way, when this answers."""
    _, state = _checked(context, request)
    await context.service.apply(ReactivateTask(state.key, request.cause))
    return done(204, request, version(context.service, TASK, state.key))


async def terminate_task(context: Context, request: Request) -> Response:
    """POST /jobs/{jobId}/tasks/{taskId}/terminate."""
    _, state = _checked(context, request)
    await context.service.apply(TerminateTask(state.key, request.cause))
    return done(204, request, version(context.service, TASK, state.key))


def _sorted_out(
    context: Context, request: Request, job: JobState, value: list[Json]
) -> tuple[dict[int, dict[str, Json]], dict[int, dict[str, Json]]]:
    """The tasks that can be added, and the answers for the others, both by position."""
    account, known = context.accounts.find(request.account), context.service.tasks_of(job.key)
    fresh: set[str] = set()  # apart: a job may have very many tasks, and a copy of their ids would cost too much
    good: dict[int, dict[str, Json]] = {}
    refused: dict[int, dict[str, Json]] = {}
    for index, body in enumerate(value):
        try:
            tasks.check_task(context.service, job, account, context.applications, body, known)
            check_id(job, body["id"].lower(), fresh)
        except ServiceError as error:
            refused[index] = _refused(request, body, error)
        else:
            fresh.add(body["id"].lower())
            good[index] = without_nulls(body)
    return good, refused


def _added(context: Context, request: Request, job: JobState, state: TaskState) -> dict[str, Json]:
    etag, modified = version(context.service, TASK, state.key)
    url = tasks.task_url(job, state, request.base_url)
    return {
        "status": "success",
        "taskId": state.id,
        "eTag": etag,
        "lastModified": wire_time(modified),
        "location": url,
    }


def _refused(request: Request, body: Json, error: ServiceError) -> dict[str, Json]:
    """The answer for one task. The status is in lower case: clients take any other spelling as success."""
    text = f"{error.text}\nRequestId:{request.request_id}"
    found: dict[str, Json] = {"code": error.code, "message": {"lang": "en-US", "value": text}}
    if error.values:
        found["values"] = [{"key": key, "value": value} for key, value in error.values.items()]
    task_id = body.get("id") if isinstance(body, dict) else None
    return {"status": "clienterror", "taskId": task_id if isinstance(task_id, str) else "", "error": found}


def _render(context: Context, request: Request, job: JobState, state: TaskState) -> dict[str, Json]:
    item = tasks.render_task(context.service, job, state, request.base_url)
    return statistics.with_task(request, item, state)


def _job(context: Context, request: Request) -> JobState:
    return jobs.existing(context.service, request.account, request.params["jobId"])


def _task(context: Context, request: Request) -> tuple[JobState, TaskState]:
    job = _job(context, request)
    return job, tasks.existing(context.service, job, request.params["taskId"])


def _checked(context: Context, request: Request) -> tuple[JobState, TaskState]:
    """The task and its job, once the conditional headers fit the task."""
    job, state = _task(context, request)
    check_conditions(request, *version(context.service, TASK, state.key))
    return job, state
