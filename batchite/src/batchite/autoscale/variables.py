"""The service variables, their aliases and the words of the language."""

from __future__ import annotations

TARGET_DEDICATED = "$TargetDedicatedNodes"
TARGET_SPOT = "$TargetLowPriorityNodes"
DEALLOCATION = "$NodeDeallocationOption"
TASK_SLOTS = "$TaskSlotsPerNode"

TARGETS = (TARGET_DEDICATED, TARGET_SPOT)
WRITABLE = (*TARGETS, DEALLOCATION)

ALIASES = {
    "$TargetDedicated": TARGET_DEDICATED,
    "$TargetLowPriority": TARGET_SPOT,
    "$CurrentDedicated": "$CurrentDedicatedNodes",
}

TASK_METRICS = frozenset({"$ActiveTasks", "$RunningTasks", "$PendingTasks", "$SucceededTasks", "$FailedTasks"})
NODE_METRICS = frozenset(
    {
        "$CurrentDedicatedNodes",
        "$CurrentLowPriorityNodes",
        "$PreemptedNodeCount",
        "$UsableNodeCount",
        TASK_SLOTS,
    }
)
# Retired after 31 March 2024: the names are still accepted, but no sample of them is taken any more.
RETIRED_METRICS = frozenset(
    {
        "$SampleNodeCount",
        "$CPUPercent",
        "$WallClockSeconds",
        "$MemoryBytes",
        "$DiskBytes",
        "$DiskReadBytes",
        "$DiskWriteBytes",
        "$DiskReadOps",
        "$DiskWriteOps",
        "$NetworkInBytes",
        "$NetworkOutBytes",
    }
)
METRICS = TASK_METRICS | NODE_METRICS | RETIRED_METRICS
SERVICE_VARIABLES = METRICS | frozenset(WRITABLE) | frozenset(ALIASES)

REQUEUE = "requeue"
OPTIONS = (REQUEUE, "terminate", "taskcompletion", "retaineddata")


def full_name(name: str) -> str:
    """The name an alias stands for; any other name is its own."""
    return ALIASES.get(name, name)


def is_metric(name: str) -> bool:
    """Whether the service samples this variable."""
    return full_name(name) in METRICS


def is_target(name: str) -> bool:
    """Whether assigning this variable sets a node count."""
    return full_name(name) in TARGETS
