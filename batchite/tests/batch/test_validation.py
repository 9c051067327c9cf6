"""Requests that are refused: the property and the reason are named, secrets are not."""

from typing import Any

import pytest
from batch.harness import IDENTITY, POOL, Account


def with_machine(**properties: Any) -> dict[str, Any]:
    """A pool with these properties of its virtual machines."""
    return POOL | {"virtualMachineConfiguration": POOL["virtualMachineConfiguration"] | properties}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("change", "code", "name"),
    [
        ({"vmSize": None}, "MissingRequiredProperty", "vmSize"),
        ({"id": "a b"}, "InvalidPropertyValue", "id"),
        ({"taskSlotsPerNode": 257}, "OutOfRangeInput", "taskSlotsPerNode"),
        ({"taskSlotsPerNode": 9}, "OutOfRangeInput", "taskSlotsPerNode"),
        ({"userAccounts": [{"name": "u"}]}, "MissingRequiredProperty", "userAccounts[0].password"),
        (
            {"startTask": {"commandLine": "x", "userIdentity": {"username": "u"}}},
            "InvalidPropertyValue",
            "startTask.userIdentity.username",
        ),
        (
            {"enableInterNodeCommunication": True, "targetDedicatedNodes": 1, "targetLowPriorityNodes": 1},
            "InvalidPropertyValue",
            "enableInterNodeCommunication",
        ),
        ({"taskSlotsPerNode": True}, "InvalidPropertyValue", "taskSlotsPerNode"),
        ({"resizeTimeout": "PT1M"}, "OutOfRangeInput", "resizeTimeout"),
        ({"unknown": 1}, "InvalidRequestBody", "unknown"),
        ({"autoScaleFormula": "$TargetDedicatedNodes=1;"}, "InvalidPropertyValue", "autoScaleFormula"),
        ({"enableAutoScale": True, "targetDedicatedNodes": 1}, "InvalidPropertyValue", "targetDedicatedNodes"),
        (
            {"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes = ;"},
            "AutoScalingFormulaSyntaxError",
            "autoScaleFormula",
        ),
        (
            with_machine(dataDisks=[{"lun": 64, "diskSizeGB": 1}]),
            "OutOfRangeInput",
            "virtualMachineConfiguration.dataDisks[0].lun",
        ),
        (
            {"networkConfiguration": {"dynamicVNetAssignmentScope": "None"}},
            "InvalidPropertyValue",
            "networkConfiguration.dynamicVNetAssignmentScope",
        ),
        ({"startTask": {"commandLine": " "}}, "InvalidPropertyValue", "startTask.commandLine"),
        (
            {"taskSchedulingPolicy": {"nodeFillType": "Pack"}},
            "InvalidPropertyValue",
            "taskSchedulingPolicy.nodeFillType",
        ),
    ],
)
def test_bad_pools_name_the_property(account: Account, change: dict[str, Any], code: str, name: str) -> None:
    """A bad request names the property and the reason, and creates nothing."""
    answer = account.post("/pools", POOL | change)
    assert (answer.status, answer.code, answer.values["PropertyName"]) == (400, code, name)
    assert account.get("/pools").json["value"] == []


@pytest.mark.ours
@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/pools", POOL | {"mountConfiguration": [{"nfsMountConfiguration": {}}]}),
        ("/pools", with_machine(extensions=[{"protectedSettings": "hidden"}])),
        ("/jobs/job/tasks", {"id": "t", "commandLine": "x", "authenticationTokenSettings": {"access": ["job"]}}),
    ],
)
def test_unbuilt_properties_are_refused_by_name(account: Account, target: str, body: dict[str, Any]) -> None:
    """A property that is not built answers 501 and is never dropped in silence; secrets are not repeated."""
    account.pool()
    account.job()
    answer = account.post(target, body)
    assert answer.status == 501
    assert "he property" in answer.json["message"]["value"]
    assert b"hidden" not in answer.body


@pytest.mark.documented
@pytest.mark.parametrize(
    ("task", "code", "name"),
    [
        ({"commandLine": None}, "MissingRequiredProperty", "commandLine"),
        (
            {"resourceFiles": [{"httpUrl": "https://h/c/b?sig=SECRET"}]},
            "MissingRequiredProperty",
            "resourceFiles[0].filePath",
        ),
        ({"resourceFiles": [{"filePath": "x"}]}, "InvalidPropertyValue", "resourceFiles[0]"),
        (
            {"resourceFiles": [{"httpUrl": "https://h/c/b", "filePath": "../x"}]},
            "InvalidPropertyValue",
            "resourceFiles[0].filePath",
        ),
        (
            {"resourceFiles": [{"storageContainerUrl": "ftp://h/c?sig=SECRET"}]},
            "InvalidPropertyValue",
            "resourceFiles[0].storageContainerUrl",
        ),
        (
            {"resourceFiles": [{"autoStorageContainerName": "input"}]},
            "InvalidPropertyValue",
            "resourceFiles[0].autoStorageContainerName",
        ),
        (
            {"resourceFiles": [{"storageContainerUrl": "https://h/c", "identityReference": {"resourceId": IDENTITY}}]},
            "InvalidPropertyValue",
            "resourceFiles[0].identityReference.resourceId",
        ),
        (
            {"environmentSettings": [{"name": "A=B", "value": "SECRET"}]},
            "InvalidPropertyValue",
            "environmentSettings[0].name",
        ),
        ({"constraints": {"maxTaskRetryCount": -2}}, "OutOfRangeInput", "constraints.maxTaskRetryCount"),
        ({"userIdentity": {"username": "u"}}, "InvalidPropertyValue", "userIdentity.username"),
        ({"userIdentity": {"username": "u", "autoUser": {}}}, "InvalidPropertyValue", "userIdentity"),
        ({"requiredSlots": 0}, "OutOfRangeInput", "requiredSlots"),
        (
            {"exitConditions": {"default": {"dependencyAction": "x"}}},
            "InvalidPropertyValue",
            "exitConditions.default.dependencyAction",
        ),
    ],
)
def test_bad_tasks_name_the_property(account: Account, task: dict[str, Any], code: str, name: str) -> None:
    """A bad task names the property; signatures in URLs and values of variables are not repeated."""
    account.pool()
    account.job()
    answer = account.post("/jobs/job/tasks", {"id": "t", "commandLine": "exit 0"} | task)
    assert (answer.status, answer.code, answer.values["PropertyName"]) == (400, code, name)
    assert b"SECRET" not in answer.body


@pytest.mark.documented
def test_dependencies_need_the_job_to_allow_them(account: Account) -> None:
    """A task with dependencies is refused by a job without usesTaskDependencies."""
    account.pool()
    account.job()
    answer = account.post("/jobs/job/tasks", {"id": "t", "commandLine": "x", "dependsOn": {"taskIds": ["a"]}})
    assert (answer.status, answer.code) == (400, "TaskDependenciesNotSpecifiedOnJob")
