"""An application package: a program of this repository that every node of a pool gets, in a version of its content.

Another content is another version: the preview shows it, pools that refer to the package change in place, and nodes
that start from then on have it. Nodes that run keep what they have until they are rebooted or reimaged.

Does not own how its content becomes a version (package_version), nor the pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure

from components import packing
from components.grants import BLOB_READER, SERVICE_PRINCIPAL, Grant, Granting, Principal, assign
from components.identity import Identity
from components.naming import KEY
from components.package_settings import PackageSettings
from components.package_version import PackageVersion
from components.place import Place, name_of
from components.records import judge
from components.validation import broken, refuse


@dataclass(frozen=True, slots=True)
class PackageArgs:
    """Where the package is, its settings, and the version that its content has."""

    place: Place
    where: Granting
    account_name: pulumi.Input[str]
    settings: PackageSettings
    version: str


class Package(pulumi.ComponentResource):
    """An application and its present version. Raises SettingsError for settings that ARM would refuse.

    `reference` is what a pool's `applicationPackages` takes; it waits until the version is active.
    """

    reference: Mapping[str, Any]

    def __init__(self, key: str, args: PackageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Package {key}", [*broken({"key": KEY}, {"key": key}), *judge(args.settings)])
        super().__init__("azure-batch:components:Package", key, {"version": args.version}, opts)
        application = _application(key, args, self)
        account = name_of(application, args.account_name)
        batch = f"{args.where.group}/providers/Microsoft.Batch/batchAccounts"
        made = PackageVersion(
            key,
            application=pulumi.Output.concat(f"{batch}/", account, f"/applications/{key}"),
            path=args.settings.path,
            version=args.version,
            keep=args.settings.keep,
            opts=pulumi.ResourceOptions(parent=application),
        )
        self.reference = {"id": made.application, "version": name_of(made, args.version)}
        self.register_outputs({"version": args.version})


def versions_of(packages: Mapping[str, PackageSettings], root: Path = Path()) -> Mapping[str, str]:
    """The version of each package's content, by key."""
    return {key: packing.version(root / package.path) for key, package in packages.items()}


def let_nodes_read(
    packages: Mapping[str, Package], where: Granting, storage_id: pulumi.Input[str], nodes: Identity
) -> pulumi.Resource | None:
    """The role with which nodes fetch packages, where there are any.

    It is for the whole account: Batch chooses the names of the containers. What else is in it, nodes may read anyway.
    """
    if not packages:
        return None
    return PackageAccess("package-access", where, storage_id, nodes)


class PackageAccess(pulumi.ComponentResource):
    """The role assignment of the nodes. Depend on it before nodes start."""

    def __init__(self, name: str, where: Granting, storage_id: pulumi.Input[str], nodes: Identity) -> None:
        super().__init__("azure-batch:components:PackageAccess", name, None)
        grant = Grant(storage_id, BLOB_READER, Principal(nodes.principal_id, SERVICE_PRINCIPAL))
        assign({"nodes-packages": grant}, where, self)
        self.register_outputs({})


def _application(key: str, args: PackageArgs, parent: pulumi.Resource) -> azure.batch.Application:
    return azure.batch.Application(
        key,
        application_name=key,
        account_name=args.account_name,
        resource_group_name=args.place.resource_group,
        display_name=args.settings.display_name or None,
        allow_updates=args.settings.allow_updates,
        tags=args.place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
