"""Batch and storage accounts as the data planes look them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from batchite.arm import quotas
from batchite.arm.ports import Endpoints
from batchite.arm.resources import Resource, ResourceStore
from batchite.arm.roles import RoleAuthorizer
from batchite.arm.types import batch_accounts, storage_accounts
from batchite.batch.accounts import BatchAccount
from batchite.errors import ServiceError
from batchite.scheduler.model import CoreQuota


class AccountDirectory:
    """The Batch accounts made through ARM, and those that exist without it (`built_in`)."""

    def __init__(self, resources: ResourceStore, endpoints: Endpoints, built_in: Sequence[BatchAccount] = ()) -> None:
        self._resources = resources
        self._endpoints = endpoints
        self._built_in = {account.name.lower(): account for account in built_in}
        self._revision = -1
        self._accounts: dict[str, BatchAccount] = {}

    def find(self, account: str) -> BatchAccount | None:
        """The account of that name, whatever its case, or None."""
        if self._revision != self._resources.revision:
            self._revision = self._resources.revision
            made = [self._view(resource) for resource in self._resources.of_type(batch_accounts.NAME)]
            found = [*map(self._limited, self._built_in.values()), *made]
            self._accounts = {one.name.lower(): one for one in found}
        return self._accounts.get(account.lower())

    async def limit(self, account: str, changes: Mapping[str, int]) -> dict[str, int | None]:
        """Set quotas by ARM's names and return all of the account, None for no limit. Raises AccountNotFound."""
        if self.find(account) is None:
            raise ServiceError("AccountNotFound")
        if changes:
            await quotas.set_quotas(self._resources, account, changes)
        found = self.find(account)
        assert found is not None
        cores = found.core_quota or CoreQuota(None, None)
        return dict(zip(quotas.NAMES, (*cores, found.pool_quota, found.job_quota), strict=True))

    def _limited(self, account: BatchAccount) -> BatchAccount:
        """A built-in account, which has no limits but those that were set."""
        found = quotas.quotas_of(self._resources, account.name)
        cores = CoreQuota(found.get(quotas.CORES), found.get(quotas.SPOT_CORES))
        return replace(
            account,
            core_quota=None if cores == CoreQuota(None, None) else cores,
            pool_quota=found.get(quotas.POOLS),
            job_quota=found.get(quotas.JOBS),
        )

    def _view(self, resource: Resource) -> BatchAccount:
        first, second = resource["_private"]["keys"]
        linked = resource["properties"].get("autoStorage", {})
        storage = linked.get("storageAccountId", "").rsplit("/", 1)[-1]
        limits = batch_accounts.limits(self._resources, resource)
        return BatchAccount(
            name=resource["name"],
            resource_id=resource["id"],
            keys=(first, second),
            modes=frozenset(resource["properties"]["allowedAuthenticationModes"]),
            auto_storage_account=storage,
            auto_storage_url=f"{self._endpoints.blob}/{storage}" if storage else "",
            auto_storage_identity=linked.get("nodeIdentityReference", {}).get("resourceId", ""),
            core_quota=batch_accounts.core_quota(self._resources, resource),
            pool_quota=limits[quotas.POOLS],
            job_quota=limits[quotas.JOBS],
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
