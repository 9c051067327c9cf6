"""The storage account of the deployment and its containers: Entra identities only, HTTPS only, nothing public.

Does not own who may read or write (access), nor the blobs: those of the start task are start_task's, those of tasks
belong to the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.naming import CONTAINER, STORAGE_ACCOUNT
from components.place import Place, name_of
from components.validation import broken, refuse

START_TASKS = "start-tasks"
CONTAINERS = ("input", "output", "logs", START_TASKS)


@dataclass(frozen=True, slots=True)
class StorageArgs:
    """Where, and under which names. Raises SettingsError, when the component is made, for names ARM would refuse."""

    place: Place
    account_name: pulumi.Input[str]
    containers: Sequence[str] = CONTAINERS
    sku: pulumi.Input[str] = azure.storage.SkuName.STANDARD_LRS.value

    def check(self, name: str) -> None:
        """Judge what is known already."""
        names = {f"containers[{index}]": container for index, container in enumerate(self.containers)}
        rules = {"account_name": STORAGE_ACCOUNT, **dict.fromkeys(names, CONTAINER)}
        refuse(f"Storage {name}", broken(rules, {"account_name": self.account_name, **names}))


class Storage(pulumi.ComponentResource):
    """A storage account that takes Entra tokens only.

    `blob_endpoint` is its address without a slash at the end; `container_ids` are the containers' resource ids.
    """

    account_name: pulumi.Output[str]
    account_id: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    container_ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args.check(name)
        super().__init__("azure-batch:components:Storage", name, {"accountName": args.account_name}, opts)
        account = _account(name, args, self)
        containers = {container: _container(container, args, account) for container in args.containers}
        self.account_name, self.account_id = name_of(account, args.account_name), account.id
        self.blob_endpoint = account.primary_endpoints.blob.apply(without_slash)
        self.container_ids = {container: made.id for container, made in containers.items()}
        self.register_outputs({"accountName": self.account_name, "blobEndpoint": self.blob_endpoint})


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
        sku=azure.storage.SkuArgs(name=args.sku),
        enable_https_traffic_only=True,
        minimum_tls_version=azure.storage.MinimumTlsVersion.TLS1_2,
        allow_blob_public_access=False,
        allow_shared_key_access=False,
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        opts=pulumi.ResourceOptions(parent=parent),
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
