"""Applications and their packages through ARM: versions, activation, defaults, and where the zip goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from arm.worlds import GROUP, World, play, pool_body

from batchite.arm.accounts import AccountDirectory
from batchite.arm.applications import ApplicationDirectory, container_name
from batchite.arm.types.applications import APPLICATION_QUOTA, VERSION_QUOTA
from batchite.batch.applications import check_references, find, packages
from batchite.errors import ServiceError

PATH = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/batch1/applications"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"


async def account(world: World, *, linked: bool = True, by_identity: bool = False) -> None:
    """A Batch account, with auto-storage unless told otherwise."""
    await world.group()
    storage = await world.storage()
    if not linked:
        await world.account()
        return
    found = {"storageAccountId": storage}
    if by_identity:
        await world.identity()
        found |= {"authenticationMode": "BatchAccountManagedIdentity"}
        found["nodeIdentityReference"] = {"resourceId": IDENTITY}  # type: ignore[assignment]  # one level deeper
    body = {"location": "westeurope", "properties": {"autoStorage": found}, "identity": {"type": "SystemAssigned"}}
    assert (await world.finish(await world.call("PUT", PATH.removesuffix("/applications"), body))).status == 200


async def version(world: World, name: str = "v1.0", application: str = "my_application_id") -> Any:
    """A version as PUT answers it; the application is made when it is not there."""
    if (await world.call("GET", f"{PATH}/{application}")).status == 404:
        await world.ok("PUT", f"{PATH}/{application}", {"properties": {"displayName": "A tool"}})
    return await world.ok("PUT", f"{PATH}/{application}/versions/{name}")


async def active(world: World, name: str = "v1.0", application: str = "my_application_id") -> Any:
    """An active version, its zip pretended."""
    made = await version(world, name, application)
    world.blobs.blobs.add(("store1", container_name(f"{PATH}/{application}"), name))
    return await world.ok("POST", f"{made['id']}/activate", {"format": "zip"})


async def refused(world: World, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of a call that fails."""
    answer = await world.call(method, path, body)
    assert isinstance(answer.json, dict)
    return answer.status, answer.json["code"]


@pytest.mark.recorded
def test_a_version_lives_as_recorded() -> None:
    """Create, activate, update, get and delete answer the states, URLs and permissions that a recording shows."""

    async def scenario(world: World) -> None:
        await account(world)
        body = {"properties": {"allowUpdates": True, "displayName": "my_application_name"}}
        made = await world.ok("PUT", f"{PATH}/my_application_id", body)
        assert made["properties"] == {"displayName": "my_application_name", "allowUpdates": True}
        assert re.fullmatch(r'W/"0x8D[0-9A-F]+"', made["etag"])
        pending = await version(world)
        assert (pending["name"], pending["properties"]["state"]) == ("v1.0", "Pending")
        assert set(pending["properties"]) == {"state", "storageUrl", "storageUrlExpiry"}
        url = r"https://[^/]+/store1/app-my-application-id-[0-9a-f]{32}/v1\.0\?sp=rw&by=key"
        assert re.fullmatch(url, pending["properties"]["storageUrl"])
        shown = (await active(world))["properties"]
        assert (shown["state"], shown["format"]) == ("Active", "zip")
        assert {"lastActivationTime", "storageUrlExpiry"} < set(shown)
        update = {"properties": {"displayName": "my_updated_name", "allowUpdates": False, "defaultVersion": "v1.0"}}
        assert (await world.ok("PATCH", f"{PATH}/my_application_id", update))["properties"] == update["properties"]
        read_only = (await world.ok("GET", pending["id"]))["properties"]["storageUrl"]
        assert read_only.endswith("?sp=r&by=key")
        assert (await world.call("DELETE", pending["id"])).status == 200
        assert (await world.call("DELETE", f"{PATH}/my_application_id")).status == 200
        assert world.blobs.blobs == set()

    play(scenario)


@pytest.mark.recorded
def test_refusals_have_their_recorded_codes() -> None:
    """Activation needs a blob, a default an active version, and an application with packages is not deleted."""

    async def scenario(world: World) -> None:
        await account(world)
        await active(world)
        await version(world, "v2.0")
        path = f"{PATH}/my_application_id"
        activation = await refused(world, "POST", f"{path}/versions/v2.0/activate", {"format": "zip"})
        assert activation == (409, "ApplicationPackageBlobNotFound")
        default = {"properties": {"defaultVersion": "v2.0"}}
        assert await refused(world, "PATCH", path, default) == (409, "RequestedDefaultVersionNotActive")
        assert await refused(world, "DELETE", path) == (409, "ApplicationPackagesNotEmpty")
        assert (await refused(world, "GET", f"{path}/versions/v3.0"))[0] == 404

    play(scenario)


@pytest.mark.documented
def test_an_application_without_updates_keeps_its_versions() -> None:
    """With allowUpdates false an active version is neither made nor activated again; a pending one is."""

    async def scenario(world: World) -> None:
        await account(world)
        await world.ok("PUT", f"{PATH}/tool", {"properties": {"allowUpdates": False}})
        made = await version(world, "1", "tool")
        assert (await version(world, "1", "tool"))["properties"]["state"] == "Pending"
        await active(world, "1", "tool")
        assert (await refused(world, "PUT", made["id"]))[0] == 409
        assert (await refused(world, "POST", f"{made['id']}/activate", {"format": "zip"}))[0] == 409
        await world.ok("PATCH", f"{PATH}/tool", {"properties": {"allowUpdates": True}})
        assert (await version(world, "1", "tool"))["properties"]["state"] == "Active"
        await active(world, "1", "tool")

    play(scenario)


@pytest.mark.ours
def test_no_default_is_left_that_is_not_there() -> None:
    """Deleting the default version, which the service allows, takes the default from its application."""

    async def scenario(world: World) -> None:
        await account(world)
        made = await active(world)
        await world.ok("PATCH", f"{PATH}/my_application_id", {"properties": {"defaultVersion": "V1.0"}})
        assert (await world.call("DELETE", made["id"])).status == 200
        application = await world.ok("GET", f"{PATH}/my_application_id")
        assert "defaultVersion" not in application["properties"]
        await world.ok("PUT", f"{PATH}/my_application_id", {"properties": application["properties"]})

    play(scenario)


@pytest.mark.ours
def test_without_auto_storage_there_is_no_package() -> None:
    """An account without a linked storage account says what to set."""

    async def scenario(world: World) -> None:
        await account(world, linked=False)
        await world.ok("PUT", f"{PATH}/tool", {})
        answer = await world.call("PUT", f"{PATH}/tool/versions/1")
        assert answer.status == 409
        assert "autoStorage" in answer.json["text"]

    play(scenario)


@pytest.mark.documented
def test_the_account_s_identity_signs_where_auto_storage_is_by_identity() -> None:
    """The URL carries a signature of the Batch account's identity, and nodes fetch with the identity referred to."""

    async def scenario(world: World) -> None:
        await account(world, by_identity=True)
        principal = (await world.ok("GET", PATH.removesuffix("/applications")))["identity"]["principalId"]
        assert (await version(world))["properties"]["storageUrl"].endswith(f"?sp=rw&by={principal}")
        await active(world)
        (package,) = packages(directory(world), "batch1", [{"applicationId": "my_application_id", "version": "v1.0"}])
        assert package.identity == IDENTITY
        assert "?" not in package.url

    play(scenario)


def directory(world: World) -> ApplicationDirectory:
    """What the data plane asks."""
    accounts = AccountDirectory(world.resources, world.endpoints)
    return ApplicationDirectory(world.resources, accounts, world.blobs, world.endpoints, world.service)


@pytest.mark.documented
def test_the_data_plane_sees_active_versions_only() -> None:
    """Applications are listed with what can be referenced; a reference without version means the default."""

    async def scenario(world: World) -> None:
        await account(world)
        await version(world, "1", "empty")
        await active(world, "1", "Tool")
        await active(world, "2", "Tool")
        await version(world, "3", "Tool")
        found = directory(world)
        assert [(one.id, one.display_name, one.versions) for one in found.listed("BATCH1")] == [
            ("Tool", "A tool", ("1", "2"))
        ]
        assert found.listed("nobody") == []
        assert find(found, "batch1", "empty") is None
        with pytest.raises(ServiceError, match="InvalidApplicationPackageReferences"):
            check_references(found, "batch1", [{"applicationId": "tool"}])
        await world.ok("PATCH", f"{PATH}/tool", {"properties": {"defaultVersion": "2"}})
        check_references(found, "batch1", [{"applicationId": "tool"}, {"applicationId": "TOOL", "version": "1"}])
        one, two = packages(found, "batch1", [{"applicationId": "tool", "version": "1"}, {"applicationId": "tool"}])
        assert [(package.version, package.default) for package in (one, two)] == [("1", False), ("2", True)]
        assert one.url.endswith("/1?sp=r&by=key")
        await world.call("DELETE", f"{PATH}/tool/versions/2")
        (gone,) = packages(found, "batch1", [{"applicationId": "tool"}])
        assert (gone.application, gone.url) == ("tool", "")

    play(scenario)


@pytest.mark.documented
def test_a_pool_refers_to_active_versions_of_its_account() -> None:
    """A reference to anything else is InvalidApplicationPackageReferences; one that was good stays when it has gone."""

    async def scenario(world: World) -> None:
        await account(world)
        await active(world, "1", "Tool")
        await version(world, "2", "Tool")
        pool = f"{PATH.removesuffix('/applications')}/pools/main"
        for wrong in (
            {"id": f"{PATH}/Tool", "version": "2"},
            {"id": f"{PATH}/Tool"},
            {"id": f"{PATH}/other", "version": "1"},
            {"id": f"{PATH}/Tool".replace("batch1", "batch2"), "version": "1"},
        ):
            found = await refused(world, "PUT", pool, pool_body(applicationPackages=[wrong]))
            assert found == (409, "InvalidApplicationPackageReferences")
        packages = [{"id": f"{PATH}/Tool", "version": "1"}]
        made = await world.ok("PUT", pool, pool_body(applicationPackages=packages))
        assert made["properties"]["applicationPackages"] == packages
        assert (await world.call("DELETE", f"{PATH}/Tool/versions/1")).status == 200
        metadata = [{"name": "a", "value": "b"}]
        again = await world.ok("PUT", pool, pool_body(applicationPackages=packages, metadata=metadata))
        assert again["properties"]["applicationPackages"] == packages
        assert "applicationPackages" not in (await world.ok("PUT", pool, pool_body()))["properties"]

    play(scenario)


@pytest.mark.documented
def test_there_are_quotas() -> None:
    """An account has so many applications, an application so many packages."""

    async def scenario(world: World) -> None:
        await account(world)
        for number in range(APPLICATION_QUOTA):
            await world.ok("PUT", f"{PATH}/tool{number}")
        assert (await refused(world, "PUT", f"{PATH}/another"))[0] == 409
        for number in range(VERSION_QUOTA):
            await world.ok("PUT", f"{PATH}/tool1/versions/{number}")
        assert (await refused(world, "PUT", f"{PATH}/tool1/versions/x"))[0] == 409
        assert len((await world.ok("GET", f"{PATH}/tool1/versions"))["value"]) == VERSION_QUOTA

    play(scenario)


@pytest.mark.ours
@pytest.mark.parametrize("name", ["a", "A__b-", "x" * 64, "-_-"])
def test_containers_have_allowed_names(name: str) -> None:
    """Whatever an application is called, its container's name is one that Blob storage takes, and its own."""
    found = container_name(f"{PATH}/{name}")
    assert re.fullmatch(r"app(-[a-z0-9]+)*-[0-9a-f]{32}", found)
    assert len(found) <= 63
    assert found != container_name(f"{PATH}/{name}x")
