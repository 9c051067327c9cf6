"""What is worth waking someone for: metrics and log events of a Batch account, each with what to do about it. Pure.

Source: "Azure Batch monitoring data reference" and "Monitor Azure Batch": gauges are averaged, events are totalled,
and no alert hangs on a single data point, because metrics may come late, twice or never. Batch reports no failure of a
job as such: a job fails by its tasks, so those are watched.

Does not own who is told: that is monitoring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WINDOW, FREQUENCY = "PT15M", "PT5M"
DEDICATED_QUOTA, SPOT_QUOTA = "dedicated-quota", "spot-quota"
TASK_FAILURES = "task-failures"


@dataclass(frozen=True, slots=True)
class Metric:
    """An alert when a metric of the account is above a threshold. Severity 0 is the worst, 4 the least."""

    metric: str
    aggregation: str
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Log:
    """An alert when a query over the account's log finds anything."""

    query: str
    severity: int
    text: str


METRICS: Mapping[str, Metric] = {
    "start-task-failures": Metric(
        "StartTaskFailedNodeCount",
        "Average",
        2,
        "Nodes could not be made ready and take no tasks. Look at the start task's stderr.txt on one of them.",
    ),
    "unusable-nodes": Metric(
        "UnusableNodeCount",
        "Average",
        2,
        "Nodes lost their way to the service: look at network rules, disk space and the image.",
    ),
    DEDICATED_QUOTA: Metric(
        "CoreCount", "Average", 3, "Most of the quota of dedicated cores is in use; pools will soon not grow."
    ),
    SPOT_QUOTA: Metric(
        "LowPriorityCoreCount", "Average", 3, "Most of the quota of Spot cores is in use; pools will soon not grow."
    ),
    TASK_FAILURES: Metric("TaskFailEvent", "Total", 2, "Tasks fail. `python -m jobs report` groups them by cause."),
}


def _events(operation: str, condition: str = "") -> str:
    """Events of one kind. A column does not exist before its first value came in."""
    lines = [
        "AzureDiagnostics",
        '| where ResourceProvider == "MICROSOFT.BATCH"',
        f'| where OperationName == "{operation}"',
    ]
    return "\n".join([*lines, f"| where {condition}"] if condition else lines)


LOGS: Mapping[str, Log] = {
    "resize-errors": Log(
        _events("PoolResizeCompleteEvent", 'column_ifexists("resultCode_s", "Success") !~ "Success"'),
        2,
        "A pool did not get the nodes it asked for: quota, no capacity of that size, or no addresses in the subnet.",
    ),
    "autoscale-errors": Log(
        _events("PoolAutoScaleEvent", 'isnotempty(column_ifexists("error_code_s", ""))'),
        2,
        "The formula of a pool can't be evaluated: the pool keeps its size.",
    ),
    "unscheduled-tasks": Log(
        _events("TaskScheduleFailEvent"), 2, "Tasks can't be scheduled; they stay in the queue or fail."
    ),
}
ALERTS = (*METRICS, *LOGS)


def quota_threshold(quota: float | None, percent: int) -> int:
    """The cores above which most of a quota is used; a new account may have none at all."""
    return max(1, int(quota or 0) * percent // 100)
