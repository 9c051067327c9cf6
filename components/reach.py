"""Where each input of the four Batch types comes from, and what becomes of the resource when it changes. Pure.

Paths are the SDK's, dotted, without list indexes; a path without a row of its own has that of the nearest one around
it. A test makes resources in which every input of pools and accounts is set, and finds each setting that is named here.

Does not own the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from components.account import REPLACED as ACCOUNT_REPLACED
from components.pool_inputs import IN_PLACE

Rows = Mapping[str, str]

_MACHINE = "deploymentConfiguration.virtualMachineConfiguration"
POOL: Rows = MappingProxyType(
    {
        "accountName": "the name of the stack's account",
        "resourceGroupName": "the name of the stack's group",
        "poolName": "the pool's key and its generation",
        "vmSize": "`vmSize` or `size`",
        f"{_MACHINE}.imageReference": "`image` or `imageReference`",
        f"{_MACHINE}.nodeAgentSkuId": "`image` or `nodeAgentSkuId`",
        f"{_MACHINE}.containerConfiguration": "`containerConfiguration`",
        f"{_MACHINE}.dataDisks": "`dataDisks`",
        f"{_MACHINE}.diskEncryptionConfiguration": "`diskEncryptionConfiguration`",
        f"{_MACHINE}.extensions": "`extensions`",
        f"{_MACHINE}.licenseType": "`licenseType`",
        f"{_MACHINE}.nodePlacementConfiguration": "`nodePlacementConfiguration`",
        f"{_MACHINE}.osDisk": "`osDisk`",
        f"{_MACHINE}.securityProfile": "`securityProfile`",
        f"{_MACHINE}.serviceArtifactReference": "`serviceArtifactReference`",
        f"{_MACHINE}.windowsConfiguration": "`windowsConfiguration`",
        "deploymentConfiguration": "the rows below",
        "scaleSettings": "the rows below",
        "scaleSettings.autoScale.formula": (
            "`maxDedicated`, `maxSpot`, `minDedicated`, `minSpot`, `taskSlotsPerNode`, `deallocation`, or `formulaFile`"
        ),
        "scaleSettings.autoScale.evaluationInterval": "`evaluationInterval`",
        "scaleSettings.fixedScale.targetDedicatedNodes": "`fixed.dedicated`",
        "scaleSettings.fixedScale.targetLowPriorityNodes": "`fixed.spot`",
        "scaleSettings.fixedScale.resizeTimeout": "`fixed.resizeTimeout`",
        "scaleSettings.fixedScale.nodeDeallocationOption": "`deallocation`",
        "startTask": "the rows below",
        "startTask.commandLine": "`startTask.scripts`, `startTask.nodeStats`",
        "startTask.resourceFiles": "`startTask.scripts`, `startTask.resourceFiles`",
        "startTask.environmentSettings": "`startTask.environment`, `startTask.wheelCache`",
        "startTask.containerSettings": "`startTask.containerSettings`",
        "startTask.maxTaskRetryCount": "`startTask.retries`",
        "startTask.waitForSuccess": "`startTask.waitForSuccess`",
        "startTask.userIdentity": "the rows below",
        "startTask.userIdentity.userName": "`startTask.userName`",
        "startTask.userIdentity.autoUser.scope": "always Pool",
        "startTask.userIdentity.autoUser.elevationLevel": "`startTask.elevation`",
        "identity": "the nodes' identity of the stack, and `identities`",
        "networkConfiguration": "`network` of the stack, or `networkConfiguration`",
        "interNodeCommunication": "`interNodeCommunication`",
        "targetNodeCommunicationMode": "`targetNodeCommunicationMode`",
        "taskSlotsPerNode": "`taskSlotsPerNode`",
        "taskSchedulingPolicy": "`nodeFillType`",
        "mountConfiguration": "`mountConfiguration`",
        "userAccounts": "`userAccounts`",
        "applicationPackages": "`packages` and `applicationPackages`",
        "metadata": "`metadata`",
        "tags": "`tags` of the stack and of the pool",
        "resourceTags": "`resourceTags`",
        "displayName": "`displayName`",
        "upgradePolicy": "`upgradePolicy`",
        "applicationLicenses": "`applicationLicenses`",
        "certificates": "`certificates`",
    }
)
"""Settings are those of a pool (`pools.<key>`) unless said otherwise."""
ACCOUNT: Rows = MappingProxyType(
    {
        "accountName": "`namePrefix` of the stack, and its name",
        "resourceGroupName": "`namePrefix` of the stack, and its name",
        "location": "`location` of the stack",
        "tags": "`tags` of the stack",
        "allowedAuthenticationModes": "`account.sharedKey`",
        "autoStorage": "the stack's storage account, by identity",
        "encryption": "`account.customerManagedKey`, with the key of `keyVault`",
        "identity": "the account's identity of the stack",
        "keyVaultReference": "`account.poolAllocationMode`, with the vault of `keyVault`",
        "networkProfile": "`publicAccess.allow`, `publicAccess.ipRanges`, `network.privateEndpoints`",
        "poolAllocationMode": "`account.poolAllocationMode`",
        "publicNetworkAccess": "`publicAccess.allow`",
    }
)
APPLICATION: Rows = MappingProxyType(
    {
        "accountName": "the name of the stack's account",
        "resourceGroupName": "the name of the stack's group",
        "applicationName": "the package's key",
        "displayName": "`packages.<key>.displayName`",
        "allowUpdates": "`packages.<key>.allowUpdates`",
        "defaultVersion": "not set: pools name a version",
        "tags": "`tags` of the stack",
    }
)
PACKAGE: Rows = MappingProxyType(
    {
        "accountName": "the name of the stack's account",
        "resourceGroupName": "the name of the stack's group",
        "applicationName": "the package's key",
        "versionName": "the hash of the content at `packages.<key>.path`",
        "tags": "not set",
    }
)
TABLES: Mapping[str, Rows] = MappingProxyType(
    {
        "batch:Pool": POOL,
        "batch:BatchAccount": ACCOUNT,
        "batch:Application": APPLICATION,
        "batch:ApplicationPackage": PACKAGE,
    }
)
_NAMES = {"accountName", "resourceGroupName", "poolName", "applicationName", "versionName"}


def becomes(setting: str) -> str:
    """What a setting of a pool becomes: the inputs whose rows name it, or whose rows name what is around it."""
    found = [path.removeprefix(f"{_MACHINE}.") for path, text in POOL.items() if f"`{setting}`" in text]
    around = setting.rpartition(".")[0]
    return ", ".join(found) or (becomes(around) if around else "")


def source(kind: str, path: str) -> str:
    """Where an input comes from. Raises KeyError for a path that no row covers."""
    parts = path.split(".")
    rows = TABLES[kind]
    found = (rows.get(".".join(parts[:length])) for length in range(len(parts), 0, -1))
    return next(row for row in found if row is not None)


def change(kind: str, path: str) -> str:
    """What becomes of the resource when the input changes: "in place" or "replacement"."""
    top = path.partition(".")[0]
    if kind == "batch:Pool":
        replaces = top not in IN_PLACE
    else:
        replaces = top in _NAMES or (kind == "batch:BatchAccount" and top in ACCOUNT_REPLACED)
    return "replacement" if replaces else "in place"
