"""Bodies that together hold every input of the Batch types, and the paths of what they hold."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from arm.worlds import GROUP

from batchite.arm.types.support import REFUSED, Support, support
from batchite.provider.tables import RESOURCES

IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
TOOL = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/batch1/applications/tool"
MAPPINGS = ("resourceTags", "tags")  # objects with free names count as one property
IN_THE_PATH = ("accountName", "applicationName", "poolName", "resourceGroupName", "versionName")
SECRETS = (
    "userAccounts.password",
    "userAccounts.linuxUserConfiguration.sshPrivateKey",
    "startTask.containerSettings.registry.password",
    "deploymentConfiguration.virtualMachineConfiguration.containerConfiguration.containerRegistries.password",
)
HIDDEN = "a-secret-that-nobody-may-see"
REFERENCE = {"resourceId": IDENTITY}
FORMULA = "$TargetDedicatedNodes = 0;"


def _machine(**properties: Any) -> dict[str, Any]:
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    machine = {"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 24.04", **properties}
    return {"deploymentConfiguration": {"virtualMachineConfiguration": machine}}


def _disks() -> dict[str, Any]:
    managed = {"storageAccountType": "Premium_LRS", "securityProfile": {"securityEncryptionType": "VMGuestStateOnly"}}
    return {
        "dataDisks": [{"lun": 0, "caching": "ReadOnly", "diskSizeGB": 64, "storageAccountType": "Premium_LRS"}],
        "diskEncryptionConfiguration": {"targets": ["OsDisk", "TemporaryDisk"]},
        "nodePlacementConfiguration": {"policy": "Zonal"},
        "osDisk": {
            "caching": "ReadWrite",
            "diskSizeGB": 40,
            "ephemeralOSDiskSettings": {"placement": "CacheDisk"},
            "managedDisk": managed,
            "writeAcceleratorEnabled": True,
        },
        "securityProfile": {
            "encryptionAtHost": True,
            "securityType": "trustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "serviceArtifactReference": {"id": "/subscriptions/s/serviceArtifacts/a"},
    }


WINDOWS = _machine(
    imageReference={"publisher": "microsoftwindowsserver", "offer": "windowsserver", "sku": "2022-datacenter"},
    nodeAgentSkuId="batch.node.windows amd64",
    licenseType="Windows_Server",
    windowsConfiguration={"enableAutomaticUpdates": False},
)
_GROUP = "/subscriptions/s/resourceGroups/g/providers"
NAT_POOL = {
    "name": "ssh",
    "protocol": "TCP",
    "backendPort": 22,
    "frontendPortRangeStart": 1000,
    "frontendPortRangeEnd": 1100,
    "networkSecurityGroupRules": [
        {"access": "Deny", "priority": 150, "sourceAddressPrefix": "*", "sourcePortRanges": ["1-10"]}
    ],
}
START_TASK = {
    "commandLine": "/bin/true",
    "environmentSettings": [{"name": "A", "value": "b"}],
    "maxTaskRetryCount": 2,
    "resourceFiles": [
        {"httpUrl": "https://h/c/b", "filePath": "b", "fileMode": "0750", "identityReference": REFERENCE},
        {"storageContainerUrl": "https://h/c", "blobPrefix": "p/"},
        {"autoStorageContainerName": "scripts"},
    ],
    "userIdentity": {"autoUser": {"scope": "Task", "elevationLevel": "Admin"}},
    "waitForSuccess": False,
}
LINUX_USER = {
    "name": "worker",
    "password": HIDDEN,
    "elevationLevel": "Admin",
    "linuxUserConfiguration": {"uid": 2000, "gid": 2000, "sshPrivateKey": HIDDEN},
}
WINDOWS_USER = {"name": "worker", "password": HIDDEN, "windowsUserConfiguration": {"loginMode": "Interactive"}}
UPGRADES = {
    "mode": "rolling",
    "automaticOSUpgradePolicy": {
        "disableAutomaticRollback": True,
        "enableAutomaticOSUpgrade": True,
        "osRollingUpgradeDeferral": True,
        "useRollingUpgradePolicy": True,
    },
    "rollingUpgradePolicy": {
        "enableCrossZoneUpgrade": True,
        "maxBatchInstancePercent": 20,
        "maxUnhealthyInstancePercent": 20,
        "maxUnhealthyUpgradedInstancePercent": 20,
        "pauseTimeBetweenBatches": "PT1M",
        "prioritizeUnhealthyInstances": True,
        "rollbackFailedInstancesOnPolicyBreach": True,
    },
}
BLOB_MOUNT = "azureBlobFileSystemConfiguration"
BLOBS = f"mountConfiguration.{BLOB_MOUNT}"
BLOB_CONTAINER = {
    "accountName": "store1",
    "containerName": "input",
    "relativeMountPath": "data/input",
    "blobfuseOptions": "-o ro",
}

CONTAINER = {
    "imageName": "i",
    "containerRunOptions": "--rm",
    "workingDirectory": "TaskWorkingDirectory",
    "registry": {"username": "u", "password": "only-to-pull", "registryServer": "r", "identityReference": REFERENCE},
    "containerHostBatchBindMounts": [{"source": "Shared", "isReadOnly": True}],
}

HEALTH = {
    "name": "health",
    "publisher": "Microsoft.ManagedServices",
    "type": "ApplicationHealthLinux",
    "typeHandlerVersion": "1.0",
    "autoUpgradeMinorVersion": True,
    "enableAutomaticUpgrade": False,
    "settings": {"protocol": "http", "port": 8080, "requestPath": "/health", "intervalInSeconds": 5},
}
POOLS: dict[str, dict[str, Any]] = {
    "identity": {"identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}},
    "tags": {"tags": {"team": "solar"}},
    "applicationPackages": {"applicationPackages": [{"id": TOOL, "version": "1"}]},
    "vmSize": {"vmSize": "STANDARD_D4S_V5"},
    "machine": _machine(**_disks()),
    "containers": {
        **_machine(
            containerConfiguration={
                "type": "DockerCompatible",
                "containerImageNames": ["i"],
                "containerRegistries": [CONTAINER["registry"]],
            }
        ),
        "startTask": {"commandLine": "x", "containerSettings": CONTAINER},
    },
    "extensions": _machine(extensions=[HEALTH]),
    "own image": _machine(imageReference={"id": f"{_GROUP}/Microsoft.Compute/images/i"}),
    "shared image": _machine(imageReference={"sharedGalleryImageId": "/subscriptions/s/galleries/g"}),
    "community image": _machine(imageReference={"communityGalleryImageId": "/communityGalleries/g"}),
    "windows": {**WINDOWS, "userAccounts": [WINDOWS_USER]},
    "displayName": {"displayName": "Solar"},
    "interNodeCommunication": {"interNodeCommunication": "Enabled"},
    "metadata": {"metadata": [{"name": "team", "value": "solar"}]},
    "mountConfiguration": {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "mountConfiguration": [{BLOB_MOUNT: {**BLOB_CONTAINER, "identityReference": REFERENCE}}],
    },
    "networkConfiguration": {
        "networkConfiguration": {
            "dynamicVnetAssignmentScope": "none",
            "enableAcceleratedNetworking": True,
            "subnetId": f"{_GROUP}/Microsoft.Network/virtualNetworks/v/subnets/n",
            "endpointConfiguration": {"inboundNatPools": [NAT_POOL]},
            "publicIPAddressConfiguration": {
                "provision": "UserManaged",
                "ipAddressIds": [f"{_GROUP}/Microsoft.Network/publicIPAddresses/a"],
            },
        }
    },
    "resourceTags": {"resourceTags": {"cost": "solar"}},
    "autoScale": {"scaleSettings": {"autoScale": {"formula": FORMULA, "evaluationInterval": "PT6M"}}},
    "fixedScale": {
        "scaleSettings": {
            "fixedScale": {
                "nodeDeallocationOption": "TaskCompletion",
                "resizeTimeout": "PT20M",
                "targetDedicatedNodes": 1,
                "targetLowPriorityNodes": 1,
            }
        }
    },
    "startTask": {"startTask": START_TASK},
    "userAccounts": {
        "userAccounts": [LINUX_USER],
        "startTask": {"commandLine": "/bin/true", "userIdentity": {"userName": "worker"}},
    },
    "targetNodeCommunicationMode": {"targetNodeCommunicationMode": "Simplified"},
    "taskSchedulingPolicy": {"taskSchedulingPolicy": {"nodeFillType": "Pack"}},
    "taskSlotsPerNode": {"taskSlotsPerNode": 3},
    "upgradePolicy": {"upgradePolicy": UPGRADES},
}
"""Pools that are accepted, by what is peculiar to each: `identity`, `tags`, and properties."""

MACHINE = "deploymentConfiguration.virtualMachineConfiguration"
MOUNT = {"relativeMountPath": "data", "mountOptions": "ro"}
REFUSED_POOLS: dict[str, dict[str, Any]] = {
    "applicationLicenses": {"applicationLicenses": ["maya"]},
    "certificates": {
        "certificates": [{"id": "/c", "storeLocation": "LocalMachine", "storeName": "My", "visibility": ["Task"]}]
    },
    f"{MACHINE}.extensions.protectedSettings": _machine(extensions=[{**HEALTH, "protectedSettings": {"key": HIDDEN}}]),
    f"{MACHINE}.extensions.provisionAfterExtensions": _machine(
        extensions=[{**HEALTH, "settings": {}, "provisionAfterExtensions": ["m"]}]
    ),
    f"{BLOBS}.accountKey": {"mountConfiguration": [{BLOB_MOUNT: {**BLOB_CONTAINER, "accountKey": HIDDEN}}]},
    f"{BLOBS}.sasKey": {"mountConfiguration": [{BLOB_MOUNT: {**BLOB_CONTAINER, "sasKey": HIDDEN}}]},
    "mountConfiguration.azureFileShareConfiguration": {
        "mountConfiguration": [
            {
                "azureFileShareConfiguration": {
                    "accountName": "a",
                    "accountKey": HIDDEN,
                    "azureFileUrl": "https://a/f",
                    **MOUNT,
                }
            }
        ]
    },
    "mountConfiguration.cifsMountConfiguration": {
        "mountConfiguration": [
            {"cifsMountConfiguration": {"source": "//s", "userName": "u", "password": HIDDEN, **MOUNT}}
        ]
    },
    "mountConfiguration.nfsMountConfiguration": {
        "mountConfiguration": [{"nfsMountConfiguration": {"source": "s:/e", **MOUNT}}]
    },
}
"""Pools that are refused, by the property that the refusal names."""

STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store1"
RULES = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "203.0.113.7"}]}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "plain": {"tags": {"team": "solar"}},
    "modes": {"properties": {"allowedAuthenticationModes": ["AAD"]}},
    "autoStorage": {
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "properties": {
            "autoStorage": {
                "storageAccountId": STORAGE,
                "authenticationMode": "BatchAccountManagedIdentity",
                "nodeIdentityReference": REFERENCE,
            }
        },
    },
    "encryption": {
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "encryption": {"keySource": "Microsoft.KeyVault", "keyVaultProperties": {"keyIdentifier": "https://v/k"}}
        },
    },
    "user subscription": {
        "properties": {
            "poolAllocationMode": "UserSubscription",
            "keyVaultReference": {"id": "/subscriptions/s/vaults/v", "url": "https://v/"},
        }
    },
    "network": {
        "properties": {
            "networkProfile": {"accountAccess": RULES, "nodeManagementAccess": RULES},
            "publicNetworkAccess": "Disabled",
        }
    },
}
"""Accounts that are accepted, without their location."""

APPLICATIONS = {"properties": {"allowUpdates": False, "displayName": "Solar"}, "tags": {"team": "solar"}}
BEHIND_A_PACKAGE = "defaultVersion"  # sent by the tests of application packages: it needs an active one


def wire_name(token: str, path: str) -> str:
    """How ARM calls an input of the SDK."""
    last = RESOURCES[f"azure-native:{token}"].renamed.get(path)
    return f"{path.rpartition('.')[0]}.{last}" if last else path


def inputs(token: str) -> set[str]:
    """The paths of every input of the type in the SDK."""
    shapes = json.loads(files("batchite.provider").joinpath("shapes.json").read_text())
    return set(_shape_paths(shapes[token]["inputs"], ""))


def _shape_paths(shape: Any, path: str) -> Iterator[str]:
    if isinstance(shape, list):
        yield from _shape_paths(shape[0], path)
    elif isinstance(shape, dict) and "*" not in shape:
        for name, inner in shape.items():
            yield from _shape_paths(inner, f"{path}.{name.rstrip('!')}".lstrip("."))
    else:
        yield path


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The properties of a body with their paths; `properties` is no part of a path, indexes neither."""
    if path == "identity.userAssignedIdentities":
        yield path, set(value)
    elif isinstance(value, list) and value:
        for item in value:
            yield from leaves(item, path)
    elif isinstance(value, dict) and path not in MAPPINGS and not _free(path):
        for name, inner in value.items():
            yield from leaves(inner, path if name == "properties" else f"{path}.{name}".lstrip("."))
    else:
        yield path, value


def _free(path: str) -> bool:
    """Whether the SDK does not look into the property."""
    return path.endswith((".settings", ".protectedSettings"))


def refused_rows(table: dict[str, Support] | Any) -> set[str]:
    """The rows of a table that are refused."""
    return {path for path in table if support(table, path).verdict == REFUSED}
