"""Declarative checks of request documents: small functions (name, value) that raise a 400 naming the property.

A check is composed from others: `record(required={"id": identifier}, optional={"priority": integer(-1000, 1000)})`.
The property's name in an error is its path (`constraints.maxTaskRetryCount`, `resourceFiles[2].httpUrl`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from batchite.batch.durations import parse_duration
from batchite.errors import ServiceError, invalid_property, missing_property, not_implemented, refused_property
from batchite.http.types import Json

Check: TypeAlias = Callable[[str, Json], None]

_SHOWN = 80  # characters of a value shown in an error
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def refuse(name: str, value: Json, reason: str, code: str = "InvalidPropertyValue") -> ServiceError:
    """The 400 for a value. Objects and the query of a URL (it may hold a SAS) are not repeated in it."""
    if isinstance(value, str):
        shown: object = value.split("?", 1)[0][:_SHOWN]
    else:
        shown = type(value).__name__ if isinstance(value, list | dict) else value
    return invalid_property(name, shown, reason, code)


def text(low: int = 0, high: int | None = None, pattern: str = "", form: str = "") -> Check:
    """A string of a length within bounds; `form` describes the pattern in words."""
    compiled = re.compile(pattern)

    def check(name: str, value: Json) -> None:
        if not isinstance(value, str):
            raise refuse(name, value, "The value must be a string.")
        if len(value) < low or (high is not None and len(value) > high):
            raise refuse(name, value, f"The length must be between {low} and {high or 'any'}.", "OutOfRangeInput")
        if pattern and not compiled.fullmatch(value):
            raise refuse(name, value, f"The value must be {form}.")

    return check


def secret(name: str, value: Json) -> None:
    """A string that no error repeats."""
    if not isinstance(value, str):
        raise refuse(name, [], "The value must be a string.")


def identifier(name: str, value: Json) -> None:
    """An id: letters, digits, hyphens and underscores, at most 64."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise refuse(name, value, "An id holds 1 to 64 letters, digits, hyphens and underscores.")


def boolean(name: str, value: Json) -> None:
    """A truth value."""
    if not isinstance(value, bool):
        raise refuse(name, value, "The value must be true or false.")


def integer(low: int | None = None, high: int | None = None) -> Check:
    """A whole number within bounds."""

    def check(name: str, value: Json) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse(name, value, "The value must be a whole number.")
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"at least {low}" if high is None else f"between {low} and {high}"
            raise refuse(name, value, f"The value must be {bounds}.", "OutOfRangeInput")

    return check


def choice(*names: str) -> Check:
    """One of the names, spelled exactly."""

    def check(name: str, value: Json) -> None:
        if value not in names:
            raise refuse(name, value, f"The value must be one of: {', '.join(names)}.")

    return check


def duration(low: str = "PT0S", high: str | None = None) -> Check:
    """An ISO 8601 duration within bounds."""
    least, most = parse_duration(low), parse_duration(high) if high else None

    def check(name: str, value: Json) -> None:
        try:
            seconds = parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            raise refuse(name, value, "The value must be an ISO 8601 duration.") from None
        if seconds < least or (most is not None and seconds > most):
            bounds = f"at least {low}" if high is None else f"between {low} and {high}"
            raise refuse(name, value, f"The value must be {bounds}.", "OutOfRangeInput")

    return check


def listing(check: Check, most: int | None = None) -> Check:
    """A list whose items all pass the check."""

    def check_list(name: str, value: Json) -> None:
        if not isinstance(value, list):
            raise refuse(name, value, "The value must be a list.")
        if most is not None and len(value) > most:
            raise refuse(name, value, f"The list may have {most} entries at most.", "OutOfRangeInput")
        for index, item in enumerate(value):
            check(f"{name}[{index}]", item)

    return check_list


def anything(name: str, value: Json) -> None:
    """A value that describes hardware or platform a pretend node has none of; it is kept and given back."""


def only(*allowed: Json) -> Check:
    """Only these values are built; any other is refused by the property's name with 501."""

    def check(name: str, value: Json) -> None:
        if not any(value == one and type(value) is type(one) for one in allowed):
            raise not_implemented(f"the property {name}")

    return check


def refused(reason: str) -> Check:
    """Batchite cannot honour the property: an empty list means its absence, anything else is 501 with the reason."""

    def check(name: str, value: Json) -> None:
        if value != []:
            raise refused_property(name, reason)

    return check


unbuilt = only([])
"""A property that is not built: an empty list means the same as its absence, anything else is 501 by name."""


def record(required: Mapping[str, Check] = {}, optional: Mapping[str, Check] = {}, *, strict: bool = True) -> Check:
    """An object. A null is the same as an absent property. A property that is not named is refused when `strict`."""
    known = {**required, **optional}

    def check(name: str, value: Json) -> None:
        if not isinstance(value, dict):
            raise refuse(name or "body", value, "The value must be an object.")
        for key in required:
            if value.get(key) is None:
                raise missing_property(_path(name, key))
        for key, item in value.items():
            if key in known and item is not None:
                known[key](_path(name, key), item)
            elif item is not None and key not in known and strict and not key.startswith("odata."):
                raise invalid_property(_path(name, key), "", "The property is not known here.", "InvalidRequestBody")

    return check


def exactly_one(check: Check, *names: str) -> Check:
    """The object passes the check and has one of the names, not several."""

    def check_one(name: str, value: Json) -> None:
        check(name, value)
        present = [key for key in names if value.get(key) is not None]
        if len(present) != 1:
            raise refuse(name, present, f"Exactly one of {', '.join(names)} must be given.")

    return check_one


def _path(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def without_nulls(value: Json) -> Json:
    """The value without object members that are null: the service treats them as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
