"""Samples of every input of azure-native's Pool, and pools made under mocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any

import pulumi

from components import arm_inputs
from components.arm_inputs import Member, is_class, members, named
from components.identity import Identity
from components.place import Place
from components.pool import Pool, PoolArgs
from components.pool_inputs import Parts
from components.pool_settings import PoolSettings
from components.records import record
from tests.components.harness import GROUP, PROJECT, Azure, Deployed

TODAY = date(2026, 11, 25)
NODES = f"{GROUP}/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
RULED = (1, 200, 50, "text")
"""What a rule of arm_inputs may take."""


def sample(kind: type[Any]) -> dict[str, Any]:
    """A mapping in ARM's names in which every input of a class is set."""
    return {name: _value(kind, member) for name, member in members(kind).items()}


def sample_of(name: str) -> dict[str, Any]:
    """The same for a class of pulumi_azure_native.batch by name."""
    return sample(named(name))


def mounts() -> list[dict[str, Any]]:
    """One mount of each kind, at places of their own."""
    every = sample_of("MountConfigurationArgs").items()
    return [{kind: {**inputs, "relativeMountPath": kind}} for kind, inputs in every]


def _value(kind: type[Any], member: Member) -> Any:
    one = _single(kind, member)
    return {list: [one], dict: {"key": one}, None: one}[member.shape]


def _single(kind: type[Any], member: Member) -> Any:
    if is_class(member.kind):
        return sample(member.kind)
    if isinstance(member.kind, type) and issubclass(member.kind, Enum):
        return next(iter(member.kind)).value
    rule = arm_inputs.RULES.get((kind.__name__, member.name))
    if rule:
        return next(one for one in RULED if rule.holds(one))
    return {int: 1, bool: True}.get(member.kind, "text")


def landed(kind: type[Any], value: Any, prefix: str = "") -> Iterator[str]:
    """The paths, as `arm_inputs.paths` has them, of all that is set in recorded inputs."""
    for name, part in value.items():
        member = members(kind).get(name)
        if member is None or part is None:
            continue
        path = f"{prefix}{name}" + {list: "[]", dict: "{}", None: ""}[member.shape]
        yield path
        if is_class(member.kind):
            for one in part if member.shape is list else [part]:
                yield from landed(member.kind, one, f"{path}.")


SECRET_MARK = "4dabf18193072939515e22adb298388d"
"""The key by which the engine knows a wrapped secret."""


def revealed(value: Any) -> Any:
    """The value without the wrappings of secrets."""
    if isinstance(value, dict):
        return revealed(value["value"]) if SECRET_MARK in value else {key: revealed(one) for key, one in value.items()}
    return [revealed(one) for one in value] if isinstance(value, list) else value


def concealed(value: Any) -> Any:
    """The value as one sees it who can't decrypt."""
    if isinstance(value, dict):
        return "[secret]" if SECRET_MARK in value else {key: concealed(one) for key, one in value.items()}
    return [concealed(one) for one in value] if isinstance(value, list) else value


def made(settings: Mapping[str, Any], *, parts: Parts | None = None, **args: Any) -> dict[str, Any]:
    """The inputs of the pool that these settings (by key) make, without the wrappings of secrets."""
    return dict(revealed(deployed(settings, parts=parts, **args).one("batch:Pool")))


def deployed(settings: Mapping[str, Any], *, parts: Parts | None = None, **args: Any) -> Deployed:
    """All that these settings make, as the engine gets it."""
    found = Deployed()
    pulumi.runtime.set_mocks(Azure(found, preview=False), project=PROJECT, stack="test", preview=False)

    def program() -> None:
        place = Place("rg", "westeurope", {"team": "weather"})
        chosen = record(PoolSettings, settings)
        Pool("main", PoolArgs(place, "batch", chosen, parts or some_parts(), today=TODAY, **args))

    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return found


def some_parts(**changes: Any) -> Parts:
    """What other components give: an identity and tags."""
    known = pulumi.Output.from_input
    identity = Identity("nodes", known(NODES), known("principal"), known("client"))
    return Parts(identity, {"team": "weather"}, **changes)
