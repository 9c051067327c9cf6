"""The `$filter` language, durations and time stamps."""

from typing import Any

import pytest

from batchite.batch.durations import INFINITE, INFINITE_TEXT, format_duration, limit, parse_duration, parse_time
from batchite.batch.odata import parse_filter
from batchite.errors import ServiceError

pytestmark = pytest.mark.documented

KINDS = {
    "id": "text",
    "state": "text",
    "executionInfo/exitCode": "number",
    "creationTime": "time",
    "isDedicated": "boolean",
}
ITEM: dict[str, Any] = {
    "id": "Task-1",
    "state": "completed",
    "executionInfo": {"exitCode": 3},
    "creationTime": "2026-01-05T10:00:00.1234567Z",
    "isDedicated": True,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id eq 'task-1'", True),
        ("id ne 'task-1'", False),
        ("startswith(id, 'task')", True),
        ("startswith(id,'other')", False),
        ("executionInfo/exitCode gt 2", True),
        ("executionInfo/exitCode le -1", False),
        ("creationTime ge DateTime'2026-01-05T10:00:00Z'", True),
        ("creationTime lt datetime'2026-01-05T10:00:00'", False),
        ("isDedicated eq true", True),
        ("state eq 'active' or state eq 'completed' and executionInfo/exitCode eq 3", True),
        ("(state eq 'completed' or state eq 'active') and executionInfo/exitCode eq 0", False),
        ("STATE EQ 'Completed' AND id eq 'TASK-1'", True),
    ],
)
def test_filters(text: str, expected: bool) -> None:
    """And binds closer than or; keywords and strings do not differ by case."""
    assert parse_filter(text, KINDS)(ITEM) is expected


def test_absent_values() -> None:
    """An absent value differs from every literal and is neither greater nor less."""
    assert parse_filter("executionInfo/exitCode ne 0", KINDS)({})
    assert not parse_filter("executionInfo/exitCode lt 100", KINDS)({})
    assert not parse_filter("startswith(id,'a')", KINDS)({})


def test_quotes_are_doubled() -> None:
    """A quote in a literal is written twice."""
    assert parse_filter("id eq 'it''s'", KINDS)({"id": "it's"})


@pytest.mark.parametrize(
    "text",
    [
        "id",
        "id eq",
        "id eq 'a",
        "id like 'a'",
        "id eq 1",
        "unknown eq 'a'",
        "not id eq 'a'",
        "id eq 'a' and",
        "id eq 'a' id eq 'b'",
        "(id eq 'a'",
        "startswith(executionInfo/exitCode,'1')",
        "creationTime gt DateTime'soon'",
        "id eq 'a'; drop",
        "(" * 200 + "id eq 'a'" + ")" * 200,
    ],
)
def test_bad_filters_name_the_place(text: str) -> None:
    """A filter that cannot be honoured is a 400 with the position."""
    with pytest.raises(ServiceError) as refused:
        parse_filter(text, KINDS)
    assert refused.value.code == "InvalidQueryParameterValue"
    assert refused.value.values["QueryParameterName"] == "$filter"
    assert "At character" in refused.value.values["Reason"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT15M", 900),
        ("PT15M00S", 900),
        ("P7D", 604800),
        ("PT01H00M01.5S", 3601.5),
        ("P1W", 604800),
        ("P1DT1S", 86401),
        ("P3Y6M4DT12H30M5S", 110550605),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations as the service's clients write them."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "15M", "P1M1Y", "PT1", "P1DT", "-PT1S"])
def test_bad_durations(text: str) -> None:
    """Years and months have no fixed length, the rest is malformed."""
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [0, 0.5, 59, 60, 3600, 86400, 90061.5, 604800])
def test_durations_round_trip(seconds: float) -> None:
    """What is written is read back."""
    assert parse_duration(format_duration(seconds)) == seconds


def test_infinite_durations() -> None:
    """The largest time span means no limit."""
    assert format_duration(None) == format_duration(INFINITE) == INFINITE_TEXT
    assert limit(INFINITE_TEXT) is None
    assert limit(None) is None
    assert limit("PT1M") == 60


def test_time_stamps() -> None:
    """Seven fractional digits and offsets are understood."""
    assert parse_time("1970-01-01T00:00:01.5000000Z") == 1.5
    assert parse_time("1970-01-01T01:00:00+01:00") == 0
    with pytest.raises(ValueError, match="time stamp"):
        parse_time("yesterday")
