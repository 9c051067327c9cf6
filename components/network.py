"""A virtual network for nodes: they reach Batch and their storage, and nothing reaches them.

| subnet | out | in |
|---|---|---|
| pools | Batch's node management and the region's storage; web ports of the internet if configured | its own network |
| endpoints | its own network | port 443 from the network |

Nodes use simplified communication, which they open themselves: no inbound rule. Without public addresses of their own
(`NoPublicIPAddresses` of a pool) they leave through the NAT gateway, or do without when there are private endpoints.
Default outbound access is off. Does not own peerings, gateways to other networks, or the private endpoints themselves.

Source of the rules: "Use simplified compute node communication", "Create an Azure Batch pool in a virtual network".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_azure_native as azure

from components.naming import STEM
from components.place import Place, name_of
from components.records import judge, setting
from components.validation import FLAG, Problem, broken, prefix, refuse

DOCKER = IPv4Network("172.17.0.0/16")
RESERVED = 5
"""Addresses of every subnet that Azure keeps for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """A virtual network with a subnet for pools and one for private endpoints."""

    address_space: str = setting(
        "All addresses of the network.", prefix(8, 28), "10.80.0.0/16", lands="network:VirtualNetwork addressSpace"
    )
    pool_subnet: str = setting(
        "The addresses of nodes: one each, and five more.", prefix(8, 29), "10.80.0.0/20", lands="network:Subnet"
    )
    endpoint_subnet: str = setting(
        "The addresses of private endpoints.", prefix(8, 29), "10.80.16.0/27", lands="network:Subnet"
    )
    private_endpoints: bool = setting(
        "Whether Batch, storage and vault are reached through private addresses of this network.",
        FLAG,
        True,
        lands="network:PrivateEndpoint, privatedns:PrivateZone",
    )
    nat_gateway: bool = setting(
        "Whether nodes leave through a gateway with one public address, which others can put on their lists.",
        FLAG,
        True,
        lands="network:NatGateway, network:PublicIPAddress",
    )
    internet: bool = setting(
        "Whether nodes may open connections to the internet on ports 80 and 443, for example to package indexes.",
        FLAG,
        False,
        lands="network:NetworkSecurityGroup securityRules",
    )

    def conflicts(self) -> Iterator[Problem]:
        """Subnets lie within the space and apart; nodes must have a way out that leads to Batch."""
        space, pools, endpoints = map(IPv4Network, (self.address_space, self.pool_subnet, self.endpoint_subnet))
        for key, subnet in (("poolSubnet", pools), ("endpointSubnet", endpoints)):
            if not subnet.subnet_of(space):
                yield Problem(key, str(subnet), f"must lie within addressSpace, which is {space}")
        if pools.overlaps(endpoints):
            yield Problem("endpointSubnet", str(endpoints), f"must not overlap poolSubnet, which is {pools}")
        yield from _addresses(space)
        if not self.nat_gateway and not self.private_endpoints:
            yield Problem(
                "natGateway", False, "must be true where privateEndpoints is false: nodes would not reach Batch"
            )
        if self.internet and not self.nat_gateway:
            yield Problem("internet", True, "needs natGateway: there is no other way out")

    @property
    def nodes(self) -> int:
        """How many nodes the subnet of the pools has addresses for."""
        return IPv4Network(self.pool_subnet).num_addresses - RESERVED


def _addresses(space: IPv4Network) -> Iterator[Problem]:
    if not space.is_private:
        yield Problem("addressSpace", str(space), "must be a private range (RFC 1918)")
    if space.overlaps(DOCKER):
        yield Problem("addressSpace", str(space), f"must not overlap {DOCKER}, which containers on nodes use")


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """Where, the end of all names, and the settings."""

    place: Place
    stem: str
    settings: NetworkSettings = field(default_factory=NetworkSettings)

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already."""
        yield from broken({"stem": STEM}, {"stem": self.stem})
        yield from judge(self.settings, "settings.")


@dataclass(frozen=True, slots=True)
class PoolSubnet:
    """A subnet for nodes: its name, known before it is made, and its resource id."""

    name: str
    resource_id: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """A network with two subnets. Raises SettingsError for settings that ARM would refuse.

    `endpoint_subnet` is a resource id; `public_ip` is the address nodes are seen under, if they are.
    """

    id: pulumi.Output[str]
    pool_subnet: PoolSubnet
    endpoint_subnet: pulumi.Output[str]
    public_ip: pulumi.Output[str] | None

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Network {name}", args.problems())
        super().__init__("azure-batch:components:Network", name, {"addressSpace": args.settings.address_space}, opts)
        network = _network(name, args, self)
        address = _address(name, args, self) if args.settings.nat_gateway else None
        gateway = _gateway(name, args, address, self) if address else None
        pools = _pool_subnet(args, network, gateway, self)
        endpoints = _endpoint_subnet(args, network, pools, self)
        self.pool_subnet = PoolSubnet(f"vnet-{args.stem}/pools", pools.id)
        self.id, self.endpoint_subnet = network.id, endpoints.id
        self.public_ip = address.ip_address if address else None
        self.register_outputs({"id": self.id, "poolSubnet": pools.id, "endpointSubnet": endpoints.id})


def pool_rules(location: pulumi.Input[str], *, internet: bool) -> list[azure.network.SecurityRuleArgs]:
    """The rules of the nodes' subnet; all else is left to Azure's own: in and out within the network."""
    rules = [
        _rule("batch", 100, _out("*", ["443"], _regional("BatchNodeManagement", location))),
        _rule("storage", 110, _out("Tcp", ["443"], _regional("Storage", location))),
    ]
    web = [_rule("web", 120, _out("Tcp", ["80", "443"], "Internet"))] if internet else []
    return [*rules, *web, _rule("no-internet", 4096, _out("*", ["*"], "Internet"), access="Deny")]


def endpoint_rules() -> list[azure.network.SecurityRuleArgs]:
    """The rules of the endpoints' subnet."""
    network = {"direction": "Inbound", "source_address_prefix": "VirtualNetwork", "destination_address_prefix": "*"}
    return [
        _rule("https", 100, {**network, "protocol": "Tcp", "destination_port_ranges": ["443"]}),
        _rule("nothing-else", 4096, {**network, "source_address_prefix": "*", **_ANY}, access="Deny"),
    ]


_ANY = {"protocol": "*", "destination_port_ranges": ["*"]}


def _out(protocol: str, ports: Sequence[str], to: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "direction": "Outbound",
        "protocol": protocol,
        "source_address_prefix": "*",
        "destination_address_prefix": to,
        "destination_port_ranges": list(ports),
    }


def _rule(name: str, priority: int, rest: dict[str, Any], access: str = "Allow") -> azure.network.SecurityRuleArgs:
    return azure.network.SecurityRuleArgs(name=name, priority=priority, access=access, source_port_range="*", **rest)


def _regional(tag: str, location: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.concat(tag, ".", location)


def _network(name: str, args: NetworkArgs, parent: pulumi.Resource) -> azure.network.VirtualNetwork:
    return azure.network.VirtualNetwork(
        name,
        virtual_network_name=f"vnet-{args.stem}",
        **_where(args),
        address_space=azure.network.AddressSpaceArgs(address_prefixes=[args.settings.address_space]),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _address(name: str, args: NetworkArgs, parent: pulumi.Resource) -> azure.network.PublicIPAddress:
    return azure.network.PublicIPAddress(
        name,
        public_ip_address_name=f"pip-{args.stem}",
        **_where(args),
        sku=azure.network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
        public_ip_allocation_method="Static",
        public_ip_address_version="IPv4",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _gateway(
    name: str, args: NetworkArgs, address: azure.network.PublicIPAddress, parent: pulumi.Resource
) -> azure.network.NatGateway:
    return azure.network.NatGateway(
        name,
        nat_gateway_name=f"ng-{args.stem}",
        **_where(args),
        sku=azure.network.NatGatewaySkuArgs(name="Standard"),
        public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
        idle_timeout_in_minutes=4,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _group(
    name: str, args: NetworkArgs, rules: list[azure.network.SecurityRuleArgs], parent: pulumi.Resource
) -> azure.network.NetworkSecurityGroupArgs:
    group = azure.network.NetworkSecurityGroup(
        name,
        network_security_group_name=f"nsg-{args.stem}-{name}",
        **_where(args),
        security_rules=rules,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return azure.network.NetworkSecurityGroupArgs(id=group.id)


def _pool_subnet(
    args: NetworkArgs,
    network: azure.network.VirtualNetwork,
    gateway: azure.network.NatGateway | None,
    parent: pulumi.Resource,
) -> azure.network.Subnet:
    return azure.network.Subnet(
        "pools",
        subnet_name="pools",
        virtual_network_name=name_of(network, f"vnet-{args.stem}"),
        resource_group_name=args.place.resource_group,
        address_prefix=args.settings.pool_subnet,
        network_security_group=_group(
            "pools", args, pool_rules(args.place.location, internet=args.settings.internet), parent
        ),
        nat_gateway=azure.network.SubResourceArgs(id=gateway.id) if gateway else None,
        default_outbound_access=False,
        opts=pulumi.ResourceOptions(parent=network),
    )


def _endpoint_subnet(
    args: NetworkArgs, network: azure.network.VirtualNetwork, pools: azure.network.Subnet, parent: pulumi.Resource
) -> azure.network.Subnet:
    return azure.network.Subnet(
        "endpoints",
        subnet_name="endpoints",
        virtual_network_name=name_of(network, f"vnet-{args.stem}"),
        resource_group_name=args.place.resource_group,
        address_prefix=args.settings.endpoint_subnet,
        network_security_group=_group("endpoints", args, endpoint_rules(), parent),
        private_endpoint_network_policies="Enabled",
        default_outbound_access=False,
        # ARM takes one change of a network at a time.
        opts=pulumi.ResourceOptions(parent=network, depends_on=[pools]),
    )


def _where(args: NetworkArgs) -> dict[str, Any]:
    place = args.place
    return {"resource_group_name": place.resource_group, "location": place.location, "tags": place.tags}
