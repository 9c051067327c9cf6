"""Derives `arm/bodies.json`, what the bodies of ARM's requests may hold, from the installed pulumi_azure_native SDK.

`PYTHONPATH=batchite/tests python batchite/tests/arm/sdk_bodies.py > batchite/src/batchite/arm/bodies.json` writes the
file anew after a new SDK version; `test_shapes.py` fails while the two differ. The SDK is generated from Azure's API
specifications; `provider/wire.json` says where a property lies in ARM.

A value is the name of a scalar, `=A|B` for an enumeration, `-` for what only the service sets, `[item]`,
`{"*": value}` or an object (`name!` marks a required property).
"""

from __future__ import annotations

import importlib
import json
import sys
import typing
from enum import Enum
from typing import Any

from provider import sdk_shapes
from pulumi import _types as sdk_types

from batchite.provider import paths
from batchite.provider.tables import RESOURCES, ResourceType

OWN_SHAPES = {  # types with a shape written by hand
    "authorization:RoleAssignment",
    "batch:BatchAccount",
    "batch:Pool",
    "managedidentity:UserAssignedIdentity",
    "resources:ResourceGroup",
}
ENVELOPE = {"azureApiVersion", "etag", "id", "location", "name", "type"}


def bodies() -> dict[str, Any]:
    """The content of the file, by the type's name in ARM."""
    rows = (row for row in RESOURCES.values() if row.name not in OWN_SHAPES and not row.name.startswith("storage:"))
    return {type_name(row): _body(row) for row in rows}


def type_name(row: ResourceType) -> str:
    """The type's name in ARM, from its path; a record set's path has its record type as a parameter."""
    namespace, *rest = row.path.rsplit("/providers/", 1)[1].replace("{recordType}", "recordSets").split("/")
    return "/".join((namespace, *rest[::2]))


def _body(row: ResourceType) -> dict[str, Any]:
    args = sdk_shapes.resource_args(row.name)
    members, names = sdk_types.input_type_types(args), sdk_types.input_type_py_to_pulumi_names(args)
    required = {names[name] for name in sdk_shapes.required(args)}
    sent = set(names.values()) - set(paths.parameters(row.path)) - {"id", "name", "type"}
    body: dict[str, Any] = {}
    for name in sorted(sent):
        holder = body if name in row.top else body.setdefault("properties", {})
        shape = _shape(row, members[name], name, ())
        _place(holder, row.wire_names.get(name, name), shape, required=name in required)
    held = "properties!" if "properties!" in body else "properties"
    for name in sorted(row.outputs - sent - ENVELOPE):
        place = body if name == "systemData" or not row.flat else body.setdefault(held, {})
        if f"{name}!" not in place:
            place.setdefault(name, "-")
    return dict(_marked(body))


def _object(row: ResourceType, args: type, path: str, inside: tuple[type, ...]) -> dict[str, Any]:
    names, members = sdk_types.input_type_py_to_pulumi_names(args), sdk_types.input_type_types(args)
    required = {names[name] for name in sdk_shapes.required(args)}
    made: dict[str, Any] = {}
    for name in sorted(members):
        inner = f"{path}.{name}"
        shape = _shape(row, members[name], inner, (*inside, args))
        _place(made, row.wire_names.get(inner, name), shape, required=name in required)
    for name in sorted(_shown(args) - set(members)):
        _place(made, row.wire_names.get(f"{path}.{name}", _beside(row, path, name)), "-", required=False)
    return made


def _beside(row: ResourceType, path: str, name: str) -> str:
    """Where a read-only member lies: with the others under `properties` if these are there, but for the envelope."""
    held = any(
        place.startswith("properties.") and wire.rpartition(".")[0] == path for wire, place in row.wire_names.items()
    )
    return f"properties.{name}" if held and name not in ENVELOPE else name


def _shown(args: type) -> set[str]:
    """The members that the service shows of the same object."""
    module = importlib.import_module(args.__module__.replace("._inputs", ".outputs"))
    response = getattr(module, args.__name__.removesuffix("Args") + "Response", None)
    return set(sdk_types.output_type_types(response)) if response else set()


def _shape(row: ResourceType, annotation: Any, path: str, inside: tuple[type, ...]) -> Any:
    choices = sdk_shapes.alternatives(annotation)
    objects = [choice for choice in choices if sdk_types.is_input_type(choice)]
    if path in row.string_sets:
        return {"*": {"clientId": "-", "principalId": "-"}}
    if len(objects) > 1:
        return sdk_shapes.merged([_marked(_object(row, choice, path, inside)) for choice in objects])
    if objects:
        return "any" if objects[0] in inside else _object(row, objects[0], path, inside)
    return _collection(row, choices[0], path, inside) or _scalar(choices)


def _collection(row: ResourceType, choice: Any, path: str, inside: tuple[type, ...]) -> Any:
    origin, arguments = typing.get_origin(choice), typing.get_args(choice)
    if origin is not None and issubclass(origin, typing.Mapping):
        return {"*": _shape(row, arguments[1], path, inside)}
    if origin is not None and issubclass(origin, typing.Sequence):
        return [_shape(row, arguments[0], path, inside)]
    return None


def _scalar(choices: list[Any]) -> str:
    values = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, Enum)]
    if values:
        return "=" + "|".join(str(value.value) for value in values[0])
    return sdk_shapes.SCALARS.get(choices[0], "any")


def _place(holder: dict[str, Any], place: str, shape: Any, *, required: bool) -> None:
    *around, name = (part.replace("\0", ".") for part in place.replace("\\.", "\0").split("."))
    for step in around:
        holder = holder.setdefault(step, {})
    holder[name + ("!" if required else "")] = shape


def _marked(shape: Any) -> Any:
    """The shape with `properties!` wherever something under it is required."""
    if isinstance(shape, list):
        return [_marked(shape[0])]
    if not isinstance(shape, dict):
        return shape
    made = {}
    for name, inner in shape.items():
        needed = name == "properties" and isinstance(inner, dict) and any(key.endswith("!") for key in inner)
        made[name + ("!" if needed else "")] = _marked(inner)
    return made


if __name__ == "__main__":
    json.dump(bodies(), sys.stdout, indent=1)
    sys.stdout.write("\n")
