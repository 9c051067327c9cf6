"""Names the provider chooses when the program gives none (azure-native's rules, `provider.getDefaultName`)."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from batchite.provider import paths
from batchite.provider.values import CREATE_BEFORE_DELETE

_RANDOM_DIGITS = 8


class Kind(Enum):
    """How a type's name is made from the logical name."""

    RANDOM = "logical name and 8 hexadecimal digits"
    COPY = "the logical name"
    UUID = "a UUID"


class Mode(Enum):
    """The engine's own naming (stack configuration `pulumi:autonaming`)."""

    NONE = "not configured"
    PROPOSE = "propose"
    ENFORCE = "enforce"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the engine says about the name in a Check request."""

    logical_name: str
    seed: bytes = b""
    mode: Mode = Mode.NONE
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A chosen name; a random one lets a replacement live beside the resource it replaces."""

    value: str
    random: bool


def parameter(template: str) -> str:
    """The path parameter that carries the resource's own name: the last one."""
    return paths.parameters(template)[-1]


def kind(template: str) -> Kind:
    """RANDOM for resources that hang on a resource group or the subscription, COPY for children, UUID for roles."""
    if parameter(template) in {"roleAssignmentName", "roleDefinitionId"}:
        return Kind.UUID
    tail = re.split("microsoft\\.", template, flags=re.IGNORECASE)[-1]
    under_provider = tail != template
    return Kind.COPY if under_provider and tail.count("{") > 1 else Kind.RANDOM


def choose(template: str, wish: Wish, olds: Mapping[str, Any]) -> Name | None:
    """The name for a resource whose program gives none; the old one if there is one; None if naming is disabled."""
    old = olds.get(parameter(template))
    if old is not None:
        return Name(old, random=bool(olds.get(CREATE_BEFORE_DELETE)))
    if wish.mode is Mode.DISABLE:
        return None
    chosen = kind(template)
    if wish.mode is Mode.ENFORCE or (wish.mode is Mode.PROPOSE and chosen is not Kind.UUID):
        return Name(wish.proposed, random=True)
    return _made(chosen, wish)


def _made(chosen: Kind, wish: Wish) -> Name:
    if chosen is Kind.COPY:
        return Name(wish.logical_name, random=False)
    digest = hashlib.sha256(wish.seed + wish.logical_name.encode()).digest()
    if chosen is Kind.UUID:
        return Name(str(uuid.UUID(bytes=digest[:16], version=4)), random=True)
    return Name(wish.logical_name + digest.hex()[:_RANDOM_DIGITS], random=True)
