"""What Batchite does with every input of the four Batch types: the source of the refusals and of docs/pools.md.

A path is the SDK's, dotted, without list indexes. A property that has no row of its own has the verdict of the nearest
one around it. `batchite/tests/arm/test_support.py` sends every property and proves its verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

HONOURED, STORED, REFUSED = "honoured", "stored", "refused"
"""It has its effect; it is kept and given back, for it describes Azure's side; it is an error that names it."""


@dataclass(frozen=True, slots=True)
class Support:
    """A verdict and its reason in one line; for a refused property also what to do instead."""

    verdict: str
    reason: str


def _honoured(reason: str) -> Support:
    return Support(HONOURED, reason)


def _stored(reason: str) -> Support:
    return Support(STORED, reason)


def _refused(reason: str) -> Support:
    return Support(REFUSED, reason)


_NAME = _honoured("part of the resource's id")
_TAGS = _stored("tags of the resource")
_HARDWARE = _stored("describes Azure's machines: a local node is a directory of this machine")
_OWN_SYSTEM = _stored("tasks run on this machine's own system, whatever the image")
_NO_NETWORK = _stored("describes Azure's network: local nodes share this machine's")
_CONTAINERS = (
    "docker or podman runs them where one answers, elsewhere nodes are unusable with the reason (docs/containers.md)"
)
_NO_MOUNTS = "a local node mounts blob containers only; bring other data with resource files, or leave it out locally"
_BY_IDENTITY = "local nodes reach containers as an identity of the pool; use identityReference"
_SECRET = _stored("taken, but neither kept nor shown: tasks run as the unprivileged user of all tasks")

_MACHINE = "deploymentConfiguration.virtualMachineConfiguration"
_VIRTUAL_MACHINE = {
    f"{_MACHINE}.imageReference": _OWN_SYSTEM,
    f"{_MACHINE}.nodeAgentSkuId": _honoured("a Windows agent makes nodes unusable, with the reason"),
    f"{_MACHINE}.windowsConfiguration": _honoured("makes nodes unusable, with the reason: there is no Windows here"),
    f"{_MACHINE}.containerConfiguration": _honoured(_CONTAINERS),
    f"{_MACHINE}.extensions": _honoured("ApplicationHealthLinux 1.0 probes this machine; others are refused by name"),
    f"{_MACHINE}.extensions.protectedSettings": _refused("no extension that a local node carries out has any"),
    f"{_MACHINE}.extensions.provisionAfterExtensions": _refused("a local node has one extension; leave it out locally"),
    f"{_MACHINE}.dataDisks": _HARDWARE,
    f"{_MACHINE}.diskEncryptionConfiguration": _HARDWARE,
    f"{_MACHINE}.licenseType": _HARDWARE,
    f"{_MACHINE}.nodePlacementConfiguration": _HARDWARE,
    f"{_MACHINE}.osDisk": _HARDWARE,
    f"{_MACHINE}.securityProfile": _HARDWARE,
    f"{_MACHINE}.serviceArtifactReference": _OWN_SYSTEM,
}
_SCALING = {
    "scaleSettings.autoScale": _honoured("the formula is evaluated at once and every interval of the service's time"),
    "scaleSettings.fixedScale": _honoured("nodes follow the targets, within the account's core quotas"),
    "scaleSettings.fixedScale.nodeDeallocationOption": _honoured("how nodes leave at a later resize"),
    "taskSchedulingPolicy": _honoured("spread or pack"),
    "taskSlotsPerNode": _honoured("how many tasks run at once on a node"),
}
_START_TASK = {
    "startTask": _honoured("runs as a process when a node starts; a new one reaches live nodes when they start again"),
    "startTask.containerSettings": _honoured(_CONTAINERS),
    "startTask.userIdentity.autoUser.scope": _stored("all tasks run as the same unprivileged user"),
    "startTask.userIdentity.autoUser.elevationLevel": _honoured("Admin needs batchite start --allow-host-changes"),
    "startTask.userIdentity.userName": _honoured("must be one of userAccounts; its elevation level counts"),
}
_USERS = {
    "userAccounts.name": _honoured("tasks may name it; they run as the unprivileged user of all tasks"),
    "userAccounts.elevationLevel": _honoured("Admin needs batchite start --allow-host-changes"),
    "userAccounts.password": _SECRET,
    "userAccounts.linuxUserConfiguration": _stored("no user is made on this machine"),
    "userAccounts.linuxUserConfiguration.sshPrivateKey": _SECRET,
    "userAccounts.windowsUserConfiguration": _stored("only with a Windows image, whose nodes are unusable"),
}
_BLOBS = "mountConfiguration.azureBlobFileSystemConfiguration"
_MOUNTS = {
    _BLOBS: _honoured("the container's content, read-only and as it is when the node starts, below fsmounts"),
    f"{_BLOBS}.accountKey": _refused(_BY_IDENTITY),
    f"{_BLOBS}.blobfuseOptions": _stored("no driver runs here: a copy stands for it"),
    f"{_BLOBS}.sasKey": _refused(_BY_IDENTITY),
    "mountConfiguration.azureFileShareConfiguration": _refused(_NO_MOUNTS),
    "mountConfiguration.cifsMountConfiguration": _refused(_NO_MOUNTS),
    "mountConfiguration.nfsMountConfiguration": _refused(_NO_MOUNTS),
}

POOL: Mapping[str, Support] = MappingProxyType(
    {
        "accountName": _NAME,
        "applicationLicenses": _refused("there is no licence server here; leave them out of the local stack"),
        "applicationPackages": _honoured("unpacked on every node before its start task; new ones reach new nodes"),
        "certificates": _refused("Azure has retired them; let the start task read the key vault by identity"),
        **_VIRTUAL_MACHINE,
        "displayName": _stored("a name for people"),
        "identity": _honoured("nodes get tokens of these identities"),
        "interNodeCommunication": _honoured("all nodes are on this machine and reach each other"),
        "metadata": _stored("the service gives no meaning to it"),
        **_MOUNTS,
        "networkConfiguration": _NO_NETWORK,
        "poolName": _NAME,
        "resourceGroupName": _NAME,
        "resourceTags": _stored("tags of Azure's machines; only in a UserSubscription account"),
        **_SCALING,
        **_START_TASK,
        "tags": _TAGS,
        "targetNodeCommunicationMode": _NO_NETWORK,
        "upgradePolicy": _OWN_SYSTEM,
        **_USERS,
        "vmSize": _honoured("its vCPUs count against the account's core quotas; a node has what this machine has"),
    }
)

_ACCESS = _stored("the server answers this machine only, whatever the rules")
ACCOUNT: Mapping[str, Support] = MappingProxyType(
    {
        "accountName": _NAME,
        "allowedAuthenticationModes": _honoured("the data plane refuses every other way to sign in"),
        "autoStorage": _honoured("resource files by container name and application packages lie in this account"),
        "autoStorage.authenticationMode": _stored("nodes use nodeIdentityReference in either mode, where one is given"),
        "encryption": _stored("nothing is encrypted here; the key vault is not asked"),
        "identity": _honoured("its principal can be given roles"),
        "keyVaultReference": _stored("required for UserSubscription; the key vault is not asked"),
        "location": _stored("can't be changed"),
        "networkProfile": _ACCESS,
        "poolAllocationMode": _honoured("pools of a UserSubscription account have resource tags and no core quotas"),
        "publicNetworkAccess": _ACCESS,
        "resourceGroupName": _NAME,
        "tags": _TAGS,
    }
)
APPLICATION: Mapping[str, Support] = MappingProxyType(
    {
        "accountName": _NAME,
        "allowUpdates": _honoured("false: an active version is refused when it is put or activated again"),
        "applicationName": _NAME,
        "defaultVersion": _honoured("the version of a reference that names none; must be active"),
        "displayName": _stored("a name for people"),
        "resourceGroupName": _NAME,
        "tags": _TAGS,
    }
)
PACKAGE: Mapping[str, Support] = MappingProxyType(
    dict.fromkeys(("accountName", "applicationName", "resourceGroupName", "versionName"), _NAME) | {"tags": _TAGS}
)

TABLES: Mapping[str, Mapping[str, Support]] = MappingProxyType(
    {
        "batch:Application": APPLICATION,
        "batch:ApplicationPackage": PACKAGE,
        "batch:BatchAccount": ACCOUNT,
        "batch:Pool": POOL,
    }
)
"""The tables by the SDK's name of the type."""


def support(table: Mapping[str, Support], path: str) -> Support:
    """The verdict on a property: its own row, else that of the nearest property around it. Raises KeyError."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        found = table.get(".".join(parts[:length]))
        if found is not None:
            return found
    raise KeyError(path)


def reason(table: Mapping[str, Support], path: str) -> str:
    """Why the property is refused."""
    found = support(table, path)
    assert found.verdict == REFUSED, path
    return found.reason
