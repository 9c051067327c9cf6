"""What ARM says to pools that are wrong, too large or too early, and in whose words."""

from typing import Any

import pytest
from arm.worlds import World, play, pool_body

from batchite.batch import pools
from batchite.scheduler.model import PoolKey

pytestmark = pytest.mark.documented
SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
PENDING = "$TargetDedicatedNodes = 1;"
USER = {"name": "worker", "password": "hidden"}
BLOBS = "azureBlobFileSystemConfiguration"
ROLLING = "properties.upgradePolicy.rollingUpgradePolicy"
ENDPOINTS = "properties.networkConfiguration.endpointConfiguration.inboundNatPools"


def endpoints(*ports: int, backend: int = 22) -> dict[str, Any]:
    """Inbound NAT pools with these ranges."""
    found = [
        {"name": str(low), "protocol": "TCP", "backendPort": backend + number}
        | {"frontendPortRangeStart": low, "frontendPortRangeEnd": high}
        for number, (low, high) in enumerate(zip(ports[::2], ports[1::2], strict=True))
    ]
    return {"networkConfiguration": {"endpointConfiguration": {"inboundNatPools": found}}}


MACHINE = "properties.deploymentConfiguration.virtualMachineConfiguration"


def machine(**properties: Any) -> dict[str, Any]:
    """A pool with these properties of its virtual machines."""
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
    found = {"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 24.04", **properties}
    return {"deploymentConfiguration": {"virtualMachineConfiguration": found}}


@pytest.mark.parametrize(
    ("properties", "status", "name"),
    [
        ({"mountConfiguration": [{}]}, 400, "properties.mountConfiguration[0]"),
        (
            {"mountConfiguration": [{BLOBS: {"accountName": "a", "containerName": "c", "relativeMountPath": "m"}}]},
            400,
            f"properties.mountConfiguration[0].{BLOBS}.identityReference",
        ),
        ({"userAccounts": [{"name": "u"}]}, 400, "properties.userAccounts[0].password"),
        ({"userAccounts": [{"name": "u" * 21, "password": "p"}]}, 400, "properties.userAccounts[0].name"),
        ({"userAccounts": [USER, USER]}, 400, "properties.userAccounts[1].name"),
        (
            {"userAccounts": [{**USER, "linuxUserConfiguration": {"uid": 1}}]},
            400,
            "properties.userAccounts[0].linuxUserConfiguration",
        ),
        (
            {"userAccounts": [{**USER, "windowsUserConfiguration": {"loginMode": "Batch"}}]},
            400,
            "properties.userAccounts[0].windowsUserConfiguration",
        ),
        (
            {"startTask": {"commandLine": "x", "userIdentity": {"userName": "u"}}},
            400,
            "properties.startTask.userIdentity.userName",
        ),
        (
            {
                "interNodeCommunication": "Enabled",
                "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 1, "targetLowPriorityNodes": 1}},
            },
            400,
            "properties.interNodeCommunication",
        ),
        ({"upgradePolicy": {"mode": "rolling", "rollingUpgradePolicy": {"x": 1}}}, 400, f"{ROLLING}.x"),
        ({"resourceTags": {"a": "b"}}, 400, "properties.resourceTags"),
        ({"taskSlotsPerNode": 9}, 400, "properties.taskSlotsPerNode"),
        (endpoints(1000, 1020), 400, f"{ENDPOINTS}[0]"),
        (endpoints(1000, 1100, 1050, 1150), 400, f"{ENDPOINTS}[1]"),
        (endpoints(49980, 50020), 400, f"{ENDPOINTS}[0]"),
        (machine(nodeAgentSkuId="batch.node.debian 12"), 400, f"{MACHINE}.nodeAgentSkuId"),
        (machine(imageReference={"id": "my-image"}), 400, f"{MACHINE}.imageReference.virtualMachineImageId"),
        (machine(windowsConfiguration={}), 400, f"{MACHINE}.windowsConfiguration"),
        ({"networkConfiguration": {"subnetId": "my-subnet"}}, 400, "properties.networkConfiguration.subnetId"),
        (endpoints(1000, 1100, backend=29877), 400, f"{ENDPOINTS}[0].backendPort"),
        (
            {"scaleSettings": {"autoScale": {"formula": "$TargetDedicatedNodes = ;"}}},
            400,
            "properties.scaleSettings.autoScale.formula",
        ),
        ({"colour": 1}, 400, "properties.colour"),
        ({"taskSlotsPerNode": 0}, 400, "properties.taskSlotsPerNode"),
        ({"scaleSettings": {"fixedScale": {}, "autoScale": {"formula": PENDING}}}, 400, "properties.scaleSettings"),
        ({"startTask": {"waitForSuccess": True}}, 400, "properties.startTask.commandLine"),
    ],
)
def test_what_is_wrong_with_a_pool_is_named(properties: dict[str, Any], status: int, name: str) -> None:
    """400 with the path of the property; no pool is made."""

    async def scenario(world: World) -> None:
        await world.group()
        answer = await world.call("PUT", f"{await world.account()}/pools/main", pool_body(**properties))
        assert (answer.status, answer.json["PropertyName"]) == (status, name)
        assert not world.service.pools

    play(scenario)


async def short_of_cores(world: World, size: str, dedicated: int, spot: int) -> Any:
    """The pool once it is steady, with these targets."""
    await world.group()
    path = f"{await world.account()}/pools/main"
    scale = {"fixedScale": {"targetDedicatedNodes": dedicated, "targetLowPriorityNodes": spot}}
    await world.ok("PUT", path, pool_body(vmSize=size, scaleSettings=scale))
    await world.steady(path)
    return (await world.ok("GET", path))["properties"]


def test_a_pool_that_reaches_the_core_quotas_says_so() -> None:
    """900 dedicated and 100 Spot vCPUs: the errors are those of the resize, in both planes, and the PUT succeeds."""

    async def scenario(world: World) -> None:
        shown = await short_of_cores(world, "STANDARD_D96S_V5", dedicated=10, spot=2)
        assert (shown["currentDedicatedNodes"], shown["currentLowPriorityNodes"]) == (9, 1)
        assert shown["scaleSettings"]["fixedScale"]["targetDedicatedNodes"] == 10
        found = [error["code"] for error in shown["resizeOperationStatus"]["errors"]]
        assert found == ["AccountCoreQuotaReached", "AccountLowPriorityCoreQuotaReached"]
        wire = pools.render_pool(world.service, PoolKey("batch1", "main"), "")
        assert [error["code"] for error in wire["resizeErrors"]] == found

    play(scenario)


def test_a_change_of_targets_while_resizing_is_a_conflict() -> None:
    """409 PoolBeingResized; the same targets again are none, nor is anything else that may change."""

    async def scenario(world: World) -> None:
        await world.group()
        path = f"{await world.account()}/pools/main"
        one = pool_body(scaleSettings={"fixedScale": {"targetDedicatedNodes": 1}})
        shown = await world.ok("PUT", path, one)
        assert shown["properties"]["allocationState"] == "Resizing"
        answer = await world.call("PUT", path, pool_body(scaleSettings={"fixedScale": {"targetDedicatedNodes": 2}}))
        assert (answer.status, answer.json["code"]) == (409, "PoolBeingResized")
        one["properties"]["metadata"] = [{"name": "team", "value": "solar"}]
        assert (await world.ok("PUT", path, one))["properties"]["allocationState"] == "Resizing"

    play(scenario)


def test_what_the_data_plane_says_of_a_pool_comes_in_the_words_of_arm() -> None:
    """Users, network, disks, communication: nested and capitalised, without secrets; a PUT of them changes nothing."""

    async def scenario(world: World) -> None:
        await world.group()
        account = await world.account()
        machine = {
            "imageReference": {"publisher": "p", "offer": "o", "sku": "s"},
            "nodeAgentSKUId": "batch.node.ubuntu 24.04",
            "dataDisks": [
                {"lun": 0, "diskSizeGB": 8, "caching": "readonly", "managedDisk": {"storageAccountType": "premium_lrs"}}
            ],
        }
        document = {
            "id": "wire",
            "vmSize": "standard_d2s_v3",
            "virtualMachineConfiguration": machine,
            "enableInterNodeCommunication": True,
            "networkConfiguration": {"dynamicVNetAssignmentScope": "none", "subnetId": SUBNET},
            "userAccounts": [{**USER, "elevationLevel": "admin"}],
            "startTask": {"commandLine": "x", "userIdentity": {"username": "worker"}},
        }
        await pools.create_pool(world.service, "batch1", document, cause="test")
        found = (await world.ok("GET", f"{account}/pools/wire"))["properties"]
        assert found["interNodeCommunication"] == "Enabled"
        assert found["networkConfiguration"] == {"dynamicVnetAssignmentScope": "none", "subnetId": SUBNET}
        assert found["userAccounts"] == [{"name": "worker", "elevationLevel": "Admin"}]
        assert found["startTask"]["userIdentity"] == {"userName": "worker"}
        disks = found["deploymentConfiguration"]["virtualMachineConfiguration"]["dataDisks"]
        assert disks == [{"lun": 0, "diskSizeGB": 8, "caching": "ReadOnly", "storageAccountType": "Premium_LRS"}]
        before = await world.ok("GET", f"{account}/pools/wire")
        assert await world.ok("PUT", f"{account}/pools/wire", {"properties": found}) == before

    play(scenario)
