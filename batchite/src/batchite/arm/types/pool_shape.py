"""The body of a pool in ARM: every property of the API version 2024-07-01. `support` says what becomes of each."""

from __future__ import annotations

from typing import Any

from batchite.arm.shapes import (
    DROPPED,
    Shape,
    anything,
    array,
    duration,
    flag,
    mapping,
    number,
    read_only,
    record,
    refused,
    secret,
    text,
)
from batchite.arm.types.identity import identity_shape
from batchite.arm.types.support import POOL, reason
from batchite.batch.extensions import EXTENSIONS
from batchite.errors import invalid_property

OUTPUTS = [
    "allocationState",
    "allocationStateTransitionTime",
    "autoScaleRun",
    "creationTime",
    "currentDedicatedNodes",
    "currentLowPriorityNodes",
    "currentNodeCommunicationMode",
    "lastModified",
    "provisioningState",
    "provisioningStateTransitionTime",
    "resizeOperationStatus",
]


def _refused(path: str) -> Shape:
    """The property of that path in the table of what is supported."""
    return refused(reason(POOL, path))


_CACHING = text("None", "ReadOnly", "ReadWrite")
_DISK_TYPE = text("Standard_LRS", "Premium_LRS", "StandardSSD_LRS")
_REFERENCE = record({"resourceId": text()}, required=("resourceId",))
_IMAGE = ("publisher", "offer", "sku", "version", "id", "sharedGalleryImageId", "communityGalleryImageId")
_DATA_DISK = record(
    {"lun": number(0, 63), "caching": _CACHING, "diskSizeGB": number(1), "storageAccountType": _DISK_TYPE},
    required=("lun", "diskSizeGB"),
)
_OS_DISK = record(
    {
        "caching": _CACHING,
        "diskSizeGB": number(1),
        "ephemeralOSDiskSettings": record({"placement": text("CacheDisk")}),
        "managedDisk": record(
            {
                "storageAccountType": _DISK_TYPE,
                "securityProfile": record({"securityEncryptionType": text("NonPersistedTPM", "VMGuestStateOnly")}),
            }
        ),
        "writeAcceleratorEnabled": flag(),
    }
)
_SECURITY = record(
    {
        "encryptionAtHost": flag(),
        "securityType": text("trustedLaunch", "confidentialVM"),
        "uefiSettings": record({"secureBootEnabled": flag(), "vTpmEnabled": flag()}),
    }
)
_MACHINE = "deploymentConfiguration.virtualMachineConfiguration"
_REGISTRY = record(
    {
        "username": text(),
        "password": secret,
        "registryServer": text(),
        "identityReference": record({"resourceId": text()}),
    }
)
_CONTAINERS = record(
    {
        "type": text("DockerCompatible", "CriCompatible"),
        "containerImageNames": array(text()),
        "containerRegistries": array(_REGISTRY),
    },
    required=("type",),
)
_BIND = record(
    {"source": text("Shared", "Startup", "VfsMounts", "Task", "JobPrep", "Applications"), "isReadOnly": flag()},
    required=("source",),
)
_CONTAINER_SETTINGS = record(
    {
        "imageName": text(),
        "containerRunOptions": text(),
        "registry": _REGISTRY,
        "workingDirectory": text("TaskWorkingDirectory", "ContainerImageDefault"),
        "containerHostBatchBindMounts": array(_BIND),
    },
    required=("imageName",),
)
_EXTENSIONS = array(
    record(
        {
            "name": text(),
            "publisher": text(),
            "type": text(),
            "typeHandlerVersion": text(),
            "autoUpgradeMinorVersion": flag(),
            "enableAutomaticUpgrade": flag(),
            "settings": anything,
            "protectedSettings": _refused(f"{_MACHINE}.extensions.protectedSettings"),
            "provisionAfterExtensions": _refused(f"{_MACHINE}.extensions.provisionAfterExtensions"),
        },
        required=("name", "publisher", "type"),
    )
)


def _extensions(value: Any, path: str) -> Any:
    """Those that a local node carries out, with the settings that the data plane takes."""
    kept = _EXTENSIONS(value, path)
    EXTENSIONS(path, kept)
    return kept


_VIRTUAL_MACHINE = record(
    {
        "imageReference": record({name: text() for name in _IMAGE}),
        "nodeAgentSkuId": text(),
        "windowsConfiguration": record({"enableAutomaticUpdates": flag()}),
        "dataDisks": array(_DATA_DISK),
        "diskEncryptionConfiguration": record({"targets": array(text("OsDisk", "TemporaryDisk"))}),
        "licenseType": text(),
        "nodePlacementConfiguration": record({"policy": text("Regional", "Zonal")}),
        "osDisk": _OS_DISK,
        "securityProfile": _SECURITY,
        "serviceArtifactReference": record({"id": text()}, required=("id",)),
        "containerConfiguration": _CONTAINERS,
        "extensions": _extensions,
    },
    required=("imageReference", "nodeAgentSkuId"),
)
_NSG_RULE = record(
    {
        "priority": number(150, 4096),
        "access": text("Allow", "Deny"),
        "sourceAddressPrefix": text(),
        "sourcePortRanges": array(text()),
    },
    required=("priority", "access", "sourceAddressPrefix"),
)
_NAT_POOL = record(
    {
        "name": text(),
        "protocol": text("TCP", "UDP"),
        "backendPort": number(1, 65535),
        "frontendPortRangeStart": number(1, 65534),
        "frontendPortRangeEnd": number(1, 65534),
        "networkSecurityGroupRules": array(_NSG_RULE),
    },
    required=("name", "protocol", "backendPort", "frontendPortRangeStart", "frontendPortRangeEnd"),
)
_NETWORK = record(
    {
        "subnetId": text(),
        "dynamicVnetAssignmentScope": text("none", "job"),
        "endpointConfiguration": record({"inboundNatPools": array(_NAT_POOL, high=5)}, required=("inboundNatPools",)),
        "publicIPAddressConfiguration": record(
            {"provision": text("BatchManaged", "UserManaged", "NoPublicIPAddresses"), "ipAddressIds": array(text())}
        ),
        "enableAcceleratedNetworking": flag(),
    }
)
_RESOURCE_FILE = record(
    {
        "autoStorageContainerName": text(),
        "storageContainerUrl": text(),
        "httpUrl": text(),
        "blobPrefix": text(),
        "filePath": text(),
        "fileMode": text(),
        "identityReference": _REFERENCE,
    }
)
_ELEVATION = text("NonAdmin", "Admin")
_AUTO_USER = record({"scope": text("Task", "Pool"), "elevationLevel": _ELEVATION})
_GIVEN_START_TASK = record(
    {
        "commandLine": text(),
        "containerSettings": _CONTAINER_SETTINGS,
        "environmentSettings": array(record({"name": text(), "value": secret}, required=("name",))),
        "maxTaskRetryCount": number(-1),
        "resourceFiles": array(_RESOURCE_FILE),
        "userIdentity": record({"userName": text(), "autoUser": _AUTO_USER}),
        "waitForSuccess": flag(),
    },
    required=("commandLine",),
)


def _start_task(value: Any, path: str) -> Any:
    """An empty object is no start task: a PATCH removes it so."""
    return DROPPED if value == {} else _GIVEN_START_TASK(value, path)


_USER_ACCOUNT = record(
    {
        "name": text(high=20),
        "password": secret,
        "elevationLevel": _ELEVATION,
        "linuxUserConfiguration": record({"uid": number(0), "gid": number(0), "sshPrivateKey": secret}),
        "windowsUserConfiguration": record({"loginMode": text("Batch", "Interactive")}),
    },
    required=("name",),
)
_BLOBS = "mountConfiguration.azureBlobFileSystemConfiguration"
_BLOB_MOUNT = record(
    {
        "accountName": text(),
        "containerName": text(),
        "relativeMountPath": text(),
        "blobfuseOptions": text(),
        "identityReference": _REFERENCE,
        "accountKey": _refused(f"{_BLOBS}.accountKey"),
        "sasKey": _refused(f"{_BLOBS}.sasKey"),
    },
    required=("accountName", "containerName", "relativeMountPath"),
)
_NO_MOUNTS = ("azureFileShareConfiguration", "cifsMountConfiguration", "nfsMountConfiguration")
_MOUNTS = {
    "azureBlobFileSystemConfiguration": _BLOB_MOUNT,
    **{name: _refused(f"mountConfiguration.{name}") for name in _NO_MOUNTS},
}


def _mount(value: Any, path: str) -> Any:
    """One kind of file system, most of them refused by name."""
    found = record(_MOUNTS)(value, path)
    if not found:
        raise invalid_property(path, "", f"One of {', '.join(_MOUNTS)} is expected.")
    return found


_UPGRADE_FLAGS = (
    "disableAutomaticRollback",
    "enableAutomaticOSUpgrade",
    "osRollingUpgradeDeferral",
    "useRollingUpgradePolicy",
)
_ROLLING = record(
    {
        "enableCrossZoneUpgrade": flag(),
        "maxBatchInstancePercent": number(5, 100),
        "maxUnhealthyInstancePercent": number(5, 100),
        "maxUnhealthyUpgradedInstancePercent": number(0, 100),
        "pauseTimeBetweenBatches": duration,
        "prioritizeUnhealthyInstances": flag(),
        "rollbackFailedInstancesOnPolicyBreach": flag(),
    }
)
_DEALLOCATION = text("Requeue", "Terminate", "TaskCompletion", "RetainedData")
_FIXED_SCALE = record(
    {
        "resizeTimeout": duration,
        "targetDedicatedNodes": number(0),
        "targetLowPriorityNodes": number(0),
        "nodeDeallocationOption": _DEALLOCATION,
    }
)
_SCALE = record(
    {
        "fixedScale": _FIXED_SCALE,
        "autoScale": record({"formula": text(), "evaluationInterval": duration}, required=("formula",)),
    }
)

PROPERTIES = record(
    {
        **dict.fromkeys(OUTPUTS, read_only),
        "applicationLicenses": _refused("applicationLicenses"),
        "applicationPackages": array(record({"id": text(), "version": text()}, required=("id",)), high=10),
        "certificates": _refused("certificates"),
        "deploymentConfiguration": record({"virtualMachineConfiguration": _VIRTUAL_MACHINE}),
        "displayName": text(high=1024),
        "interNodeCommunication": text("Enabled", "Disabled"),
        "metadata": array(record({"name": text(), "value": text()}, required=("name", "value"))),
        "mountConfiguration": array(_mount, high=10),
        "networkConfiguration": _NETWORK,
        "resourceTags": mapping(text()),
        "scaleSettings": _SCALE,
        "startTask": _start_task,
        "targetNodeCommunicationMode": text("Default", "Classic", "Simplified"),
        "taskSchedulingPolicy": record({"nodeFillType": text("Spread", "Pack")}, required=("nodeFillType",)),
        "taskSlotsPerNode": number(1, 256),
        "upgradePolicy": record(
            {
                "mode": text("automatic", "manual", "rolling"),
                "automaticOSUpgradePolicy": record(dict.fromkeys(_UPGRADE_FLAGS, flag())),
                "rollingUpgradePolicy": _ROLLING,
            },
            required=("mode",),
        ),
        "userAccounts": array(_USER_ACCOUNT),
        "vmSize": text(),
    },
    required=("vmSize", "deploymentConfiguration"),
)
BODY = record(
    {"identity": identity_shape("None", "UserAssigned"), "properties": PROPERTIES, "tags": mapping(text())},
    required=("properties",),
)
FIXED = [
    "deploymentConfiguration",
    "displayName",
    "interNodeCommunication",
    "mountConfiguration",
    "networkConfiguration",
    "resourceTags",
    "targetNodeCommunicationMode",
    "taskSchedulingPolicy",
    "taskSlotsPerNode",
    "upgradePolicy",
    "userAccounts",
    "vmSize",
]
