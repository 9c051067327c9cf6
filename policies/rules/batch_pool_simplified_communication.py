"""Nodes use simplified communication: the classic kind was retired on 31 March 2026."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

MODE = "targetNodeCommunicationMode"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Say it: the default is left to the service."""
    found = get(props, MODE)
    if found is UNDETERMINED:
        yield Unclear(MODE)
    elif found != "Simplified":
        yield f"{MODE} must be Simplified: classic communication needs open inbound ports and is retired."


RULE = Rule(
    name="batch-pool-simplified-communication",
    description="Pools use simplified node communication.",
    resource="batch:Pool",
    judge=judge,
    severity="medium",
)
