"""Reading what a resource will be, of which a preview knows only a part. Pure.

Policies see the inputs of a resource as read-only mappings and sequences; what is not known before the deployment
raises on touch, or in a remediation reads as a sentinel string. Here both are `UNDETERMINED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import proxy

SENTINELS: Final = frozenset(value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_"))


class Undetermined:
    """The type of `UNDETERMINED`: a value that only the deployment will know. False, so that no rule trusts it."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNDETERMINED"


UNDETERMINED: Final = Undetermined()


def get(props: Any, path: str) -> Any:
    """The value at a path such as "scaleSettings.autoScale.formula": None when absent, or `UNDETERMINED`."""
    found = props
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return found if found is UNDETERMINED else None
        found = _touch(found.get, part)
    return found


def items(value: Any) -> list[Any]:
    """The elements of a list, each of which may be `UNDETERMINED`; of anything else, none."""
    if value is UNDETERMINED:
        return [UNDETERMINED]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    return [_touch(value.__getitem__, index) for index in range(len(value))]


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every scalar below a value with its path, `UNDETERMINED` ones too."""
    if isinstance(value, Mapping):
        for key in value:
            yield from leaves(_touch(value.get, key), f"{path}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(items(value)):
            yield from leaves(item, f"{path}[{index}]")
    elif value is not None:
        yield path, value


def _touch(read: Callable[[Any], Any], key: Any) -> Any:
    try:
        found = read(key)
    except proxy.UnknownValueError:
        return UNDETERMINED
    return UNDETERMINED if isinstance(found, str) and found in SENTINELS else found
