"""ISO 8601 durations and time stamps as the Batch service reads and writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

INFINITE_TEXT = "P10675199DT2H48M5.4775807S"
INFINITE = 922337203685.4775807
"""The largest .NET time span: the service's way to say "no limit" (seconds)."""

_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<Y>\d+)Y)?(?:(?P<M>\d+)M)?(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d{1,7})?)S)?)?"
)
_SECONDS = {"Y": 31536000.0, "M": 2592000.0, "w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `PT15M` or `P7D`. Raises ValueError; a year has 365 days, a month 30.

    `P` alone, as the Python client writes a time span of zero, is none: .NET, which the service is written in, wants at
    least one part when it reads an XML Schema duration. A zero is `PT0S`.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(
            f"{text!r} is not an ISO 8601 duration of years, months, weeks, days, hours, minutes and seconds"
        )
    return sum(float(value) * _SECONDS[unit] for unit, value in found.groupdict().items() if value)


def limit(text: str | None) -> float | None:
    """Seconds of a limit; None when it is absent or infinite."""
    seconds = INFINITE if text is None else parse_duration(text)
    return None if seconds >= INFINITE else seconds


def format_duration(seconds: float | None) -> str:
    """The shortest form the service uses: `P7D`, `PT15M`, `PT1H0.5S`; None or infinite gives the largest time span."""
    if seconds is None or seconds >= INFINITE:
        return INFINITE_TEXT
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    date = f"{int(days)}D" if days else ""
    clock = "".join(f"{int(value)}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value)
    clock += f"{rest:.7f}".rstrip("0").rstrip(".") + "S" if rest else ""
    return f"P{date}{'T' + clock if clock else ''}" if date or clock else "PT0S"


def parse_time(text: str) -> float:
    """Unix seconds of an ISO 8601 time stamp; without an offset it is UTC. Raises ValueError."""
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not an ISO 8601 time stamp")
    whole, fraction, offset = found.groups()
    zone = "+00:00" if offset is None or offset in "Zz" else offset
    moment = datetime.fromisoformat(whole + zone)
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)


def parse_http_date(text: str) -> float:
    """Unix seconds of an RFC 1123 date. Raises ValueError."""
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
