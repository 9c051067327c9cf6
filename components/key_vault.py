"""A key vault for what Batch itself needs one for: a customer-managed key, and the secrets of user-subscription pools.

Roles instead of access policies, no purge, closed to the internet but for the listed addresses; Batch is let in as a
trusted service. A vault that was deleted keeps its name for the retention time: recover it to use the name again.
Does not own secrets of workloads, nor the role that lets Batch manage machines in a subscription: that is its owner's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pulumi
import pulumi_azure_native as azure

from components.grants import KEY_USER, SECRETS_OFFICER, SERVICE_PRINCIPAL, Grant, Granting, Principal, assign
from components.identity import Identity
from components.naming import VAULT
from components.place import Place, name_of
from components.public_access import PublicAccess, vault_rules
from components.records import judge, setting
from components.validation import FLAG, UUID, Problem, broken, refuse, whole

KEY_NAME = "batch-account"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """The key vault."""

    soft_delete_days: int = setting(
        "Days in which what was deleted can be recovered. It can't be changed later.",
        whole(7, 90),
        90,
        lands="properties.softDeleteRetentionInDays",
    )
    batch_service_object_id: str | None = setting(
        "The object id of the application `Microsoft Azure Batch` in your tenant, for user-subscription pools.",
        UUID,
        None,
        lands="its role Key Vault Secrets Officer on the vault",
    )
    protect: bool = setting(
        "Whether Pulumi refuses to delete vault and key.", FLAG, False, lands="the option `protect`"
    )


@dataclass(frozen=True, slots=True)
class VaultReference:
    """A vault for a Batch account: its resource id and address, and the address of the key to encrypt with."""

    id: pulumi.Input[str]
    url: pulumi.Input[str]
    key_id: pulumi.Input[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVaultArgs:
    """Where, its name, the tenant whose identities it knows, who reaches it, and who uses its key."""

    place: Place
    where: Granting
    vault_name: pulumi.Input[str]
    tenant: pulumi.Input[str]
    key_user: Identity
    access: PublicAccess = field(default_factory=PublicAccess)
    settings: VaultSettings = field(default_factory=VaultSettings)

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already."""
        yield from broken({"vaultName": VAULT}, {"vaultName": self.vault_name})
        yield from judge(self.access, "access.")
        yield from judge(self.settings, "settings.")


class KeyVault(pulumi.ComponentResource):
    """A vault with one key. Raises SettingsError for settings that ARM would refuse. `reference` is for the account."""

    id: pulumi.Output[str]
    reference: VaultReference

    def __init__(self, name: str, args: KeyVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Key vault {name}", args.problems())
        super().__init__("azure-batch:components:KeyVault", name, {"vaultName": args.vault_name}, opts)
        vault = _vault(name, args, self)
        key = _key(vault, args)
        assign(_grants(vault, args), args.where, self)
        self.id = vault.id
        url = vault.properties.vault_uri
        self.reference = VaultReference(vault.id, url, key.key_uri)
        self.register_outputs({"id": self.id, "url": url})


def _vault(name: str, args: KeyVaultArgs, parent: pulumi.Resource) -> azure.keyvault.Vault:
    return azure.keyvault.Vault(
        name,
        vault_name=args.vault_name,
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        tags=args.place.tags,
        properties=azure.keyvault.VaultPropertiesArgs(
            tenant_id=args.tenant,
            sku=azure.keyvault.SkuArgs(family=azure.keyvault.SkuFamily.A, name=azure.keyvault.SkuName.STANDARD),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            enable_purge_protection=True,
            soft_delete_retention_in_days=args.settings.soft_delete_days,
            # User-subscription pools: machines and templates of the subscription take secrets from it.
            enabled_for_deployment=args.settings.batch_service_object_id is not None,
            enabled_for_template_deployment=args.settings.batch_service_object_id is not None,
            network_acls=vault_rules(args.access),
            public_network_access=args.access.enabled,
        ),
        opts=pulumi.ResourceOptions(parent=parent, protect=args.settings.protect),
    )


def _key(vault: azure.keyvault.Vault, args: KeyVaultArgs) -> azure.keyvault.Key:
    """An RSA key that only wraps other keys. Its address has no version, so a rotated key needs no deployment."""
    return azure.keyvault.Key(
        KEY_NAME,
        key_name=KEY_NAME,
        vault_name=name_of(vault, args.vault_name),
        resource_group_name=args.place.resource_group,
        properties=azure.keyvault.KeyPropertiesArgs(
            kty=azure.keyvault.JsonWebKeyType.RSA,
            key_size=3072,
            key_ops=[azure.keyvault.JsonWebKeyOperation.WRAP_KEY, azure.keyvault.JsonWebKeyOperation.UNWRAP_KEY],
        ),
        opts=pulumi.ResourceOptions(parent=vault, protect=args.settings.protect),
    )


def _grants(vault: azure.keyvault.Vault, args: KeyVaultArgs) -> dict[str, Grant]:
    key_user = Principal(args.key_user.principal_id, SERVICE_PRINCIPAL)
    found = {"batch-key": Grant(vault.id, KEY_USER, key_user)}
    if args.settings.batch_service_object_id is not None:
        service = Principal(args.settings.batch_service_object_id, SERVICE_PRINCIPAL)
        found["batch-service-secrets"] = Grant(vault.id, SECRETS_OFFICER, service)
    return found
