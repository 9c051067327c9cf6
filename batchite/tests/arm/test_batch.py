"""Batch accounts and pools through ARM, over the data plane's own pools."""

from typing import Any

import pytest
from arm.worlds import GROUP, SUBSCRIPTION, World, play, pool_body

from batchite.arm.accounts import AccountDirectory
from batchite.arm.types.batch_accounts import NAME
from batchite.batch import pools
from batchite.scheduler.events import CreateSchedule
from batchite.scheduler.model import JobKey, JobState, PoolKey, ScheduleKey, ScheduleState, Timing
from batchite.service import Document

pytestmark = pytest.mark.documented
PENDING = "$TargetDedicatedNodes = 1;"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
IMAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/one"
SUBNET = "/subscriptions/x/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"


def test_an_account_is_a_data_plane_of_its_own() -> None:
    """Created by 202, it shows its endpoint and quotas; the directory finds it with keys, modes and storage."""

    async def scenario(world: World) -> None:
        await world.group()
        storage = await world.storage()
        await world.identity()
        linked = {
            "storageAccountId": storage,
            "authenticationMode": "BatchAccountManagedIdentity",
            "nodeIdentityReference": {"resourceId": IDENTITY},
        }
        path = f"{GROUP}/providers/{NAME}/batch1"
        identity = {"type": "SystemAssigned"}
        properties = {"autoStorage": linked, "allowedAuthenticationModes": ["aad"]}
        body = {"location": "westeurope", "identity": identity, "properties": properties}
        answer = await world.call("PUT", path, body)
        assert answer.status == 202
        account = (await world.finish(answer)).json
        assert account["properties"]["accountEndpoint"] == "127.0.0.1:10011/batch/batch1"
        assert account["properties"]["poolQuota"] == 100
        assert account["properties"]["allowedAuthenticationModes"] == ["AAD"]
        assert account["identity"]["tenantId"] == world.directory.tenant
        found = AccountDirectory(world.resources, world.endpoints).find("BATCH1")
        assert found
        assert set(found.modes) == {"AAD"}
        assert found.auto_storage_account == "store1"
        assert found.auto_storage_url == "https://127.0.0.1:10012/store1"
        assert found.auto_storage_identity == IDENTITY
        refused = await world.call("POST", f"{path}/listKeys")
        assert (refused.status, refused.json["code"]) == (409, "SharedKeyNotAllowed")
        again = await world.ok("PUT", path, body)
        assert again["identity"] == account["identity"]

    play(scenario)


def test_keys_are_listed_regenerated_and_kept() -> None:
    """ListKeys and regenerateKeys answer both keys; a PUT keeps them; the data plane sees the new one."""

    async def scenario(world: World) -> None:
        await world.group()
        path = await world.account()
        before = await world.ok("POST", f"{path}/listKeys")
        after = await world.ok("POST", f"{path}/regenerateKeys", {"keyName": "Primary"})
        assert after["primary"] != before["primary"]
        assert after["secondary"] == before["secondary"]
        await world.ok("PUT", path, {"location": "westeurope"})
        found = AccountDirectory(world.resources, world.endpoints).find("batch1")
        assert found
        assert found.keys == (after["primary"], after["secondary"])

    play(scenario)


@pytest.mark.parametrize(
    ("properties", "status", "name"),
    [
        ({"unknown": 1}, 400, "properties.unknown"),
        ({"allowedAuthenticationModes": ["Password"]}, 400, "properties.allowedAuthenticationModes[0]"),
        ({"autoStorage": {"storageAccountId": f"{GROUP}/x/y"}}, 400, "properties.autoStorage.storageAccountId"),
        ({"poolAllocationMode": "UserSubscription"}, 400, "properties.keyVaultReference"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(properties: dict[str, Any], status: int, name: str) -> None:
    """The path of the property stands in the error."""

    async def scenario(world: World) -> None:
        await world.group()
        body = {"location": "westeurope", "properties": properties}
        answer = await world.call("PUT", f"{GROUP}/providers/{NAME}/batch1", body)
        assert (answer.status, answer.json["PropertyName"]) == (status, name)

    play(scenario)


def test_the_name_of_an_account_is_taken_once() -> None:
    """An account of that name anywhere, or the built-in one, is a conflict that the name check foretells."""

    async def scenario(world: World) -> None:
        await world.group()
        await world.account()
        check = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Batch/locations/westeurope/checkNameAvailability"
        for name in ("BATCH1", "batchite"):
            found = await world.ok("POST", check, {"name": name, "type": NAME})
            assert (found["nameAvailable"], found["reason"]) == (False, "AlreadyExists")
        answer = await world.call("PUT", f"{GROUP}/providers/{NAME}/batchite", {"location": "westeurope"})
        assert answer.status == 409

    play(scenario)


def test_a_pool_goes_both_ways() -> None:
    """ARM's properties reach the data plane in its spelling and come back in ARM's, runtime values beside them."""

    async def scenario(world: World) -> None:
        await world.group()
        identity = await world.identity()
        account = await world.account()
        body = pool_body(
            scaleSettings={"autoScale": {"formula": PENDING, "evaluationInterval": "PT05M00S"}},
            taskSchedulingPolicy={"nodeFillType": "pack"},
            taskSlotsPerNode=2,
            metadata=[{"name": "team", "value": "solar"}],
            startTask={"commandLine": "/bin/true", "userIdentity": {"autoUser": {"elevationLevel": "Admin"}}},
            targetNodeCommunicationMode="Simplified",
            networkConfiguration={"subnetId": SUBNET},
        )
        body |= {"identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}, "tags": {"a": "b"}}
        answer = await world.call("PUT", f"{account}/pools/Main", body)
        assert answer.status == 200
        shown = answer.json
        assert answer.headers["etag"] == shown["etag"]
        assert (shown["name"], shown["tags"]) == ("Main", {"a": "b"})
        properties = shown["properties"]
        assert properties["scaleSettings"] == {"autoScale": {"formula": PENDING, "evaluationInterval": "PT5M"}}
        assert properties["taskSchedulingPolicy"] == {"nodeFillType": "Pack"}
        assert properties["startTask"]["userIdentity"]["autoUser"]["elevationLevel"] == "Admin"
        assert properties["networkConfiguration"] == {"subnetId": SUBNET}
        assert properties["provisioningState"] == "Succeeded"
        assert properties["resizeOperationStatus"]["targetDedicatedNodes"] == 1
        assert properties["autoScaleRun"]["results"].startswith("$TargetDedicatedNodes=1")
        members = shown["identity"]["userAssignedIdentities"][IDENTITY]
        assert members["clientId"] == identity["properties"]["clientId"]
        wire = pools.render_pool(world.service, PoolKey("batch1", "main"), "")
        assert wire["identity"]["userAssignedIdentities"][0]["resourceId"] == IDENTITY
        assert wire["virtualMachineConfiguration"]["nodeAgentSKUId"] == "batch.node.ubuntu 24.04"
        assert wire["startTask"]["userIdentity"]["autoUser"]["elevationLevel"] == "admin"

    play(scenario)


def test_an_unchanged_put_changes_nothing() -> None:
    """The same body again leaves the ETag; a stale If-Match is refused."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{await world.account()}/pools/main"
        body = pool_body(
            scaleSettings={"fixedScale": {"targetDedicatedNodes": 1}}, startTask={"commandLine": "/bin/true"}
        )
        first = await world.ok("PUT", path, body)
        assert (await world.ok("PUT", path, body))["etag"] == first["etag"]
        assert (await world.call("PUT", path, body, if_match=first["etag"])).status == 200
        assert (await world.call("PUT", path, body, if_match='W/"0x0"')).status == 412
        assert (await world.call("PUT", path, body, if_none_match="*")).status == 412

    play(scenario)


def test_only_four_properties_change_in_place() -> None:
    """Start task, metadata and scale settings change; anything else is PropertyCannotBeUpdated by name."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{await world.account()}/pools/main"
        await world.ok("PUT", path, pool_body())
        new = {
            "startTask": {"commandLine": "/bin/false"},
            "metadata": [{"name": "n", "value": "v"}],
            "scaleSettings": {"autoScale": {"formula": PENDING}},
        }
        changed = (await world.ok("PUT", path, pool_body(**new)))["properties"]
        assert changed["startTask"]["commandLine"] == "/bin/false"
        assert changed["metadata"] == new["metadata"]
        assert changed["scaleSettings"]["autoScale"] == {"formula": PENDING, "evaluationInterval": "PT15M"}
        for name, value in (("vmSize", "STANDARD_D4S_V3"), ("taskSlotsPerNode", 4), ("displayName", "x")):
            answer = await world.call("PATCH", path, {"properties": {name: value}})
            assert (answer.json["code"], answer.json["PropertyName"]) == (
                "PropertyCannotBeUpdated",
                f"properties.{name}",
            )
        emptied = (await world.ok("PATCH", path, {"properties": {"startTask": {}}}))["properties"]
        assert "startTask" not in emptied
        assert emptied["metadata"] == new["metadata"]
        await world.steady(path)
        removed = (await world.ok("PUT", path, pool_body()))["properties"]
        assert "startTask" not in removed
        assert "metadata" not in removed
        await world.steady(path)
        off = await world.ok("PATCH", path, {"properties": {"scaleSettings": {"autoScale": {"formula": PENDING}}}})
        assert "autoScale" in off["properties"]["scaleSettings"]
        manual = await world.ok("POST", f"{path}/disableAutoScale")
        assert "fixedScale" in manual["properties"]["scaleSettings"]

    play(scenario)


def test_a_pool_is_deleting_until_its_nodes_are_gone() -> None:
    """DELETE answers 202 and the pool shows Deleting; the operation ends with the last node."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{await world.account()}/pools/main"
        await world.ok("PUT", path, pool_body(scaleSettings={"fixedScale": {"targetDedicatedNodes": 2}}))
        world.nodes.stuck = True
        answer = await world.call("DELETE", path)
        assert answer.status == 202
        assert (await world.ok("GET", path))["properties"]["provisioningState"] == "Deleting"
        refused = await world.call("PUT", path, pool_body())
        assert (refused.status, refused.json["code"]) == (409, "PoolBeingDeleted")
        world.nodes.release()
        assert (await world.finish(answer)).status == 204
        assert (await world.call("GET", path)).json["code"] == "PoolNotFound"

    play(scenario)


def test_a_pool_of_the_data_plane_is_seen_by_arm() -> None:
    """A pool made by a Batch client is listed and shown in ARM's words."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        document = {
            "id": "wire",
            "vmSize": "standard_d2s_v3",
            "targetLowPriorityNodes": 1,
            "virtualMachineConfiguration": {
                "imageReference": {"virtualMachineImageId": IMAGE},
                "nodeAgentSKUId": "batch.node.ubuntu 24.04",
            },
        }
        await pools.create_pool(world.service, "batch1", document, cause="test")
        [pool] = (await world.ok("GET", f"{account}/pools"))["value"]
        assert pool["id"] == f"{account}/pools/wire"
        machine = pool["properties"]["deploymentConfiguration"]["virtualMachineConfiguration"]
        assert machine["imageReference"] == {"id": IMAGE}
        assert pool["properties"]["scaleSettings"]["fixedScale"]["targetLowPriorityNodes"] == 1

    play(scenario)


def test_the_quotas_of_an_account_can_be_set() -> None:
    """ARM shows them, a PUT keeps them, pools and the data plane are held to them; they go with the account."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        name = account.rpartition("/")[2]
        accounts = AccountDirectory(world.resources, world.endpoints)
        limits = await accounts.limit(name, {"poolQuota": 1, "activeJobAndJobScheduleQuota": 2})
        assert limits == {
            "dedicatedCoreQuota": 900,
            "lowPriorityCoreQuota": 100,
            "poolQuota": 1,
            "activeJobAndJobScheduleQuota": 2,
        }
        assert (await world.ok("GET", account))["properties"]["activeJobAndJobScheduleQuota"] == 2
        assert (await world.ok("PUT", account, {"location": "westeurope"}))["properties"]["poolQuota"] == 1
        found = accounts.find(name)
        assert found is not None
        assert (found.pool_quota, found.job_quota) == (1, 2)
        await world.ok("PUT", f"{account}/pools/a", pool_body())
        refused = await world.call("PUT", f"{account}/pools/b", pool_body())
        assert (refused.status, refused.json["code"]) == (409, "PoolQuotaReached")
        await world.finish(await world.call("DELETE", account))
        await world.account()
        assert (await world.ok("GET", account))["properties"]["poolQuota"] == 100

    play(scenario)


def test_deleting_an_account_deletes_its_schedules() -> None:
    """They make no more jobs, and those they made go."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        key = ScheduleKey(account.rpartition("/")[2], "hourly")
        pattern = JobState(JobKey(key.account, ""), "", PoolKey(key.account, "a"), "a", 0, "active", 0)
        schedule = ScheduleState(key, "hourly", 0, "active", 0, pattern, Timing(interval=60))
        document = {"jobSpecification": {"poolInfo": {"poolId": "a"}}}
        await world.service.apply(CreateSchedule(schedule), Document("schedule.doc", "/".join(key), document))
        assert world.service.jobs
        assert (await world.finish(await world.call("DELETE", account))).status == 204
        assert not world.service.schedules
        assert not world.service.jobs

    play(scenario)


def test_deleting_an_account_deletes_its_pools() -> None:
    """The account shows Deleting, its pools go, then its name is free again."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        await world.ok("PUT", f"{account}/pools/main", pool_body(scaleSettings={"autoScale": {"formula": PENDING}}))
        assert (await world.finish(await world.call("DELETE", account))).status == 204
        assert not world.service.pools
        await world.account()

    play(scenario)
