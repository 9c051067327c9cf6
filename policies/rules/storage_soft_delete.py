"""What was deleted by mistake can be had back for a week at least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Setting, Unclear
from policies.rules.values import UNDETERMINED, get

POLICIES = ("deleteRetentionPolicy", "containerDeleteRetentionPolicy")


def judge(props: Any, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Blobs and containers."""
    least = int(settings["days"])
    for policy in POLICIES:
        enabled, days = get(props, f"{policy}.enabled"), get(props, f"{policy}.days")
        if UNDETERMINED in (enabled, days):
            yield Unclear(policy)
        elif enabled is not True or not isinstance(days, int | float) or days < least:
            yield f"{policy} must be enabled, for {least} days or more."


RULE = Rule(
    name="storage-soft-delete",
    description="Deleted blobs and containers can be had back.",
    resource="storage:BlobServiceProperties",
    judge=judge,
    severity="medium",
    settings={"days": Setting("The fewest days.", 7, minimum=1)},
)
