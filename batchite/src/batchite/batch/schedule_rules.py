"""The rules of the request documents of job schedules. Source: REST reference, JobScheduleConfiguration."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.documents import DISPLAY_NAME, JOB_SPECIFICATION, METADATA
from batchite.batch.durations import parse_time
from batchite.batch.rules import Check, duration, identifier, record, refuse
from batchite.http.types import Json

_SPAN = duration("PT1M")


def moment(name: str, value: Json) -> None:
    """An ISO 8601 time stamp."""
    try:
        parse_time(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse(name, value, "The value must be an ISO 8601 time stamp.") from None


_TIMES = record(
    optional={"doNotRunUntil": moment, "doNotRunAfter": moment, "startWindow": _SPAN, "recurrenceInterval": _SPAN}
)


def timing(name: str, value: Json) -> None:
    """When jobs start: the end comes after the beginning."""
    _TIMES(name, value)
    begin, end = value.get("doNotRunUntil"), value.get("doNotRunAfter")
    if begin and end and parse_time(end) <= parse_time(begin):
        raise refuse(f"{name}.doNotRunAfter", end, "The value must be later than doNotRunUntil.")


_CHANGEABLE: Mapping[str, Check] = {"schedule": timing, "metadata": METADATA}

SCHEDULE: Check = record(
    {"id": identifier, "schedule": timing, "jobSpecification": JOB_SPECIFICATION},
    {"displayName": DISPLAY_NAME, "metadata": METADATA},
)
SCHEDULE_PATCH: Check = record(optional={**_CHANGEABLE, "jobSpecification": JOB_SPECIFICATION})
SCHEDULE_PUT: Check = record({"jobSpecification": JOB_SPECIFICATION}, _CHANGEABLE, strict=False)
