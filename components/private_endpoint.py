"""Private addresses of services in a network, and the zones that let names resolve to them there.

Does not own the services, nor the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.key_vault import KeyVault
from components.naming import STEM
from components.network import Network
from components.place import Place, name_of
from components.validation import broken, refuse

# Source: "Azure Private Endpoint private DNS zone values", for the public cloud.
BATCH_ZONE = "privatelink.batch.azure.com"
BLOB_ZONE = "privatelink.blob.core.windows.net"
VAULT_ZONE = "privatelink.vaultcore.azure.net"


@dataclass(frozen=True, slots=True)
class Target:
    """A service (resource id), which of its endpoints, and the zone its names are in."""

    resource_id: pulumi.Input[str]
    group: str
    zone: str


@dataclass(frozen=True, slots=True)
class PrivateEndpointsArgs:
    """Where, the end of all names, the network, and the services by key."""

    place: Place
    stem: str
    network: Network
    targets: Mapping[str, Target]


class PrivateEndpoints(pulumi.ComponentResource):
    """One endpoint for each target, one zone for each kind of name. Depend on it before nodes start."""

    def __init__(self, name: str, args: PrivateEndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Private endpoints {name}", broken({"stem": STEM}, {"stem": args.stem}))
        super().__init__("azure-batch:components:PrivateEndpoints", name, {"targets": sorted(args.targets)}, opts)
        zones = {zone: _zone(zone, args, self) for zone in sorted({target.zone for target in args.targets.values()})}
        for key, target in args.targets.items():
            _endpoint(key, target, args, zones[target.zone], self)
        self.register_outputs({})


def batch_targets(account_id: pulumi.Input[str], storage_id: pulumi.Input[str]) -> dict[str, Target]:
    """What a deployment always has: both endpoints of its Batch account, and its blobs."""
    return {
        "batch": Target(account_id, "batchAccount", BATCH_ZONE),
        "nodes": Target(account_id, "nodeManagement", BATCH_ZONE),
        "blobs": Target(storage_id, "blob", BLOB_ZONE),
    }


def vault_targets(vault: KeyVault | None) -> dict[str, Target]:
    """The key vault, where there is one."""
    return {} if vault is None else {"vault": Target(vault.id, "vault", VAULT_ZONE)}


def _zone(zone: str, args: PrivateEndpointsArgs, parent: pulumi.Resource) -> azure.privatedns.PrivateZone:
    made = azure.privatedns.PrivateZone(
        zone,
        private_zone_name=zone,
        resource_group_name=args.place.resource_group,
        location="Global",
        tags=args.place.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    azure.privatedns.VirtualNetworkLink(
        zone,
        virtual_network_link_name=f"vnet-{args.stem}",
        private_zone_name=name_of(made, zone),
        resource_group_name=args.place.resource_group,
        location="Global",
        registration_enabled=False,
        virtual_network=azure.privatedns.SubResourceArgs(id=args.network.id),
        tags=args.place.tags,
        opts=pulumi.ResourceOptions(parent=made),
    )
    return made


def _endpoint(
    key: str, target: Target, args: PrivateEndpointsArgs, zone: azure.privatedns.PrivateZone, parent: pulumi.Resource
) -> None:
    name = f"pe-{args.stem}-{key}"
    connection = azure.network.PrivateLinkServiceConnectionArgs(
        name=key, private_link_service_id=target.resource_id, group_ids=[target.group]
    )
    endpoint = azure.network.PrivateEndpoint(
        key,
        private_endpoint_name=name,
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        tags=args.place.tags,
        subnet=azure.network.SubnetArgs(id=args.network.endpoint_subnet),
        private_link_service_connections=[connection],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    azure.network.PrivateDnsZoneGroup(
        key,
        private_dns_zone_group_name="default",
        private_endpoint_name=name_of(endpoint, name),
        resource_group_name=args.place.resource_group,
        private_dns_zone_configs=[azure.network.PrivateDnsZoneConfigArgs(name=key, private_dns_zone_id=zone.id)],
        opts=pulumi.ResourceOptions(parent=endpoint),
    )
