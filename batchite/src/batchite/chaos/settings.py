"""What a client of the control routes may ask a drill for: every value checked, every error says what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchite.chaos.drills import (
    LONGEST_DELAY,
    LONGEST_OUTAGE,
    LONGEST_RETRY_AFTER,
    MOMENTS,
    PLANES,
    SERVER_ERRORS,
    Latency,
    ServerErrors,
    Throttle,
)
from batchite.errors import ServiceError, invalid_property, missing_property
from batchite.http.types import Json

Body = Mapping[str, Json]


def throttle(body: Body, drill: str, number: int) -> Throttle:
    """Settings of `throttle`. `number` is the seed when none is given. Raises ServiceError."""
    _known(body, "rate", "planes", "seed", "status", "retryAfter")
    status = whole(body, "status", 429, 503, 429)
    if status not in {429, 503}:
        raise invalid_property("status", status, "429 or 503.")
    retry_after = whole(body, "retryAfter", 0, LONGEST_RETRY_AFTER, 1)
    return Throttle(drill, _rate(body), _planes(body), _seed(body, number), status, retry_after)


def server_errors(body: Body, drill: str, number: int) -> ServerErrors:
    """Settings of `server-error`. Raises ServiceError."""
    _known(body, "rate", "planes", "seed", "codes", "when")
    codes = _some(body, "codes", SERVER_ERRORS, ("InternalError", "ServerBusy"))
    when = body.get("when", "either")
    if when not in MOMENTS:
        raise invalid_property("when", when, f"One of: {', '.join(MOMENTS)}.")
    return ServerErrors(drill, _rate(body), _planes(body), _seed(body, number), codes, when)


def latency(body: Body, drill: str, number: int) -> Latency:
    """Settings of `latency`. Raises ServiceError."""
    _known(body, "milliseconds", "jitter", "planes", "seed")
    milliseconds = required(body, "milliseconds", 0, LONGEST_DELAY)
    jitter = _number(body, "jitter", 0, LONGEST_DELAY, 0)
    return Latency(drill, milliseconds, jitter, _planes(body), _seed(body, number))


def outage(body: Body) -> tuple[float, bool]:
    """Seconds of a `blob-outage`, and whether connections are reset. Raises ServiceError."""
    _known(body, "seconds", "reset")
    seconds = required(body, "seconds", 0, LONGEST_OUTAGE)
    if seconds == 0:
        raise invalid_property("seconds", seconds, f"A number above 0, up to {LONGEST_OUTAGE}.")
    return seconds, flag(body, "reset")


def flag(body: Body, name: str) -> bool:
    """A switch, off when it is absent."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise invalid_property(name, value, "true or false.")
    return value


def required(body: Body, name: str, least: float, most: float) -> float:
    """A number that must be there."""
    if body.get(name) is None:
        raise missing_property(name)
    return _number(body, name, least, most, least)


def whole(body: Body, name: str, least: int, most: int, default: int) -> int:
    """A whole number."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise invalid_property(name, value, f"A whole number from {least} to {most}.")
    return value


def _number(body: Body, name: str, least: float, most: float, default: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise invalid_property(name, value, f"A number from {least:g} to {most:g}.")
    return value


def _rate(body: Body) -> float:
    rate = required(body, "rate", 0, 1)
    if rate == 0:
        raise invalid_property("rate", rate, "A share above 0, up to 1; `batchite chaos off` ends a drill.")
    return rate


def _seed(body: Body, default: int) -> int:
    return whole(body, "seed", 0, 2**63, default)


def _planes(body: Body) -> tuple[str, ...]:
    return _some(body, "planes", PLANES, ("batch",))


def _some(body: Body, name: str, allowed: Sequence[str], default: tuple[str, ...]) -> tuple[str, ...]:
    """One or more of the allowed words; `all` stands for each of them."""
    value = body.get(name) or list(default)
    if value == ["all"]:
        return tuple(allowed)
    if not isinstance(value, list) or not set(map(str, value)) <= set(allowed):
        raise invalid_property(name, value, f"A list of: {', '.join(allowed)}; or all.")
    return tuple(word for word in allowed if word in value)


def _known(body: Body, *names: str) -> None:
    for name in body:
        if name not in names:
            raise ServiceError("InvalidPropertyValue", values={"PropertyName": name, "Reason": "No such setting."})
