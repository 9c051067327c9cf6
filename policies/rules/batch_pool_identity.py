"""A pool has a user-assigned identity, so that its tasks need no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

TYPE = "identity.type"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """The only kind of identity that pools can have."""
    found = get(props, TYPE)
    if found is UNDETERMINED:
        yield Unclear(TYPE)
    elif found != "UserAssigned":
        yield f"{TYPE} must be UserAssigned: without an identity tasks would need a key to reach storage."


RULE = Rule(
    name="batch-pool-identity",
    description="Pools have a user-assigned identity.",
    resource="batch:Pool",
    judge=judge,
)
