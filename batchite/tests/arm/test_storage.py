"""Storage accounts and what lies under them."""

from typing import Any

import pytest
from arm.worlds import GROUP, SUBSCRIPTION, World, play

from batchite.arm.accounts import StorageDirectory
from batchite.arm.types.storage_accounts import NAME

pytestmark = pytest.mark.documented
BODY = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
WRITE = f"{NAME}/blobServices/containers/blobs/write"


def test_an_account_is_created_by_a_long_running_operation_and_served() -> None:
    """202, then the account with its defaults and endpoints; the blob store serves it with its keys."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{GROUP}/providers/{NAME}/store1"
        answer = await world.call("PUT", path, BODY)
        assert answer.status == 202
        status = answer.headers["azure-asyncoperation"].removeprefix("https://127.0.0.1:10011").split("?")[0]
        assert (await world.ok("GET", status))["status"] == "Succeeded"
        account = (await world.finish(answer)).json
        assert account["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
        assert account["properties"]["provisioningState"] == "Succeeded"
        assert account["properties"]["primaryEndpoints"] == {"blob": "https://127.0.0.1:10012/store1/"}
        assert "_private" not in account
        keys = await world.ok("POST", f"{path}/listKeys")
        assert tuple(key["value"] for key in keys["keys"]) == world.blobs.accounts["store1"]
        assert (await world.call("PUT", path, BODY)).status == 200
        assert (await world.call("DELETE", path)).status == 200
        assert (await world.call("DELETE", path)).status == 204
        assert not world.blobs.accounts

    play(scenario)


def test_a_put_keeps_what_it_does_not_name_and_keys_survive_it() -> None:
    """An update by PUT leaves other properties; a regenerated key changes alone and is served at once."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.storage(allowSharedKeyAccess=False)
        before = world.blobs.accounts["store1"]
        updated = await world.ok("PUT", path, BODY | {"properties": {"minimumTlsVersion": "tls1_3"}})
        assert updated["properties"]["allowSharedKeyAccess"] is False
        assert updated["properties"]["minimumTlsVersion"] == "TLS1_3"
        assert world.blobs.accounts["store1"] == before
        await world.ok("POST", f"{path}/regenerateKey", {"keyName": "key2"})
        first, second = world.blobs.accounts["store1"]
        assert first == before[0]
        assert second != before[1]

    play(scenario)


@pytest.mark.parametrize("name", ["ab", "With-Dash", "x" * 25])
def test_a_name_outside_the_rule_is_refused(name: str) -> None:
    """AccountNameInvalid for names that are no 3 to 24 lower-case letters and digits."""

    async def scenario(world: World) -> None:
        await world.group()
        answer = await world.call("PUT", f"{GROUP}/providers/{NAME}/{name}", BODY)
        assert (answer.status, answer.json["code"]) == (400, "AccountNameInvalid")

    play(scenario)


def test_a_name_is_taken_once() -> None:
    """The name of an account in another group is StorageAccountAlreadyTaken; checkNameAvailability knows it."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.storage()
        other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"
        await world.ok("PUT", other, {"location": "westeurope"})
        answer = await world.call("PUT", f"{other}/providers/{NAME}/store1", BODY)
        assert (answer.status, answer.json["code"]) == (409, "StorageAccountAlreadyTaken")
        check = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability"
        taken = await world.ok("POST", check, {"name": "store1", "type": NAME})
        assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")
        assert await world.ok("POST", check, {"name": "store2", "type": NAME}) == {"nameAvailable": True}

    play(scenario)


@pytest.mark.parametrize(
    ("properties", "name"),
    [({"isHnsEnabled": True}, "isHnsEnabled"), ({"allowBlobPublicAccess": True}, "allowBlobPublicAccess")],
)
def test_what_would_change_how_blobs_behave_is_refused_by_name(properties: dict[str, Any], name: str) -> None:
    """501 names the property; its other value is accepted."""

    async def scenario(world: World) -> None:
        await world.group()
        answer = await world.call("PUT", f"{GROUP}/providers/{NAME}/store1", BODY | {"properties": properties})
        assert answer.status == 501
        assert f"properties.{name} = true" in answer.json["text"]
        await world.storage("store1", **dict.fromkeys(properties, False))

    play(scenario)


def test_a_container_is_created_in_the_blob_store() -> None:
    """PUT 201 creates it, with ETag and defaults; DELETE removes it; listing shows it."""

    async def scenario(world: World) -> None:
        await world.group()
        service = f"{await world.storage()}/blobServices/default"
        answer = await world.call("PUT", f"{service}/containers/input", {"properties": {"metadata": {"k": "v"}}})
        assert answer.status == 201
        assert answer.headers["etag"] == answer.json["etag"]
        assert answer.json["type"] == f"{NAME}/blobServices/containers"
        assert answer.json["properties"]["publicAccess"] == "None"
        assert world.blobs.containers == {("store1", "input")}
        listed = await world.ok("GET", f"{service}/containers")
        assert [one["name"] for one in listed["value"]] == ["input"]
        changed = await world.call("PUT", f"{service}/containers/input", {}, if_match='"stale"')
        assert (changed.status, changed.json["code"]) == (412, "ConditionNotMet")
        assert (await world.call("DELETE", f"{service}/containers/input")).status == 200
        assert not world.blobs.containers
        missing = await world.call("GET", f"{service}/containers/input")
        assert (missing.status, missing.json["code"]) == (404, "ContainerNotFound")

    play(scenario)


@pytest.mark.parametrize("name", ["Input", "a--b", "-a", "ab", "x" * 64])
def test_a_container_name_outside_the_rule_is_refused(name: str) -> None:
    """3 to 63 lower-case letters, digits and single hyphens."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{await world.storage()}/blobServices/default/containers/{name}"
        assert (await world.call("PUT", path, {})).status == 400

    play(scenario)


def test_the_blob_service_and_the_lifecycle_policy_are_stored() -> None:
    """The service exists with defaults before a PUT; a policy is returned as it was given."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.storage()
        service = await world.ok("GET", f"{path}/blobServices/default")
        assert service["properties"]["deleteRetentionPolicy"]["enabled"] is False
        retention = {"deleteRetentionPolicy": {"enabled": True, "days": 7}}
        await world.ok("PUT", f"{path}/blobServices/default", {"properties": retention})
        service = await world.ok("GET", f"{path}/blobServices/default")
        assert service["properties"]["deleteRetentionPolicy"] == {"enabled": True, "days": 7}
        policy = {"rules": [{"name": "old", "type": "Lifecycle", "definition": {}}]}
        await world.ok("PUT", f"{path}/managementPolicies/default", {"properties": {"policy": policy}})
        found = await world.ok("GET", f"{path}/managementPolicies/default")
        assert found["properties"]["policy"] == policy

    play(scenario)


def test_a_role_on_a_container_reaches_its_blobs_and_no_others() -> None:
    """The gateway's question goes by the assignment's scope; the developer has no blob rights without one."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.storage(allowSharedKeyAccess=False)
        principal = (await world.identity())["properties"]["principalId"]
        container = f"{path}/blobServices/default/containers/input"
        await world.ok("PUT", container, {})
        role = f"{container}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111"
        definition = f"/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
        await world.ok("PUT", role, {"properties": {"principalId": principal, "roleDefinitionId": definition}})
        rules = StorageDirectory(world.resources, world.authorizer)
        assert rules.allowed(principal, "store1", "input", WRITE)
        assert not rules.allowed(principal, "store1", "other", WRITE)
        assert not rules.allowed(world.directory.developer, "store1", "input", WRITE)
        assert not rules.shared_key_allowed("store1")
        await world.ok("DELETE", role)
        assert not rules.allowed(principal, "store1", "input", WRITE)

    play(scenario)


def test_after_a_restart_the_accounts_are_served_again() -> None:
    """A new server over the same store gives the blob store the accounts and their keys."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.storage()
        again = World(store=world.store)
        await again.plane.start()
        assert again.blobs.accounts == world.blobs.accounts
        await again.plane.close()

    play(scenario)


@pytest.mark.parametrize("properties", [-1, "x", [1], True])
def test_a_patch_of_properties_that_are_no_object_is_refused(properties: Any) -> None:
    """It is the client's error, and nothing changes."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.storage()
        before = await world.ok("GET", path)
        answer = await world.call("PATCH", path, {"properties": properties})
        assert (answer.status, answer.json["code"]) == (400, "InvalidRequestContent")
        assert await world.ok("GET", path) == before

    play(scenario)
