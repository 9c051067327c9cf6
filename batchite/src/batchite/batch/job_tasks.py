"""What a job brings with it: its preparation, release and job manager task.

Source: REST reference, JobPreparationTask, JobReleaseTask, JobManagerTask. The directories of the first two stay until
the node or the job goes; their retention time is a minimum.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.durations import format_duration, parse_duration
from batchite.batch.rules import refuse
from batchite.http.types import Json
from batchite.scheduler.model import JobPreparation, TaskKey, TaskState

PREPARATION, RELEASE, MANAGER = "jobPreparationTask", "jobReleaseTask", "jobManagerTask"
PROPERTIES = {"preparation": PREPARATION, "release": RELEASE}
MANAGER_ONLY = frozenset({"killJobOnCompletion", "runExclusive", "allowLowPriorityNode"})
RETENTION = "P7D"
_LIMITS = {"maxWallClockTime": format_duration(None), "retentionTime": RETENTION, "maxTaskRetryCount": 0}
AUTO_USER = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}
_DEFAULTS: Mapping[str, Mapping[str, Json]] = {
    PREPARATION: {"id": "jobpreparation", "waitForSuccess": True, "rerunOnNodeRebootAfterSuccess": True},
    RELEASE: {"id": "jobrelease", "maxWallClockTime": "PT15M", "retentionTime": RETENTION},
    MANAGER: {
        "requiredSlots": 1,
        "userIdentity": AUTO_USER,
        "killJobOnCompletion": True,
        "runExclusive": True,
        "allowLowPriorityNode": True,
    },
}


def shown(document: Mapping[str, Json]) -> dict[str, Json]:
    """Those of the job's own tasks that it has, with their defaults."""
    found: dict[str, Json] = {}
    for name, defaults in _DEFAULTS.items():
        if name in document:
            limits = {} if name == RELEASE else {"constraints": _LIMITS | document[name].get("constraints", {})}
            found[name] = {**defaults, **document[name], **limits}
    return found


def with_manager_limits(body: dict[str, Json]) -> dict[str, Json]:
    """A new job's document, its manager with the retries that the job has now: recordings show that it keeps them."""
    if MANAGER not in body or "maxTaskRetryCount" in body[MANAGER].get("constraints", {}):
        return body
    retries = {"maxTaskRetryCount": body.get("constraints", {}).get("maxTaskRetryCount", 0)}
    return body | {MANAGER: body[MANAGER] | {"constraints": body[MANAGER].get("constraints", {}) | retries}}


def check_own_tasks(body: Mapping[str, Json]) -> None:
    """Raise a 400 for a release without a preparation, or ids that are not different."""
    if RELEASE in body and PREPARATION not in body:
        raise refuse(RELEASE, {}, "A job release task needs a job preparation task.")
    known: dict[str, str] = {}
    for name, task in shown(body).items():
        if task["id"].lower() in known:
            raise refuse(f"{name}.id", task["id"], f"{known[task['id'].lower()]} has this id.")
        known[task["id"].lower()] = name


def preparation(body: Mapping[str, Json]) -> JobPreparation | None:
    """The core's view of the preparation task."""
    task = shown(body).get(PREPARATION)
    if task is None:
        return None
    retries = task["constraints"]["maxTaskRetryCount"]
    return JobPreparation(task["id"].lower(), task["waitForSuccess"], retries, task["rerunOnNodeRebootAfterSuccess"])


def release(body: Mapping[str, Json]) -> str:
    """The id of the release task in lower case, or empty."""
    task: Mapping[str, Json] | None = shown(body).get(RELEASE)
    return "" if task is None else str(task["id"]).lower()


def manager(account: str, body: Mapping[str, Json], job_retries: int) -> TaskState | None:
    """The job manager task as a task of a job that has no id yet."""
    task = shown(body).get(MANAGER)
    if task is None:
        return None
    return TaskState(
        key=TaskKey(account, "", task["id"].lower()),
        id=task["id"],
        created_at=0.0,
        state="active",
        state_at=0.0,
        sequence=0,
        slots=task["requiredSlots"],
        max_retries=body[MANAGER].get("constraints", {}).get("maxTaskRetryCount", job_retries),
        retention=parse_duration(task["constraints"]["retentionTime"]),
        kills_job=task["killJobOnCompletion"],
        exclusive=task["runExclusive"],
        dedicated=not task["allowLowPriorityNode"],
    )
