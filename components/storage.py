"""The storage account of the deployment and its containers: Entra identities only, HTTPS only, nothing public.

What is deleted or overwritten can be had back for a while; logs go after a time, outputs only if configured.
Does not own who may read or write (access), the private endpoint, nor the blobs: those of the start task are
start_task's, those of tasks belong to the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_azure_native as azure

from components.naming import CONTAINER, STORAGE_ACCOUNT
from components.place import Place, name_of
from components.public_access import PublicAccess, storage_rules
from components.records import judge, setting
from components.validation import FLAG, Problem, broken, each, one_of, refuse, whole

START_TASKS = "start-tasks"
CONTAINERS = ("input", "output", "logs", START_TASKS)
_DAYS = whole(0, 3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """The storage account."""

    sku: str = setting(
        "How often, and how far apart, every blob is stored.",
        one_of("Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"),
        "Standard_LRS",
        lands="sku.name",
    )
    containers: tuple[str, ...] = setting(
        "Further containers, of data that nodes and submitters may read.",
        each(CONTAINER),
        (),
        lands="storage:BlobContainer",
    )
    soft_delete_days: int = setting(
        "Days in which deleted blobs, versions and containers can be had back.",
        whole(1, 365),
        7,
        lands="deleteRetentionPolicy and containerDeleteRetentionPolicy of storage:BlobServiceProperties",
    )
    versioning: bool = setting(
        "Whether an overwritten blob is kept as a version, for as long as a deleted one.",
        FLAG,
        True,
        lands="isVersioningEnabled of storage:BlobServiceProperties",
    )
    logs_days: int = setting(
        "Days after which blobs in `logs` go; 0 keeps them.", _DAYS, 30, lands="storage:ManagementPolicy"
    )
    outputs_days: int = setting(
        "Days after which blobs in `output` go; 0 keeps them.",
        _DAYS,
        0,
        lands="storage:ManagementPolicy",
    )
    protect: bool = setting("Whether Pulumi refuses to delete the account.", FLAG, False, lands="the option `protect`")

    def conflicts(self) -> Iterator[Problem]:
        """The stack's own containers have roles of their own."""
        for index, name in enumerate(self.containers):
            if name in CONTAINERS:
                yield Problem(f"containers[{index}]", name, "must have another name: there is one already")


@dataclass(frozen=True, slots=True)
class StorageArgs:
    """Where, under which names, who reaches it, and how long what is kept."""

    place: Place
    account_name: pulumi.Input[str]
    containers: Sequence[str] = CONTAINERS
    access: PublicAccess = field(default_factory=PublicAccess)
    settings: StorageSettings = field(default_factory=StorageSettings)

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already."""
        names = {f"containers[{index}]": container for index, container in enumerate(self.containers)}
        rules = {"accountName": STORAGE_ACCOUNT, **dict.fromkeys(names, CONTAINER)}
        yield from broken(rules, {"accountName": self.account_name, **names})
        yield from judge(self.access, "access.")
        yield from judge(self.settings, "settings.")


class Storage(pulumi.ComponentResource):
    """A storage account that takes Entra tokens only. Raises SettingsError for settings that ARM would refuse.

    `blob_endpoint` is its address without a slash at the end; `container_ids` are the containers' resource ids.
    """

    account_name: pulumi.Output[str]
    account_id: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    container_ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Storage {name}", args.problems())
        super().__init__("azure-batch:components:Storage", name, {"accountName": args.account_name}, opts)
        account = _account(name, args, self)
        service = _blob_service(name, args, account)
        _lifecycle(name, args, account, service)
        names = (*args.containers, *args.settings.containers)
        containers = {container: _container(container, args, account) for container in names}
        self.account_name, self.account_id = name_of(account, args.account_name), account.id
        self.blob_endpoint = account.primary_endpoints.blob.apply(without_slash)
        self.container_ids = {container: made.id for container, made in containers.items()}
        self.register_outputs({"accountName": self.account_name, "blobEndpoint": self.blob_endpoint})

    def url(self, container: str) -> pulumi.Output[str]:
        """The address of a container."""
        return pulumi.Output.concat(self.blob_endpoint, "/", container)


def without_slash(address: str) -> str:
    """The address as clients like to extend it."""
    return address.rstrip("/")


def _account(name: str, args: StorageArgs, parent: pulumi.Resource) -> azure.storage.StorageAccount:
    return azure.storage.StorageAccount(
        name,
        account_name=args.account_name,
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        tags=args.place.tags,
        kind=azure.storage.Kind.STORAGE_V2,
        sku=azure.storage.SkuArgs(name=args.settings.sku),
        enable_https_traffic_only=True,
        minimum_tls_version=azure.storage.MinimumTlsVersion.TLS1_2,
        allow_blob_public_access=False,
        allow_shared_key_access=False,
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        public_network_access=args.access.enabled,
        network_rule_set=storage_rules(args.access),
        opts=pulumi.ResourceOptions(parent=parent, protect=args.settings.protect),
    )


def _blob_service(
    name: str, args: StorageArgs, account: azure.storage.StorageAccount
) -> azure.storage.BlobServiceProperties:
    kept = azure.storage.DeleteRetentionPolicyArgs(enabled=True, days=args.settings.soft_delete_days)
    return azure.storage.BlobServiceProperties(
        name,
        blob_services_name="default",
        account_name=name_of(account, args.account_name),
        resource_group_name=args.place.resource_group,
        delete_retention_policy=kept,
        container_delete_retention_policy=kept,
        is_versioning_enabled=args.settings.versioning,
        opts=pulumi.ResourceOptions(parent=account),
    )


def _lifecycle(
    name: str, args: StorageArgs, account: azure.storage.StorageAccount, service: azure.storage.BlobServiceProperties
) -> None:
    rules = lifecycle_rules(args.settings)
    if rules:
        azure.storage.ManagementPolicy(
            name,
            management_policy_name="default",
            account_name=name_of(account, args.account_name),
            resource_group_name=args.place.resource_group,
            policy=azure.storage.ManagementPolicySchemaArgs(rules=rules),
            # A rule about versions is refused while versioning is off.
            opts=pulumi.ResourceOptions(parent=account, depends_on=[service]),
        )


def lifecycle_rules(settings: StorageSettings) -> list[azure.storage.ManagementPolicyRuleArgs]:
    """What is deleted by age (in days since the last change), and old versions."""
    ages = {"logs": settings.logs_days, "output": settings.outputs_days}
    rules = [_after(f"delete-{where}", where, days) for where, days in ages.items() if days]
    return [*rules, _versions_after(settings.soft_delete_days)] if settings.versioning else rules


def _after(name: str, container: str, days: int) -> azure.storage.ManagementPolicyRuleArgs:
    """A rule for blobs of a container, appended ones too: nodes append to their statistics."""
    delete = azure.storage.DateAfterModificationArgs(days_after_modification_greater_than=days)
    actions = azure.storage.ManagementPolicyActionArgs(
        base_blob=azure.storage.ManagementPolicyBaseBlobArgs(delete=delete)
    )
    return _rule(name, actions, [f"{container}/"], ["blockBlob", "appendBlob"])


def _versions_after(days: int) -> azure.storage.ManagementPolicyRuleArgs:
    delete = azure.storage.DateAfterCreationArgs(days_after_creation_greater_than=days)
    actions = azure.storage.ManagementPolicyActionArgs(version=azure.storage.ManagementPolicyVersionArgs(delete=delete))
    return _rule("delete-versions", actions, [], ["blockBlob"])


def _rule(
    name: str, actions: azure.storage.ManagementPolicyActionArgs, prefixes: Sequence[str], kinds: Sequence[str]
) -> azure.storage.ManagementPolicyRuleArgs:
    filters = azure.storage.ManagementPolicyFilterArgs(blob_types=list(kinds), prefix_match=list(prefixes) or None)
    return azure.storage.ManagementPolicyRuleArgs(
        name=name,
        type=azure.storage.RuleType.LIFECYCLE,
        enabled=True,
        definition=azure.storage.ManagementPolicyDefinitionArgs(actions=actions, filters=filters),
    )


def _container(name: str, args: StorageArgs, account: azure.storage.StorageAccount) -> azure.storage.BlobContainer:
    return azure.storage.BlobContainer(
        name,
        container_name=name,
        account_name=name_of(account, args.account_name),
        resource_group_name=args.place.resource_group,
        public_access=azure.storage.PublicAccess.NONE,
        opts=pulumi.ResourceOptions(parent=account),
    )
