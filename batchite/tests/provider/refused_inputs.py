"""Derives `provider/refused.json`: the inputs that Batchite's control plane answers with 501, so that a preview tells.

`PYTHONPATH=batchite/tests python batchite/tests/provider/refused_inputs.py > refused.json`, then moved to its place,
writes the file anew after a change of a resource type; `test_tables.py` fails while the two differ. Every input of the
SDK is sent alone, with every value that its type lists, to the check of ARM's body.

The file holds, for each type, the path of an input with the reason, and the values where only some are refused.
"""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from arm.sdk_bodies import type_name
from provider import sdk_shapes
from pulumi import _types as sdk_types

from batchite.arm.kinds import ResourceType as ArmType
from batchite.arm.plane import TYPES
from batchite.arm.types import groups
from batchite.errors import ServiceError
from batchite.provider import translate
from batchite.provider.tables import RESOURCE_GROUP, RESOURCES, ResourceType

SAMPLES: Mapping[Any, list[Any]] = {str: ["x"], bool: [True, False], int: [1], float: [1]}
_KINDS = {kind.name: kind for kind in TYPES}
ENVELOPE = ("id", "name", "type")  # what the control plane takes from the path
_UNKNOWN = "The property does not exist."


def refused() -> dict[str, Any]:
    """The content of the file."""
    found = {row.name: of_type(row) for row in RESOURCES.values()}
    return {name: rows for name, rows in sorted(found.items()) if rows}


def of_type(row: ResourceType) -> dict[str, Any]:
    """The refused inputs of one type by path: reason and values."""
    kind = groups.GROUP if row is RESOURCE_GROUP else _KINDS[type_name(row).replace("/recordSets", "/A")]
    rows: dict[str, Any] = {}
    accepted: set[str] = set()
    for path, sample, inputs in _probes(sdk_shapes.resource_args(row.name), ()):
        if path.split(".")[0] not in translate.body_inputs(row):
            continue
        reason = _reason(kind, translate.body(row, inputs))
        if reason is None:
            accepted.add(path)
        else:
            rows.setdefault(path, {"reason": reason, "values": []})["values"].append(sample)
    kept = {path: one if path in accepted else {"reason": one["reason"]} for path, one in rows.items()}
    return _joined(kept, accepted | {path for path in kept if path in accepted})


def _joined(rows: dict[str, Any], accepted: set[str]) -> dict[str, Any]:
    """The rows with those of one object, all of it refused for one reason, told as the object's."""
    joined: dict[str, Any] = {}
    for path, row in sorted(rows.items()):
        steps = path.split(".")
        around = [".".join(steps[: count + 1]) for count in range(len(steps))]
        whole = [one for one in around if _refused_whole(one, row, rows, accepted)]
        joined.setdefault(whole[0] if whole else path, row)
    return joined


def _refused_whole(path: str, row: Any, rows: dict[str, Any], accepted: set[str]) -> bool:
    inside = [one for name, one in rows.items() if f"{name}.".startswith(f"{path}.")]
    return not any(f"{name}.".startswith(f"{path}.") for name in accepted) and all(one == row for one in inside)


def _reason(kind: ArmType, body: dict[str, Any]) -> str | None:
    """Why the body is refused as not supported; None when it is not, whatever else it lacks."""
    try:
        kind.body({name: value for name, value in body.items() if name not in ENVELOPE}, "")
    except ServiceError as error:
        reason = error.values.get("Reason", "")
        if error.code == "NotImplemented":
            return reason.removesuffix(".")
        return "" if reason == _UNKNOWN else None
    return None


def _probes(args: type, inside: tuple[type, ...]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Path, sample value and inputs with nothing but this value."""
    names = sdk_types.input_type_py_to_pulumi_names(args)
    for name, annotation in sorted(sdk_types.input_type_types(args).items()):
        assert name in names.values()
        for path, sample, value in _values(annotation, (*inside, args)):
            yield f"{name}.{path}" if path else name, sample, {name: value}


def _values(annotation: Any, inside: tuple[type, ...]) -> Iterator[tuple[str, Any, Any]]:
    choices = sdk_shapes.alternatives(annotation)
    objects = [choice for choice in choices if sdk_types.is_input_type(choice)]
    origin, arguments = typing.get_origin(choices[0]), typing.get_args(choices[0])
    if objects:
        for choice in objects:
            yield from () if choice in inside else _probes(choice, inside)
    elif origin is not None and issubclass(origin, typing.Mapping):
        yield from ((path, sample, {"x": value}) for path, sample, value in _values(arguments[1], inside))
    elif origin is not None and issubclass(origin, typing.Sequence):
        yield from ((path, sample, [value]) for path, sample, value in _values(arguments[0], inside))
    else:
        yield from (("", sample, sample) for sample in _samples(choices))


def _samples(choices: list[Any]) -> list[Any]:
    enums = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, Enum)]
    return [one.value for one in enums[0]] if enums else SAMPLES.get(choices[0], ["x"])


if __name__ == "__main__":
    json.dump(refused(), sys.stdout, indent=1)
    sys.stdout.write("\n")
