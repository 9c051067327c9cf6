"""Derives the property shapes of `provider/shapes.json` from the installed pulumi_azure_native SDK.

`python batchite/tests/provider/sdk_shapes.py > batchite/src/batchite/provider/shapes.json` writes the file anew after
a new SDK version; `test_tables.py` fails while the two differ.
"""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import json
import re
import sys
import types
import typing
from enum import Enum
from typing import Any

import pulumi
from pulumi import _types as sdk_types  # the SDK's own reading of its annotations; there is no public one

TOKENS = (
    "authorization:ManagementLockAtResourceGroupLevel",
    "authorization:ManagementLockByScope",
    "authorization:RoleAssignment",
    "authorization:RoleDefinition",
    "batch:Application",
    "batch:ApplicationPackage",
    "batch:BatchAccount",
    "batch:Pool",
    "consumption:Budget",
    "containerregistry:Registry",
    "keyvault:Key",
    "keyvault:Secret",
    "keyvault:Vault",
    "managedidentity:FederatedIdentityCredential",
    "managedidentity:UserAssignedIdentity",
    "monitor:ActionGroup",
    "monitor:ActivityLogAlert",
    "monitor:DiagnosticSetting",
    "monitor:MetricAlert",
    "monitor:ScheduledQueryRule",
    "network:NatGateway",
    "network:NetworkSecurityGroup",
    "network:PrivateDnsZoneGroup",
    "network:PrivateEndpoint",
    "network:PublicIPAddress",
    "network:RouteTable",
    "network:SecurityRule",
    "network:Subnet",
    "network:VirtualNetwork",
    "operationalinsights:Workspace",
    "privatedns:PrivateRecordSet",
    "privatedns:PrivateZone",
    "privatedns:VirtualNetworkLink",
    "resources:ResourceGroup",
    "storage:BlobContainer",
    "storage:BlobServiceProperties",
    "storage:ManagementPolicy",
    "storage:StorageAccount",
)
SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def shapes() -> dict[str, Any]:
    """The shapes of every supported type: inputs (nested, `!` marks required ones) and names of outputs."""
    return {token: {"inputs": _object(resource_args(token), ()), "outputs": _outputs(token)} for token in TOKENS}


def resource_class(token: str) -> type:
    """The SDK's class of a resource type."""
    module, name = token.split(":")
    return typing.cast("type", getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name))


def function_source(token: str) -> str:
    """The source of the SDK's function of that token, such as `azure-native:batch:getPool`."""
    _, module, name = token.split(":")
    words = re.sub("([A-Z]+(?=[A-Z][a-z])|[A-Z])", lambda found: "_" + found[1].lower(), name)
    return inspect.getsource(getattr(importlib.import_module(f"pulumi_azure_native.{module}"), words))


def resource_args(token: str) -> type:
    """The SDK's class of a resource type's inputs: `…InitArgs` where a nested type has the plain name."""
    module, name = sys.modules[resource_class(token).__module__], token.split(":")[1]
    return typing.cast("type", getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args"))


def _outputs(token: str) -> list[str]:
    getters = [member.fget for member in vars(resource_class(token)).values() if isinstance(member, property)]
    return sorted(getattr(getter, "_pulumi_name") for getter in getters)  # noqa: B009 - private name of the SDK


def required(args: type) -> set[str]:
    """The Python names of the members that an object must have."""
    parameters = list(inspect.signature(args).parameters.values())
    return {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}


def _object(args: type, inside: tuple[type, ...]) -> dict[str, Any]:
    """An object's properties; one that holds itself again (`inside` are those around it) is not looked into."""
    names = sdk_types.input_type_py_to_pulumi_names(args)
    needed = {names[name] for name in required(args)}
    members = sdk_types.input_type_types(args)
    around = (*inside, args)
    return {name + ("!" if name in needed else ""): _shape(members[name], around) for name in sorted(members)}


def _shape(annotation: Any, inside: tuple[type, ...]) -> Any:
    choices = [choice for choice in alternatives(annotation) if sdk_types.is_input_type(choice)]
    if len(choices) > 1:
        return merged([_object(choice, inside) for choice in choices])
    annotation = alternatives(annotation)[0]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None and issubclass(origin, typing.Mapping):
        return {"*": _shape(arguments[1], inside)}
    if origin is not None and issubclass(origin, typing.Sequence):
        return [_shape(arguments[0], inside)]
    if sdk_types.is_input_type(annotation) and annotation not in inside:
        return _object(annotation, inside)
    return _scalar(annotation)


def _scalar(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return SCALARS[annotation.__mro__[1]]
    return SCALARS.get(annotation, "any")


def alternatives(annotation: Any) -> list[Any]:
    """What a Union of a value, its Awaitable and its Output may hold: the value, or several that a property allows."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation]
    found: list[Any] = []
    for choice in typing.get_args(annotation):
        if typing.get_origin(choice) is collections.abc.Awaitable or choice in (type(None), pulumi.Output):
            continue
        found += alternatives(choice)
    return found


def merged(shapes: list[dict[str, Any]]) -> dict[str, Any]:
    """One shape for several objects of which a discriminator chooses one: required is what all of them require."""
    joint: dict[str, Any] = {}
    for name in sorted({name.rstrip("!") for shape in shapes for name in shape}):
        found = [shape[mark] for shape in shapes for mark in (f"{name}!", name) if mark in shape]
        needed = all(f"{name}!" in shape for shape in shapes)
        objects = all(isinstance(inner, dict) for inner in found) and len(found) > 1
        lists = all(isinstance(inner, list) and isinstance(inner[0], dict) for inner in found) and len(found) > 1
        joined = merged(found) if objects else [merged([inner[0] for inner in found])] if lists else found[0]
        joint[name + ("!" if needed else "")] = joined
    return joint


if __name__ == "__main__":
    json.dump(shapes(), sys.stdout, indent=1)
    sys.stdout.write("\n")
