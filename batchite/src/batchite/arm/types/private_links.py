"""Private endpoints, private DNS zones, their links, records and groups: stored and related.

Names are not resolved here and nothing listens on a private address. An endpoint gets addresses out of its subnet, and
the resource behind it shows the connection, approved at once as for whoever owns both.

Sources: REST reference of Microsoft.Network 2024-05-01 and private DNS 2024-06-01, "Private endpoint DNS integration".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from batchite.arm.ids import ResourceId
from batchite.arm.ids import parse as parse_id
from batchite.arm.kinds import Arm, ResourceType, new_uuid, value_at
from batchite.arm.resources import Resource
from batchite.arm.stored import Reference, Stored, in_turn, require_location, resource_type, values_at
from batchite.arm.types.network import NETWORKED, PRIVATE_ENDPOINTS, SUBNETS, VIRTUAL_NETWORKS, ranges
from batchite.errors import ServiceError, invalid_property, not_implemented

ZONE_GROUPS = f"{PRIVATE_ENDPOINTS}/privateDnsZoneGroups"
ZONES = "Microsoft.Network/privateDnsZones"
LINKS = f"{ZONES}/virtualNetworkLinks"
RECORD_TYPES = ("A", "AAAA", "CNAME", "MX", "PTR", "SRV", "TXT")
"""Types of records. A zone's SOA record is made by Azure and not shown here."""

_RESERVED = 4  # the addresses at the start of a subnet that Azure keeps
_BLOB_NAMES = ("blob", "file", "queue", "table", "web", "dfs")
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Microsoft.Batch/batchAccounts": {
        "batchAccount": "{name}.{location}.batch.azure.com",
        "nodeManagement": "{name}.{location}.service.batch.azure.com",
    },
    "Microsoft.ContainerRegistry/registries": {"registry": "{name}.azurecr.io"},
    "Microsoft.KeyVault/vaults": {"vault": "{name}.vault.azure.net"},
    "Microsoft.Storage/storageAccounts": {
        **{name: f"{{name}}.{name}.core.windows.net" for name in _BLOB_NAMES},
        **{f"{name}_secondary": f"{{name}}-secondary.{name}.core.windows.net" for name in _BLOB_NAMES},
    },
}
"""The public names that a group of a resource type serves."""

_CONNECTIONS = "properties.privateLinkServiceConnections"
_MANUAL = "properties.manualPrivateLinkServiceConnections"
_APPROVED = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}


def connections(arm: Arm, resource: Resource) -> list[Resource]:
    """The private endpoint connections that a resource shows."""
    wanted = resource["id"].lower()
    found = ((endpoint, one) for endpoint in arm.resources.of_type(PRIVATE_ENDPOINTS) for one in _of(endpoint))
    mine = [(end, one) for end, one in found if one["properties"]["privateLinkServiceId"].lower() == wanted]
    return [_shown(resource, endpoint, one) for endpoint, one in mine]


def with_connections(arm: Arm, resource: Resource) -> Resource:
    """The resource as a GET shows it, with its private endpoint connections."""
    properties = {**resource["properties"], "privateEndpointConnections": connections(arm, resource)}
    return {**resource, "properties": properties}


def _shown(resource: Resource, endpoint: Resource, connection: Resource) -> Resource:
    properties = {
        "groupIds": connection["properties"].get("groupIds", []),
        "privateEndpoint": {"id": endpoint["id"]},
        "privateLinkServiceConnectionState": connection["properties"]["privateLinkServiceConnectionState"],
        "provisioningState": "Succeeded",
    }
    kind = f"{resource['type']}/privateEndpointConnections"
    name = f"{endpoint['name']}.{connection['name']}"
    return {
        "id": f"{resource['id']}/privateEndpointConnections/{name}",
        "name": name,
        "type": kind,
        "properties": properties,
    }


def _of(endpoint: Resource) -> list[Resource]:
    return [*(value_at(endpoint, _CONNECTIONS) or ()), *(value_at(endpoint, _MANUAL) or ())]


def _complete_endpoint(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if "subnet" not in wanted["properties"] or len(_of(wanted)) != 1:
        raise invalid_property("properties", "", "A subnet and exactly one private link service connection are needed.")
    made = {
        path.rpartition(".")[2]: [_connected(rid, one) for one in value_at(wanted, path) or ()]
        for path in (_CONNECTIONS, _MANUAL)
    }
    names = [name for one in _of(wanted) for name in _names(arm, one)]
    properties = {**wanted["properties"], **made}
    given = properties.get("customDnsConfigs")
    known = old["properties"] if old else {}
    configs = known.get("customDnsConfigs") or _addresses(arm, properties["subnet"]["id"], names)
    if given and given != configs:
        raise not_implemented("property properties.customDnsConfigs")
    interface = properties.get("customNetworkInterfaceName") or f"{rid.name}.nic.{new_uuid()}"
    interfaces = [{"id": f"{rid.scope}/providers/Microsoft.Network/networkInterfaces/{interface}"}]
    outputs = {"customDnsConfigs": configs, "networkInterfaces": known.get("networkInterfaces") or interfaces}
    return {**wanted, "properties": {**properties, **outputs}}


def _connected(rid: ResourceId, connection: Resource) -> Resource:
    state = {"privateLinkServiceConnectionState": _APPROVED, "provisioningState": "Succeeded"}
    name = connection.get("name") or rid.name
    own = {"id": f"{rid.text}/privateLinkServiceConnections/{name}", "name": name}
    return {**connection, **own, "properties": {**connection["properties"], **state}}


def _names(arm: Arm, connection: Resource) -> Iterator[str]:
    """The names the connection is for. Raises for a group that the resource behind it does not have."""
    path = f"{_CONNECTIONS}.properties"
    named = connection.get("properties", {}).get("privateLinkServiceId", "")
    target = arm.resources.get(named)
    if target is None or target["type"] not in _GROUPS:
        raise ServiceError("InvalidResourceReference", f"'{named}' takes no private endpoint, or does not exist.")
    groups = _GROUPS[target["type"]]
    for group in connection["properties"].get("groupIds") or [""]:
        if group not in groups:
            raise invalid_property(f"{path}.groupIds", group, f"One of {', '.join(groups)} is expected.")
        yield groups[group].format(name=target["name"].lower(), location=target.get("location", ""))


def _addresses(arm: Arm, subnet_id: str, names: list[str]) -> list[Resource]:
    """Free addresses of the subnet for the names. Raises BadRequest when it is full."""
    subnet = arm.resources.get(subnet_id)
    assert subnet is not None  # its reference was checked
    mine = (end for end in arm.resources.of_type(PRIVATE_ENDPOINTS) if _lies_in(end, subnet))
    taken = {address for end in mine for address in values_at(end, "properties.customDnsConfigs.ipAddresses")}
    free = (str(one) for one in itertools.islice(ranges(subnet)[0], _RESERVED, None))
    chosen = list(itertools.islice((one for one in free if one not in taken), len(names)))
    if len(chosen) < len(names):
        raise ServiceError("BadRequest", f"The subnet '{subnet_id}' has no free address.")
    return [{"fqdn": name, "ipAddresses": [address]} for name, address in zip(names, chosen, strict=True)]


def _lies_in(endpoint: Resource, subnet: Resource) -> bool:
    return str(endpoint["properties"]["subnet"]["id"]).lower() == str(subnet["id"]).lower()


def _complete_zone_group(arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """Each zone of the group gets a record for every name of the endpoint that lies in it."""
    parent = rid.parent
    assert parent is not None
    endpoint = arm.resources.get(parent.key) or {}
    configs = [
        {**one, "properties": {**one["properties"], "recordSets": list(_records(one, endpoint))}}
        for one in wanted["properties"].get("privateDnsZoneConfigs", [])
    ]
    return {**wanted, "properties": {**wanted["properties"], "privateDnsZoneConfigs": configs}}


def _records(config: Resource, endpoint: Resource) -> Iterator[Resource]:
    zone = parse_id(config["properties"]["privateDnsZoneId"]).name
    for one in value_at(endpoint, "properties.customDnsConfigs") or ():
        public = zone.removeprefix("privatelink.")
        if one["fqdn"].endswith(f".{public}"):
            name = one["fqdn"].removesuffix(f".{public}")
            yield {
                "recordType": "A",
                "recordSetName": name,
                "fqdn": f"{name}.{zone}",
                "ttl": 10,
                "provisioningState": "Succeeded",
                "ipAddresses": one["ipAddresses"],
            }


def _show_zone(arm: Arm, zone: Resource) -> Resource:
    links = list(arm.resources.of_type(LINKS, zone["id"]))
    registering = [one for one in links if one["properties"]["registrationEnabled"]]
    records = [one for kind in RECORD_TYPES for one in arm.resources.of_type(f"{ZONES}/{kind}", zone["id"])]
    counts = {
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": 1000,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        "numberOfRecordSets": 1 + len(records) + _grouped(arm, zone),  # one is the SOA record
        "numberOfVirtualNetworkLinks": len(links),
        "numberOfVirtualNetworkLinksWithRegistration": len(registering),
    }
    return {**zone, "properties": {**zone["properties"], **counts}}


def _grouped(arm: Arm, zone: Resource) -> int:
    configs = (
        config
        for group in arm.resources.of_type(ZONE_GROUPS)
        for config in values_at(group, "properties.privateDnsZoneConfigs")
        if config["properties"]["privateDnsZoneId"].lower() == zone["id"].lower()
    )
    return sum(len(config["properties"]["recordSets"]) for config in configs)


def _check_zone(arm: Arm, zone: Resource) -> None:
    nested = [one["id"] for one in arm.resources.of_type(LINKS, zone["id"])]
    if nested:
        raise ServiceError("CannotDeleteResource", f"Inside of '{zone['id']}' are: {', '.join(nested)}.")


def _everywhere(_arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """Private DNS has no regions."""
    if wanted["location"] != "global":
        raise ServiceError(
            "LocationNotAvailableForResourceType", f"'{rid.name}' can't be in '{wanted['location']}', only in 'global'."
        )
    return wanted


def _complete_link(arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    parent, path = rid.parent, "properties.virtualNetwork.id"
    assert parent is not None
    network = value_at(wanted, path)
    for other in arm.resources.of_type(LINKS, parent.text):
        if other["id"].lower() != rid.key and value_at(other, path).lower() == str(network).lower():
            raise ServiceError("Conflict", f"The network is linked to the zone already, by '{other['name']}'.")
    return {**wanted, "properties": {**wanted["properties"], "virtualNetworkLinkState": "Completed"}}


def _complete_record(_arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    zone = rid.names[0]
    fqdn = f"{zone}." if rid.name == "@" else f"{rid.name}.{zone}."
    return {**wanted, "properties": {**wanted["properties"], "fqdn": fqdn, "isAutoRegistered": False}}


def _record_type(kind: str) -> ResourceType:
    stored = Stored(f"{ZONES}/{kind}", body=f"{ZONES}/recordSets", defaults={"properties": {"ttl": 3600}}, etag=True)
    return resource_type(stored, _complete_record, name_pattern=r"[@*\w.-]{1,253}", patch=True)


PRIVATE_ENDPOINT = resource_type(
    Stored(
        PRIVATE_ENDPOINTS,
        defaults={
            "properties": {"manualPrivateLinkServiceConnections": [], "ipConfigurations": []},
        },
        links={"properties.subnet": Reference((SUBNETS,))},
        unbuilt=frozenset({"extendedLocation", "properties.applicationSecurityGroups", "properties.ipConfigurations"}),
        etag=True,
    ),
    in_turn(require_location, _complete_endpoint),
    immutable={"properties.subnet.id": "PropertyCannotBeUpdated"},
    **NETWORKED,
)
ZONE_GROUP = resource_type(
    Stored(
        ZONE_GROUPS,
        refers={"properties.privateDnsZoneConfigs.properties.privateDnsZoneId": Reference((ZONES,))},
        etag=True,
    ),
    _complete_zone_group,
    **NETWORKED,
)
ZONE = resource_type(
    Stored(ZONES, defaults={"location": "global"}, once={"internalId": new_uuid}, etag=True),
    _everywhere,
    render=_show_zone,
    check_delete=_check_zone,
    name_pattern=r"(?!-)[\w-]{1,63}(\.[\w-]{1,63})*",
    patch=True,
    polled=True,
    long_delete=True,
)
LINK = resource_type(
    Stored(
        LINKS,
        defaults={"location": "global", "properties": {"registrationEnabled": False}},
        links={"properties.virtualNetwork": Reference((VIRTUAL_NETWORKS,))},
        etag=True,
    ),
    in_turn(_everywhere, _complete_link),
    immutable={"properties.virtualNetwork.id": "PropertyCannotBeUpdated"},
    patch=True,
    **NETWORKED,
)

TYPES = (PRIVATE_ENDPOINT, ZONE_GROUP, ZONE, LINK, *map(_record_type, RECORD_TYPES))
