"""What a rule is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Severity: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Unclear:
    """A property that the rule needs and that only the deployment will know."""

    path: str


Finding: TypeAlias = str | Unclear
"""A violation in words that name the property and what to do, never a value that may be secret; or what is unclear."""

Judge: TypeAlias = Callable[[Any, Mapping[str, Any]], Iterable[Finding]]
"""From the inputs of a resource and the rule's settings to findings."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A number that `--policy-pack-config` may change."""

    description: str
    default: int
    minimum: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for one type of resource, written "module:Type" whatever the API version."""

    name: str
    description: str
    resource: str
    judge: Judge
    severity: Severity = "high"
    settings: Mapping[str, Setting] = field(default_factory=dict)
