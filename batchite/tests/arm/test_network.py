"""Networks, private links and DNS as stored resources: defaults, relations, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from arm.refusals import code, located
from arm.worlds import GROUP, World, play

pytestmark = pytest.mark.documented

NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/main"
SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}


async def network(world: World, **properties: Any) -> Any:
    """A group with a virtual network."""
    await world.group()
    return await world.ok("PUT", VNET, located(**SPACE, **properties))


def rule(priority: int, direction: str = "Inbound") -> dict[str, Any]:
    """A security rule."""
    ends = dict.fromkeys(("sourceAddressPrefix", "sourcePortRange", "destinationAddressPrefix"), "*")
    ports = {"destinationPortRanges": ["80", "443"]}
    return {"access": "Allow", "direction": direction, "priority": priority, "protocol": "*", **ends, **ports}


def test_subnets_are_shown_by_their_network_and_kept_by_a_put_without_them() -> None:
    """However a subnet was made, the network shows it; a list in a PUT makes the subnets so."""

    async def scenario(world: World) -> None:
        made = await network(world, subnets=[{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}])
        assert made["properties"]["subnets"][0]["id"] == f"{VNET}/subnets/a"
        await world.ok("PUT", f"{VNET}/subnets/b", {"properties": {"addressPrefix": "10.0.1.0/24"}})
        again = await world.ok("PUT", VNET, {**located(**SPACE), "tags": {"x": "y"}})
        assert [one["name"] for one in again["properties"]["subnets"]] == ["a", "b"]
        assert again["properties"]["resourceGuid"] == made["properties"]["resourceGuid"]
        listed = await world.ok("GET", f"{VNET}/subnets")
        assert [one["name"] for one in listed["value"]] == ["a", "b"]
        await world.ok("PUT", VNET, located(**SPACE, subnets=[]))
        assert (await world.ok("GET", f"{VNET}/subnets"))["value"] == []

    play(scenario)


@pytest.mark.parametrize(
    ("prefix", "expected"), [("10.1.0.0/24", "NetcfgInvalidSubnet"), ("10.0.0.128/25", "NetcfgSubnetRangesOverlap")]
)
def test_a_subnet_lies_within_its_network_and_apart_from_others(prefix: str, expected: str) -> None:
    """Ranges outside of the network, or of another subnet, are refused, also inside of the network's body."""

    async def scenario(world: World) -> None:
        first = {"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}
        await network(world, subnets=[first])
        wrong = {"properties": {"addressPrefix": prefix}}
        assert await code(world, "PUT", f"{VNET}/subnets/b", wrong) == (400, expected)
        whole = located(**SPACE, subnets=[first, {"name": "b", **wrong}])
        assert await code(world, "PUT", VNET, whole) == (400, expected)

    play(scenario)


def test_what_a_subnet_names_must_exist_and_cannot_be_deleted() -> None:
    """Security group, NAT gateway and route table of a subnet, the address of a gateway."""

    async def scenario(world: World) -> None:
        await network(world)
        ids = {
            "networkSecurityGroup": f"{NETWORK}/networkSecurityGroups/g",
            "natGateway": f"{NETWORK}/natGateways/n",
            "routeTable": f"{NETWORK}/routeTables/r",
        }
        body = {name: {"id": found} for name, found in ids.items()} | {"addressPrefix": "10.0.0.0/24"}
        subnet = f"{VNET}/subnets/a"
        assert await code(world, "PUT", subnet, {"properties": body}) == (400, "InvalidResourceReference")
        address = f"{NETWORK}/publicIPAddresses/p"
        made = await world.ok("PUT", address, located())
        assert made["properties"]["ipAddress"].startswith("198.1")
        await world.ok("PUT", ids["natGateway"], located(publicIpAddresses=[{"id": address}]))
        await world.ok("PUT", ids["networkSecurityGroup"], located())
        await world.ok("PUT", ids["routeTable"], located())
        await world.ok("PUT", subnet, {"properties": body})
        assert (await world.ok("GET", ids["natGateway"]))["properties"]["subnets"] == [{"id": subnet}]
        codes = {
            "networkSecurityGroup": "InUseNetworkSecurityGroupCannotBeDeleted",
            "natGateway": "CannotDeleteNatGatewayAssociatedToSubnet",
            "routeTable": "InUseRouteTableCannotBeDeleted",
        }
        for name, expected in codes.items():
            assert await code(world, "DELETE", ids[name]) == (400, expected)
        assert await code(world, "DELETE", address) == (400, "PublicIPAddressCannotBeDeleted")
        assert (await world.call("DELETE", GROUP)).status == 202

    play(scenario)


def test_security_rules_belong_to_their_group() -> None:
    """A group shows its rules and the default ones; priorities are unique by direction; a PUT means its list."""

    async def scenario(world: World) -> None:
        await world.group()
        group = f"{NETWORK}/networkSecurityGroups/g"
        made = await world.ok("PUT", group, located(securityRules=[{"name": "a", "properties": rule(100)}]))
        assert len(made["properties"]["defaultSecurityRules"]) == 6
        await world.ok("PUT", f"{group}/securityRules/b", {"properties": rule(100, "Outbound")})
        same = {"properties": rule(100)}
        assert await code(world, "PUT", f"{group}/securityRules/c", same) == (400, "SecurityRuleConflict")
        wrong = {"properties": rule(99)}
        assert await code(world, "PUT", f"{group}/securityRules/c", wrong) == (400, "InvalidPropertyValue")
        nowhere = {"properties": {**rule(300), "sourceAddressPrefix": ""}}
        assert await code(world, "PUT", f"{group}/securityRules/c", nowhere) == (400, "MissingRequiredProperty")
        tagged = await world.ok("PATCH", group, {"tags": {"x": "y"}})
        assert [one["name"] for one in tagged["properties"]["securityRules"]] == ["a", "b"]
        more: dict[str, Any] = {"properties": {"securityRules": []}}
        assert await code(world, "PATCH", group, more) == (400, "InvalidPropertyValue")
        bare = await world.ok("PUT", group, located())
        assert bare["properties"]["securityRules"] == []

    play(scenario)


async def private_endpoint(world: World, group_id: str = "batchAccount") -> tuple[str, Any]:
    """A Batch account, and the body of an endpoint for it."""
    await network(world, subnets=[{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}])
    account = await world.account()
    connection = {"name": "c", "properties": {"privateLinkServiceId": account, "groupIds": [group_id]}}
    subnet = {"id": f"{VNET}/subnets/a"}
    return account, located(subnet=subnet, privateLinkServiceConnections=[connection])


def test_a_private_endpoint_gets_an_address_and_its_target_shows_it() -> None:
    """Addresses come out of the subnet; the connection is approved; the subnet is in use."""

    async def scenario(world: World) -> None:
        account, body = await private_endpoint(world)
        endpoint = f"{NETWORK}/privateEndpoints/pe"
        made = (await world.ok("PUT", endpoint, body))["properties"]
        expected = {"fqdn": "batch1.westeurope.batch.azure.com", "ipAddresses": ["10.0.0.4"]}
        assert made["customDnsConfigs"] == [expected]
        state = made["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"]
        assert state["status"] == "Approved"
        shown = (await world.ok("GET", account))["properties"]["privateEndpointConnections"]
        assert [one["properties"]["privateEndpoint"]["id"] for one in shown] == [endpoint]
        in_use = (400, "InUseSubnetCannotBeDeleted")
        assert await code(world, "DELETE", f"{VNET}/subnets/a") == in_use
        assert await code(world, "DELETE", VNET) == in_use
        assert await code(world, "PUT", VNET, located(**SPACE, subnets=[])) == in_use
        moved = {"properties": {"addressPrefix": "10.0.9.0/24"}}
        assert await code(world, "PUT", f"{VNET}/subnets/a", moved) == (400, "InUsePrefixCannotBeDeleted")
        await world.finish(await world.call("DELETE", endpoint))
        assert (await world.finish(await world.call("DELETE", VNET))).status == 204

    play(scenario)


def test_an_endpoint_needs_a_subnet_a_target_and_a_group_of_it() -> None:
    """References to nothing and groups that the target doesn't have are refused."""

    async def scenario(world: World) -> None:
        _, body = await private_endpoint(world, "vault")
        endpoint = f"{NETWORK}/privateEndpoints/pe"
        assert await code(world, "PUT", endpoint, body) == (400, "InvalidPropertyValue")
        connection = {"name": "c", "properties": {"privateLinkServiceId": f"{VNET}x", "groupIds": ["vault"]}}
        nowhere = located(**{**body["properties"], "privateLinkServiceConnections": [connection]})
        assert await code(world, "PUT", endpoint, nowhere) == (400, "InvalidResourceReference")
        lost = located(**{**body["properties"], "subnet": {"id": f"{VNET}/subnets/none"}})
        assert await code(world, "PUT", endpoint, lost) == (400, "InvalidResourceReference")

    play(scenario)


def test_zones_count_links_and_records_and_are_deleted_after_their_links() -> None:
    """Links, own records and those of zone groups are counted; a linked zone stays."""

    async def scenario(world: World) -> None:
        _, body = await private_endpoint(world)
        zone = f"{NETWORK}/privateDnsZones/privatelink.batch.azure.com"
        regional = (400, "LocationNotAvailableForResourceType")
        assert await code(world, "PUT", zone, {"location": "westeurope"}) == regional
        await world.ok("PUT", zone, {"location": "Global"})
        link = {"location": "global", "properties": {"virtualNetwork": {"id": VNET}, "registrationEnabled": False}}
        await world.ok("PUT", f"{zone}/virtualNetworkLinks/l", link)
        assert await code(world, "PUT", f"{zone}/virtualNetworkLinks/m", link) == (409, "Conflict")
        record = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.9"}]}}
        made = await world.ok("PUT", f"{zone}/A/own", record)
        assert made["properties"]["fqdn"] == "own.privatelink.batch.azure.com."
        await world.ok("PUT", f"{NETWORK}/privateEndpoints/pe", body)
        config = {"name": "z", "properties": {"privateDnsZoneId": zone}}
        group = f"{NETWORK}/privateEndpoints/pe/privateDnsZoneGroups/default"
        grouped = await world.ok("PUT", group, {"properties": {"privateDnsZoneConfigs": [config]}})
        (shown,) = grouped["properties"]["privateDnsZoneConfigs"][0]["properties"]["recordSets"]
        assert (shown["recordSetName"], shown["ipAddresses"]) == ("batch1.westeurope", ["10.0.0.4"])
        counts = (await world.ok("GET", zone))["properties"]
        assert (counts["numberOfRecordSets"], counts["numberOfVirtualNetworkLinks"]) == (3, 1)
        assert await code(world, "DELETE", zone) == (409, "CannotDeleteResource")
        await world.finish(await world.call("DELETE", f"{zone}/virtualNetworkLinks/l"))
        assert (await world.finish(await world.call("DELETE", zone))).status == 204

    play(scenario)


def test_a_put_names_an_operation_to_ask() -> None:
    """Networks answer a PUT with the resource and Azure-AsyncOperation, as clients poll it."""

    async def scenario(world: World) -> None:
        await world.group()
        answer = await world.call("PUT", VNET, located(**SPACE))
        assert (answer.status, answer.json["properties"]["provisioningState"]) == (201, "Succeeded")
        assert "location" not in answer.headers
        operation = answer.headers["azure-asyncoperation"].removeprefix("https://127.0.0.1:10011").split("?")[0]
        assert (await world.ok("GET", operation))["status"] == "Succeeded"
        assert int(answer.headers["x-ms-retry-after-ms"]) > 0

    play(scenario)


def test_only_ids_of_other_resources_are_taken() -> None:
    """A security group can't be changed through a subnet that names it; without an id it names nothing."""

    async def scenario(world: World) -> None:
        await network(world)
        group = f"{NETWORK}/networkSecurityGroups/g"
        await world.ok("PUT", group, located())
        named = {"id": group, "properties": {"securityRules": [{"name": "a", "properties": rule(100)}]}}
        body = {"properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": named}}
        made = await world.ok("PUT", f"{VNET}/subnets/a", body)
        assert made["properties"]["networkSecurityGroup"] == {"id": group}
        assert (await world.ok("GET", group))["properties"]["securityRules"] == []
        body["properties"]["networkSecurityGroup"] = {"properties": {}}
        assert await code(world, "PUT", f"{VNET}/subnets/a", body) == (400, "MissingRequiredProperty")

    play(scenario)
