"""The `identity` block of a resource: system-assigned principals and references to user-assigned identities."""

from __future__ import annotations

from typing import Any

from batchite.arm.kinds import Arm, new_uuid
from batchite.arm.resources import Resource
from batchite.arm.shapes import Shape, mapping, read_only, record, text
from batchite.errors import ServiceError

_ENTRY = record({"principalId": read_only, "clientId": read_only})


def identity_shape(*kinds: str) -> Shape:
    """The block with the identity types that the resource type accepts."""
    fields = {"type": text(*kinds), "userAssignedIdentities": mapping(_ENTRY)}
    return record({**fields, "principalId": read_only, "tenantId": read_only}, required=("type",))


def resolve_identity(arm: Arm, wanted: Resource, old: Resource | None) -> Resource:
    """The resource with its identity's principals filled in: new, kept from `old`, or those of the user-assigned.

    Raises FailedIdentityOperation for a user-assigned identity that doesn't exist.
    """
    block = wanted.get("identity")
    if not block or block["type"] == "None":
        return {**wanted, "identity": {"type": "None"}} if block else wanted
    resolved: dict[str, Any] = {"type": block["type"]}
    if "SystemAssigned" in block["type"]:
        known = (old or {}).get("identity", {})
        resolved["principalId"] = known.get("principalId") or new_uuid()
        resolved["tenantId"] = arm.directory.tenant
    if "UserAssigned" in block["type"]:
        ids = block.get("userAssignedIdentities") or {}
        resolved["userAssignedIdentities"] = {rid: _principal(arm, rid) for rid in ids}
    return {**wanted, "identity": resolved}


def _principal(arm: Arm, rid: str) -> dict[str, str]:
    found = arm.resources.get(rid)
    if found is None or found["type"] != "Microsoft.ManagedIdentity/userAssignedIdentities":
        raise ServiceError("FailedIdentityOperation", f"The identity '{rid}' was not found.")
    return {name: found["properties"][name] for name in ("principalId", "clientId")}
