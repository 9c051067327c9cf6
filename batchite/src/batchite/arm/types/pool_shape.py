"""The body of a pool in ARM: every property of the API version 2024-07-01.

Stored and returned because they describe Azure's machines and network only: disks, disk encryption, placement, security
profile, licence, subnet, endpoints, public addresses, communication mode, resource tags. Refused by name because they
change what a task finds on its node and are not built: mounts, containers, extensions, application packages, licences,
certificates, user accounts, inter-node communication.
"""

from __future__ import annotations

from batchite.arm.shapes import (
    anything,
    array,
    duration,
    flag,
    mapping,
    number,
    read_only,
    record,
    secret,
    text,
    unbuilt,
)
from batchite.arm.types.identity import identity_shape

CHANGEABLE = ("scaleSettings", "startTask", "metadata", "applicationPackages")
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
        "containerConfiguration": unbuilt,
        "extensions": unbuilt,
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
_AUTO_USER = record({"scope": text("Task", "Pool"), "elevationLevel": text("NonAdmin", "Admin")})
_START_TASK = record(
    {
        "commandLine": text(),
        "containerSettings": unbuilt,
        "environmentSettings": array(record({"name": text(), "value": secret}, required=("name",))),
        "maxTaskRetryCount": number(-1),
        "resourceFiles": array(_RESOURCE_FILE),
        "userIdentity": record({"userName": unbuilt, "autoUser": _AUTO_USER}),
        "waitForSuccess": flag(),
    },
    required=("commandLine",),
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
        "applicationLicenses": unbuilt,
        "applicationPackages": unbuilt,
        "certificates": unbuilt,
        "deploymentConfiguration": record({"virtualMachineConfiguration": _VIRTUAL_MACHINE}),
        "displayName": text(high=1024),
        "interNodeCommunication": text("Disabled", unbuilt=("Enabled",)),
        "metadata": array(record({"name": text(), "value": text()}, required=("name", "value"))),
        "mountConfiguration": unbuilt,
        "networkConfiguration": _NETWORK,
        "resourceTags": mapping(text()),
        "scaleSettings": _SCALE,
        "startTask": _START_TASK,
        "targetNodeCommunicationMode": text("Default", "Classic", "Simplified"),
        "taskSchedulingPolicy": record({"nodeFillType": text("Spread", "Pack")}, required=("nodeFillType",)),
        "taskSlotsPerNode": number(1, 256),
        "upgradePolicy": record(
            {
                "mode": text("automatic", "manual", "rolling"),
                "automaticOSUpgradePolicy": anything,
                "rollingUpgradePolicy": anything,
            },
            required=("mode",),
        ),
        "userAccounts": unbuilt,
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
    "networkConfiguration",
    "resourceTags",
    "targetNodeCommunicationMode",
    "taskSchedulingPolicy",
    "taskSlotsPerNode",
    "upgradePolicy",
    "vmSize",
]
