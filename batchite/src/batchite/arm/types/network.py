"""Virtual networks, subnets, security groups, NAT gateways, public addresses, route tables: stored and related.

Nothing is routed or filtered here. Subnets and security rules are resources of their own, whichever way they were made;
the network and the group show them. A PUT of a network without `subnets` keeps them, as Azure does since its version
2023-09-01; one with a list makes it so. A PUT of a group means its list of rules, also an absent one. A public address
is a Standard one and static unless it says otherwise: Basic ones have ended in September 2025.

Sources: REST reference of Microsoft.Network 2024-05-01, "Network security groups" (default rules), "Azure Virtual
Network now supports updates without subnet property"; codes of refused deletions as users report them.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, TypeAlias

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, new_uuid, value_at
from batchite.arm.nested import Nested
from batchite.arm.resources import Resource, private
from batchite.arm.shapes import number
from batchite.arm.stored import (
    Reference,
    Stored,
    in_turn,
    refuse_used,
    require_location,
    resource_type,
    users,
)
from batchite.errors import ServiceError, invalid_property, missing_property, not_implemented

_Range: TypeAlias = IPv4Network | IPv6Network

VIRTUAL_NETWORKS = "Microsoft.Network/virtualNetworks"
SUBNETS = f"{VIRTUAL_NETWORKS}/subnets"
SECURITY_GROUPS = "Microsoft.Network/networkSecurityGroups"
RULES = f"{SECURITY_GROUPS}/securityRules"
ROUTE_TABLES = "Microsoft.Network/routeTables"
NAT_GATEWAYS = "Microsoft.Network/natGateways"
PUBLIC_ADDRESSES = "Microsoft.Network/publicIPAddresses"
PRIVATE_ENDPOINTS = "Microsoft.Network/privateEndpoints"
POOLS = "Microsoft.Batch/batchAccounts/pools"

NAME = r"[a-zA-Z0-9]([-\w.]{0,78}\w)?"
NETWORKED: Mapping[str, Any] = {"polled": True, "long_delete": True, "name_pattern": NAME}
"""What all types of the namespace have in common: long operations, and the rule of names."""

_TAGGED = {**NETWORKED, "patch": True, "patch_only": frozenset({"tags"})}
_GUID = {"resourceGuid": new_uuid}
_POOL_SUBNET = (POOLS, "properties.networkConfiguration.subnetId")
_POOL_ADDRESSES = (POOLS, "properties.networkConfiguration.publicIPAddressConfiguration.ipAddressIds")
_SUBNET_USERS = ((PRIVATE_ENDPOINTS, "properties.subnet.id"), _POOL_SUBNET)
_UNBUILT_OF_SUBNETS = (
    "applicationGatewayIPConfigurations",
    "ipAllocations",
    "ipamPoolPrefixAllocations",
    "serviceEndpointPolicies",
    "serviceGateway",
    "sharingScope",
)
_IN_RULES = ("destinationApplicationSecurityGroups", "sourceApplicationSecurityGroups")
_SPACE = "properties.addressSpace.addressPrefixes"

_SUBNET = Stored(
    SUBNETS,
    defaults={
        "properties": {
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        }
    },
    links={
        "properties.natGateway": Reference((NAT_GATEWAYS,)),
        "properties.networkSecurityGroup": Reference((SECURITY_GROUPS,)),
        "properties.routeTable": Reference((ROUTE_TABLES,)),
    },
    unbuilt=frozenset(f"properties.{name}" for name in _UNBUILT_OF_SUBNETS),
    etag=True,
)
_RULE = Stored(
    RULES,
    shapes={"properties.priority": number(100, 4096)},
    unbuilt=frozenset(f"properties.{name}" for name in _IN_RULES),
    etag=True,
)


def _check_unused(arm: Arm, subnet: Resource) -> None:
    refuse_used("InUseSubnetCannotBeDeleted", *_SUBNET_USERS)(arm, subnet)


_SUBNETS_OF = Nested("subnets", _SUBNET, kept=True, check_delete=_check_unused)
_RULES_OF = Nested("securityRules", _RULE, kept=False, check_delete=lambda _arm, _rule: None)


def ranges(subnet: Resource) -> list[_Range]:
    """The address ranges of a subnet. Raises InvalidPropertyValue for none, or one that is no range."""
    properties = subnet["properties"]
    given = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    return [_range(one, f"subnets '{subnet['name']}' addressPrefix") for one in given]


def _range(value: Any, path: str) -> _Range:
    try:
        return ip_network(value)
    except ValueError:
        raise invalid_property(path, value, "An address range such as 10.0.0.0/24 is expected.") from None


def _check_subnets(network: Resource, subnets: Iterable[Resource]) -> None:
    """Every subnet lies within its network and apart from the others."""
    space = [_range(one, _SPACE) for one in value_at(network, _SPACE) or ()]
    if not space:
        raise invalid_property(_SPACE, "", "At least one address range is expected.")
    taken = [(subnet["name"], one) for subnet in subnets for one in ranges(subnet)]
    for name, one in taken:
        if not any(one.version == around.version and one.subnet_of(around) for around in space):  # type: ignore[arg-type]
            raise ServiceError("NetcfgInvalidSubnet", f"The subnet is '{name}', {one}.")
    for (name, one), (other, two) in itertools.combinations(taken, 2):
        if one.overlaps(two):
            raise ServiceError("NetcfgSubnetRangesOverlap", f"The subnets are '{name}', {one}, and '{other}', {two}.")


def _complete_network(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    made = _SUBNETS_OF.take(arm, rid, wanted, old)
    _check_subnets(made, private(made)["items"])
    return made


def _complete_subnet(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    parent = rid.parent
    assert parent is not None
    network = arm.resources.get(parent.key) or {}
    others = [one for one in _SUBNETS_OF.of(arm, parent.text) if one["id"].lower() != rid.key]
    _check_subnets(network, [*others, wanted])
    if old and set(ranges(old)) - set(ranges(wanted)) and users(arm, old, _SUBNET_USERS):
        raise ServiceError("InUsePrefixCannotBeDeleted", f"The subnet is '{rid.text}'.")
    return wanted


def _show_network(arm: Arm, network: Resource) -> Resource:
    return _SUBNETS_OF.shown(network, [_show_subnet(arm, one) for one in _SUBNETS_OF.of(arm, network["id"])])


def _show_subnet(arm: Arm, subnet: Resource) -> Resource:
    """With who has an address in it: private endpoints only, a pool's nodes belong to Batch."""
    found = [{"id": one} for one in users(arm, subnet, _SUBNET_USERS[:1])]
    return {**subnet, "properties": {**subnet["properties"], **({"privateEndpoints": found} if found else {})}}


def _check_network(arm: Arm, network: Resource) -> None:
    for subnet in _SUBNETS_OF.of(arm, network["id"]):
        _check_unused(arm, subnet)


_ENDS = ("sourceAddressPrefix", "sourcePortRange", "destinationAddressPrefix", "destinationPortRange")


def _check_rules(rules: Iterable[Resource]) -> None:
    """Every rule says from where to where, and no two have the same priority and direction."""
    seen: dict[tuple[str, int], str] = {}
    for rule in rules:
        for end in _ENDS:
            if not (rule["properties"].get(end) or rule["properties"].get(f"{end}{'es' if end[-1] == 'x' else 's'}")):
                raise missing_property(f"securityRules '{rule['name']}' {end}")
        key = (rule["properties"]["direction"], rule["properties"]["priority"])
        other = seen.setdefault(key, rule["name"])
        if other != rule["name"]:
            raise ServiceError("SecurityRuleConflict", f"'{rule['name']}' conflicts with '{other}'.")


def _complete_group(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    made = _RULES_OF.take(arm, rid, wanted, old)
    _check_rules(private(made)["items"])
    return made


def _complete_rule(arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    parent = rid.parent
    assert parent is not None
    _check_rules([wanted, *(one for one in _RULES_OF.of(arm, parent.text) if one["id"].lower() != rid.key)])
    return wanted


def _show_group(arm: Arm, group: Resource) -> Resource:
    defaults = [_default_rule(group["id"], *rule) for rule in _DEFAULT_RULES]
    shown = _RULES_OF.shown(group, _RULES_OF.of(arm, group["id"]))
    properties = {**shown["properties"], "defaultSecurityRules": defaults}
    return _with_subnets(arm, {**shown, "properties": properties}, "properties.networkSecurityGroup.id")


_DEFAULT_RULES = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


def _default_rule(
    group: str, name: str, priority: int, direction: str, access: str, source: str, destination: str
) -> dict[str, Any]:
    properties = {
        "provisioningState": "Succeeded",
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": priority,
        "direction": direction,
    }
    kind = f"{SECURITY_GROUPS}/defaultSecurityRules"
    return {"id": f"{group}/defaultSecurityRules/{name}", "name": name, "type": kind, "properties": properties}


def _with_subnets(arm: Arm, resource: Resource, path: str) -> Resource:
    found = [{"id": one} for one in users(arm, resource, ((SUBNETS, path),))]
    return {**resource, "properties": {**resource["properties"], **({"subnets": found} if found else {})}}


def _complete_address(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """A static address is made with the resource, out of a range that is reserved for tests, and kept."""
    properties = dict(wanted["properties"])
    given = properties.pop("ipAddress", None)
    made = _address(properties) if properties["publicIPAllocationMethod"] == "Static" else None
    if given not in (None, made):
        raise not_implemented("property properties.ipAddress")
    return {**wanted, "properties": {**properties, **({"ipAddress": made} if made else {})}}


def _address(properties: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(properties["resourceGuid"].encode()).digest()
    offset = int.from_bytes(digest[:4], "big")
    if properties["publicIPAddressVersion"] == "IPv6":
        return str(IPv6Address("2001:db8::") + offset)  # RFC 3849
    return str(IPv4Address("198.18.0.0") + offset % 2**17)  # RFC 2544


VIRTUAL_NETWORK = resource_type(
    Stored(
        VIRTUAL_NETWORKS,
        defaults={"properties": {"enableDdosProtection": False, "virtualNetworkPeerings": []}},
        once=_GUID,
        shapes={"properties.subnets": _SUBNETS_OF.shape},
        unbuilt=frozenset(
            {
                "extendedLocation",
                "properties.addressSpace.ipamPoolPrefixAllocations",
                "properties.ddosProtectionPlan",
                "properties.ipAllocations",
                "properties.virtualNetworkPeerings",
            }
        ),
        etag=True,
    ),
    in_turn(require_location, _complete_network),
    write=_SUBNETS_OF.write,
    render=_show_network,
    check_delete=_check_network,
    **{**_TAGGED, "name_pattern": r"[a-zA-Z0-9][-\w.]{0,62}\w"},
)
SUBNET = resource_type(_SUBNET, _complete_subnet, render=_show_subnet, check_delete=_check_unused, **NETWORKED)
SECURITY_GROUP = resource_type(
    Stored(SECURITY_GROUPS, once=_GUID, shapes={"properties.securityRules": _RULES_OF.shape}, etag=True),
    in_turn(require_location, _complete_group),
    write=_RULES_OF.write,
    render=_show_group,
    check_delete=refuse_used(
        "InUseNetworkSecurityGroupCannotBeDeleted", (SUBNETS, "properties.networkSecurityGroup.id")
    ),
    **_TAGGED,
)
RULE = resource_type(_RULE, _complete_rule, **NETWORKED)
ROUTE_TABLE = resource_type(
    Stored(
        ROUTE_TABLES,
        defaults={"properties": {"disableBgpRoutePropagation": False, "routes": []}},
        once=_GUID,
        etag=True,
    ),
    require_location,
    render=lambda arm, table: _with_subnets(arm, table, "properties.routeTable.id"),
    check_delete=refuse_used("InUseRouteTableCannotBeDeleted", (SUBNETS, "properties.routeTable.id")),
    **_TAGGED,
)
NAT_GATEWAY = resource_type(
    Stored(
        NAT_GATEWAYS,
        defaults={"sku": {"name": "Standard"}, "properties": {"idleTimeoutInMinutes": 4}},
        once=_GUID,
        links={"properties.publicIpAddresses": Reference((PUBLIC_ADDRESSES,))},
        shapes={"properties.idleTimeoutInMinutes": number(4, 120)},
        unbuilt=frozenset({"properties.publicIpPrefixes"}),
        etag=True,
    ),
    require_location,
    render=lambda arm, gateway: _with_subnets(arm, gateway, "properties.natGateway.id"),
    check_delete=refuse_used("CannotDeleteNatGatewayAssociatedToSubnet", (SUBNETS, "properties.natGateway.id")),
    **_TAGGED,
)
PUBLIC_ADDRESS = resource_type(
    Stored(
        PUBLIC_ADDRESSES,
        defaults={
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {
                "idleTimeoutInMinutes": 4,
                "ipTags": [],
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
            },
        },
        once=_GUID,
        shapes={"properties.idleTimeoutInMinutes": number(4, 30)},
        unbuilt=frozenset(
            {
                "extendedLocation",
                "properties.ddosSettings.ddosProtectionPlan",
                "properties.linkedPublicIPAddress",
                "properties.migrationPhase",
                "properties.natGateway",
                "properties.publicIPPrefix",
                "properties.servicePublicIPAddress",
            }
        ),
        etag=True,
    ),
    in_turn(require_location, _complete_address),
    immutable={"properties.publicIPAddressVersion": "PropertyCannotBeUpdated", "sku.name": "PropertyCannotBeUpdated"},
    check_delete=refuse_used(
        "PublicIPAddressCannotBeDeleted", (NAT_GATEWAYS, "properties.publicIpAddresses.id"), _POOL_ADDRESSES
    ),
    **_TAGGED,
)

TYPES = (VIRTUAL_NETWORK, SUBNET, SECURITY_GROUP, RULE, ROUTE_TABLE, NAT_GATEWAY, PUBLIC_ADDRESS)
