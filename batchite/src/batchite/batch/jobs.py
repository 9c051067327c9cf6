"""Jobs: from documents to events."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch import job_tasks, render, statistics
from batchite.batch.context import JOB, stored, version
from batchite.batch.durations import INFINITE, limit, parse_duration
from batchite.batch.rules import refuse
from batchite.errors import ServiceError
from batchite.http.types import Json, Request
from batchite.scheduler.events import UpdateJob
from batchite.scheduler.model import AutoPool, JobKey, JobState, PoolKey
from batchite.service import BatchService

CHANGEABLE = (
    "priority",
    "maxParallelTasks",
    "constraints",
    "onAllTasksComplete",
    "metadata",
    "allowTaskPreemption",
    "poolInfo",
    "networkConfiguration",
)


def existing(service: BatchService, account: str, job_id: str) -> JobState:
    """The job's record. Raises JobNotFound."""
    found = service.jobs.get(JobKey(account, job_id.lower()))
    if found is None:
        raise ServiceError("JobNotFound")
    return found


def new_state(account: str, body: Mapping[str, Json], pool_id: str, auto_pool: AutoPool | None = None) -> JobState:
    """The core's view of a new job; the core fills in the times and the order."""
    limits = body.get("constraints", {})
    return JobState(
        key=JobKey(account, body["id"].lower()),
        id=body["id"],
        pool=PoolKey(account, pool_id.lower()),
        pool_id=pool_id,
        created_at=0.0,
        state="active",
        state_at=0.0,
        priority=body.get("priority", 0),
        max_parallel=body.get("maxParallelTasks", -1),
        preemptible=body.get("allowTaskPreemption", False),
        uses_dependencies=body.get("usesTaskDependencies", False),
        on_all_complete=body.get("onAllTasksComplete", "noaction"),
        on_task_failure=body.get("onTaskFailure", "noaction"),
        max_wall_clock=limit(limits.get("maxWallClockTime")),
        max_retries=limits.get("maxTaskRetryCount", 0),
        preparation=job_tasks.preparation(body),
        release=job_tasks.release(body),
        manager=job_tasks.manager(account, body, limits.get("maxTaskRetryCount", 0)),
        auto_pool=auto_pool,
    )


def check_completion(state: JobState, body: Mapping[str, Json]) -> None:
    """Raise a 400 when a job that ends with its tasks would no longer do so. Source: REST reference, Job - Update."""
    if state.on_all_complete == "terminatejob" and body.get("onAllTasksComplete") == "noaction":
        raise refuse("onAllTasksComplete", "noaction", "Once it is terminatejob it cannot be changed.")


def changes(key: JobKey, body: Mapping[str, Json], cause: str) -> UpdateJob:
    """The event of a PATCH: what is absent stays; given constraints are replaced as a whole (documented)."""
    limits, info = body.get("constraints"), body.get("poolInfo", {})
    pool = info.get("poolId")
    return UpdateJob(
        key,
        priority=body.get("priority"),
        max_parallel=body.get("maxParallelTasks"),
        preemptible=body.get("allowTaskPreemption"),
        on_all_complete=body.get("onAllTasksComplete"),
        max_wall_clock=None if limits is None else _wall_clock(limits),
        max_retries=None if limits is None else limits.get("maxTaskRetryCount", 0),
        pool=PoolKey(key.account, pool.lower()) if pool else None,
        pool_id=pool or "",
        keep_alive=info.get("autoPoolSpecification", {}).get("keepAlive"),
        cause=cause,
    )


def replacement(key: JobKey, body: Mapping[str, Json], cause: str) -> UpdateJob:
    """The event of a PUT: what is absent gets its default."""
    defaults = {
        "priority": 0,
        "maxParallelTasks": -1,
        "allowTaskPreemption": False,
        "onAllTasksComplete": "noaction",
        "constraints": {},
    }
    return changes(key, {**defaults, **body}, cause)


def render_job(service: BatchService, request: Request, state: JobState) -> dict[str, Json]:
    """A job in the data plane's shape."""
    item = render.job(stored(service, JOB, state.key), state, version(service, JOB, state.key))
    return statistics.with_job(request, item | {"url": f"{request.base_url}/jobs/{state.id}"}, service, state)


def _wall_clock(limits: Mapping[str, Json]) -> float:
    text = limits.get("maxWallClockTime")
    return INFINITE if text is None else parse_duration(text)
