"""What a resource's body may hold: a tree of allowed properties, checked and brought into ARM's spelling.

A property that the tree doesn't know is refused with its path. A read-only one is dropped, as ARM does. One that
Azure has and Batchite cannot honour is refused by name (501).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from batchite.batch.durations import format_duration, parse_duration
from batchite.errors import ServiceError, invalid_property, missing_property, not_implemented, refused_property

Shape: TypeAlias = Callable[[Any, str], Any]  # (value, path) -> value as stored; raises ServiceError
DROPPED = object()  # what a read-only shape gives


def _refuse(path: str, value: Any, reason: str, code: str = "InvalidPropertyValue") -> ServiceError:
    """The 400 for a value. Objects, and the query of a URL (it may hold a SAS), are not repeated in it."""
    if isinstance(value, str):
        shown: object = value.split("?", 1)[0][:80]
    else:
        shown = type(value).__name__ if isinstance(value, list | dict) else value
    return invalid_property(path, shown, reason, code)


def text(*values: str, unbuilt: Sequence[str] = (), pattern: str = "", high: int = 0) -> Shape:
    """A string; one of `values` if given, matched without regard to case. `unbuilt` ones are refused with 501."""
    spelled = {value.lower(): value for value in values}
    missing = {value.lower() for value in unbuilt}

    def check(value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise _refuse(path, value, "A string is expected.")
        if value.lower() in missing:
            raise not_implemented(f"property {path} = {value}")
        if values and value.lower() not in spelled:
            raise _refuse(path, value, f"One of {', '.join(values)} is expected.")
        if pattern and not re.fullmatch(pattern, value):
            raise _refuse(path, value, f"The value must match {pattern}.")
        if high and len(value) > high:
            raise _refuse(path, value, f"At most {high} characters are allowed.")
        return spelled.get(value.lower(), value)

    return check


def number(low: int | None = None, high: int | None = None) -> Shape:
    """A whole number within bounds (inclusive)."""

    def check(value: Any, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise _refuse(path, value, "A whole number is expected.")
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"between {low} and {high}" if high is not None else f"at least {low}"
            raise _refuse(path, value, f"The value must be {bounds}.")
        return int(value)

    return check


def decimal(value: Any, path: str) -> float:
    """A number, whole or not; a whole one is stored as such."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(path, value, "A number is expected.")
    return int(value) if value == int(value) else value


def secret(value: Any, path: str) -> str:
    """A string that no error repeats."""
    if not isinstance(value, str):
        raise invalid_property(path, "", "A string is expected.")
    return value


def flag(*, unbuilt: bool | None = None) -> Shape:
    """A boolean; the value `unbuilt` is refused with 501."""

    def check(value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            raise _refuse(path, value, "true or false is expected.")
        if value is unbuilt:
            raise not_implemented(f"property {path} = {str(value).lower()}")
        return value

    return check


def duration(value: Any, path: str) -> str:
    """An ISO 8601 duration, stored in the shortest form as the service shows it."""
    try:
        return format_duration(parse_duration(text()(value, path)))
    except ValueError:
        raise _refuse(path, value, "An ISO 8601 duration is expected.") from None


def anything(value: Any, _path: str) -> Any:
    """Any JSON value: stored and returned, its inside not looked at."""
    return value


def read_only(_value: Any, _path: str) -> Any:
    """A property that only the service sets: ignored in a request."""
    return DROPPED


def unbuilt(value: Any, path: str) -> Any:
    """A property that Azure honours and Batchite does not: an empty value is dropped, any other refused."""
    if value in ([], {}, ""):
        return DROPPED
    raise not_implemented(f"property {path}")


def refused(reason: str) -> Shape:
    """A property that Batchite cannot honour: an empty list means its absence, anything else is 501 with the reason."""

    def check(value: Any, path: str) -> Any:
        if value == []:
            return DROPPED
        raise refused_property(path, reason)

    return check


def record(fields: Mapping[str, Shape], *, required: Sequence[str] = (), code: str = "InvalidRequestContent") -> Shape:
    """An object with the named properties. `code` is the error of an unknown one."""
    spelled = {name.lower(): name for name in fields}

    def check(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse(path, value, "An object is expected.")
        cleaned: dict[str, Any] = {}
        for given, inner in value.items():
            name, inner_path = spelled.get(given.lower()), f"{path}.{given}" if path else given
            if name is None:
                raise _refuse(inner_path, {}, "The property does not exist.", code)
            if inner is not None and (kept := fields[name](inner, inner_path)) is not DROPPED:
                cleaned[name] = kept
        for name in required:
            if name not in cleaned:
                raise missing_property(f"{path}.{name}" if path else name)
        return cleaned

    return check


def array(item: Shape, *, high: int | None = None) -> Shape:
    """A list of one shape."""

    def check(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _refuse(path, value, "A list is expected.")
        if high is not None and len(value) > high:
            raise _refuse(path, len(value), f"At most {high} entries are allowed.")
        return [item(inner, f"{path}[{index}]") for index, inner in enumerate(value)]

    return check


def mapping(item: Shape) -> Shape:
    """An object with free names, values of one shape."""

    def check(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse(path, value, "An object is expected.")
        return {name: item({} if inner is None else inner, f"{path}.{name}") for name, inner in value.items()}

    return check


def tags(value: Any, path: str) -> dict[str, str]:
    """ARM's tags: at most 50, names to 512 and values to 256 characters."""
    found: dict[str, str] = mapping(text(high=256))(value, path)
    if len(found) > 50 or any(len(name) > 512 for name in found):
        raise ServiceError("InvalidTags", values={"PropertyName": path})
    return found


def location(value: Any, path: str) -> str:
    """A region in ARM's normal form: `West Europe` is `westeurope`."""
    return str(text(pattern="[a-z0-9]+")(value.replace(" ", "").lower() if isinstance(value, str) else value, path))
