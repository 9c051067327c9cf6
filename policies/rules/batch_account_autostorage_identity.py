"""Auto-storage is reached by identity: with keys it stops working as soon as the storage account refuses keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

MODE = "autoStorage.authenticationMode"
NODES = "autoStorage.nodeIdentityReference"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Both the account and its nodes need an identity, if there is auto-storage at all."""
    if get(props, "autoStorage") is None:
        return
    mode = get(props, MODE)
    if mode is UNDETERMINED:
        yield Unclear(MODE)
    elif mode != "BatchAccountManagedIdentity":
        yield f"{MODE} must be BatchAccountManagedIdentity, not storage keys."
    if get(props, NODES) is None:
        yield f"{NODES} must name the identity with which nodes reach the storage account."


RULE = Rule(
    name="batch-account-autostorage-identity",
    description="Batch accounts and their nodes reach auto-storage by managed identity.",
    resource="batch:BatchAccount",
    judge=judge,
)
