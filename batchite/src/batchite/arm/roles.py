"""Who may do what: built-in roles (the ones of a Batch deployment), custom ones, and the role assignments in force."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batchite.arm.resources import ResourceStore

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@dataclass(frozen=True, slots=True)
class Role:
    """A role definition; `*` in an operation stands for any text."""

    name: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_BLOB_READ = f"{_BLOBS}/blobs/read"
_BLOB_CHANGES = tuple(f"{_BLOBS}/blobs/{verb}" for verb in ("delete", "write", "move/action", "add/action"))
_BLOB_WRITE = (_BLOB_READ, *_BLOB_CHANGES)
_DELEGATION = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
_CONTAINERS = tuple(f"{_BLOBS}/{verb}" for verb in ("delete", "read", "write"))
_BATCH = "Microsoft.Batch/batchAccounts"
_JOBS = (f"{_BATCH}/jobSchedules/*", f"{_BATCH}/jobs/*")
_BATCH_DATA = (
    "Microsoft.Authorization/*/read",
    f"{_BATCH}/read",
    f"{_BATCH}/applications/*",
    f"{_BATCH}/pools/*",
    f"{_BATCH}/poolOperationResults/*",
    "Microsoft.Batch/locations/*/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)
_BATCH_SUBMIT = (
    f"{_BATCH}/applications/read",
    f"{_BATCH}/applications/versions/read",
    f"{_BATCH}/pools/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)
_BATCH_READ = ("Microsoft.Batch/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read")
_BATCH_ALL = ("Microsoft.Authorization/*/read", "Microsoft.Batch/*", _BATCH_SUBMIT[-1])
_KEYS = "Microsoft.KeyVault/vaults/keys"
_ACCESS = ("*/write", "*/delete")  # under Microsoft.Authorization: what a Contributor may not do

ROLES = {
    OWNER: Role("Owner", ("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        "Contributor", ("*",), not_actions=tuple(f"Microsoft.Authorization/{verb}" for verb in _ACCESS)
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", ("*/read",)),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role("User Access Administrator", ("*/read", "Microsoft.Authorization/*")),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role(
        "Role Based Access Control Administrator",
        ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read"),
    ),
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": Role(
        "Key Vault Crypto Service Encryption User",
        data_actions=tuple(f"{_KEYS}/{verb}" for verb in ("read", "wrap/action", "unwrap/action")),
    ),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": Role(
        "Key Vault Secrets Officer", data_actions=("Microsoft.KeyVault/vaults/secrets/*",)
    ),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": Role(
        "Storage Account Contributor",
        ("Microsoft.Authorization/*/read", "Microsoft.Storage/storageAccounts/*", _BATCH_SUBMIT[-1]),
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Role(
        "Storage Blob Data Owner", (f"{_BLOBS}/*", _DELEGATION), (f"{_BLOBS}/blobs/*",)
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Role(
        "Storage Blob Data Contributor", (*_CONTAINERS, _DELEGATION), _BLOB_WRITE
    ),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": Role(
        "Storage Blob Data Reader", (f"{_BLOBS}/read", _DELEGATION), (_BLOB_READ,)
    ),
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": Role("Storage Blob Delegator", (_DELEGATION,)),
    "f1a07417-d97a-45cb-824c-7a7467783830": Role(
        "Managed Identity Operator", ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read", _BATCH_SUBMIT[-1])
    ),
    "29fe4964-1e60-436b-bd3a-77fd4c178b3c": Role("Azure Batch Account Contributor", _BATCH_ALL, ("Microsoft.Batch/*",)),
    "11076f67-66f6-4be0-8f6b-f0609fd05cc9": Role(
        "Azure Batch Account Reader", _BATCH_READ, ("Microsoft.Batch/*/read",)
    ),
    "6aaa78f1-f7de-44ca-8722-c64a23943cae": Role("Azure Batch Data Contributor", _BATCH_DATA, _JOBS),
    "48e5e92e-a480-4e71-aa9c-2778f4c13781": Role("Azure Batch Job Submitter", _BATCH_SUBMIT, _JOBS),
}


class RoleAuthorizer:
    """Answers whether a principal may do an operation on a resource, from the assignments as they stand."""

    def __init__(self, resources: ResourceStore, subscription: str, developer: str) -> None:
        self._resources = resources
        self._owner = (f"/subscriptions/{subscription}".lower(), OWNER)
        self._developer = developer.lower()
        self._revision = -1
        self._by_principal: dict[str, list[tuple[str, str]]] = {}

    def allowed(self, principal_id: str, resource_id: str, data_action: str) -> bool:
        """Whether the principal may do the data action on the resource.

        Batch maps its data plane onto actions too (an account's Contributor may submit jobs); storage does not.
        """
        with_actions = data_action.lower().startswith("microsoft.batch/")
        roles = list(self._roles(principal_id, resource_id))
        if any(_may_touch(role, data_action) for role in roles):
            return True
        return with_actions and any(_may(role, data_action) for role in roles)

    def allowed_action(self, principal_id: str, resource_id: str, action: str) -> bool:
        """Whether the principal may do the control-plane action on the resource."""
        return any(_may(role, action) for role in self._roles(principal_id, resource_id))

    def _roles(self, principal_id: str, resource_id: str) -> Iterator[Role]:
        wanted = f"{resource_id.rstrip('/').lower()}/"
        for scope, role in self._assignments().get(principal_id.lower(), ()):
            if wanted.startswith(f"{scope}/"):
                yield from roles_of(self._resources, role)

    def _assignments(self) -> dict[str, list[tuple[str, str]]]:
        if self._revision != self._resources.revision:
            self._revision = self._resources.revision
            self._by_principal = {self._developer: [self._owner]}
            for assignment in self._resources.of_type(ASSIGNMENT):
                properties = assignment["properties"]
                if properties.get("condition"):
                    continue  # Conditions are not evaluated: the safe answer is that they don't hold.
                held = (properties["scope"].rstrip("/").lower(), role_id(properties["roleDefinitionId"]))
                self._by_principal.setdefault(properties["principalId"].lower(), []).append(held)
        return self._by_principal


def role_id(definition_id: str) -> str:
    """The uuid at the end of a role definition's id, lower case."""
    return definition_id.rstrip("/").rsplit("/", 1)[-1].lower()


def find_definition(resources: ResourceStore, role: str) -> Mapping[str, Any] | None:
    """The custom role of that uuid, or None."""
    found = (one for one in resources.of_type(DEFINITION) if one["name"].lower() == role)
    return next(found, None)


def roles_of(resources: ResourceStore, role: str) -> list[Role]:
    """What a role allows: a custom one may have several sets of permissions. Empty for a role that isn't there."""
    if role in ROLES:
        return [ROLES[role]]
    custom = find_definition(resources, role)
    return (
        [_permissions(custom["properties"]["roleName"], one) for one in custom["properties"]["permissions"]]
        if custom
        else []
    )


def _permissions(name: str, held: Mapping[str, Sequence[str]]) -> Role:
    keys = ("actions", "dataActions", "notActions", "notDataActions")
    actions, data, not_actions, not_data = (tuple(held.get(key, ())) for key in keys)
    return Role(name, actions, data, not_actions, not_data)


def _may_touch(role: Role, data_action: str) -> bool:
    return _covers(role.data_actions, data_action) and not _covers(role.not_data_actions, data_action)


def _may(role: Role, action: str) -> bool:
    return _covers(role.actions, action) and not _covers(role.not_actions, action)


def _covers(patterns: Sequence[str], action: str) -> bool:
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns)


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
