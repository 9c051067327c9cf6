"""Reading and checking request bodies."""

from __future__ import annotations

import re
from collections.abc import Callable

from batchite.batch.durations import format_duration, parse_duration
from batchite.batch.rules import Check, without_nulls
from batchite.batch.versions import newest
from batchite.errors import ServiceError
from batchite.http.json_body import NotAnObjectError, json_object
from batchite.http.types import Json, Request

NUMBERS = frozenset(
    [
        "backendPort",
        "code",
        "diskSizeGB",
        "end",
        "frontendPortRangeEnd",
        "frontendPortRangeStart",
        "gid",
        "lun",
        "maxBatchInstancePercent",
        "maxParallelTasks",
        "maxTaskRetryCount",
        "maxTasksPerNode",
        "maxUnhealthyInstancePercent",
        "maxUnhealthyUpgradedInstancePercent",
        "numberOfInstances",
        "priority",
        "requiredSlots",
        "start",
        "targetDedicatedNodes",
        "targetLowPriorityNodes",
        "taskSlotsPerNode",
        "uid",
    ]
)
"""Properties of requests that are whole numbers: a string of digits may stand for one, as `az batch` sends them."""

DURATIONS = frozenset(
    [
        "autoScaleEvaluationInterval",
        "maxWallClockTime",
        "recurrenceInterval",
        "resizeTimeout",
        "retentionTime",
        "startWindow",
    ]
)
"""Properties that come back in the service's own form, however they were written: `PT01H00M00S` as `PT1H`."""

_QUOTED_NUMBER = re.compile(rb':\s*"-?[0-9]')
_QUOTED_DURATION = re.compile(rb':\s*"P')
_WHOLE = re.compile(r"-?[0-9]{1,10}")


def read_body(request: Request, check: Check, *, optional: bool = False) -> dict[str, Json]:
    """The JSON object of the body in today's words, checked, without nulls. An absent body is {} when `optional`."""
    if optional and not request.body:
        return {}
    _check_type(request)
    try:
        document = json_object(request.body)
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": str(error)}) from None
    if _QUOTED_NUMBER.search(request.body):
        document = _replaced(document, NUMBERS, _number)
    if _QUOTED_DURATION.search(request.body):
        document = _replaced(document, DURATIONS, _duration)
    document = newest(request, document)
    check("", document)
    found: dict[str, Json] = without_nulls({k: v for k, v in document.items() if not k.startswith("odata.")})
    return found


def _replaced(value: Json, names: frozenset[str], change: Callable[[Json], Json]) -> Json:
    """The document with the properties of these names changed, wherever they are."""
    if isinstance(value, dict):
        return {k: change(item) if k in names else _replaced(item, names, change) for k, item in value.items()}
    return [_replaced(item, names, change) for item in value] if isinstance(value, list) else value


def _number(value: Json) -> Json:
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _duration(value: Json) -> Json:
    try:
        return format_duration(parse_duration(value)) if isinstance(value, str) else value
    except ValueError:
        return value  # which the property's rule refuses


def _check_type(request: Request) -> None:
    """A body is JSON, and one that says it is something else is refused; one that says nothing is taken as JSON."""
    text = request.header("content-type")
    if text is not None and text.partition(";")[0].strip().lower() != "application/json":
        values = {"HeaderName": "Content-Type", "HeaderValue": text, "Reason": "The body must be application/json."}
        raise ServiceError("InvalidHeaderValue", values=values)
