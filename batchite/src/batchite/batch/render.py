"""Documents and core records merged into what the service shows: defaults filled in, runtime properties added.

Source of the defaults: REST reference 2025-06-01 and recorded answers. Properties without a value are left out: an
empty `resizeErrors` or `errors` makes clients believe there were some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from batchite import ids
from batchite.agent.launch import task_directory
from batchite.batch import job_tasks, start_tasks
from batchite.batch.containers import SETTINGS, without_passwords
from batchite.batch.durations import format_duration
from batchite.clock import wire_time
from batchite.http.types import Json
from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.model import (
    AutoScaleRun,
    Detail,
    Failure,
    JobState,
    NodeKey,
    NodeState,
    PoolState,
    ResizeError,
    ScheduleState,
    StartTaskState,
    TaskState,
)

Wire = dict[str, Json]
TASK_RETENTION = "P7D"
AGENT_VERSION = version("batchite")
"""What plays the node agent is of this version; it comes with the machine."""
_NOT_SHOWN = {
    *start_tasks.INTERNAL,
    "autoScaleFormula",
    "autoScaleEvaluationInterval",
}  # the state has the present ones
_COUNTERS = {
    "creating": "creating",
    "idle": "idle",
    "offline": "offline",
    "preempted": "preempted",
    "rebooting": "rebooting",
    "reimaging": "reimaging",
    "running": "running",
    "starting": "starting",
    "starttaskfailed": "startTaskFailed",
    "leavingpool": "leavingPool",
    "unknown": "unknown",
    "unusable": "unusable",
    "waitingforstarttask": "waitingForStartTask",
    "deallocated": "deallocated",
    "deallocating": "deallocating",
    "upgradingos": "upgradingOS",
}


def pool(document: Mapping[str, Json], state: PoolState, nodes: Sequence[NodeState], etag: tuple[str, float]) -> Wire:
    """A pool without its url."""
    spot = sum(node.spot for node in nodes)
    item: Wire = {
        **{name: value for name, value in without_passwords(document).items() if name not in _NOT_SHOWN},
        "eTag": etag[0],
        "lastModified": wire_time(etag[1]),
        "creationTime": wire_time(state.created_at),
        "state": state.state,
        "stateTransitionTime": wire_time(state.state_at),
        "allocationState": state.allocation,
        "allocationStateTransitionTime": wire_time(state.allocation_at),
        "resizeTimeout": format_duration(state.resize_timeout),
        "currentDedicatedNodes": len(nodes) - spot,
        "currentLowPriorityNodes": spot,
        "targetDedicatedNodes": state.target_dedicated,
        "targetLowPriorityNodes": state.target_spot,
        "enableAutoScale": state.autoscale is not None,
        "enableInterNodeCommunication": document.get("enableInterNodeCommunication", False),
        "taskSlotsPerNode": state.slots_per_node,
        "taskSchedulingPolicy": {"nodeFillType": state.fill} | document.get("taskSchedulingPolicy", {}),
    }
    if "startTask" in document:
        item["startTask"] = start_task(item["startTask"])
    if state.resize_errors:
        item["resizeErrors"] = [_resize_error(error) for error in state.resize_errors]
    return item | _autoscale(state)


def _autoscale(state: PoolState) -> Wire:
    if state.autoscale is None:
        return {}
    item: Wire = {
        "autoScaleFormula": state.autoscale.formula,
        "autoScaleEvaluationInterval": format_duration(state.autoscale.interval),
    }
    return item | ({"autoScaleRun": autoscale_run(state.autoscale_run)} if state.autoscale_run else {})


def autoscale_run(run: AutoScaleRun) -> Wire:
    """An evaluation: time, result string, and the error if it failed."""
    item: Wire = {"timestamp": wire_time(run.at), "results": run.results}
    if run.error_code:
        item["error"] = {"code": run.error_code, "message": run.error_message, "values": _details(run.error_values)}
    return item


def start_task(document: Mapping[str, Json]) -> Wire:
    """A start task with its defaults."""
    return {"userIdentity": job_tasks.AUTO_USER, "maxTaskRetryCount": 0, "waitForSuccess": True, **document}


def node(pool_document: Mapping[str, Json], state: NodeState, slots: Sequence[int]) -> Wire:
    """A node without its url. `slots` are those of the tasks that run on it."""
    item: Wire = {
        "id": state.key.node,
        "state": state.state,
        "schedulingState": "disabled" if state.disabled else "enabled",
        "stateTransitionTime": wire_time(state.state_at),
        "allocationTime": wire_time(state.allocated_at),
        "ipAddress": ids.node_address(state.key.node),
        "affinityId": affinity(state.key.node),
        "vmSize": pool_document.get("vmSize", ""),
        "totalTasksRun": state.total_run,
        "totalTasksSucceeded": state.total_succeeded,
        "runningTasksCount": len(slots),
        "runningTaskSlotsCount": sum(slots),
        "isDedicated": not state.spot,
        "virtualMachineInfo": {
            "imageReference": pool_document.get("virtualMachineConfiguration", {}).get("imageReference", {})
        },
    }
    if state.booted_at is not None:
        item["lastBootTime"] = wire_time(state.booted_at)
        item["nodeAgentInfo"] = {"version": AGENT_VERSION, "lastUpdateTime": wire_time(state.allocated_at)}
    if state.start_task is not None:
        item["startTask"] = start_task(without_passwords(start_tasks.of_node(pool_document, state)))
        item["startTaskInfo"] = _start_task_info(state.start_task)
    if state.failure is not None:
        item["errors"] = [_node_error(state.failure)]
    return item


def node_counts(pool_id: str, nodes: Sequence[NodeState]) -> Wire:
    """The states of a pool's nodes in numbers."""
    kinds = {"dedicated": False, "lowPriority": True}
    return {"poolId": pool_id} | {
        name: _count([node.state for node in nodes if node.spot is spot]) for name, spot in kinds.items()
    }


def _count(states: Sequence[str]) -> dict[str, int]:
    return {name: states.count(state) for state, name in _COUNTERS.items()} | {"total": len(states)}


def job(document: Mapping[str, Json], state: JobState, etag: tuple[str, float]) -> Wire:
    """A job without its url."""
    document = without_passwords(document)
    return {
        "usesTaskDependencies": state.uses_dependencies,
        "onTaskFailure": "noaction",
        **document,
        **job_tasks.shown(document),
        "eTag": etag[0],
        "lastModified": wire_time(etag[1]),
        "creationTime": wire_time(state.created_at),
        "state": state.state,
        "stateTransitionTime": wire_time(state.state_at),
        **_previous(state),
        "priority": state.priority,
        "allowTaskPreemption": state.preemptible,
        "maxParallelTasks": state.max_parallel,
        "onAllTasksComplete": state.on_all_complete,
        "constraints": {
            "maxWallClockTime": format_duration(state.max_wall_clock),
            "maxTaskRetryCount": state.max_retries,
        },
        "executionInfo": _without_none(
            startTime=_time(state.started_at),
            endTime=_time(state.ended_at),
            poolId=state.pool_id or None,
            schedulingError=failure(state.scheduling_error) if state.scheduling_error else None,
            terminateReason=state.terminate_reason or None,
        ),
    }


def schedule(
    document: Mapping[str, Json], state: ScheduleState, etag: tuple[str, float], next_run: float | None, base: str
) -> Wire:
    """A job schedule without its url. `next_run` is the wire time at which its next job is due."""
    document = without_passwords(document)
    recent = f"{state.id}:job-{state.runs}"
    return {
        "schedule": {},
        **document,
        "jobSpecification": _specification(document["jobSpecification"]),
        "eTag": etag[0],
        "lastModified": wire_time(etag[1]),
        "creationTime": wire_time(state.created_at),
        "state": state.state,
        "stateTransitionTime": wire_time(state.state_at),
        **_previous(state),
        "executionInfo": _without_none(
            nextRunTime=_time(next_run),
            recentJob={"id": recent, "url": f"{base}/jobs/{recent}"} if state.runs else None,
            endTime=_time(state.ended_at),
        ),
    }


def _specification(document: Mapping[str, Json]) -> Wire:
    """What the jobs of a schedule are like, with the defaults of a job."""
    limits = {"maxWallClockTime": format_duration(None), "maxTaskRetryCount": 0}
    return {
        "priority": 0,
        "maxParallelTasks": -1,
        "usesTaskDependencies": False,
        "allowTaskPreemption": False,
        "onAllTasksComplete": "noaction",
        "onTaskFailure": "noaction",
        **document,
        **job_tasks.shown(document),
        "constraints": limits | document.get("constraints", {}),
    }


def task(document: Mapping[str, Json], state: TaskState, etag: tuple[str, float]) -> Wire:
    """A task without its url and nodeInfo."""
    limits = document.get("constraints", {})
    return {
        "userIdentity": job_tasks.AUTO_USER,
        **(without_passwords(document) if SETTINGS in document else document),
        "eTag": etag[0],
        "lastModified": wire_time(etag[1]),
        "creationTime": wire_time(state.created_at),
        "state": state.state,
        "stateTransitionTime": wire_time(state.state_at),
        **_previous(state),
        "requiredSlots": state.slots,
        "constraints": {
            "maxWallClockTime": limits.get("maxWallClockTime", format_duration(None)),
            "retentionTime": limits.get("retentionTime", TASK_RETENTION),
            "maxTaskRetryCount": state.max_retries,
        },
        "executionInfo": execution(state),
        **_multi_instance(document),
    }


def instances(document: Mapping[str, Json]) -> int:
    """How many nodes a multi-instance task wants; 0 for any other task."""
    settings = document.get("multiInstanceSettings")
    return settings.get("numberOfInstances", 1) if settings else 0


def _multi_instance(document: Mapping[str, Json]) -> Wire:
    wanted = instances(document)
    return (
        {"multiInstanceSettings": {"numberOfInstances": wanted, **document["multiInstanceSettings"]}} if wanted else {}
    )


def node_info(state: TaskState, job: JobState, base: str) -> Wire:
    """Where a task runs or ran: `nodeInfo`, or nothing. The job may have gone to another pool since."""
    return {} if state.node is None else _node_info(state.node, task_directory(state.key), job, base)


def subtask_node(state: TaskState, node: NodeKey, number: int, job: JobState, base: str) -> Wire:
    """Where a subtask runs or ran."""
    return _node_info(node, f"{task_directory(state.key)}/{number}", job, base)


def _node_info(node: NodeKey, directory: str, job: JobState, base: str) -> Wire:
    pool = job.pool_id if node.pool == job.pool.pool else node.pool
    url = f"{base}/pools/{pool}/nodes/{node.node}"
    return {
        "nodeInfo": {
            "affinityId": affinity(node.node),
            "nodeUrl": url,
            "poolId": pool,
            "nodeId": node.node,
            "taskRootDirectory": directory,
            "taskRootDirectoryUrl": f"{url}/files/{directory}",
        }
    }


def affinity(node_id: str) -> str:
    """The affinity id of a node."""
    return f"TVM:{node_id}"


def affine_node(affinity_id: str) -> str:
    """The node that an affinity id names; one that there is not is no error (documented: a hint)."""
    return affinity_id.removeprefix("TVM:").lower()


def failure(found: Failure) -> Wire:
    """`failureInfo`: category, code, message and details."""
    item: Wire = {"category": found.category, "code": found.code, "message": found.message}
    return item | ({"details": _details(found.details)} if found.details else {})


def container_info(found: ContainerInfo) -> Wire:
    """`containerInfo`: the container's id, state and error as its engine tells them."""
    return _without_none(containerId=found.id, state=found.state, error=found.error or None)


def execution(state: TaskState) -> Wire:
    """`executionInfo` of a task."""
    return _without_none(
        startTime=_time(state.started_at),
        endTime=_time(state.ended_at),
        exitCode=state.exit_code,
        result=state.result or None,
        failureInfo=failure(state.failure) if state.failure else None,
        containerInfo=container_info(state.container) if state.container else None,
        retryCount=state.retry_count,
        lastRetryTime=_time(state.last_retry_at),
        requeueCount=state.requeue_count,
        lastRequeueTime=_time(state.last_requeue_at),
    )


def _start_task_info(state: StartTaskState) -> Wire:
    return _without_none(
        state=state.state,
        startTime=_time(state.started_at),
        endTime=_time(state.ended_at),
        exitCode=state.exit_code,
        result=state.result or None,
        failureInfo=failure(state.failure) if state.failure else None,
        containerInfo=container_info(state.container) if state.container else None,
        retryCount=state.retry_count,
        lastRetryTime=_time(state.last_retry_at),
    )


def _previous(state: JobState | TaskState | ScheduleState) -> Wire:
    if not state.previous_state:
        return {}
    return _without_none(previousState=state.previous_state, previousStateTransitionTime=_time(state.previous_state_at))


def _node_error(found: Failure) -> Wire:
    return {"code": found.code, "message": found.message, "errorDetails": _details(found.details)}


def _resize_error(error: ResizeError) -> Wire:
    item: Wire = {"code": error.code, "message": error.message}
    return item | ({"values": _details(error.values)} if error.values else {})


def _details(details: Sequence[Detail]) -> list[dict[str, str]]:
    return [{"name": detail.name, "value": detail.value} for detail in details]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else wire_time(seconds)


def _without_none(**values: Json) -> Wire:
    return {name: value for name, value in values.items() if value is not None}
