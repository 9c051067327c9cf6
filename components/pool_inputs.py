"""From the settings of a pool to the inputs of azure-native's Pool, in ARM's names. Pure.

What the nodes' identity can do needs no key: mounts, registries and files that come with no credential get the
identity.

Does not own the settings, nor how the inputs become a resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from batchite.autoscale import builders
from components.arm_inputs import SECRET
from components.identity import Identity
from components.images import IMAGES, Image
from components.network import PoolSubnet
from components.pool_settings import PoolSettings
from components.sizes import choose

Inputs = Mapping[str, Any]

IN_PLACE = ("applicationPackages", "metadata", "scaleSettings", "startTask")
"""What ARM changes in a pool whatever runs on it; the rest only while it has no nodes.

Source: "Update Batch pool properties". Certificates are among them there, and retired.
"""
REPLACED = (
    "applicationLicenses",
    "certificates",
    "deploymentConfiguration",
    "displayName",
    "identity",
    "interNodeCommunication",
    "mountConfiguration",
    "networkConfiguration",
    "resourceTags",
    "tags",
    "targetNodeCommunicationMode",
    "taskSchedulingPolicy",
    "taskSlotsPerNode",
    "upgradePolicy",
    "userAccounts",
    "vmSize",
)
"""What ARM refuses to change in place (PropertyCannotBeUpdated). The provider would try."""

_LATER = "known during deployment"
_HIDDEN = "secret"


@dataclass(frozen=True, slots=True)
class Parts:
    """What other components give to a pool. `start_task` is in ARM's names; `formula` is the text of `formulaFile`."""

    identity: Identity
    tags: Mapping[str, pulumi.Input[str]]
    start_task: Inputs | None = None
    subnet: PoolSubnet | None = None
    packages: Sequence[Inputs] = ()
    formula: str = ""


def inputs(settings: PoolSettings, parts: Parts) -> dict[str, Any]:
    """The inputs but the names. Raises SettingsError when no size fulfils the wish."""
    identities = [parts.identity.resource_id, *settings.identities]
    found = {
        "vmSize": vm_size(settings),
        "deploymentConfiguration": {"virtualMachineConfiguration": _machine(settings, parts.identity)},
        "scaleSettings": _scale(settings, parts.formula),
        "startTask": parts.start_task,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": identities},
        "networkConfiguration": settings.network_configuration or (_network(parts.subnet) if parts.subnet else None),
        "interNodeCommunication": settings.inter_node_communication,
        "targetNodeCommunicationMode": settings.target_node_communication_mode,
        "taskSlotsPerNode": settings.task_slots_per_node,
        "taskSchedulingPolicy": {"nodeFillType": settings.node_fill_type},
        "mountConfiguration": by_identity(settings.mount_configuration, parts.identity),
        "userAccounts": list(settings.user_accounts),
        "applicationPackages": [*parts.packages, *settings.application_packages],
        "metadata": [{"name": name, "value": value} for name, value in settings.metadata.items()],
        "tags": {**parts.tags, **settings.tags},
        "resourceTags": settings.resource_tags,
        "displayName": settings.display_name,
        "upgradePolicy": settings.upgrade_policy,
        "applicationLicenses": list(settings.application_licenses),
        "certificates": list(settings.certificates),
    }
    return _given(found)


def generation(found: Inputs, settings: PoolSettings, parts: Parts) -> dict[str, Any]:
    """What can't change during the life of a pool: its id ends in a digest of this.

    What is known only during deployment counts by its name, so that ids are known in previews; secrets do not count.
    """
    names = {"identityName": parts.identity.name, "subnetName": parts.subnet.name if parts.subnet else ""}
    fixed = {key: _stable(key, found[key]) for key in REPLACED if key in found}
    return _given({**fixed, **names, "vmSize": str(fixed["vmSize"]).lower(), "generation": settings.generation})


def secrets(found: Inputs) -> list[Any]:
    """The secrets among what can't change in place, in the order of their inputs."""
    return [value for key in REPLACED if key in found for value in _secrets(found[key])]


def _secrets(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from [item] if key in SECRET else _secrets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item)


def vm_size(settings: PoolSettings) -> str:
    """The size by name: the one given, or the cheapest that fulfils the wish."""
    if settings.size is None:
        return settings.vm_size
    image = preset(settings)
    return choose(settings.size, image.generation if image else "V2").name.lower()


def preset(settings: PoolSettings) -> Image | None:
    """The image, when it is one of ours."""
    return None if settings.image_reference else IMAGES[settings.image]


def formula(settings: PoolSettings) -> str:
    """The autoscale formula: as many nodes as pending tasks need, within the limits, none when idle."""
    return builders.pending_tasks(
        max_dedicated=settings.max_dedicated,
        max_spot=settings.max_spot,
        min_dedicated=settings.min_dedicated,
        min_spot=settings.min_spot,
        task_slots_per_node=settings.task_slots_per_node,
        deallocation=settings.deallocation,
    )


def by_identity(value: Any, identity: Identity) -> Any:
    """The value with the identity wherever a blob mount, registry or file brings no credential of its own."""
    if isinstance(value, list | tuple):
        return [by_identity(item, identity) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {key: by_identity(item, identity) for key, item in value.items()}
    if _wants_identity(filled):
        filled["identityReference"] = {"resourceId": identity.resource_id}
    return filled


def _wants_identity(value: Inputs) -> bool:
    """Whether it is one of the three that take an identity, and has nothing else to show."""
    if "identityReference" in value or SECRET & value.keys():
        return False
    if "httpUrl" in value or "storageContainerUrl" in value:
        url = value.get("httpUrl") or value["storageContainerUrl"]
        return not (isinstance(url, str) and ("?" in url or ".blob." not in url))
    return "registryServer" in value or {"accountName", "containerName"} <= value.keys()


def _machine(settings: PoolSettings, identity: Identity) -> dict[str, Any]:
    image = preset(settings)
    return _given(
        {
            "imageReference": image.reference if image else settings.image_reference,
            "nodeAgentSkuId": settings.node_agent,
            "containerConfiguration": by_identity(settings.container_configuration, identity),
            "dataDisks": list(settings.data_disks),
            "diskEncryptionConfiguration": settings.disk_encryption_configuration,
            "extensions": list(settings.extensions),
            "licenseType": settings.license_type,
            "nodePlacementConfiguration": settings.node_placement_configuration,
            "osDisk": settings.os_disk,
            "securityProfile": settings.security_profile,
            "serviceArtifactReference": settings.service_artifact_reference,
            "windowsConfiguration": settings.windows_configuration,
        }
    )


def _scale(settings: PoolSettings, own_formula: str) -> dict[str, Any]:
    if settings.fixed is None:
        text = own_formula or formula(settings)
        return {"autoScale": {"formula": text, "evaluationInterval": settings.evaluation_interval}}
    option = {"taskcompletion": "TaskCompletion", "requeue": "Requeue", "terminate": "Terminate"}
    return {
        "fixedScale": {
            "targetDedicatedNodes": settings.fixed.dedicated,
            "targetLowPriorityNodes": settings.fixed.spot,
            "resizeTimeout": settings.fixed.resize_timeout,
            "nodeDeallocationOption": option[settings.deallocation],
        }
    }


def _network(subnet: PoolSubnet) -> dict[str, Any]:
    """Nodes in the subnet, without addresses of their own: they leave by the subnet's gateway, or not at all."""
    return {
        "subnetId": subnet.resource_id,
        "publicIPAddressConfiguration": {"provision": "NoPublicIPAddresses"},
    }


def _given(values: Inputs) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {}, ())}


def _stable(key: str, value: Any) -> Any:
    if key in SECRET:
        return _HIDDEN
    if isinstance(value, pulumi.Output):
        return _LATER
    if isinstance(value, Mapping):
        return {name: _stable(name, item) for name, item in value.items()}
    return [_stable("", item) for item in value] if isinstance(value, list | tuple) else value
