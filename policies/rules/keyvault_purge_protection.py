"""What a vault lost can be had back: without purge protection a deleted key takes what it encrypts with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

SWITCHES = {"properties.enablePurgeProtection": (True,), "properties.enableSoftDelete": (True, None)}
ROLES = "properties.enableRbacAuthorization"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Purge protection has to be said, soft delete is the default; access is by role, not by policy."""
    for path, allowed in {**SWITCHES, ROLES: (True,)}.items():
        found = get(props, path)
        if found is UNDETERMINED:
            yield Unclear(path)
        elif found not in allowed:
            yield f"{path} must be true."


RULE = Rule(
    name="keyvault-purge-protection",
    description="Key vaults can't be purged and grant access by role.",
    resource="keyvault:Vault",
    judge=judge,
)
