"""No assignment gives the rights of an owner, and none reaches beyond the resource group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

ROLE, SCOPE = "roleDefinitionId", "scope"
OWNERS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
}
ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Who may grant, grants under a condition."""
    role, scope = get(props, ROLE), get(props, SCOPE)
    yield from (Unclear(path) for path, value in ((ROLE, role), (SCOPE, scope)) if value is UNDETERMINED)
    last = str(role).rpartition("/")[2].lower()
    if last in OWNERS:
        yield f"{ROLE} must not be {OWNERS[last]}."
    if last == ADMINISTRATOR and get(props, "condition") is None:
        yield "condition must limit the roles that may be given away."
    if isinstance(scope, str) and "/resourcegroups/" not in scope.lower():
        yield f"{SCOPE} must lie within a resource group."


RULE = Rule(
    name="authorization-least-privilege",
    description="Role assignments make nobody an owner and stay within a resource group.",
    resource="authorization:RoleAssignment",
    judge=judge,
)
