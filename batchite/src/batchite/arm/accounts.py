"""Batch and storage accounts as the data planes look them up."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.arm.ports import Endpoints
from batchite.arm.resources import Resource, ResourceStore
from batchite.arm.roles import RoleAuthorizer
from batchite.arm.types import batch_accounts, storage_accounts
from batchite.batch.accounts import BatchAccount


class AccountDirectory:
    """The Batch accounts made through ARM, and those that exist without it (`built_in`)."""

    def __init__(self, resources: ResourceStore, endpoints: Endpoints, built_in: Sequence[BatchAccount] = ()) -> None:
        self._resources = resources
        self._endpoints = endpoints
        self._built_in = {account.name.lower(): account for account in built_in}
        self._revision = -1
        self._accounts: dict[str, Resource] = {}

    def find(self, account: str) -> BatchAccount | None:
        """The account of that name, whatever its case, or None."""
        if self._revision != self._resources.revision:
            self._revision = self._resources.revision
            found = self._resources.of_type(batch_accounts.NAME)
            self._accounts = {resource["name"].lower(): resource for resource in found}
        resource = self._accounts.get(account.lower())
        return self._view(resource) if resource else self._built_in.get(account.lower())

    def _view(self, resource: Resource) -> BatchAccount:
        first, second = resource["_private"]["keys"]
        linked = resource["properties"].get("autoStorage", {})
        storage = linked.get("storageAccountId", "").rsplit("/", 1)[-1]
        return BatchAccount(
            name=resource["name"],
            resource_id=resource["id"],
            keys=(first, second),
            modes=frozenset(resource["properties"]["allowedAuthenticationModes"]),
            auto_storage_account=storage,
            auto_storage_url=f"{self._endpoints.blob}/{storage}" if storage else "",
            auto_storage_identity=linked.get("nodeIdentityReference", {}).get("resourceId", ""),
            core_quota=batch_accounts.core_quota(resource),
        )


class StorageDirectory:
    """What the blob gateway must know of the storage accounts; its methods are the gateway's access rules."""

    def __init__(self, resources: ResourceStore, authorizer: RoleAuthorizer) -> None:
        self._resources = resources
        self._authorizer = authorizer

    def shared_key_allowed(self, account: str) -> bool:
        """The account's allowSharedKeyAccess (Azure's default is yes); False for an unknown account."""
        found = self._find(account)
        return found is not None and bool(found["properties"].get("allowSharedKeyAccess", True))

    def allowed(self, object_id: str, account: str, container: str, data_action: str) -> bool:
        """Whether the principal may do the action in the container, or in the account when none is named.

        An action of the account's blob service (a user delegation key) is no data action and goes by roles' actions.
        """
        found = self._find(account)
        if found is None:
            return False
        scope = found["id"] + (f"/blobServices/default/containers/{container}" if container else "")
        if self._authorizer.allowed(object_id, scope, data_action):
            return True
        control = not data_action.lower().startswith(_BLOBS)
        return control and self._authorizer.allowed_action(object_id, scope, data_action)

    def _find(self, account: str) -> Resource | None:
        wanted = account.lower()
        found = self._resources.of_type(storage_accounts.NAME)
        return next((resource for resource in found if resource["name"] == wanted), None)


_BLOBS = "microsoft.storage/storageaccounts/blobservices/containers/blobs/"
