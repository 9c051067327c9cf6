"""The Batch account: Entra identities only, auto-storage reached by identity.

Does not own the storage account, the identities and their roles, nor the pools.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.identity import Identities
from components.naming import BATCH_ACCOUNT
from components.place import Place, name_of
from components.validation import broken, one_of, refuse

_RULES = {"account_name": BATCH_ACCOUNT, "public_network_access": one_of("Enabled", "Disabled")}


@dataclass(frozen=True, slots=True)
class AccountArgs:
    """Where, its name, its auto-storage (resource id of a storage account), and whether it is reachable publicly."""

    place: Place
    account_name: pulumi.Input[str]
    storage_account_id: pulumi.Input[str]
    identities: Identities
    public_network_access: pulumi.Input[str]


class Account(pulumi.ComponentResource):
    """A Batch account without usable keys. Raises SettingsError for settings that ARM would refuse.

    `endpoint` is the address of its data plane.
    """

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]

    def __init__(self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        known = {"account_name": args.account_name, "public_network_access": args.public_network_access}
        refuse(f"Batch account {name}", broken(_RULES, known))
        super().__init__("azure-batch:components:Account", name, {"accountName": args.account_name}, opts)
        account = _account(name, args, self)
        self.name = name_of(account, args.account_name)
        self.endpoint = account.account_endpoint.apply(with_scheme)
        self.register_outputs({"name": self.name, "endpoint": self.endpoint})


def with_scheme(endpoint: str) -> str:
    """The address that clients want: ARM gives it without a scheme."""
    return f"https://{endpoint}"


def _account(name: str, args: AccountArgs, parent: pulumi.Resource) -> azure.batch.BatchAccount:
    return azure.batch.BatchAccount(
        name,
        account_name=args.account_name,
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        tags=args.place.tags,
        allowed_authentication_modes=[azure.batch.AuthenticationMode.AAD],
        auto_storage=azure.batch.AutoStorageBasePropertiesArgs(
            storage_account_id=args.storage_account_id,
            authentication_mode=azure.batch.AutoStorageAuthenticationMode.BATCH_ACCOUNT_MANAGED_IDENTITY,
            node_identity_reference=azure.batch.ComputeNodeIdentityReferenceArgs(
                resource_id=args.identities.nodes.resource_id
            ),
        ),
        identity=azure.batch.BatchAccountIdentityArgs(
            type=azure.batch.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[args.identities.batch.resource_id],
        ),
        pool_allocation_mode=azure.batch.PoolAllocationMode.BATCH_SERVICE,
        public_network_access=args.public_network_access,
        # ARM keeps these for the life of an account; the provider would try to change them in place.
        opts=pulumi.ResourceOptions(parent=parent, replace_on_changes=["location", "poolAllocationMode"]),
    )
