"""Tasks: from documents to the core's records."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from batchite.batch import documents, render
from batchite.batch.accounts import BatchAccount
from batchite.batch.applications import ApplicationDirectory, check_references
from batchite.batch.context import POOL, TASK, document_key, stored
from batchite.batch.durations import parse_duration
from batchite.batch.exit_conditions import check_exits, rules
from batchite.batch.job_tasks import MANAGER_ONLY
from batchite.batch.rules import refuse
from batchite.batch.user_accounts import check_user
from batchite.errors import ServiceError, refused_property
from batchite.http.types import Json
from batchite.scheduler.events import UpdateTask
from batchite.scheduler.model import JobKey, JobState, TaskKey, TaskState
from batchite.scheduler.tasks import check_id
from batchite.service import BatchService, Document

_LONGEST_LIST = 64_000  # characters of all task ids in dependsOn.taskIds


def existing(service: BatchService, job: JobState, task_id: str) -> TaskState:
    """The task's record. Raises TaskNotFound."""
    found = service.tasks_of(job.key).get(task_id.lower())
    if found is None:
        raise ServiceError("TaskNotFound")
    return found


def check_task(
    service: BatchService,
    job: JobState,
    account: BatchAccount | None,
    applications: ApplicationDirectory,
    body: Json,
    known: Container[str],
) -> None:
    """Raise a 400 or 501 unless the document is a task this job can take, TaskExists for an id in `known`."""
    documents.TASK("", body)
    check_id(job, body["id"].lower(), known)
    _check_dependencies(job, body.get("dependsOn") or {})
    if body.get("multiInstanceSettings") and body.get("containerSettings"):
        raise refused_property(
            "containerSettings", "the instances of a multi-instance task run without containers here"
        )
    check_exits(job, body.get("exitConditions") or {})
    _check_instances(body)
    if job.pool in service.pools:  # a pool that comes later cannot be asked what it has
        check_work(stored(service, POOL, job.pool), account, body)
    check_references(applications, job.key.account, body.get("applicationPackageReferences") or ())


def check_work(
    pool_document: Mapping[str, Json], account: BatchAccount | None, body: Mapping[str, Json], prefix: str = ""
) -> None:
    """Raise a 400 unless the pool has the user and the identities that a task names. `prefix`: where in a document."""
    check_user(f"{prefix}userIdentity", body.get("userIdentity"), pool_document)
    _check_storage(body, account, identities(pool_document), prefix)


def new_state(job: JobState, body: Mapping[str, Json]) -> TaskState:
    """The core's view of a new task. A task without a retry count of its own gets the job's (documented)."""
    depends, limits = body.get("dependsOn", {}), body.get("constraints", {})
    return TaskState(
        key=TaskKey(*job.key, body["id"].lower()),
        id=body["id"],
        created_at=0.0,
        state="active",
        state_at=0.0,
        sequence=0,
        slots=body.get("requiredSlots", 1),
        max_retries=limits.get("maxTaskRetryCount", job.max_retries),
        retention=parse_duration(limits.get("retentionTime", render.TASK_RETENTION)),
        depends_on=tuple(name.lower() for name in depends.get("taskIds", ())),
        depends_on_ranges=tuple((item["start"], item["end"]) for item in depends.get("taskIdRanges", ())),
        exits=rules(body.get("exitConditions")),
        instances=render.instances(body),
        affinity=render.affine_node(body.get("affinityInfo", {}).get("affinityId", "")),
    )


def replacement(job: JobState, state: TaskState, body: Mapping[str, Json], cause: str) -> UpdateTask:
    """The event of a PUT, by the rules of a new task."""
    limits = body.get("constraints", {})
    retries = limits.get("maxTaskRetryCount", job.max_retries)
    return UpdateTask(state.key, retries, parse_duration(limits.get("retentionTime", render.TASK_RETENTION)), cause)


def task_document(state: TaskState, body: dict[str, Json]) -> Document:
    """The document to store with a task."""
    return Document(TASK, document_key(state.key), body)


def render_task(service: BatchService, job: JobState, state: TaskState, base_url: str) -> dict[str, Json]:
    """A task in the data plane's shape."""
    stored_document, etag = service.versioned(TASK, document_key(state.key)) or ({}, ("", 0.0))
    document = {k: v for k, v in stored_document.items() if k not in MANAGER_ONLY}
    item = render.task(document, state, etag)
    return item | {"url": task_url(job, state, base_url)} | render.node_info(state, job, base_url)


def task_url(job: JobState, state: TaskState, base_url: str) -> str:
    """The URL of a task, its ids as the client spelled them."""
    return f"{base_url}/jobs/{job.id}/tasks/{state.id}"


def identities(pool_document: Mapping[str, Json]) -> dict[str, str]:
    """Client ids of the pool's identities by lower-case resource id."""
    listed: Iterable[Mapping[str, Json]] = (pool_document.get("identity") or {}).get("userAssignedIdentities") or ()
    return {item["resourceId"].lower(): item.get("clientId") or "" for item in listed}


def job_key(key: TaskKey) -> JobKey:
    """The key of a task's job."""
    return JobKey(key.account, key.job)


def _check_dependencies(job: JobState, depends: Mapping[str, Json]) -> None:
    ids, ranges = depends.get("taskIds") or [], depends.get("taskIdRanges") or []
    if (ids or ranges) and not job.uses_dependencies:
        raise ServiceError("TaskDependenciesNotSpecifiedOnJob")
    if sum(map(len, ids)) > _LONGEST_LIST:
        raise ServiceError("TaskDependencyListTooLong")
    for index, item in enumerate(ranges):
        if item["start"] > item["end"]:
            raise refuse(f"dependsOn.taskIdRanges[{index}]", item, "start must not be greater than end.")


def _check_instances(body: Mapping[str, Json]) -> None:
    """A multi-instance task takes whole nodes (documented). Where its pool does not suit it, it stays active."""
    if body.get("multiInstanceSettings") and (body.get("requiredSlots") or 1) != 1:
        raise refuse("requiredSlots", body["requiredSlots"], "A multi-instance task must have requiredSlots 1.")


def _check_storage(
    body: Mapping[str, Json], account: BatchAccount | None, known: Mapping[str, str], prefix: str
) -> None:
    """Identities must be the pool's, and auto-storage needs a linked account."""
    common = (body.get("multiInstanceSettings") or {}).get("commonResourceFiles") or ()
    listed = [(f"resourceFiles[{index}]", item) for index, item in enumerate(body.get("resourceFiles") or ())]
    listed += [(f"multiInstanceSettings.commonResourceFiles[{index}]", item) for index, item in enumerate(common)]
    for where, item in listed:
        name = f"{prefix}{where}"
        _check_identity(f"{name}.identityReference.resourceId", item.get("identityReference"), known)
        container = item.get("autoStorageContainerName")
        if container and not (account and account.auto_storage_url):
            raise refuse(f"{name}.autoStorageContainerName", container, "The account has no auto-storage account.")
    for index, item in enumerate(body.get("outputFiles") or ()):
        name = f"{prefix}outputFiles[{index}].destination.container.identityReference.resourceId"
        _check_identity(name, item["destination"]["container"].get("identityReference"), known)


def _check_identity(name: str, reference: Mapping[str, Json] | None, known: Mapping[str, str]) -> None:
    if reference and reference["resourceId"].lower() not in known:
        raise refuse(name, reference["resourceId"], "The pool does not have this identity.")
