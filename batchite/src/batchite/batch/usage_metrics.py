"""Usage of pools by half-hours: core hours from the times their nodes were in use.

Source: REST reference, "Pool - List Usage Metrics". Metrics come with a delay, which runs on the service's own time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from batchite.batch.context import Context
from batchite.batch.durations import parse_time
from batchite.batch.odata import invalid_query
from batchite.batch.options import list_page
from batchite.batch.resources import USAGE
from batchite.clock import wire_time
from batchite.http.types import Json, Request, Response
from batchite.usage import Use

INTERVAL = 1800
"""Seconds of an aggregation interval; they begin at whole and half hours."""

LATEST_START, LATEST_END = 9000.0, 7200.0
"""Service seconds that startTime and endtime must lie in the past."""


async def list_pool_usage_metrics(context: Context, request: Request) -> Response:
    """GET /poolusagemetrics, by time, then by pool; without times the last interval that is available."""
    now = context.service.now().wire
    scale = context.service.clock.scale
    last = int((now - LATEST_END / scale) // INTERVAL) * INTERVAL
    start = _moment(request, "startTime", now - LATEST_START / scale, last - INTERVAL)
    end = _moment(request, "endtime", now - LATEST_END / scale, last)
    if end < start:
        raise invalid_query("endtime", request.query_value("endtime") or "", "It lies before startTime.")
    found = metrics(context.service.usage_of(request.account), start, end)
    rows = ((_token(row), partial(dict[str, Json], row)) for row in found)
    return Response(200, list_page(request, USAGE, rows))


def metrics(uses: Iterable[Use], start: float, end: float) -> list[dict[str, Json]]:
    """One entry for each pool and interval that overlaps the time from `start` to `end` and in which it had nodes."""
    hours: dict[tuple[int, str, str], float] = defaultdict(float)
    for use in uses:
        begin = max(use.start, math.floor(start / INTERVAL) * INTERVAL)
        stop = min(use.end, math.ceil(end / INTERVAL) * INTERVAL)
        while begin < stop:
            number = int(begin // INTERVAL)
            next_begin = min((number + 1) * INTERVAL, stop)
            hours[number, use.pool_id, use.vm_size] += use.cores * (next_begin - begin) / 3600
            begin = next_begin
    return [_entry(*key, hours[key]) for key in sorted(hours)]


def _entry(number: int, pool_id: str, vm_size: str, core_hours: float) -> dict[str, Json]:
    return {
        "startTime": wire_time(number * INTERVAL),
        "endTime": wire_time((number + 1) * INTERVAL),
        "poolId": pool_id,
        "vmSize": vm_size,
        "totalCoreHours": core_hours,
    }


def _token(row: dict[str, Json]) -> str:
    return f"{row['startTime']} {row['poolId']} {row['vmSize']}"


def _moment(request: Request, name: str, latest: float, default: float) -> float:
    text = request.query_value(name)
    if text is None:
        return min(default, latest)
    try:
        moment = parse_time(text)
    except ValueError as error:
        raise invalid_query(name, text, f"{error}.") from None
    if moment > latest:
        raise invalid_query(name, text, f"Metrics are available up to {wire_time(latest)}.")
    return moment
