"""One row for each rule that the property descriptions of the REST reference state: what breaks it, and the answer.

More of them, with ids and names, are in the conformance corpus (rules.json, job_life.json, schedules.json).
"""

from typing import Any, NamedTuple

import pytest
from batch.harness import POOL, Account

pytestmark = pytest.mark.documented

INVALID, RANGE, MISSING = "InvalidPropertyValue", "OutOfRangeInput", "MissingRequiredProperty"
MACHINE = "virtualMachineConfiguration"
IMAGE = f"{MACHINE}.imageReference"
NAT = "networkConfiguration.endpointConfiguration.inboundNATPools"
GROUP = "/subscriptions/s/resourceGroups/g/providers"
GALLERY = f"{GROUP}/Microsoft.Compute/galleries/g/images/i"
BLOB = "https://account.blob.core.windows.net/container"


class Broken(NamedTuple):
    """A document with one rule broken: the property that is named, the code, and the value that is repeated."""

    body: dict[str, Any]
    name: str
    code: str = INVALID
    value: str | None = None


def machine(**properties: Any) -> dict[str, Any]:
    """A pool with these properties of its virtual machines."""
    return {MACHINE: POOL[MACHINE] | properties}


def image(**reference: Any) -> dict[str, Any]:
    """A pool of this image."""
    return machine(imageReference=reference)


def nat(number: int = 0, **properties: Any) -> dict[str, Any]:
    """An inbound NAT pool with ports of its own."""
    ports = {"frontendPortRangeStart": 1000 + 100 * number, "frontendPortRangeEnd": 1099 + 100 * number}
    return {"name": f"nat{number}", "protocol": "tcp", "backendPort": 22 + number} | ports | properties


def nats(*pools: dict[str, Any]) -> dict[str, Any]:
    """A pool with these inbound NAT pools."""
    return {"networkConfiguration": {"endpointConfiguration": {"inboundNATPools": list(pools)}}}


def rule(priority: int = 150, **properties: Any) -> dict[str, Any]:
    """A security rule."""
    return {"priority": priority, "access": "allow", "sourceAddressPrefix": "*"} | properties


def rules(*found: dict[str, Any]) -> dict[str, Any]:
    """A pool with one NAT pool and these security rules."""
    return nats(nat(networkSecurityGroupRules=list(found)))


def addresses(*ids: str) -> dict[str, Any]:
    """A pool with these public IP addresses."""
    found = {"provision": "usermanaged", "ipAddressIds": list(ids)}
    return {"networkConfiguration": {"publicIPAddressConfiguration": found}}


RULE = f"{NAT}[0].networkSecurityGroupRules"
PACKAGE = {"applicationId": "Tool"}
UPGRADE = "upgradePolicy.rollingUpgradePolicy"
POOLS = [
    Broken(image(virtualMachineImageId=GALLERY, publisher="canonical"), f"{IMAGE}.virtualMachineImageId"),
    Broken(image(virtualMachineImageId=GALLERY, sharedGalleryImageId="/x"), f"{IMAGE}.sharedGalleryImageId"),
    Broken(image(sharedGalleryImageId="/x", communityGalleryImageId="/y"), f"{IMAGE}.communityGalleryImageId"),
    Broken(image(virtualMachineImageId="/images/i"), f"{IMAGE}.virtualMachineImageId", value="/images/i"),
    Broken(machine(nodeAgentSKUId="batch.node.debian 12"), f"{MACHINE}.nodeAgentSKUId", value="batch.node.debian 12"),
    Broken(machine(windowsConfiguration={"enableAutomaticUpdates": True}), f"{MACHINE}.windowsConfiguration"),
    Broken(machine(licenseType="Windows_Server"), f"{MACHINE}.licenseType", value="Windows_Server"),
    Broken(machine(licenseType="RHEL_BYOS"), f"{MACHINE}.licenseType", value="RHEL_BYOS"),
    Broken(machine(dataDisks=[{"lun": -1, "diskSizeGB": 1}]), f"{MACHINE}.dataDisks[0].lun", RANGE, "-1"),
    Broken(machine(dataDisks=[{"lun": 1, "diskSizeGB": 1}] * 2), f"{MACHINE}.dataDisks[1].lun", value="1"),
    Broken(machine(dataDisks=[{"lun": 1}]), f"{MACHINE}.dataDisks[0].diskSizeGB", MISSING),
    Broken({"networkConfiguration": {"subnetId": "subnet"}}, "networkConfiguration.subnetId", value="subnet"),
    Broken(addresses("my-ip"), "networkConfiguration.publicIPAddressConfiguration.ipAddressIds[0]", value="my-ip"),
    Broken(nats(*[nat(number) for number in range(6)]), NAT, RANGE),
    Broken(nats(nat(), nat(1, name="NAT0")), f"{NAT}[1].name", value="nat0"),
    Broken(nats(nat(), nat(1, backendPort=22)), f"{NAT}[1].backendPort", value="22"),
    Broken(nats(nat(name=".ssh")), f"{NAT}[0].name", value=".ssh"),
    Broken(nats(nat(name="ssh-")), f"{NAT}[0].name", value="ssh-"),
    Broken(nats(nat(name="a" * 78)), f"{NAT}[0].name", RANGE),
    Broken(nats(nat(backendPort=0)), f"{NAT}[0].backendPort", RANGE, "0"),
    Broken(nats(nat(backendPort=65536)), f"{NAT}[0].backendPort", RANGE, "65536"),
    Broken(nats(nat(backendPort=29876)), f"{NAT}[0].backendPort", value="29876"),
    Broken(nats(nat(backendPort=29877)), f"{NAT}[0].backendPort", value="29877"),
    Broken(nats(nat(frontendPortRangeEnd=1038)), f"{NAT}[0]"),
    Broken(nats(nat(frontendPortRangeStart=0)), f"{NAT}[0].frontendPortRangeStart", RANGE, "0"),
    Broken(nats(nat(frontendPortRangeEnd=65535)), f"{NAT}[0].frontendPortRangeEnd", RANGE, "65535"),
    Broken(nats(nat(frontendPortRangeStart=49990, frontendPortRangeEnd=50050)), f"{NAT}[0]"),
    Broken(nats(nat(), nat(1, frontendPortRangeStart=1050)), f"{NAT}[1]"),
    Broken(nats(nat(protocol="icmp")), f"{NAT}[0].protocol", value="icmp"),
    Broken(rules(rule(149)), f"{RULE}[0].priority", RANGE, "149"),
    Broken(rules(rule(4097)), f"{RULE}[0].priority", RANGE, "4097"),
    Broken(rules(rule(), rule()), f"{RULE}[1].priority", value="150"),
    Broken(rules(*[rule(150 + number) for number in range(26)]), NAT),
    Broken(rules(rule(access="maybe")), f"{RULE}[0].access", value="maybe"),
    Broken(rules(rule(sourceAddressPrefix="10.0.0.256")), f"{RULE}[0].sourceAddressPrefix", value="10.0.0.256"),
    Broken(rules(rule(sourceAddressPrefix="10.0.0.0/33")), f"{RULE}[0].sourceAddressPrefix", value="10.0.0.0/33"),
    Broken(rules(rule(sourcePortRanges=["65536"])), f"{RULE}[0].sourcePortRanges[0]", value="65536"),
    Broken(rules(rule(sourcePortRanges=["9-1"])), f"{RULE}[0].sourcePortRanges[0]", value="9-1"),
    Broken(rules(rule(sourcePortRanges=["1-9", "5"])), f"{RULE}[0].sourcePortRanges[1]", value="5"),
    Broken(rules(rule(sourcePortRanges=["1", "*"])), f"{RULE}[0].sourcePortRanges[1]", value="*"),
    Broken({"applicationPackageReferences": [PACKAGE] * 11}, "applicationPackageReferences", RANGE),
    Broken({"userAccounts": [{"name": "u" * 21, "password": "p"}]}, "userAccounts[0].name", RANGE),
    Broken(
        {"userAccounts": [{"name": "u", "password": "p", "linuxUserConfiguration": {"uid": 1}}]},
        "userAccounts[0].linuxUserConfiguration",
    ),
    Broken(
        {"userAccounts": [{"name": "u", "password": "p", "windowsUserConfiguration": {"loginMode": "batch"}}]},
        "userAccounts[0].windowsUserConfiguration",
    ),
    Broken({"mountConfiguration": [{}]}, "mountConfiguration[0]"),
    Broken(
        {"upgradePolicy": {"mode": "rolling", "rollingUpgradePolicy": {"maxBatchInstancePercent": 4}}},
        f"{UPGRADE}.maxBatchInstancePercent",
        RANGE,
        "4",
    ),
    Broken(
        {"upgradePolicy": {"mode": "rolling", "rollingUpgradePolicy": {"maxUnhealthyInstancePercent": 101}}},
        f"{UPGRADE}.maxUnhealthyInstancePercent",
        RANGE,
        "101",
    ),
    Broken({"resizeTimeout": "PT4M59S"}, "resizeTimeout", RANGE, "PT4M59S"),
    Broken({"resizeTimeout": "P"}, "resizeTimeout", value="P"),
    Broken({"resizeTimeout": "15:00"}, "resizeTimeout", value="15:00"),
    Broken({"resizeTimeout": "PT"}, "resizeTimeout", value="PT"),
    Broken({"resizeTimeout": "-PT15M"}, "resizeTimeout", value="-PT15M"),
    Broken({"targetDedicatedNodes": 1.5}, "targetDedicatedNodes", value="1.5"),
]
POOL_OF_JOB = {name: value for name, value in POOL.items() if name != "id"}
JOBS = [
    Broken({"maxParallelTasks": 0}, "maxParallelTasks", RANGE, "0"),
    Broken({"maxParallelTasks": -2}, "maxParallelTasks", RANGE, "-2"),
    Broken({"constraints": {"maxWallClockTime": "P"}}, "constraints.maxWallClockTime", value="P"),
    Broken(
        {
            "jobPreparationTask": {"commandLine": "x"},
            "jobReleaseTask": {"commandLine": "x", "maxWallClockTime": "PT15M1S"},
        },
        "jobReleaseTask.maxWallClockTime",
        RANGE,
        "PT15M1S",
    ),
    Broken({"jobReleaseTask": {"commandLine": "x"}}, "jobReleaseTask"),
    Broken({"poolInfo": {}}, "poolInfo"),
    Broken(
        {"poolInfo": {"poolId": "p", "autoPoolSpecification": {"poolLifetimeOption": "job", "pool": POOL_OF_JOB}}},
        "poolInfo",
    ),
    Broken(
        {"poolInfo": {"autoPoolSpecification": {"poolLifetimeOption": "job", "autoPoolIdPrefix": "a" * 21}}},
        "poolInfo.autoPoolSpecification.pool",
        MISSING,
    ),
]
TASKS = [
    Broken({"resourceFiles": [{"httpUrl": BLOB, "storageContainerUrl": BLOB}]}, "resourceFiles[0]"),
    Broken({"resourceFiles": [{"httpUrl": "blob", "filePath": "x"}]}, "resourceFiles[0].httpUrl", value="blob"),
    Broken({"resourceFiles": [{"httpUrl": BLOB, "filePath": "/x"}]}, "resourceFiles[0].filePath", value="/x"),
    Broken(
        {"exitConditions": {"exitCodes": [{"code": 1, "exitOptions": {"jobAction": "terminate"}}]}},
        "exitConditions.exitCodes[0].exitOptions.jobAction",
        value="terminate",
    ),
    Broken({"constraints": {"retentionTime": "P"}}, "constraints.retentionTime", value="P"),
]


def _id(broken: Broken) -> str:
    return f"{broken.name}-{broken.value}"


def check(answer: Any, broken: Broken) -> None:
    """The answer names the property, its value and the reason."""
    assert (answer.status, answer.code) == (400, broken.code), answer.body
    assert answer.values["PropertyName"] == broken.name
    assert len(answer.values["Reason"]) > 10
    if broken.value is not None:
        assert answer.values["PropertyValue"] == broken.value


@pytest.mark.parametrize("broken", POOLS, ids=_id)
def test_rules_of_a_pool(account: Account, broken: Broken) -> None:
    """A pool that breaks the rule is refused, and is not there."""
    check(account.post("/pools", POOL | broken.body), broken)
    assert account.get("/pools/pool").status == 404


@pytest.mark.parametrize("broken", JOBS, ids=_id)
def test_rules_of_a_job(account: Account, broken: Broken) -> None:
    """A job that breaks the rule is refused, and is not there."""
    account.pool()
    check(account.post("/jobs", {"id": "job", "poolInfo": {"poolId": "pool"}} | broken.body), broken)
    assert account.get("/jobs/job").status == 404


@pytest.mark.parametrize("broken", TASKS, ids=_id)
def test_rules_of_a_task(account: Account, broken: Broken) -> None:
    """A task that breaks the rule is refused, and is not there."""
    account.pool()
    account.job()
    check(account.post("/jobs/job/tasks", {"id": "t0", "commandLine": "x"} | broken.body), broken)
    assert account.get("/jobs/job/tasks/t0").status == 404


@pytest.mark.parametrize(
    "body",
    [
        image(virtualMachineImageId=f"{GALLERY}/versions/1.0.0"),
        image(sharedGalleryImageId="/sharedGalleries/g/images/i"),
        nats(nat(name="a.b-c_"), nat(1, name="9")),
        rules(
            rule(150, sourceAddressPrefix="10.10.10.10", sourcePortRanges=["*"]),
            rule(4096, sourceAddressPrefix="192.168.1.0/24", sourcePortRanges=["22", "100-200"]),
            rule(200, sourceAddressPrefix="Internet"),
        ),
        addresses(f"{GROUP}/Microsoft.Network/publicIPAddresses/a"),
        {
            "applicationPackageReferences": [
                {"applicationId": f"{GROUP}/Microsoft.Batch/batchAccounts/a/applications/Tool"}
            ]
        },
        {"resizeTimeout": "PT05M00S"},
    ],
)
def test_what_keeps_the_rules_is_taken(account: Account, body: dict[str, Any]) -> None:
    """At the edges of the rules a pool is made, and shows what was given."""
    assert account.post("/pools", POOL | body).status == 201
    shown = account.get("/pools/pool").json
    for name in body.keys() - {MACHINE, "resizeTimeout"}:
        assert shown[name] == body[name]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_job_that_ends_with_its_tasks_stays_so(account: Account, method: str) -> None:
    """From terminatejob to noaction is an invalid property value, also where a PUT leaves it out."""
    account.pool()
    account.job("hold")
    assert account.call("PATCH", "/jobs/job", {"onAllTasksComplete": "terminatejob"}).status == 200
    info = {"poolInfo": {"poolId": "pool"}}
    body = {"onAllTasksComplete": "noaction"} if method == "PATCH" else info
    check(account.call(method, "/jobs/job", body), Broken({}, "onAllTasksComplete", value="noaction"))
    assert account.call(method, "/jobs/job", info | {"onAllTasksComplete": "terminatejob"}).status in {200, 409}
    assert account.get("/jobs/job").json["onAllTasksComplete"] == "terminatejob"
