"""Identities and role assignments."""

import pytest
from arm.worlds import GROUP, SUBSCRIPTION, World, play

pytestmark = pytest.mark.documented
NAME = "11111111-1111-4111-8111-111111111111"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
ASSIGNMENTS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"


def test_the_ids_of_an_identity_are_made_once() -> None:
    """PrincipalId and clientId survive a PUT and a PATCH; the tenant is the local one."""

    async def scenario(world: World) -> None:
        await world.group()
        made = await world.identity()
        path = made["id"]
        again = await world.ok("PUT", path.replace("rg", "RG"), {"location": "westeurope", "tags": {"a": "b"}})
        assert again["properties"] == made["properties"]
        assert again["id"] == path
        assert (await world.ok("PATCH", path, {"tags": {}}))["properties"] == made["properties"]
        assert made["properties"]["tenantId"] == world.directory.tenant
        assert (await world.call("DELETE", path)).status == 200

    play(scenario)


def test_an_assignment_is_made_listed_and_deleted() -> None:
    """201, the role definition under the subscription; listed at, above and below its scope."""

    async def scenario(world: World) -> None:
        await world.group()
        principal = (await world.identity())["properties"]["principalId"]
        body = {"properties": {"principalId": principal, "roleDefinitionId": READER}}
        answer = await world.call("PUT", f"{ASSIGNMENTS}/{NAME}", body)
        assert answer.status == 201
        assert answer.json["properties"]["scope"] == GROUP
        assert answer.json["properties"]["roleDefinitionId"] == f"/subscriptions/{SUBSCRIPTION}{READER}"
        assert answer.json["properties"]["principalType"] == "ServicePrincipal"
        at_subscription = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments"
        for path in (ASSIGNMENTS, at_subscription):
            assert [one["name"] for one in (await world.ok("GET", path))["value"]] == [NAME]
        assert (await world.ok("GET", f"{at_subscription}?$filter=atScope()"))["value"] == []
        mine = await world.ok("GET", f"{ASSIGNMENTS}?$filter=principalId eq '{principal}'")
        assert len(mine["value"]) == 1
        assert (await world.call("PUT", f"{ASSIGNMENTS}/{NAME}", body)).status == 200
        assert (await world.call("DELETE", f"{ASSIGNMENTS}/{NAME}")).status == 200
        assert (await world.call("GET", f"{ASSIGNMENTS}/{NAME}")).json["code"] == "RoleAssignmentNotFound"

    play(scenario)


def test_what_is_wrong_with_an_assignment_is_said() -> None:
    """Unknown principal or role, a second one of the same kind, a change: each has its own code."""

    async def scenario(world: World) -> None:
        await world.group()
        first = (await world.identity("first"))["properties"]["principalId"]
        second = (await world.identity("second"))["properties"]["principalId"]
        other = "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
        unknown = "22222222-2222-4222-8222-222222222222"

        async def put(name: str, principal: str, role: str) -> str:
            body = {"properties": {"principalId": principal, "roleDefinitionId": role}}
            return str((await world.call("PUT", f"{ASSIGNMENTS}/{name}", body)).json.get("code", "done"))

        assert await put(NAME, unknown, READER) == "PrincipalNotFound"
        assert await put(NAME, first, READER.replace("acdd", "0000")) == "RoleDefinitionDoesNotExist"
        assert await put("not-a-uuid", first, READER) == "InvalidResourceName"
        assert await put(NAME, first, READER) == "done"
        assert await put(unknown, first, READER) == "RoleAssignmentExists"
        assert await put(NAME, second, READER) == "RoleAssignmentUpdateNotPermitted"
        assert await put(NAME, first, other) == "RoleAssignmentUpdateNotPermitted"
        assert await put(unknown, world.directory.developer, READER) == "done"

    play(scenario)


def test_a_principal_whose_type_is_told_is_not_looked_up() -> None:
    """As documented against replication delays: an application of the tenant may be given a role unseen."""

    async def scenario(world: World) -> None:
        await world.group()
        unknown = "22222222-2222-4222-8222-222222222222"
        properties = {"principalId": unknown, "roleDefinitionId": READER, "principalType": "ServicePrincipal"}
        assert (await world.call("PUT", f"{ASSIGNMENTS}/{NAME}", {"properties": properties})).status == 201

    play(scenario)


def test_a_scope_that_is_not_there_takes_no_assignment() -> None:
    """An assignment on an absent resource is a 404."""

    async def scenario(world: World) -> None:
        await world.group()
        scope = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/none"
        body = {"properties": {"principalId": world.directory.developer, "roleDefinitionId": READER}}
        answer = await world.call("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{NAME}", body)
        assert (answer.status, answer.json["code"]) == (404, "ResourceNotFound")

    play(scenario)
