"""From documents and facts to what the agent runs. Pure.

Environment, from weak to strong: the node's own (path, identity, CA), the job's common settings, the task's, and the
documented `AZ_BATCH_*` variables, which nobody can override. AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES is not
set: nothing is reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchite.agent.launch import Container, Launch, OutputFile, ResourceFile, task_directory
from batchite.batch import job_tasks, start_tasks
from batchite.batch.containers import Place, container, settings_missing
from batchite.batch.durations import limit
from batchite.batch.images import is_windows
from batchite.batch.tasks import identities
from batchite.batch.user_accounts import is_admin
from batchite.http.types import Json
from batchite.scheduler.model import Detail, Failure, JobState, NodeState, PoolState, TaskKey, TaskState

STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a launch needs to know of its node. `environment` is the node's own: PATH, identity, CA."""

    state: NodeState
    pool: PoolState
    pool_document: Mapping[str, Json]
    root: Path
    account_url: str
    auto_storage_url: str = ""
    auto_storage_identity: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: str = ""
    allow_host_changes: bool = False


def refusal(pool_document: Mapping[str, Json]) -> Failure | None:
    """Why no node of this pool can be had on this machine: an image of another operating system."""
    machine = pool_document.get("virtualMachineConfiguration", {})
    agent = machine.get("nodeAgentSKUId", "")
    if not is_windows(machine):
        return None
    text = "Windows images cannot run here: tasks run as processes of this machine. Use a Linux image."
    return Failure("usererror", "UnsupportedImage", text, (Detail("nodeAgentSKUId", agent),))


def identity_environment(metadata_url: str, client_id: str, ca_bundle: Path | None) -> dict[str, str]:
    """The node's own variables: where tokens come from, the pool's first identity, whom to trust.

    `metadata_url` keeps the instance metadata path below it (AZURE_POD_IDENTITY_AUTHORITY_HOST of azure-identity).
    """
    found = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": metadata_url, "AZURE_CLIENT_ID": client_id} if client_id else {}
    if ca_bundle is not None:
        found |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(ca_bundle))
    return found


def host_changes(*, allowed: bool) -> dict[str, str]:
    """Tells scripts that need root that they must not try, also where tasks run as root for want of another user."""
    return {} if allowed else {"BATCHITE_HOST_CHANGES": "refused"}


def task_launch(
    facts: NodeFacts, job: JobState, job_document: Mapping[str, Json], task: TaskState, document: Mapping[str, Json]
) -> Launch:
    """The present attempt of a task."""
    made = _launch(facts, task_directory(task.key), document, _common(job_document), _task(facts, job, task))
    wall_clock = limit(document.get("constraints", {}).get("maxWallClockTime"))
    refused = made.refusal or settings_missing(facts.pool_document, document)
    return replace(made, output_files=_output_files(facts, document), wall_clock=wall_clock, refusal=refused)


def coordination_launch(
    facts: NodeFacts,
    job: JobState,
    job_document: Mapping[str, Json],
    task: TaskState,
    document: Mapping[str, Json],
    number: int,
) -> Launch:
    """The coordination command of one instance: that of the primary in the task's directory, others in one below."""
    settings = document["multiInstanceSettings"]
    shared = task_directory(task.key)
    command = {
        "commandLine": settings["coordinationCommandLine"],
        "resourceFiles": settings.get("commonResourceFiles"),
    }
    directory = f"{shared}/{number}" if number else shared
    made = _launch(facts, directory, {**document, **command}, _common(job_document), _task(facts, job, task))
    return replace(made, files_in=shared, background=True)


def _task(facts: NodeFacts, job: JobState, task: TaskState) -> dict[str, str]:
    return {"AZ_BATCH_JOB_ID": job.id, "AZ_BATCH_TASK_ID": task.id} | _preparation_directory(facts, job)


def job_task_launch(facts: NodeFacts, job: JobState, job_document: Mapping[str, Json], kind: str) -> Launch:
    """The preparation or release task of a job; a release task may run for a quarter of an hour."""
    document = job_tasks.shown(job_document)[job_tasks.PROPERTIES[kind]]
    directory = task_directory(TaskKey(*job.key, document["id"].lower()))
    own = {"AZ_BATCH_JOB_ID": job.id, "AZ_BATCH_TASK_ID": document["id"]}
    if kind == "release":
        own |= _preparation_directory(facts, job)
    made = _launch(facts, directory, document, _common(job_document), own)
    return replace(made, wall_clock=limit(document.get("constraints", document).get("maxWallClockTime")))


def start_task_launch(facts: NodeFacts) -> Launch:
    """The node's start task; it has no job and no limit of time."""
    return _launch(facts, STARTUP, start_tasks.of_node(facts.pool_document, facts.state), {}, {})


def _launch(
    facts: NodeFacts,
    directory: str,
    document: Mapping[str, Json],
    common: Mapping[str, str],
    own: Mapping[str, str],
) -> Launch:
    """What tasks of all kinds have; their settings come over the `common` ones of their job."""
    settings = {**common, **_settings(document.get("environmentSettings"))}
    place = Place(str(facts.root), directory, own.get("AZ_BATCH_JOB_PREP_DIR", ""), facts.ca_bundle)
    found = container(facts.pool_document, document, place, allow_host_changes=facts.allow_host_changes)
    return Launch(
        node_root=facts.root,
        directory=directory,
        command_line=document["commandLine"],
        environment=_environment(facts, directory, settings, own),
        resource_files=_resource_files(facts, document),
        admin=is_admin(document.get("userIdentity"), facts.pool_document),
        container=found if isinstance(found, Container) else None,
        refusal=found if isinstance(found, Failure) else None,
    )


def _common(job_document: Mapping[str, Json]) -> dict[str, str]:
    return _settings(job_document.get("commonEnvironmentSettings"))


def _preparation_directory(facts: NodeFacts, job: JobState) -> dict[str, str]:
    """Where the job's preparation task ran, for the other tasks of the job."""
    if job.preparation is None:
        return {}
    directory = facts.root / task_directory(TaskKey(*job.key, job.preparation.id))
    return {"AZ_BATCH_JOB_PREP_DIR": str(directory), "AZ_BATCH_JOB_PREP_WORKING_DIR": str(directory / "wd")}


def _environment(
    facts: NodeFacts, directory: str, settings: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    task = f"{facts.root}/{directory}"
    fixed = _node_variables(facts) | {
        "AZ_BATCH_TASK_DIR": task,
        "AZ_BATCH_TASK_WORKING_DIR": f"{task}/wd",
        "AZ_BATCH_CERTIFICATES_DIR": f"{task}/certs",
    }
    return {"HOME": f"{task}/wd", **facts.environment, **settings, **fixed, **own}


def login_environment(facts: NodeFacts, user: str) -> dict[str, str]:
    """What someone who logs in to a node finds set: the variables of the node, none of a task."""
    named = {"HOME": str(facts.root), "USER": user, "LOGNAME": user}
    return {**facts.environment, **_node_variables(facts), **named}


def _node_variables(facts: NodeFacts) -> dict[str, str]:
    root = str(facts.root)  # as text: joining paths is a good part of what it costs to start a task
    return {
        "AZ_BATCH_ACCOUNT_NAME": facts.pool.key.account,
        "AZ_BATCH_ACCOUNT_URL": facts.account_url,
        "AZ_BATCH_POOL_ID": facts.pool.id,
        "AZ_BATCH_NODE_ID": facts.state.key.node,
        "AZ_BATCH_NODE_IS_DEDICATED": "false" if facts.state.spot else "true",
        "AZ_BATCH_NODE_ROOT_DIR": root,
        "AZ_BATCH_NODE_STARTUP_DIR": f"{root}/{STARTUP}",
        "AZ_BATCH_NODE_SHARED_DIR": f"{root}/shared",
        "AZ_BATCH_NODE_MOUNTS_DIR": f"{root}/fsmounts",
    }


def _settings(listed: Iterable[Mapping[str, Json]] | None) -> dict[str, str]:
    return {item["name"]: item.get("value") or "" for item in listed or ()}


def _resource_files(facts: NodeFacts, document: Mapping[str, Json]) -> tuple[ResourceFile, ...]:
    return tuple(_resource_file(facts, item) for item in document.get("resourceFiles") or ())


def _resource_file(facts: NodeFacts, item: Mapping[str, Json]) -> ResourceFile:
    """One of the three forms: a URL, a container's URL, a container of the account's auto-storage."""
    reference = (item.get("identityReference") or {}).get("resourceId", "")
    container = item.get("storageContainerUrl") or ""
    if item.get("autoStorageContainerName"):
        container = f"{facts.auto_storage_url.rstrip('/')}/{item['autoStorageContainerName']}"
        reference = reference or facts.auto_storage_identity
    return ResourceFile(
        url=item.get("httpUrl") or "",
        container_url=container,
        prefix=item.get("blobPrefix") or "",
        path=item.get("filePath") or "",
        mode=item.get("fileMode") or "",
        client_id=_client_id(facts, reference),
    )


def _output_files(facts: NodeFacts, document: Mapping[str, Json]) -> tuple[OutputFile, ...]:
    return tuple(_output_file(facts, item) for item in document.get("outputFiles") or ())


def _output_file(facts: NodeFacts, item: Mapping[str, Json]) -> OutputFile:
    container = item["destination"]["container"]
    return OutputFile(
        pattern=item["filePattern"],
        container_url=container["containerUrl"],
        path=container.get("path") or "",
        condition=item["uploadOptions"]["uploadCondition"],
        client_id=_client_id(facts, (container.get("identityReference") or {}).get("resourceId", "")),
        headers={header["name"]: header.get("value") or "" for header in container.get("uploadHeaders") or ()},
    )


def _client_id(facts: NodeFacts, resource_id: str) -> str:
    """The client id of an identity. One that the pool does not have stays its resource id: no token is given for it."""
    if not resource_id:
        return ""
    return identities(facts.pool_document).get(resource_id.lower()) or resource_id
