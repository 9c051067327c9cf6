"""Management locks: what a lock at a scope forbids for everything at it and below.

Source: "Lock your Azure resources to protect your infrastructure". A lock CanNotDelete forbids deletions, ReadOnly also
changes and actions (a storage account's keys can't be listed). A scope with a locked resource inside is not deleted
either. Role assignments are guarded like everything else; locks themselves and the data planes are not.
"""

from __future__ import annotations

from collections.abc import Iterator

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm
from batchite.errors import ServiceError

LOCK = "Microsoft.Authorization/locks"
_READ_ONLY = "ReadOnly"


def check_delete(arm: Arm, rid: ResourceId) -> None:
    """Raise ScopeLocked where a lock at, above or below the resource forbids to delete it."""
    _refuse(rid, "delete", [*_above(arm, rid), *_below(arm, rid)])


def check_change(arm: Arm, rid: ResourceId) -> None:
    """Raise ScopeLocked where a lock ReadOnly lies at or above the resource."""
    _refuse(rid, "write", [scope for scope, level in _locks(arm) if level == _READ_ONLY and _holds(scope, rid.key)])


def _refuse(rid: ResourceId, operation: str, scopes: list[str]) -> None:
    if scopes:
        raise ServiceError("ScopeLocked", f"'{rid.text}' cannot {operation}: locked is '{scopes[0]}'.")


def _above(arm: Arm, rid: ResourceId) -> Iterator[str]:
    return (scope for scope, _ in _locks(arm) if _holds(scope, rid.key))


def _below(arm: Arm, rid: ResourceId) -> Iterator[str]:
    return (scope for scope, _ in _locks(arm) if _holds(rid.key, scope))


def _locks(arm: Arm) -> Iterator[tuple[str, str]]:
    """Scope and level of every lock."""
    for lock in arm.resources.of_type(LOCK):
        yield lock["id"].lower().rsplit(f"/providers/{LOCK.lower()}/", 1)[0], lock["properties"]["level"]


def _holds(scope: str, key: str) -> bool:
    return f"{key.lower()}/".startswith(f"{scope.lower()}/")
