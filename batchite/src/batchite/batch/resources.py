"""Which properties a list of each resource may be filtered on and what may be selected.

Source: the OData filter table of the Batch documentation ("Efficient queries").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of list. `kinds`: filterable paths and their kind; `names`: selectable properties; empty = none."""

    metadata: str  # the name in odata.metadata
    kinds: Mapping[str, str]
    names: frozenset[str] = frozenset()


def _kinds(text: str = "", time: str = "", number: str = "", boolean: str = "") -> dict[str, str]:
    groups = {"text": text, "time": time, "number": number, "boolean": boolean}
    return {path: kind for kind, paths in groups.items() for path in paths.split()}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON = "id displayName url eTag lastModified creationTime state stateTransitionTime metadata stats "

POOL = Resource(
    "pools",
    _kinds(
        text="id displayName state allocationState vmSize",
        time="creationTime lastModified stateTransitionTime allocationStateTransitionTime",
        boolean="enableAutoScale enableInterNodeCommunication",
    ),
    _names(
        _COMMON + "allocationState allocationStateTransitionTime vmSize virtualMachineConfiguration resizeTimeout "
        "resizeErrors currentDedicatedNodes currentLowPriorityNodes targetDedicatedNodes targetLowPriorityNodes "
        "enableAutoScale autoScaleFormula autoScaleEvaluationInterval autoScaleRun enableInterNodeCommunication "
        "networkConfiguration startTask applicationPackageReferences taskSlotsPerNode taskSchedulingPolicy "
        "userAccounts mountConfiguration identity upgradePolicy"
    ),
)
JOB = Resource(
    "jobs",
    _kinds(
        text="id displayName state previousState executionInfo/poolId onAllTasksComplete",
        time="creationTime lastModified stateTransitionTime previousStateTransitionTime executionInfo/startTime "
        "executionInfo/endTime",
        number="priority",
    ),
    _names(
        _COMMON + "previousState previousStateTransitionTime priority allowTaskPreemption maxParallelTasks "
        "constraints jobManagerTask jobPreparationTask jobReleaseTask commonEnvironmentSettings poolInfo "
        "onAllTasksComplete onTaskFailure networkConfiguration executionInfo usesTaskDependencies"
    ),
)
SCHEDULE = Resource(
    "jobschedules",
    _kinds(
        text="id displayName state previousState",
        time="creationTime lastModified stateTransitionTime previousStateTransitionTime executionInfo/endTime "
        "schedule/doNotRunUntil schedule/doNotRunAfter",
    ),
    _names(_COMMON + "previousState previousStateTransitionTime schedule jobSpecification executionInfo"),
)
TASK = Resource(
    "tasks",
    _kinds(
        text="id displayName state previousState executionInfo/result nodeInfo/nodeId nodeInfo/poolId",
        time="creationTime lastModified stateTransitionTime previousStateTransitionTime executionInfo/startTime "
        "executionInfo/endTime",
        number="executionInfo/exitCode",
    ),
    _names(
        _COMMON + "exitConditions previousState previousStateTransitionTime commandLine containerSettings "
        "resourceFiles outputFiles environmentSettings affinityInfo constraints requiredSlots userIdentity "
        "executionInfo nodeInfo multiInstanceSettings dependsOn applicationPackageReferences"
    ),
)
SUBTASK = Resource(
    "subtasks",
    {},
    _names(
        "id nodeInfo startTime endTime exitCode containerInfo failureInfo state stateTransitionTime previousState "
        "previousStateTransitionTime result"
    ),
)
_ON_NODES = ("jobPreparationTaskExecutionInfo", "jobReleaseTaskExecutionInfo")
JOB_NODES = Resource(
    "jobpreparationandreleasetaskstatuslist",
    _kinds(
        text="poolId nodeId " + " ".join(f"{name}/state {name}/result" for name in _ON_NODES),
        time=" ".join(f"{name}/startTime {name}/endTime" for name in _ON_NODES),
        number=" ".join(f"{name}/exitCode" for name in _ON_NODES),
    ),
    _names("poolId nodeId nodeUrl jobPreparationTaskExecutionInfo jobReleaseTaskExecutionInfo"),
)
NODE = Resource(
    "nodes",
    _kinds(
        text="id state schedulingState vmSize startTaskInfo/state startTaskInfo/result",
        time="stateTransitionTime lastBootTime allocationTime startTaskInfo/startTime startTaskInfo/endTime",
        number="startTaskInfo/exitCode startTaskInfo/retryCount totalTasksRun",
        boolean="isDedicated",
    ),
    _names(
        "id url state schedulingState stateTransitionTime lastBootTime allocationTime ipAddress ipv6Address "
        "affinityId vmSize totalTasksRun runningTasksCount runningTaskSlotsCount totalTasksSucceeded recentTasks "
        "startTask startTaskInfo errors isDedicated endpointConfiguration nodeAgentInfo virtualMachineInfo"
    ),
)
APPLICATION = Resource("applications", {})
LOG_UPLOAD = Resource("uploadbatchservicelogs", {})
EXTENSION = Resource("nodeextensions", {}, _names("provisioningState vmExtension instanceView"))
NODE_COUNTS = Resource("poolnodecounts", _kinds(text="poolId"))
USAGE = Resource("poolusagemetrics", _kinds(text="poolId"))
IMAGE = Resource("supportedimages", _kinds(text="osType verificationType nodeAgentSKUId"))
FILE = Resource("files", _kinds(text="name"))
