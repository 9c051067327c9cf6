"""Statistics of tasks, jobs, job schedules and pools: `stats`, for who asks with `$expand=stats`.

Source: REST reference, BatchTaskStatistics, BatchJobStatistics, BatchPoolStatistics. The service rolls statistics up in
its own time (about 30 minutes); here the end of an attempt does. What has used nothing yet has no `stats`, as
recordings of the service show. Counters are strings of digits, as the service writes 64-bit numbers.
"""

from __future__ import annotations

from batchite.batch.durations import format_duration
from batchite.batch.options import check_expand
from batchite.clock import wire_time
from batchite.http.types import Json, Request
from batchite.sampling import Sums
from batchite.scheduler.consumption import MICRO, Consumption, Tally
from batchite.scheduler.model import JobState, PoolState, ScheduleState, TaskState
from batchite.service import BatchService

GIB = 1 << 30

Wire = dict[str, Json]


def expanded(request: Request) -> bool:
    """Whether the request asks for statistics. Raises a 400 for anything else in `$expand`."""
    check_expand(request)
    return request.query_value("$expand") is not None


def with_task(request: Request, item: Wire, state: TaskState) -> Wire:
    """The task with its statistics, if they are asked for and there are some."""
    if state.used is None or not expanded(request):
        return item
    return item | {"stats": _task(f"{item['url']}/stats", state.created_at, state.used)}


def with_job(request: Request, item: Wire, service: BatchService, state: JobState) -> Wire:
    """As `with_task`, for a job."""
    return _with_tally(item, state, service.tally(state)) if expanded(request) else item


def with_schedule(request: Request, item: Wire, service: BatchService, state: ScheduleState) -> Wire:
    """As `with_task`, for a job schedule: its jobs together, those that were deleted too."""
    if not expanded(request):
        return item
    total = state.past
    for job in service.jobs_from(state.key):
        total = total.plus(service.tally(job))
    return _with_tally(item, state, total)


def with_pool(request: Request, item: Wire, service: BatchService, state: PoolState) -> Wire:
    """As `with_task`, for a pool that has had nodes."""
    if not expanded(request):
        return item
    now = service.now().wire
    core_time, sums = service.dedicated_core_seconds(state, now), service.samples_of(state)
    if core_time is None:
        return item
    span = {"startTime": wire_time(state.created_at), "lastUpdateTime": wire_time(now)}
    usage = {**span, "dedicatedCoreTime": format_duration(core_time)}
    resources = {} if sums is None else {"resourceStats": _resources(sums)}
    return item | {"stats": {"url": f"{item['url']}/stats", **span, "usageStats": usage} | resources}


def _resources(sums: Sums) -> Wire:
    """Averages over nodes and time, peaks of a node, and totals. What a network moves is not known by node."""
    return {
        "startTime": wire_time(sums.since),
        "lastUpdateTime": wire_time(sums.at),
        "avgCPUPercentage": min(100.0, 100 * sums.cpu / sums.capacity) if sums.capacity else 0.0,
        "avgMemoryGiB": sums.memory / sums.samples / GIB,
        "peakMemoryGiB": sums.peak_memory / GIB,
        "avgDiskGiB": sums.disk / sums.samples / GIB,
        "peakDiskGiB": sums.peak_disk / GIB,
        "diskReadIOps": str(sums.reads),
        "diskWriteIOps": str(sums.writes),
        "diskReadGiB": sums.read_bytes / GIB,
        "diskWriteGiB": sums.written_bytes / GIB,
    }


def _with_tally(item: Wire, state: JobState | ScheduleState, tally: Tally) -> Wire:
    if not tally.used.at:
        return item
    counts = {
        "numSucceededTasks": str(tally.succeeded),
        "numFailedTasks": str(tally.failed),
        "numTaskRetries": str(tally.used.retries),
    }
    return item | {"stats": _task(f"{item['url']}/stats", state.created_at, tally.used) | counts}


def _task(url: str, start: float, used: Consumption) -> Wire:
    return {
        "url": url,
        "startTime": wire_time(start),
        "lastUpdateTime": wire_time(used.at),
        "userCPUTime": format_duration(used.user / MICRO),
        "kernelCPUTime": format_duration(used.kernel / MICRO),
        "wallClockTime": format_duration(used.wall / MICRO),
        "readIOps": str(used.reads),
        "writeIOps": str(used.writes),
        "readIOGiB": used.read_bytes / GIB,
        "writeIOGiB": used.written_bytes / GIB,
        "waitTime": format_duration(used.wait / MICRO),
    }
