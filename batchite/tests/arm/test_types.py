"""What all resource types have in common: absent ones, lists, locations, and what subnets of pools add to it."""

from __future__ import annotations

import re

import pytest
from arm.refusals import code, located
from arm.worlds import GROUP, SUBSCRIPTION, World, play, pool_body

from batchite.arm.kinds import ResourceType
from batchite.arm.plane import TYPES

pytestmark = pytest.mark.documented

NAMES = {
    "scope+": GROUP.strip("/"),
    "subscriptionId": SUBSCRIPTION,
    "resourceGroupName": "rg",
    "location": "westeurope",
}
REGIONAL = [kind for kind in TYPES if kind.immutable.get("location") == "InvalidResourceLocation"]


def path(template: str) -> str:
    """A path of the template with names that are right for most types."""
    return re.sub(r"\{([^}]+)\}", lambda found: NAMES.get(found[1], "absent11"), template)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_what_is_not_there_is_404_and_deleted_already(kind: ResourceType) -> None:
    """GET answers 404 in ARM's words, DELETE 204, or 404 where the parent is missing."""

    async def scenario(world: World) -> None:
        await world.group()
        absent = path(kind.template)
        if kind.name.endswith("blobServices"):
            absent = absent.replace("absent11", "default")
        status, _ = await code(world, "GET", absent if absent != GROUP else f"{GROUP}2")
        assert status == 404
        if kind.delete and absent != GROUP:
            assert (await world.call("DELETE", absent)).status in (204, 404)

    play(scenario)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind.name.count("/") == 1], ids=lambda kind: kind.name)
def test_lists_are_there_from_the_start(kind: ResourceType) -> None:
    """Every collection answers a list, of the subscription too."""

    async def scenario(world: World) -> None:
        await world.group()
        for template in kind.collections:
            assert isinstance((await world.ok("GET", path(template)))["value"], list)

    play(scenario)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Microsoft.Network/virtualNetworks", {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}),
        ("Microsoft.OperationalInsights/workspaces", {}),
        ("Microsoft.Network/publicIPAddresses", {}),
    ],
)
def test_a_regional_resource_has_a_location_for_good(name: str, body: dict[str, object]) -> None:
    """Without one it is refused, and no update moves it."""

    async def scenario(world: World) -> None:
        await world.group()
        one = f"{GROUP}/providers/{name}/one11"
        assert await code(world, "PUT", one, {"properties": body}) == (400, "LocationRequired")
        await world.ok("PUT", one, located(**body))
        moved = {"location": "North Europe", "properties": body}
        assert await code(world, "PUT", one, moved) == (409, "InvalidResourceLocation")
        await world.ok("PUT", one, {"location": "West Europe", "properties": body})

    play(scenario)


def test_regional_types_are_many() -> None:
    """The rule above is that of nearly every type with a location."""
    assert len(REGIONAL) > 15


def test_the_resources_of_a_group_are_listed() -> None:
    """All that has a location, by type if asked; another filter is refused."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.identity()
        await world.ok("PUT", f"{GROUP}/providers/Microsoft.Network/natGateways/n", located())
        listed = (await world.ok("GET", f"{GROUP}/resources"))["value"]
        assert {one["name"] for one in listed} == {"n", "nodes"}
        wanted = f"{GROUP}/resources?$filter=resourceType eq 'Microsoft.Network/natGateways'"
        assert [one["name"] for one in (await world.ok("GET", wanted))["value"]] == ["n"]
        assert len((await world.ok("GET", f"/subscriptions/{SUBSCRIPTION}/resources"))["value"]) == 2
        other = f"{GROUP}/resources?$filter=tagName eq 'x'"
        assert await code(world, "GET", other) == (400, "InvalidQueryParameterValue")
        assert await code(world, "GET", f"{GROUP}2/resources") == (404, "ResourceGroupNotFound")

    play(scenario)


def test_a_subnet_is_in_use_by_the_nodes_of_a_pool() -> None:
    """It can be deleted when the pool is gone."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/main"
        subnet = {"name": "pools", "properties": {"addressPrefix": "10.0.0.0/24"}}
        await world.ok("PUT", network, located(addressSpace={"addressPrefixes": ["10.0.0.0/16"]}, subnets=[subnet]))
        place = f"{network}/subnets/pools"
        await world.ok("PUT", f"{account}/pools/main", pool_body(networkConfiguration={"subnetId": place}))
        assert await code(world, "DELETE", place) == (400, "InUseSubnetCannotBeDeleted")
        await world.finish(await world.call("DELETE", f"{account}/pools/main"))
        assert (await world.finish(await world.call("DELETE", place))).status == 204

    play(scenario)
