"""Resource groups, the rules that all resources share, and long-running operations."""

import pytest
from arm.worlds import GROUP, SUBSCRIPTION, World, play, pool_body

pytestmark = pytest.mark.documented

STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store1"


def test_a_group_is_created_changed_listed_and_deleted() -> None:
    """PUT answers 201 then 200, HEAD 204, DELETE 202 with two addresses, and then nothing is left."""

    async def scenario(world: World) -> None:
        created = await world.call("PUT", GROUP, {"location": "West Europe", "tags": {"a": "1"}})
        assert (created.status, created.json["location"]) == (201, "westeurope")
        assert created.json["id"] == GROUP
        assert (await world.call("PUT", GROUP, {"location": "westeurope"})).status == 200
        assert (await world.call("HEAD", GROUP)).status == 204
        patched = await world.ok("PATCH", GROUP, {"tags": {"b": "2"}})
        assert patched["tags"] == {"b": "2"}
        listed = await world.ok("GET", f"/subscriptions/{SUBSCRIPTION}/resourcegroups")
        assert [group["name"] for group in listed["value"]] == ["rg"]
        deleted = await world.call("DELETE", GROUP)
        assert deleted.status == 202
        assert deleted.headers["x-ms-retry-after-ms"] == "100"
        assert (await world.finish(deleted)).status == 204
        assert (await world.call("GET", GROUP)).json["code"] == "ResourceGroupNotFound"
        assert (await world.call("HEAD", GROUP)).status == 404
        assert (await world.call("DELETE", GROUP)).status == 204

    play(scenario)


def test_a_group_does_not_move() -> None:
    """Another location is a 409 of its own."""

    async def scenario(world: World) -> None:
        await world.group()
        answer = await world.call("PUT", GROUP, {"location": "northeurope"})
        assert (answer.status, answer.json["code"]) == (409, "InvalidResourceGroupLocation")

    play(scenario)


def test_deleting_a_group_deletes_everything_inside() -> None:
    """Pools lose their nodes, blob accounts go, role assignments on the group go."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.storage()
        account = await world.account()
        scale = {"fixedScale": {"targetDedicatedNodes": 2}}
        await world.ok("PUT", f"{account}/pools/main", pool_body(scaleSettings=scale))
        world.nodes.stuck = True
        answer = await world.call("DELETE", GROUP)
        assert (await world.ok("GET", GROUP))["properties"]["provisioningState"] == "Deleting"
        refused = await world.call("PUT", f"{account}/pools/late", pool_body())
        assert (refused.status, refused.json["code"]) == (409, "ResourceGroupBeingDeleted")
        world.nodes.release()
        assert (await world.finish(answer)).status == 204
        assert not world.blobs.accounts
        assert not world.service.pools
        assert not world.resources.inside(f"/subscriptions/{SUBSCRIPTION}")

    play(scenario)


def test_an_unfinished_deletion_goes_on_after_a_restart() -> None:
    """The record of the operation survives; the next start takes it up."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        await world.ok(
            "PUT", f"{account}/pools/p", pool_body(scaleSettings={"fixedScale": {"targetDedicatedNodes": 1}})
        )
        world.nodes.stuck = True
        assert (await world.call("DELETE", GROUP)).status == 202
        await world.stop()
        again = World(store=world.store)
        await again.start()
        try:
            for operation in list(again.plane._arm.operations._operations.values()):
                path = f"{operation['path']}/operationResults/{operation['id']}"
                answer = await again.finish(await again.call("GET", path))
                assert answer.status == 204
            assert again.resources.get(GROUP) is None
        finally:
            await again.stop()

    play(scenario)


def test_a_resource_needs_its_group_and_its_subscription() -> None:
    """ResourceGroupNotFound and SubscriptionNotFound are 404s that name what is missing."""

    async def scenario(world: World) -> None:
        answer = await world.call("GET", STORAGE)
        assert (answer.status, answer.json["code"]) == (404, "ResourceGroupNotFound")
        other = "/subscriptions/0b4c417e-0000-4000-8000-00000000ffff/resourceGroups/rg"
        answer = await world.call("GET", other)
        assert (answer.status, answer.json["code"]) == (404, "SubscriptionNotFound")

    play(scenario)


@pytest.mark.parametrize(
    ("query", "version", "code"),
    [
        ("", "", "MissingApiVersionParameter"),
        ("", "latest", "InvalidApiVersionParameter"),
        ("?$top=3", "2024-07-01", "UnsupportedQueryParameter"),
    ],
)
def test_options_are_honoured_or_refused(query: str, version: str, code: str) -> None:
    """A call without an api-version, with one that is no date, or with an unknown option is a 400."""

    async def scenario(world: World) -> None:
        answer = await world.call("GET", f"/subscriptions/{SUBSCRIPTION}/resourceGroups{query}", version=version)
        assert (answer.status, answer.json["code"]) == (400, code)

    play(scenario)


def test_an_unknown_type_is_refused_by_its_name() -> None:
    """501 names the type, whatever the operation."""

    async def scenario(world: World) -> None:
        answer = await world.call("PUT", f"{GROUP}/providers/Microsoft.Sql/servers/s", {})
        assert answer.status == 501
        assert "Microsoft.Sql/servers" in answer.json["text"]

    play(scenario)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"location": "westeurope", "colour": "red"}, "colour"),
        ({"location": "westeurope", "properties": {"size": 3}}, "properties.size"),
        ({}, "location"),
        ({"location": 3}, "location"),
    ],
)
def test_a_bad_property_is_named(body: dict[str, object], name: str) -> None:
    """Unknown, missing and mistyped properties are 400s with the path of the property."""

    async def scenario(world: World) -> None:
        answer = await world.call("PUT", GROUP, body)
        assert (answer.status, answer.json["PropertyName"]) == (400, name)

    play(scenario)


def test_only_owners_and_readers_see_a_group() -> None:
    """A principal without a role gets AuthorizationFailed, a Reader may read and not write."""

    async def scenario(world: World) -> None:
        await world.group()
        identity = await world.identity()
        principal = identity["properties"]["principalId"]
        role = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111"
        definition = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
        world.principal = principal
        assert (await world.call("GET", GROUP)).json["code"] == "AuthorizationFailed"
        world.principal = world.directory.developer
        await world.ok("PUT", role, {"properties": {"principalId": principal, "roleDefinitionId": definition}})
        world.principal = principal
        assert (await world.call("GET", GROUP)).status == 200
        assert (await world.call("PATCH", GROUP, {"tags": {}})).json["code"] == "AuthorizationFailed"

    play(scenario)
