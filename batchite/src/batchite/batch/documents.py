"""The rules of the request documents: pools, jobs, tasks and what they are made of.

Source: REST reference 2025-06-01. Properties that are not built are refused by name with 501.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.applications import REFERENCES
from batchite.batch.machine import CONTAINER_REGISTRY, IMAGE_NAME, NETWORK, SUBNET_ID, UPGRADE_POLICY, VIRTUAL_MACHINE
from batchite.batch.rules import (
    Check,
    anything,
    boolean,
    choice,
    duration,
    exactly_one,
    identifier,
    integer,
    listing,
    only,
    record,
    refuse,
    refused,
    secret,
    text,
    unbuilt,
)
from batchite.http.types import Json

DISPLAY_NAME = text(0, 1024)
METADATA = listing(record({"name": text(1), "value": text()}))
RETRIES = integer(-1)
DEALLOCATION = choice("requeue", "terminate", "taskcompletion", "retaineddata")
MODE = text(pattern="[0-7]{3,4}", form="an octal file mode such as 0770")
URL = text(pattern=r"(?i:https?)://[^/\s]+(/\S*)?", form="an http or https URL")
IDENTITY = record({"resourceId": text(1)})


def command_line(name: str, value: Json) -> None:
    """A command line that is not blank and holds no NUL."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise refuse(name, value, "A command line must not be empty.")


def environment_name(name: str, value: Json) -> None:
    """A name that an environment can hold."""
    if not isinstance(value, str) or not value or "=" in value or "\0" in value:
        raise refuse(name, value, "The name of an environment variable must not be empty or hold '='.")


def relative_path(name: str, value: Json) -> None:
    """A path below the working directory."""
    parts = value.split("/") if isinstance(value, str) else []
    if not parts or value.startswith("/") or ".." in parts or "\0" in value:
        raise refuse(name, value, "The path must be relative and must not leave the working directory.")


ENVIRONMENT = listing(record({"name": environment_name}, {"value": secret}))

_RESOURCE_FILE = exactly_one(
    record(
        optional={
            "autoStorageContainerName": text(3, 63, r"[a-z0-9]([a-z0-9-]*[a-z0-9])?|\$web", "a container's name"),
            "storageContainerUrl": URL,
            "httpUrl": URL,
            "blobPrefix": text(),
            "filePath": relative_path,
            "fileMode": MODE,
            "identityReference": IDENTITY,
        }
    ),
    "autoStorageContainerName",
    "storageContainerUrl",
    "httpUrl",
)


def resource_file(name: str, value: Json) -> None:
    """One of three sources; httpUrl needs filePath; blobPrefix belongs to the containers."""
    _RESOURCE_FILE(name, value)
    if value.get("httpUrl") and not value.get("filePath"):
        raise refuse(f"{name}.filePath", "", "filePath is required with httpUrl.", "MissingRequiredProperty")
    if value.get("httpUrl") and value.get("blobPrefix"):
        raise refuse(f"{name}.blobPrefix", value["blobPrefix"], "blobPrefix is not valid with httpUrl.")


RESOURCE_FILES = listing(resource_file)

_CONTAINER = record(
    {"containerUrl": URL},
    {
        "path": text(),
        "identityReference": IDENTITY,
        "uploadHeaders": listing(record({"name": text(1)}, {"value": text()})),
    },
)
OUTPUT_FILES = listing(
    record(
        {
            "filePattern": text(1),
            "destination": record({"container": _CONTAINER}),
            "uploadOptions": record({"uploadCondition": choice("tasksuccess", "taskfailure", "taskcompletion")}),
        }
    )
)

_ELEVATION = choice("nonadmin", "admin")
USER_IDENTITY = exactly_one(
    record(
        optional={
            "username": text(1, 20),
            "autoUser": record(optional={"scope": choice("task", "pool"), "elevationLevel": _ELEVATION}),
        }
    ),
    "username",
    "autoUser",
)

CONTAINER_SETTINGS = record(
    {"imageName": IMAGE_NAME},
    {
        "containerRunOptions": text(),
        "registry": CONTAINER_REGISTRY,
        "workingDirectory": choice("taskWorkingDirectory", "containerImageDefault"),
        "containerHostBatchBindMounts": listing(
            record(
                {"source": choice("Shared", "Startup", "VfsMounts", "Task", "JobPrep", "Applications")},
                {"isReadOnly": boolean},
            )
        ),
    },
)


def work(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """A task. In a container its command line may be empty: the image then says what runs (documented)."""
    own, contained = record(required, optional), record({**required, "commandLine": text()}, optional)

    def check(name: str, value: Json) -> None:
        inside = isinstance(value, dict) and isinstance(value.get("containerSettings"), dict)
        (contained if inside else own)(name, value)

    return check


START_TASK = work(
    {"commandLine": command_line},
    {
        "containerSettings": CONTAINER_SETTINGS,
        "resourceFiles": RESOURCE_FILES,
        "environmentSettings": ENVIRONMENT,
        "userIdentity": USER_IDENTITY,
        "maxTaskRetryCount": RETRIES,
        "waitForSuccess": boolean,
    },
)

_USER_ACCOUNT = record(
    {"name": text(1, 20), "password": secret},
    {
        "elevationLevel": _ELEVATION,
        "linuxUserConfiguration": record(optional={"uid": integer(0), "gid": integer(0), "sshPrivateKey": secret}),
        "windowsUserConfiguration": record(optional={"loginMode": choice("batch", "interactive")}),
    },
)
BLOBS = "azureBlobFileSystemConfiguration"
_NO_MOUNT = refused("a local node mounts blob containers only; bring other data with resource files")
_NO_KEY = refused("nodes reach containers as an identity of the pool; use identityReference")
_MOUNT = exactly_one(
    record(
        optional={
            BLOBS: record(
                {"accountName": text(1), "containerName": text(1), "relativeMountPath": relative_path},
                {"blobfuseOptions": text(), "identityReference": IDENTITY, "accountKey": _NO_KEY, "sasKey": _NO_KEY},
            ),
            "azureFileShareConfiguration": _NO_MOUNT,
            "cifsMountConfiguration": _NO_MOUNT,
            "nfsMountConfiguration": _NO_MOUNT,
        }
    ),
    BLOBS,
    "azureFileShareConfiguration",
    "cifsMountConfiguration",
    "nfsMountConfiguration",
)
_TARGET = integer(0)
FORMULA = text(1)
INTERVAL = duration("PT5M", "P7D")
RESIZE_TIMEOUT = duration("PT5M", "P7D")
SCALE = {
    "resizeTimeout": RESIZE_TIMEOUT,
    "targetDedicatedNodes": _TARGET,
    "targetLowPriorityNodes": _TARGET,
    "enableAutoScale": boolean,
    "autoScaleFormula": FORMULA,
    "autoScaleEvaluationInterval": INTERVAL,
}

_OLD_MODE = anything  # of older versions, which `batch.versions` checks

_POOL_NEEDS = {"vmSize": text(1), "virtualMachineConfiguration": VIRTUAL_MACHINE}
_POOL_PROPERTIES = SCALE | {
    "displayName": DISPLAY_NAME,
    "enableInterNodeCommunication": boolean,
    "networkConfiguration": NETWORK,
    "startTask": START_TASK,
    "applicationPackageReferences": REFERENCES,
    "taskSlotsPerNode": integer(1, 256),
    "taskSchedulingPolicy": record(
        {"nodeFillType": choice("spread", "pack")}, {"jobDefaultOrder": choice("none", "creationtime")}
    ),
    "userAccounts": listing(_USER_ACCOUNT),
    "metadata": METADATA,
    "mountConfiguration": listing(_MOUNT, 10),
    "upgradePolicy": UPGRADE_POLICY,
    "targetNodeCommunicationMode": _OLD_MODE,
    "resourceTags": _OLD_MODE,
}
POOL: Check = record({"id": identifier} | _POOL_NEEDS, _POOL_PROPERTIES)

_POOL_FIXED = dict.fromkeys(
    (
        "displayName",
        "vmSize",
        "enableInterNodeCommunication",
        "virtualMachineConfiguration",
        "taskSlotsPerNode",
        "taskSchedulingPolicy",
        "networkConfiguration",
        "userAccounts",
        "mountConfiguration",
        "upgradePolicy",
    ),
    only(),
)
POOL_PATCH: Check = record(
    optional=_POOL_FIXED
    | {
        "startTask": START_TASK,
        "applicationPackageReferences": REFERENCES,
        "metadata": METADATA,
        "targetNodeCommunicationMode": _OLD_MODE,
        "resourceTags": _OLD_MODE,
    }
)
POOL_PROPERTIES: Check = record(
    {"applicationPackageReferences": REFERENCES, "metadata": METADATA},
    {"startTask": START_TASK, "certificateReferences": unbuilt, "targetNodeCommunicationMode": _OLD_MODE},
)
ENABLE_AUTOSCALE: Check = record(optional={"autoScaleFormula": FORMULA, "autoScaleEvaluationInterval": INTERVAL})
EVALUATE_AUTOSCALE: Check = record({"autoScaleFormula": FORMULA})
RESIZE: Check = record(
    optional={
        "targetDedicatedNodes": _TARGET,
        "targetLowPriorityNodes": _TARGET,
        "resizeTimeout": RESIZE_TIMEOUT,
        "nodeDeallocationOption": DEALLOCATION,
    }
)

REMOVE_NODES: Check = record(
    {"nodeList": listing(text(1), 100)},
    {"resizeTimeout": RESIZE_TIMEOUT, "nodeDeallocationOption": DEALLOCATION},
)

REBOOT: Check = record(optional={"nodeRebootOption": DEALLOCATION})
DISABLE_SCHEDULING: Check = record(
    optional={"nodeDisableSchedulingOption": choice("requeue", "terminate", "taskcompletion")}
)
DEALLOCATE: Check = record(optional={"nodeDeallocateOption": DEALLOCATION})
REIMAGE: Check = record(optional={"nodeReimageOption": DEALLOCATION})


def parallel_tasks(name: str, value: Json) -> None:
    """As many tasks as may run at once; -1 is no limit."""
    integer(-1)(name, value)
    if value == 0:
        raise refuse(name, value, "The value must be -1 or greater than 0.", "OutOfRangeInput")


_AUTO_POOL = {
    "autoPoolIdPrefix": text(0, 20, r"[A-Za-z0-9_-]*", "letters, digits, hyphens and underscores"),
    "poolLifetimeOption": choice("job", "jobschedule"),
    "keepAlive": boolean,
    "pool": record(_POOL_NEEDS, _POOL_PROPERTIES),
}


def _pool_info(auto_pool: Check) -> Check:
    """A pool by its id, or one that the service makes."""
    known = record(optional={"poolId": identifier, "autoPoolSpecification": auto_pool})
    return exactly_one(known, "poolId", "autoPoolSpecification")


_NEEDS = ("poolLifetimeOption", "pool")
_POOL_INFO = _pool_info(record({name: _AUTO_POOL[name] for name in _NEEDS}, _AUTO_POOL))
_NEW_POOL_INFO = _pool_info(record(optional=_AUTO_POOL))
_JOB_CHANGEABLE = {
    "priority": integer(-1000, 1000),
    "allowTaskPreemption": boolean,
    "maxParallelTasks": parallel_tasks,
    "constraints": record(optional={"maxWallClockTime": duration(), "maxTaskRetryCount": RETRIES}),
    "onAllTasksComplete": choice("noaction", "terminatejob"),
    "metadata": METADATA,
    "networkConfiguration": record({"subnetId": SUBNET_ID, "skipWithdrawFromVNet": boolean}),
}
_TASK_CONSTRAINTS = record(
    optional={"maxWallClockTime": duration(), "retentionTime": duration(), "maxTaskRetryCount": RETRIES}
)
NO_TASK_TOKEN = refused("the service has retired it: give the pool an identity, whose tokens its tasks get")
_OWN_TASK = {
    "containerSettings": CONTAINER_SETTINGS,
    "resourceFiles": RESOURCE_FILES,
    "environmentSettings": ENVIRONMENT,
    "userIdentity": USER_IDENTITY,
}
_MANAGER = _OWN_TASK | {
    "displayName": DISPLAY_NAME,
    "outputFiles": OUTPUT_FILES,
    "constraints": _TASK_CONSTRAINTS,
    "requiredSlots": integer(1, 256),
    "killJobOnCompletion": boolean,
    "runExclusive": boolean,
    "allowLowPriorityNode": boolean,
    "applicationPackageReferences": REFERENCES,
    "authenticationTokenSettings": NO_TASK_TOKEN,
}
_PREPARATION = _OWN_TASK | {
    "id": identifier,
    "constraints": _TASK_CONSTRAINTS,
    "waitForSuccess": boolean,
    "rerunOnNodeRebootAfterSuccess": boolean,
}
_RELEASE = _OWN_TASK | {"id": identifier, "maxWallClockTime": duration("PT0S", "PT15M"), "retentionTime": duration()}
_JOB_PROPERTIES = _JOB_CHANGEABLE | {
    "displayName": DISPLAY_NAME,
    "usesTaskDependencies": boolean,
    "jobManagerTask": work({"id": identifier, "commandLine": command_line}, _MANAGER),
    "jobPreparationTask": work({"commandLine": command_line}, _PREPARATION),
    "jobReleaseTask": work({"commandLine": command_line}, _RELEASE),
    "commonEnvironmentSettings": ENVIRONMENT,
    "onTaskFailure": choice("noaction", "performexitoptionsjobaction"),
}
JOB: Check = record({"id": identifier, "poolInfo": _POOL_INFO}, _JOB_PROPERTIES)
JOB_SPECIFICATION: Check = record({"poolInfo": _POOL_INFO}, _JOB_PROPERTIES)
JOB_PATCH: Check = record(optional=_JOB_CHANGEABLE | {"poolInfo": _NEW_POOL_INFO})
JOB_PUT: Check = record({"poolInfo": _NEW_POOL_INFO}, _JOB_CHANGEABLE, strict=False)
JOB_DISABLE: Check = record({"disableTasks": choice("requeue", "terminate", "wait")})
JOB_TERMINATE: Check = record(optional={"terminateReason": text(0, 1024)})

_EXIT_OPTIONS = record(
    optional={"dependencyAction": choice("satisfy", "block"), "jobAction": choice("none", "disable", "terminate")}
)
_CODE = integer()
_EXIT_CONDITIONS = record(
    optional={
        "default": _EXIT_OPTIONS,
        "exitCodes": listing(record({"code": _CODE, "exitOptions": _EXIT_OPTIONS})),
        "exitCodeRanges": listing(record({"start": _CODE, "end": _CODE, "exitOptions": _EXIT_OPTIONS})),
        "preProcessingError": _EXIT_OPTIONS,
        "fileUploadError": _EXIT_OPTIONS,
    }
)
TASK: Check = work(
    {"id": identifier, "commandLine": command_line},
    {
        "displayName": DISPLAY_NAME,
        "exitConditions": _EXIT_CONDITIONS,
        "authenticationTokenSettings": NO_TASK_TOKEN,
        "containerSettings": CONTAINER_SETTINGS,
        "resourceFiles": RESOURCE_FILES,
        "outputFiles": OUTPUT_FILES,
        "environmentSettings": ENVIRONMENT,
        "affinityInfo": record({"affinityId": text(1)}),
        "constraints": _TASK_CONSTRAINTS,
        "requiredSlots": integer(1, 256),
        "userIdentity": USER_IDENTITY,
        "multiInstanceSettings": record(
            {"coordinationCommandLine": command_line},
            {"numberOfInstances": integer(1), "commonResourceFiles": RESOURCE_FILES},
        ),
        "dependsOn": record(
            optional={
                "taskIds": listing(text(1)),
                "taskIdRanges": listing(record({"start": integer(0), "end": integer(0)})),
            }
        ),
        "applicationPackageReferences": REFERENCES,
    },
)
TASK_PUT: Check = record(optional={"constraints": _TASK_CONSTRAINTS}, strict=False)
TASK_COLLECTION: Check = record({"value": listing(anything)})
