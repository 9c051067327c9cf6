"""The Batch account: Entra identities only, auto-storage reached by identity, closed to the internet unless configured.

Does not own the storage account, the key vault, the identities and their roles, the private endpoints, the diagnostic
settings (monitoring), nor the pools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_azure_native as azure

from components import arm_inputs
from components.identity import Identities
from components.key_vault import VaultReference
from components.naming import BATCH_ACCOUNT
from components.place import Place, name_of
from components.public_access import PublicAccess, batch_profile
from components.records import judge, setting
from components.validation import FLAG, Problem, broken, one_of, refuse

REPLACED = ("location", "poolAllocationMode")
"""What ARM keeps for the life of an account."""
BATCH_SERVICE, USER_SUBSCRIPTION = "BatchService", "UserSubscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The Batch account."""

    pool_allocation_mode: str = setting(
        "Whose quota nodes count against: Batch's own, or that of the subscription, where they then are visible.",
        one_of(BATCH_SERVICE, USER_SUBSCRIPTION),
        BATCH_SERVICE,
        lands="poolAllocationMode; another one is another account",
    )
    shared_key: bool = setting(
        "Whether the account's keys let in whoever has one, beside Entra identities: for clients that need it.",
        FLAG,
        False,
        lands="allowedAuthenticationModes",
    )
    customer_managed_key: bool = setting(
        "Whether what Batch stores is encrypted with a key of your key vault instead of Microsoft's.",
        FLAG,
        False,
        lands="encryption",
    )
    lock: bool = setting(
        "Whether ARM refuses to delete the account. Its pools can't be deleted or replaced either until it is off.",
        FLAG,
        False,
        lands="authorization:ManagementLockByScope",
    )
    protect: bool = setting("Whether Pulumi refuses to delete the account.", FLAG, False, lands="the option `protect`")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountArgs:
    """Where, its name, its auto-storage (resource id of a storage account), as whom it acts, and who reaches it.

    `private_nodes`: all nodes come through a private endpoint. `vault` is where a key and secrets are, if there is one.
    `inputs` are further inputs in ARM's names, laid over what the settings give.
    """

    place: Place
    account_name: pulumi.Input[str]
    storage_account_id: pulumi.Input[str]
    identities: Identities
    access: PublicAccess = field(default_factory=PublicAccess)
    settings: AccountSettings = field(default_factory=AccountSettings)
    private_nodes: bool = True
    vault: VaultReference | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already."""
        yield from broken({"accountName": BATCH_ACCOUNT}, {"accountName": self.account_name})
        yield from judge(self.access, "access.")
        yield from judge(self.settings, "settings.")
        if self.settings.customer_managed_key and (self.vault is None or self.vault.key_id is None):
            yield Problem("settings.customerManagedKey", True, "needs the key of a vault")
        if self.settings.pool_allocation_mode == USER_SUBSCRIPTION and self.vault is None:
            yield Problem("settings.poolAllocationMode", USER_SUBSCRIPTION, "needs a vault")
        needed = {"resourceGroupName": ""}
        yield from arm_inputs.problems(azure.batch.BatchAccountArgs, {**needed, **self.inputs}, "inputs")


class Account(pulumi.ComponentResource):
    """A Batch account without usable keys. Raises SettingsError for settings that ARM would refuse.

    `endpoint` is the address of its data plane; `quotas` are ARM's limits, by ARM's names, known once it exists.
    """

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    quotas: dict[str, pulumi.Output[int]]

    def __init__(self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Batch account {name}", args.problems())
        super().__init__("azure-batch:components:Account", name, {"accountName": args.account_name}, opts)
        account = _account(name, args, self)
        self._locked = (account, args.settings.lock)
        self.id, self.name = account.id, name_of(account, args.account_name)
        self.endpoint = account.account_endpoint.apply(with_scheme)
        self.quotas = {
            "dedicatedCoreQuota": account.dedicated_core_quota,
            "lowPriorityCoreQuota": account.low_priority_core_quota,
            "poolQuota": account.pool_quota,
            "activeJobAndJobScheduleQuota": account.active_job_and_job_schedule_quota,
        }
        self.register_outputs({"name": self.name, "endpoint": self.endpoint, "quotas": self.quotas})

    def lock(self, after: Sequence[pulumi.Resource]) -> None:
        """Lock it, where that is configured: made after all that lies in it, so that it goes before that does."""
        account, wanted = self._locked
        if wanted:
            azure.authorization.ManagementLockByScope(
                "account",
                lock_name="no-delete",
                scope=account.id,
                level=azure.authorization.LockLevel.CAN_NOT_DELETE,
                notes="Set by the deployment; see account.lock in its configuration.",
                opts=pulumi.ResourceOptions(parent=account, depends_on=after),
            )


def with_scheme(endpoint: str) -> str:
    """The address that clients want: ARM gives it without a scheme."""
    return f"https://{endpoint}"


def _account(name: str, args: AccountArgs, parent: pulumi.Resource) -> azure.batch.BatchAccount:
    return azure.batch.BatchAccount(
        name,
        arm_inputs.build(azure.batch.BatchAccountArgs, inputs(args)),
        # The provider would try to change them in place.
        opts=pulumi.ResourceOptions(parent=parent, replace_on_changes=list(REPLACED), protect=args.settings.protect),
    )


def inputs(args: AccountArgs) -> dict[str, Any]:
    """The inputs in ARM's names."""
    return {
        "accountName": args.account_name,
        "resourceGroupName": args.place.resource_group,
        "location": args.place.location,
        "tags": dict(args.place.tags),
        "allowedAuthenticationModes": ["AAD", *(["SharedKey"] if args.settings.shared_key else [])],
        "autoStorage": {
            "storageAccountId": args.storage_account_id,
            "authenticationMode": "BatchAccountManagedIdentity",
            "nodeIdentityReference": {"resourceId": args.identities.nodes.resource_id},
        },
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [args.identities.batch.resource_id]},
        "poolAllocationMode": args.settings.pool_allocation_mode,
        "publicNetworkAccess": args.access.enabled,
        "networkProfile": batch_profile(args.access, private_nodes=args.private_nodes),
        **_from_vault(args),
        **args.inputs,
    }


def _from_vault(args: AccountArgs) -> dict[str, Any]:
    """What the account takes from the vault: a key, a place for secrets, or nothing."""
    found: dict[str, Any] = {}
    if args.vault is None:
        return found
    if args.settings.customer_managed_key:
        key = {"keyIdentifier": args.vault.key_id}
        found["encryption"] = {"keySource": "Microsoft.KeyVault", "keyVaultProperties": key}
    if args.settings.pool_allocation_mode == USER_SUBSCRIPTION:
        found["keyVaultReference"] = {"id": args.vault.id, "url": args.vault.url}
    return found
