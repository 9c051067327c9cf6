"""Rows of networks and private DNS.

Force-new properties are those of azure-native's own list and of the specification's `x-ms-mutability`.
"""

from __future__ import annotations

from batchite.provider.schema import GROUP, GROUP_NAME, Function, NameRule, ResourceType

_VERSION = "2024-05-01"
_DNS_VERSION = "2024-06-01"
_NETWORK = GROUP + "/providers/Microsoft.Network/"
_ENDPOINT = _NETWORK + "privateEndpoints/{privateEndpointName}"
_ZONE = _NETWORK + "privateDnsZones/{privateZoneName}"
_LOCATED = frozenset({"extendedLocation", "location", "sku", "tags", "zones"})
_CHILD = frozenset({"name", "type"})
_OWN_ID = frozenset({"id"})  # the SDK has it as an input; ARM makes it of the path
_NAME = NameRule(1, 80, r"^[a-zA-Z0-9]([-\w.]*\w)?$")
_LONG_NAME = NameRule(2, 64, _NAME.pattern)
_ZONE_NAME = NameRule(1, 253, r"^(?!-)[\w-]{1,63}(\.[\w-]{1,63})*$")

VIRTUAL_NETWORK = ResourceType(
    name="network:VirtualNetwork",
    api_version=_VERSION,
    path=_NETWORK + "virtualNetworks/{virtualNetworkName}",
    name_rules={"resourceGroupName": GROUP_NAME, "virtualNetworkName": _LONG_NAME},
    top=_LOCATED,
    force_new=frozenset({"location"}),
    kept=frozenset({"subnets", "virtualNetworkPeerings"}),
    refused=_OWN_ID,
)
SUBNET = ResourceType(
    name="network:Subnet",
    api_version=_VERSION,
    path=VIRTUAL_NETWORK.path + "/subnets/{subnetName}",
    name_rules={**VIRTUAL_NETWORK.name_rules, "subnetName": _NAME},
    top=_CHILD,
    refused=_OWN_ID,
)
SECURITY_GROUP = ResourceType(
    name="network:NetworkSecurityGroup",
    api_version=_VERSION,
    path=_NETWORK + "networkSecurityGroups/{networkSecurityGroupName}",
    name_rules={"resourceGroupName": GROUP_NAME, "networkSecurityGroupName": _NAME},
    top=_LOCATED,
    kept=frozenset({"securityRules"}),
    refused=_OWN_ID,
)
SECURITY_RULE = ResourceType(
    name="network:SecurityRule",
    api_version=_VERSION,
    path=SECURITY_GROUP.path + "/securityRules/{securityRuleName}",
    name_rules={**SECURITY_GROUP.name_rules, "securityRuleName": _NAME},
    top=_CHILD,
    refused=_OWN_ID,
)
ROUTE_TABLE = ResourceType(
    name="network:RouteTable",
    api_version=_VERSION,
    path=_NETWORK + "routeTables/{routeTableName}",
    name_rules={"resourceGroupName": GROUP_NAME, "routeTableName": _NAME},
    top=_LOCATED,
    kept=frozenset({"routes"}),
    refused=_OWN_ID,
)
PUBLIC_ADDRESS = ResourceType(
    name="network:PublicIPAddress",
    api_version=_VERSION,
    path=_NETWORK + "publicIPAddresses/{publicIpAddressName}",
    name_rules={"resourceGroupName": GROUP_NAME, "publicIpAddressName": _NAME},
    top=_LOCATED,
    force_new=frozenset({"location", "publicIPAddressVersion", "publicIPPrefix", "sku"}),
    refused=_OWN_ID | {"ipAddress"},
)
NAT_GATEWAY = ResourceType(
    name="network:NatGateway",
    api_version=_VERSION,
    path=_NETWORK + "natGateways/{natGatewayName}",
    name_rules={"resourceGroupName": GROUP_NAME, "natGatewayName": _NAME},
    top=_LOCATED,
    refused=_OWN_ID,
)
PRIVATE_ENDPOINT = ResourceType(
    name="network:PrivateEndpoint",
    api_version=_VERSION,
    path=_ENDPOINT,
    name_rules={"resourceGroupName": GROUP_NAME, "privateEndpointName": _LONG_NAME},
    top=_LOCATED,
    force_new=frozenset({"subnet"}),
    refused=_OWN_ID | {"customDnsConfigs"},
)
DNS_ZONE_GROUP = ResourceType(
    name="network:PrivateDnsZoneGroup",
    api_version=_VERSION,
    path=_ENDPOINT + "/privateDnsZoneGroups/{privateDnsZoneGroupName}",
    name_rules={**PRIVATE_ENDPOINT.name_rules, "privateDnsZoneGroupName": _NAME},
    top=frozenset({"name"}),
    refused=_OWN_ID,
)
PRIVATE_ZONE = ResourceType(
    name="privatedns:PrivateZone",
    api_version=_DNS_VERSION,
    path=_ZONE,
    name_rules={"resourceGroupName": GROUP_NAME, "privateZoneName": _ZONE_NAME},
    force_new=frozenset({"location"}),
)
NETWORK_LINK = ResourceType(
    name="privatedns:VirtualNetworkLink",
    api_version=_DNS_VERSION,
    path=_ZONE + "/virtualNetworkLinks/{virtualNetworkLinkName}",
    name_rules={**PRIVATE_ZONE.name_rules, "virtualNetworkLinkName": _NAME},
    force_new=frozenset({"location"}),
)
RECORD_SET = ResourceType(
    name="privatedns:PrivateRecordSet",
    api_version=_DNS_VERSION,
    path=_ZONE + "/{recordType}/{relativeRecordSetName}",
    name_rules={**PRIVATE_ZONE.name_rules, "recordType": NameRule(1, 5, "^(A|AAAA|CNAME|MX|PTR|SOA|SRV|TXT)$")},
    top=frozenset(),
)

ROWS = (
    DNS_ZONE_GROUP,
    NAT_GATEWAY,
    NETWORK_LINK,
    PRIVATE_ENDPOINT,
    PRIVATE_ZONE,
    PUBLIC_ADDRESS,
    RECORD_SET,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SECURITY_RULE,
    SUBNET,
    VIRTUAL_NETWORK,
)
FUNCTIONS = (
    Function("network:getNatGateway", NAT_GATEWAY, query={"expand": "$expand"}),
    Function("network:getNetworkSecurityGroup", SECURITY_GROUP, query={"expand": "$expand"}),
    Function("network:getPrivateDnsZoneGroup", DNS_ZONE_GROUP),
    Function("network:getPrivateEndpoint", PRIVATE_ENDPOINT, query={"expand": "$expand"}),
    Function("network:getPublicIPAddress", PUBLIC_ADDRESS, query={"expand": "$expand"}),
    Function("network:getRouteTable", ROUTE_TABLE, query={"expand": "$expand"}),
    Function("network:getSecurityRule", SECURITY_RULE),
    Function("network:getSubnet", SUBNET, query={"expand": "$expand"}),
    Function("network:getVirtualNetwork", VIRTUAL_NETWORK, query={"expand": "$expand"}),
    Function("privatedns:getPrivateRecordSet", RECORD_SET),
    Function("privatedns:getPrivateZone", PRIVATE_ZONE),
    Function("privatedns:getVirtualNetworkLink", NETWORK_LINK),
)
