"""Nearly right requests on both planes: each is answered, none with an error of the server's own."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from arm.worlds import GROUP, World
from batch.harness import POOL, Account
from fuzz.mutations import BOUNDED, JUNK, NUMBERS, TEXTS, mutated
from hypothesis import given
from hypothesis import strategies as st

from batchite.batch.operations import OPERATIONS, Operation

pytestmark = pytest.mark.ours

JOB = {
    "id": "new",
    "poolInfo": {"poolId": "pool"},
    "priority": 1,
    "constraints": {"maxWallClockTime": "PT1H", "maxTaskRetryCount": 1},
    "metadata": [{"name": "a", "value": "b"}],
    "commonEnvironmentSettings": [{"name": "A", "value": "b"}],
    "onAllTasksComplete": "noaction",
    "networkConfiguration": {
        "subnetId": f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
        "skipWithdrawFromVNet": False,
    },
    "allowTaskPreemption": True,
}
TASK = {
    "id": "new",
    "commandLine": "exit 0",
    "constraints": {"maxWallClockTime": "PT1H", "retentionTime": "P1D", "maxTaskRetryCount": 1},
    "resourceFiles": [{"httpUrl": "https://h/c/b", "filePath": "x", "fileMode": "0770"}],
    "outputFiles": [
        {
            "filePattern": "*.txt",
            "destination": {"container": {"containerUrl": "https://h/c", "path": "p"}},
            "uploadOptions": {"uploadCondition": "tasksuccess"},
        }
    ],
    "exitConditions": {"exitCodes": [{"code": 1, "exitOptions": {}}], "default": {"dependencyAction": "satisfy"}},
    "dependsOn": {"taskIds": ["t0"], "taskIdRanges": [{"start": 1, "end": 2}]},
    "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}},
    "requiredSlots": 1,
    "containerSettings": {
        "imageName": "a",
        "containerRunOptions": "--memory 1g",
        "registry": {"registryServer": "r", "username": "u", "password": "p"},
        "workingDirectory": "containerImageDefault",
        "containerHostBatchBindMounts": [{"source": "Shared", "isReadOnly": True}],
    },
}
MULTI_INSTANCE = TASK | {
    "multiInstanceSettings": {
        "numberOfInstances": 2,
        "coordinationCommandLine": "exit 0",
        "commonResourceFiles": [{"httpUrl": "https://h/c/b", "filePath": "x"}],
    },
}
CONTAINERS = {
    "type": "dockerCompatible",
    "containerImageNames": ["a"],
    "containerRegistries": [{"registryServer": "r"}],
}
HEALTH = {
    "name": "health",
    "publisher": "Microsoft.ManagedServices",
    "type": "ApplicationHealthLinux",
    "typeHandlerVersion": "1.0",
    "settings": {"protocol": "tcp", "port": 1},
}
FULL_POOL = POOL | {
    "id": "new",
    "virtualMachineConfiguration": POOL["virtualMachineConfiguration"]
    | {"containerConfiguration": CONTAINERS, "extensions": [HEALTH]},
    "resizeTimeout": "PT15M",
    "taskSlotsPerNode": 1,
    "taskSchedulingPolicy": {"nodeFillType": "pack"},
    "startTask": {"commandLine": "exit 0", "waitForSuccess": True, "maxTaskRetryCount": 1},
    "networkConfiguration": {"subnetId": f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"},
    "metadata": [{"name": "a", "value": "b"}],
}
SCHEDULE = {
    "id": "plan",
    "schedule": {"recurrenceInterval": "PT1H", "doNotRunUntil": "2030-01-01T00:00:00Z"},
    "jobSpecification": {"poolInfo": {"poolId": "pool"}, "priority": 1},
}
AUTOSCALE = {"autoScaleFormula": "$TargetDedicatedNodes = 0;", "autoScaleEvaluationInterval": "PT15M"}
PREPARED = JOB | {
    "jobPreparationTask": {"commandLine": "exit 0", "waitForSuccess": True, "constraints": {"retentionTime": "P1D"}},
    "jobReleaseTask": {"commandLine": "exit 0", "maxWallClockTime": "PT5M"},
    "jobManagerTask": {"id": "manager", "commandLine": "exit 0", "killJobOnCompletion": False},
}
RESIZE = {"targetDedicatedNodes": 0, "nodeDeallocationOption": "requeue", "resizeTimeout": "PT15M"}
USER = {"name": "user", "password": "p", "isAdmin": False, "expiryTime": "2030-01-01T00:00:00Z"}
FITTING: dict[str, list[Any]] = {
    "create_pool": [FULL_POOL | {"targetDedicatedNodes": 0}, FULL_POOL | AUTOSCALE | {"enableAutoScale": True}],
    "update_pool": [{"startTask": FULL_POOL["startTask"], "metadata": [{"name": "a", "value": "b"}]}],
    "replace_pool_properties": [{"metadata": [], "applicationPackageReferences": []}],
    "enable_pool_auto_scale": [AUTOSCALE],
    "evaluate_pool_auto_scale": [AUTOSCALE],
    "resize_pool": [RESIZE],
    "remove_nodes": [{"nodeList": ["n"], "resizeTimeout": "PT15M", "nodeDeallocationOption": "requeue"}],
    "create_job": [JOB, PREPARED],
    "update_job": [{"priority": 1, "poolInfo": {"poolId": "pool"}, "constraints": {"maxTaskRetryCount": 1}}],
    "replace_job": [JOB],
    "disable_job": [{"disableTasks": "requeue"}],
    "terminate_job": [{"terminateReason": "enough"}],
    "create_job_schedule": [SCHEDULE],
    "update_job_schedule": [SCHEDULE],
    "replace_job_schedule": [SCHEDULE],
    "create_task": [TASK, MULTI_INSTANCE],
    "create_task_collection": [{"value": [TASK, {"id": "other", "commandLine": "exit 1"}]}],
    "replace_task": [{"constraints": TASK["constraints"]}],
    "deallocate_node": [{"nodeDeallocateOption": "requeue"}],
    "upload_node_logs": [{"containerUrl": "https://h/c?sig=a", "startTime": "2026-01-01T00:00:00Z"}],
    "create_node_user": [USER],
    "replace_node_user": [USER],
}
WRITES = [row for row in OPERATIONS if row.name in FITTING]
IDS = {"poolId": ["pool", "new"], "jobId": ["job", "new"], "taskId": ["t0", "new"], "jobScheduleId": ["plan"]}
QUERY = st.dictionaries(
    st.sampled_from(["$filter", "$select", "$expand", "maxresults", "timeOut", "recursive", "force", "$skiptoken"]),
    TEXTS | NUMBERS.map(str) | st.sampled_from(["id eq 'a'", "(((", "id", "stats", "true", "5"]),
    max_size=2,
)
HEADERS = st.dictionaries(
    st.sampled_from(["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "ocp-range"]),
    st.sampled_from(
        ["*", '"0x0"', "bytes=0-", "bytes=5-1", "x", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 99 Xxx 0 0:0:0 Z"]
    ),
    max_size=1,
)


@st.composite
def targets(draw: st.DrawFn, operation: Operation) -> str:
    """A path of the operation, of things that are there or not, with query options."""
    path = operation.template
    for name in [part[1:].split("}")[0] for part in path.split("/") if part.startswith("{")]:
        value = draw(st.sampled_from(IDS.get(name, ["none"])) | TEXTS.filter(lambda text: text.strip("\ud800")))
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="replace") or "x")
    options = draw(QUERY).items()
    pairs = [f"{name}={quote(value, safe='', errors='replace')}" for name, value in options]
    return path + ("?" + "&".join(pairs) if pairs else "")


def answered(status: int, code: str) -> bool:
    """Whether an answer is one the service gives: nothing failed inside."""
    return status < 500 or (status, code) == (501, "NotImplemented")


@BOUNDED
@given(data=st.data())
def test_the_data_plane_answers(account: Account, data: st.DataObject) -> None:
    """Every operation, with nearly right documents, options and headers."""
    operation = data.draw(st.sampled_from(OPERATIONS) | st.sampled_from(WRITES))
    target = data.draw(targets(operation))
    body = None
    if operation.method in ("POST", "PUT", "PATCH"):
        fitting = FITTING.get(operation.name, [{}])
        document = data.draw(st.sampled_from(fitting).flatmap(mutated) | st.sampled_from(fitting) | JUNK)
        body = json.dumps(document).encode()
    answer = account.call(operation.method, target, body, **data.draw(HEADERS))
    code = answer.code if answer.status >= 500 and answer.body else ""
    assert answered(answer.status, code or "NotImplemented"), (answer.status, answer.body[:500])


PROVIDERS = f"{GROUP}/providers"
ACCOUNT = f"{PROVIDERS}/Microsoft.Batch/batchAccounts/batch1"
ARM_BODIES: list[tuple[str, Any]] = [
    (
        f"{ACCOUNT}/pools/p",
        {
            "properties": {
                "vmSize": "STANDARD_D2S_V5",
                "deploymentConfiguration": {
                    "virtualMachineConfiguration": {
                        "imageReference": {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"},
                        "nodeAgentSkuId": "batch.node.ubuntu 24.04",
                    }
                },
                "scaleSettings": {"autoScale": {"formula": "$TargetDedicatedNodes = 0;", "evaluationInterval": "PT5M"}},
                "startTask": {"commandLine": "exit 0", "waitForSuccess": True},
                "taskSchedulingPolicy": {"nodeFillType": "Pack"},
            }
        },
    ),
    (ACCOUNT, {"location": "westeurope", "properties": {"poolAllocationMode": "BatchService"}}),
    (
        f"{PROVIDERS}/Microsoft.Storage/storageAccounts/store1",
        {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}},
    ),
    (f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/i", {"location": "westeurope", "tags": {"a": "b"}}),
    (
        f"{PROVIDERS}/Microsoft.Network/virtualNetworks/v",
        {
            "location": "westeurope",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}],
            },
        },
    ),
    (f"{ACCOUNT}/applications/a", {"properties": {"displayName": "A", "allowUpdates": True}}),
    (GROUP, {"location": "westeurope", "tags": {"a": "b"}}),
]


@BOUNDED
@given(data=st.data())
def test_the_control_plane_answers(data: st.DataObject) -> None:
    """PUT and PATCH of nearly right documents; what a handler raises itself would end this test."""
    path, base = data.draw(st.sampled_from(ARM_BODIES))
    method = data.draw(st.sampled_from(["PUT", "PUT", "PATCH"]))
    document = data.draw(mutated(base) | JUNK)

    async def once() -> None:
        world = World()
        await world.start()
        await world.group()
        await world.ok("PUT", ACCOUNT, {"location": "westeurope"})
        answer = await world.call(method, path, document)
        await world.stop()
        assert answered(answer.status, (answer.json or {}).get("code", "")), answer.json

    asyncio.run(once())
