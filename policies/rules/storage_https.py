"""A storage account takes HTTPS only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

PROPERTY = "enableHttpsTrafficOnly"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Absent is true."""
    found = get(props, PROPERTY)
    if found is UNDETERMINED:
        yield Unclear(PROPERTY)
    elif found is False:
        yield f"{PROPERTY} must be true: tokens must not travel in the clear."


RULE = Rule(
    name="storage-https",
    description="Storage accounts take HTTPS only.",
    resource="storage:StorageAccount",
    judge=judge,
)
