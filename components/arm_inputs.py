"""Inputs of azure-native resources in ARM's own names: judged against the SDK's classes, then built from them.

What a class takes is read off the class, so nothing is forgotten when the SDK is updated. Building with the classes,
not with dictionaries, matters: only the classes fill in nested defaults, and a mixture would show differences that are
none.

Does not own which of them a component sets.
"""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import pulumi
import pulumi_azure_native as azure

# The Python SDK offers no public way to a class's inputs; a contract test watches these two.
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

from components.validation import Problem, Rule, matching, whole

SECRET = frozenset({"accountKey", "sasKey", "password", "sshPrivateKey", "protectedSettings"})
"""Inputs that are marked secret in the state and shown in no error."""

ENCRYPTED: Mapping[str, Any] = {
    "type": "object",
    "required": ["secure"],
    "properties": {"secure": {"type": "string"}},
}
"""The JSON Schema of a value that Pulumi has encrypted in a stack file."""
_PORT = whole(1, 65_535)
RULES: Mapping[tuple[str, str], Rule] = {  # Source: the REST reference of Pool - Create, 2024-07-01.
    ("DataDiskArgs", "lun"): whole(0, 63),
    ("DataDiskArgs", "diskSizeGB"): whole(1, 65_536),
    ("OSDiskArgs", "diskSizeGB"): whole(1, 65_536),
    ("InboundNatPoolArgs", "backendPort"): _PORT,
    ("InboundNatPoolArgs", "frontendPortRangeStart"): whole(1, 65_534),
    ("InboundNatPoolArgs", "frontendPortRangeEnd"): whole(1, 65_534),
    ("NetworkSecurityGroupRuleArgs", "priority"): whole(150, 4096),
    ("RollingUpgradePolicyArgs", "maxBatchInstancePercent"): whole(5, 100),
    ("RollingUpgradePolicyArgs", "maxUnhealthyInstancePercent"): whole(5, 100),
    ("RollingUpgradePolicyArgs", "maxUnhealthyUpgradedInstancePercent"): whole(0, 100),
    ("UserAccountArgs", "name"): matching(r".{1,20}", "must be 1 to 20 characters"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One input of a class: ARM's name, the argument's name, and what it is.

    `kind` is the class, enumeration or plain type of the value, or of the items when `shape` is list or dict.
    """

    name: str
    argument: str
    kind: Any
    shape: type[Any] | None
    required: bool


def named(name: str) -> type[Any]:
    """The class of pulumi_azure_native.batch with that name."""
    found: type[Any] = getattr(azure.batch, name)
    return found


def names(name: str) -> list[str]:
    """The inputs of the class with that name."""
    return sorted(members(named(name)))


def members(kind: Any) -> Mapping[str, Member]:
    """All inputs of a class by ARM's name."""
    return _members(kind)


@cache
def _members(kind: Any) -> Mapping[str, Member]:
    types = input_type_types(kind)
    signature = inspect.signature(kind.__init__).parameters
    arguments = {wire: name for name, wire in input_type_py_to_pulumi_names(kind).items()}
    return {
        wire: Member(
            wire, arguments[wire], *_kind(types[wire]), signature[arguments[wire]].default is inspect.Parameter.empty
        )
        for wire in types
    }


def _kind(annotation: Any) -> tuple[Any, type[Any] | None]:
    """The type within an annotation, and whether it is a list or a dict of those."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union:
        enums = [one for one in inner if isinstance(one, type) and issubclass(one, Enum)]
        return _kind(enums[0] if enums else inner[0])
    if origin is collections.abc.Sequence:
        return _kind(inner[0])[0], list
    if origin is collections.abc.Mapping:
        return _kind(inner[1])[0], dict
    return annotation, None


def is_class(kind: Any) -> bool:
    """Whether a member's kind is a class with inputs of its own."""
    return isinstance(kind, type) and is_input_type(kind)


def paths(kind: type[Any], prefix: str = "") -> Iterator[str]:
    """Every input below a class: "networkConfiguration.subnetId", "dataDisks[].lun"."""
    for member in members(kind).values():
        path = f"{prefix}{member.name}" + {list: "[]", dict: "{}", None: ""}[member.shape]
        yield path
        if is_class(member.kind):
            yield from paths(member.kind, f"{path}.")


def problems(kind: type[Any], value: Any, where: str) -> Iterator[Problem]:
    """What is wrong with a mapping in ARM's names. What is known only during deployment is left to Azure."""
    if isinstance(value, pulumi.Output | kind):
        return
    if not isinstance(value, Mapping):
        yield Problem(where, _shown(where, value), f"must be an object with {', '.join(sorted(members(kind)))}")
        return
    for key in value:
        if key not in members(kind):
            yield Problem(f"{where}.{key}", None, f"is no input; there are {', '.join(sorted(members(kind)))}")
    for member in members(kind).values():
        if member.name in value:
            yield from _member_problems(kind, member, value[member.name], f"{where}.{member.name}")
        elif member.required:
            yield Problem(f"{where}.{member.name}", None, "is missing")


def _member_problems(kind: type[Any], member: Member, value: Any, where: str) -> Iterator[Problem]:
    if isinstance(value, pulumi.Output):
        return
    if member.shape is None:
        yield from _value_problems(member.kind, RULES.get((kind.__name__, member.name)), value, where)
    elif member.shape is list and isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _value_problems(member.kind, None, item, f"{where}[{index}]")
    elif member.shape is dict and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _value_problems(member.kind, None, item, f"{where}.{key}")
    else:
        yield Problem(where, _shown(where, value), f"must be a {'list' if member.shape is list else 'mapping'}")


def _value_problems(kind: Any, rule: Rule | None, value: Any, where: str) -> Iterator[Problem]:
    if is_class(kind):
        yield from problems(kind, value, where)
        return
    wanted = rule or _rule(kind)
    if not isinstance(value, pulumi.Output) and not wanted.holds(value):
        yield Problem(where, _shown(where, value), wanted.text)


def _rule(kind: Any) -> Rule:
    """The rule of a plain type: what ARM's JSON takes there."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        names = [one.value for one in kind]
        return Rule(f"must be one of {', '.join(map(repr, names))}", lambda value: value in names)
    if kind is int:
        return Rule("must be a whole number", lambda value: type(value) is int)
    if kind in (str, bool):
        return Rule(f"must be a {'string' if kind is str else 'truth value'}", lambda value: isinstance(value, kind))
    return Rule("may be anything", lambda _value: True)


def _shown(where: str, value: Any) -> object:
    secret = where.rpartition(".")[2].partition("[")[0] in SECRET
    return value if isinstance(value, str | int | float) and not secret else None


def build(kind: type[Any], value: Any) -> Any:
    """The SDK's object for a mapping without problems. Secrets become secret outputs."""
    if isinstance(value, pulumi.Output | kind):
        return value
    arguments = {}
    for name, part in value.items():
        member = members(kind)[name]
        built = _built(member, part)
        arguments[member.argument] = pulumi.Output.secret(built) if name in SECRET else built
    return kind(**arguments)


def _built(member: Member, value: Any) -> Any:
    if isinstance(value, pulumi.Output) or not is_class(member.kind):
        return value
    if member.shape is list:
        return [build(member.kind, one) for one in value]
    return build(member.kind, value)


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a class's inputs, for editors."""
    known = members(kind).values()
    required = [member.name for member in known if member.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            member.name: dict(ENCRYPTED) if member.name in SECRET else _member_schema(member) for member in known
        },
        **({"required": required} if required else {}),
    }


def _member_schema(member: Member) -> dict[str, Any]:
    one = schema(member.kind) if is_class(member.kind) else _plain_schema(member.kind)
    if member.shape is list:
        return {"type": "array", "items": one}
    return {"type": "object", "additionalProperties": one} if member.shape is dict else one


def _plain_schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    names = {int: "integer", str: "string", bool: "boolean"}
    return {"type": names[kind]} if kind in names else {}
