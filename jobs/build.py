"""Documents of the Batch service, built from a workload and a target. Pure; one small builder each.

Layout in Blob storage: inputs under `<sha256>/<file name>`; outputs and logs under `<job>/<task>/`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from jobs import spec
from jobs.spec import MultiInstance, ResourceFile, TaskTemplate, Value, Workload
from jobs.target import Json, Pool, Target

STREAMS = "../std*.txt"
WILDCARDS = set("*?[")
TASK_COUNT = "jobs:tasks"
WORKLOAD = "jobs:workload"


@dataclass(frozen=True)
class Plan:
    """What tasks are built from, beside their template; `blobs` leads from an input's name to its blob."""

    job: str
    target: Target
    pool: Pool
    blobs: Mapping[str, str]


def job_id(name: str, now: datetime, suffix: str) -> str:
    """A readable id: workload, UTC time to the second, and a random suffix against a second submission in it."""
    return f"{name}-{now:%Y%m%d-%H%M%S}-{suffix}"


def blob_name(digest: str, path: str) -> str:
    """Name of an input in its container. The same content has the same name, so it is sent once."""
    return f"{digest}/{PurePosixPath(path).name}"


def job(plan: Plan, workload: Workload) -> Json:
    """The job; it is told to end with its last task only after all were added (`finish_when_done`)."""
    metadata = {WORKLOAD: workload.name, TASK_COUNT: str(task_count(workload))}
    return {
        "id": plan.job,
        "poolInfo": {"poolId": plan.pool.id},
        "usesTaskDependencies": True,
        "onAllTasksComplete": "noaction",
        "metadata": [{"name": name, "value": value} for name, value in metadata.items()],
    }


def finish_when_done() -> Json:
    """The change that lets a job end with its last task; on a job that is still empty it would end it at once."""
    return {"onAllTasksComplete": "terminatejob"}


def task_count(workload: Workload) -> int:
    """Number of tasks, the merge included."""
    return spec.count(workload.parameters) + (workload.merge is not None)


def tasks(plan: Plan, workload: Workload) -> Iterator[Json]:
    """All tasks, the merge last."""
    ids = []
    for number, values in enumerate(spec.combinations(workload.parameters), start=1):
        name = spec.fill(workload.tasks.id, values) or str(number)
        ids.append(name)
        yield task(plan, workload, workload.tasks, name, values)
    if workload.merge:
        constant = {name: values[0] for name, values in workload.parameters.items() if len(values) == 1}
        merge = task(plan, workload, workload.merge, spec.MERGE_ID, constant)
        yield merge | {"dependsOn": depends_on(ids, numbered=not workload.tasks.id)}


def task(plan: Plan, workload: Workload, template: TaskTemplate, name: str, values: Mapping[str, Value]) -> Json:
    """One task."""
    several = multi_instance(plan, workload, template.multi_instance, values) if template.multi_instance else {}
    return {
        "id": name,
        "commandLine": spec.fill(template.command_line, values),
        "resourceFiles": resource_files(plan, workload, template, values),
        "outputFiles": output_files(plan, template, name),
        "environmentSettings": environment(plan, template, values),
        "constraints": constraints(template),
        "requiredSlots": template.required_slots,
        **several,
    }


def multi_instance(plan: Plan, workload: Workload, settings: MultiInstance, values: Mapping[str, Value]) -> Json:
    """What makes a task run on several nodes."""
    files = [resource_file(plan, workload, file, values) for file in settings.common_files]
    return {
        "multiInstanceSettings": {
            "numberOfInstances": settings.instances,
            "coordinationCommandLine": spec.fill(settings.coordination_command_line, values),
            "commonResourceFiles": files,
        }
    }


def constraints(template: TaskTemplate) -> Json:
    """Limits of a task; without a wall clock time there is none."""
    limit = {"maxWallClockTime": template.max_wall_clock_time} if template.max_wall_clock_time else {}
    return {"maxTaskRetryCount": template.retries, **limit}


def depends_on(ids: list[str], *, numbered: bool) -> Json:
    """Dependency on all these tasks; numbered ids take one range, however many they are."""
    return {"taskIdRanges": [{"start": 1, "end": len(ids)}]} if numbered else {"taskIds": ids}


def environment(plan: Plan, template: TaskTemplate, values: Mapping[str, Value]) -> list[Json]:
    """Variables of a task. AZURE_CLIENT_ID tells a node with several identities which one a task acts as."""
    own = {name: spec.fill(value, values) for name, value in template.environment.items()}
    return [
        {"name": name, "value": value}
        for name, value in {"AZURE_CLIENT_ID": plan.pool.identity_client_id, **own}.items()
    ]


def identity(plan: Plan) -> Json:
    """The pool's identity, with which a node reaches storage: no key and no signature is in any document."""
    return {"resourceId": plan.pool.identity_resource_id}


def resource_files(plan: Plan, workload: Workload, template: TaskTemplate, values: Mapping[str, Value]) -> list[Json]:
    """Files a node fetches before the task starts."""
    files = [resource_file(plan, workload, file, values) for file in template.resource_files]
    return [*files, gathered(plan, template.gather)] if template.gather else files


def resource_file(plan: Plan, workload: Workload, file: ResourceFile, values: Mapping[str, Value]) -> Json:
    """One input as a file of the task."""
    name = spec.fill(file.input, values)
    return {
        "httpUrl": f"{plan.target.container_url(plan.target.input_container)}/{plan.blobs[name]}",
        "filePath": file.path or PurePosixPath(workload.inputs[name].path).name,
        "identityReference": identity(plan),
    }


def gathered(plan: Plan, directory: str) -> Json:
    """Everything the job's tasks have put out, as `<directory>/<job>/<task>/…`."""
    return {
        "storageContainerUrl": plan.target.container_url(plan.target.output_container),
        "blobPrefix": f"{plan.job}/",
        "filePath": directory,
        "identityReference": identity(plan),
    }


def output_files(plan: Plan, template: TaskTemplate, name: str) -> list[Json]:
    """Files a node sends to storage after the task: its outputs if it succeeded, its streams in any case."""
    outputs = [
        output_file(plan, plan.target.output_container, name, pattern, "tasksuccess") for pattern in template.outputs
    ]
    return [*outputs, output_file(plan, plan.target.logs_container, name, STREAMS, "taskcompletion")]


def output_file(plan: Plan, container: str, name: str, pattern: str, condition: str) -> Json:
    """One pattern of output files. The path is a blob's name, or for a pattern with wildcards the prefix of all."""
    folder = f"{plan.job}/{name}"
    path = folder if WILDCARDS & set(pattern) else f"{folder}/{pattern}"
    place = {
        "containerUrl": plan.target.container_url(container),
        "path": path,
        "identityReference": identity(plan),
    }
    return {
        "filePattern": pattern,
        "destination": {"container": place},
        "uploadOptions": {"uploadCondition": condition},
    }
