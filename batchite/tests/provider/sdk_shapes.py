"""Derives the property shapes of `provider/shapes.json` from the installed pulumi_azure_native SDK.

`python batchite/tests/provider/sdk_shapes.py > batchite/src/batchite/provider/shapes.json` writes the file anew after
a new SDK version; `test_tables.py` fails while the two differ.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import types
import typing
from enum import Enum
from typing import Any

from pulumi import _types as sdk_types  # the SDK's own reading of its annotations; there is no public one

TOKENS = (
    "authorization:RoleAssignment",
    "batch:BatchAccount",
    "batch:Pool",
    "managedidentity:UserAssignedIdentity",
    "resources:ResourceGroup",
    "storage:BlobContainer",
    "storage:BlobServiceProperties",
    "storage:ManagementPolicy",
    "storage:StorageAccount",
)
SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def shapes() -> dict[str, Any]:
    """The shapes of every supported type: inputs (nested, `!` marks required ones) and names of outputs."""
    return {token: {"inputs": _object(_args(token)), "outputs": _outputs(token)} for token in TOKENS}


def resource_class(token: str) -> type:
    """The SDK's class of a resource type."""
    module, name = token.split(":")
    return typing.cast("type", getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name))


def function_source(token: str) -> str:
    """The source of the SDK's function of that token, such as `azure-native:batch:getPool`."""
    _, module, name = token.split(":")
    words = re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)
    return inspect.getsource(getattr(importlib.import_module(f"pulumi_azure_native.{module}"), words))


def _args(token: str) -> type:
    module, name = token.split(":")
    return typing.cast("type", getattr(importlib.import_module(f"pulumi_azure_native.{module}"), f"{name}Args"))


def _outputs(token: str) -> list[str]:
    getters = [member.fget for member in vars(resource_class(token)).values() if isinstance(member, property)]
    return sorted(getattr(getter, "_pulumi_name") for getter in getters)  # noqa: B009 - private name of the SDK


def _required(args: type) -> set[str]:
    parameters = list(inspect.signature(args).parameters.values())
    return {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}


def _object(args: type) -> dict[str, Any]:
    names = sdk_types.input_type_py_to_pulumi_names(args)
    required = {names[name] for name in _required(args)}
    members = sdk_types.input_type_types(args)
    return {name + ("!" if name in required else ""): _shape(members[name]) for name in sorted(members)}


def _shape(annotation: Any) -> Any:
    annotation = _plain(annotation)
    if annotation in SCALARS:
        return SCALARS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None and issubclass(origin, typing.Mapping):
        return {"*": _shape(arguments[1])}
    if origin is not None and issubclass(origin, typing.Sequence):
        return [_shape(arguments[0])]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return SCALARS[annotation.__mro__[1]]
    if sdk_types.is_input_type(annotation):
        return _object(annotation)
    return "any"


def _plain(annotation: Any) -> Any:
    """The first alternative of a Union of a value, its Awaitable and its Output."""
    while typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = typing.get_args(annotation)[0]
    return annotation


if __name__ == "__main__":
    json.dump(shapes(), sys.stdout, indent=1)
    sys.stdout.write("\n")
