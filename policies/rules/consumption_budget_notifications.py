"""A budget that tells nobody is none: it says when money is spent, and before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get, items

NOTIFICATIONS = "notifications"
KINDS = {"Actual": "what was spent", "Forecasted": "what will be spent"}


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """At least one of each kind, each with somebody to tell. The default kind is Actual."""
    found = get(props, NOTIFICATIONS)
    if found is UNDETERMINED:
        yield Unclear(NOTIFICATIONS)
        return
    names = list(found) if isinstance(found, Mapping) else []
    notifications = [get(found, name) for name in names]
    told = {get(one, "thresholdType") or "Actual" for one in notifications if one is UNDETERMINED or _heard(one)}
    for kind, words in KINDS.items():
        if kind not in told and UNDETERMINED not in told:
            yield f"{NOTIFICATIONS} must have an enabled one that tells somebody of {words}."


def _heard(notification: Any) -> bool:
    contacts = ("contactEmails", "contactGroups", "contactRoles")
    return get(notification, "enabled") is not False and any(items(get(notification, one)) for one in contacts)


RULE = Rule(
    name="consumption-budget-notifications",
    description="Budgets tell somebody of what was spent and of what will be.",
    resource="consumption:Budget",
    judge=judge,
    severity="medium",
)
