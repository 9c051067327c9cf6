"""What a row of the provider's tables holds.

Sources of the data beside: API versions and property shapes from the SDK pulumi_azure_native 3.29.0 (`shapes.json`,
derived by `tests/provider/sdk_shapes.py`), names and places in ARM's bodies from the attribute maps of the management
SDKs (`wire.json`, derived by `tests/provider/wire_names.py`), what is refused from Batchite's control plane
(`refused.json`, derived by `tests/provider/refused_inputs.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, TypeAlias

Shape: TypeAlias = Any
"""The type of a property: a scalar's name, `[item]`, `{"*": value}` or an object (`name!` marks a required one)."""

PACKAGE = "azure-native"
VERSION = "3.29.0"
"""The version of azure-native whose behaviour and tables this provider follows."""

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


def _data(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))
    return found


_SHAPES = _data("shapes.json")
_WIRE = _data("wire.json")
_REFUSED = _data("refused.json")


@dataclass(frozen=True, slots=True)
class NameRule:
    """Length and pattern of a name that is part of the path."""

    shortest: int
    longest: int
    pattern: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that is not supported: why, and which values where others are."""

    reason: str = ""
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type; `name` is its token without the package.

    `top` are the inputs beside `properties` in ARM's body (all others lie under it; `flat` is False where none do);
    `wire_names` give ARM's name of an input path where it differs, relative to the object around it
    (`properties.priority`; a dot that belongs to a name is escaped): those of `wire.json` and `renamed`;
    `string_sets` are lists in the program and `{"id": {}}` maps in ARM; `force_new` are the inputs beside path
    parameters whose change replaces the resource; `removed` are the values sent for an input that was set before and
    is not any more; `kept` are lists that other resources add to: where the program sets none, what is there stays;
    `refused` are inputs that this provider does not take, beside those the server does not (`refusals`); a `singleton`
    exists with its parent: it is not created but set, and `reset` is what deleting it sets.
    """

    name: str
    api_version: str
    path: str
    name_rules: Mapping[str, NameRule] = field(default_factory=dict)
    top: frozenset[str] = frozenset({"identity", "location", "tags"})
    flat: bool = True
    renamed: Mapping[str, str] = field(default_factory=dict)
    string_sets: frozenset[str] = frozenset()
    force_new: frozenset[str] = frozenset()
    removed: Mapping[str, Any] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    singleton: bool = False
    reset: Mapping[str, Any] = field(default_factory=dict)
    wire_names: Mapping[str, str] = field(init=False)

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """The shape of the program's inputs."""
        shape: Mapping[str, Shape] = _SHAPES[self.name]["inputs"]
        return shape

    @property
    def refusals(self) -> Mapping[str, Refusal]:
        """What is refused, by dotted path without list indices."""
        served = _REFUSED.get(self.name, {})
        own = {name: Refusal() for name in self.refused}
        return own | {path: Refusal(one["reason"], tuple(one.get("values", ()))) for path, one in served.items()}

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire_names", {**_WIRE.get(self.name, {}), **self.renamed})

    @property
    def outputs(self) -> frozenset[str]:
        """The names of the outputs."""
        return frozenset(_SHAPES[self.name]["outputs"])


@dataclass(frozen=True, slots=True)
class Function:
    """One function (invoke): a GET of the type's resource, or a POST of an action on it.

    `query` maps arguments to query parameters.
    """

    name: str
    resource: ResourceType
    action: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


IDENTITIES = frozenset({"identity.userAssignedIdentities"})
GROUP_NAME = NameRule(1, 90, r"^[-\w._()]*[-\w_()]$")
