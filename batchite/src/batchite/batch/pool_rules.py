"""What the shape of a pool's document does not say: rules between its properties.

Source: REST reference, Pool - Add (nodeAgentSKUId, taskSlotsPerNode, ImageReference, WindowsConfiguration, DataDisk).
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.endpoint_rules import check_endpoints
from batchite.batch.images import agent_of, is_windows
from batchite.batch.machine import RESOURCE_GROUP, SUBNET_ID
from batchite.batch.rules import refuse, text
from batchite.batch.sizes import vcpus
from batchite.batch.user_accounts import check_accounts, check_user
from batchite.errors import invalid_property
from batchite.http.types import Json

_SLOTS_PER_CORE = 4
_MARKETPLACE = ("publisher", "offer", "sku", "version")
_IMAGE_IDS = ("virtualMachineImageId", "sharedGalleryImageId", "communityGalleryImageId")
_ADDRESS_ID = text(
    pattern=RESOURCE_GROUP + r"Microsoft\.Network/publicIPAddresses/[^/]+",
    form="the ARM id of a public IP address, /subscriptions/…/publicIPAddresses/<name>",
)
_IMAGE_ID = text(
    pattern=RESOURCE_GROUP + r"Microsoft\.Compute/(images/[^/]+|galleries/[^/]+/images/[^/]+(/versions/[^/]+)?)",
    form="the ARM id of an image, or of a gallery's image with or without its version",
)


def check_pool(body: Mapping[str, Json]) -> None:
    """Raise a 400 naming the property unless the document of a new pool keeps them all."""
    _check_references(body)
    _check_scale(body)
    _check_slots(body)
    _check_communication(body)
    endpoints = body.get("networkConfiguration", {}).get("endpointConfiguration", {})
    check_endpoints(endpoints.get("inboundNATPools", ()))
    _check_machine(body["virtualMachineConfiguration"])
    check_accounts(body.get("userAccounts") or (), windows=is_windows(body["virtualMachineConfiguration"]))
    check_start_task(body.get("startTask"), body)


def _check_references(body: Mapping[str, Json]) -> None:
    """Raise a 400 for an image that does not run the node agent, or an id that is none of its kind."""
    machine, network = body["virtualMachineConfiguration"], body.get("networkConfiguration", {})
    wanted = agent_of(machine["imageReference"])
    if wanted and machine["nodeAgentSKUId"].lower() != wanted:
        reason = f"The image runs the node agent {wanted!r}."
        raise refuse("virtualMachineConfiguration.nodeAgentSKUId", machine["nodeAgentSKUId"], reason)
    image = machine["imageReference"].get("virtualMachineImageId")
    if image is not None:
        _IMAGE_ID("virtualMachineConfiguration.imageReference.virtualMachineImageId", image)
    if network.get("subnetId") is not None:
        SUBNET_ID("networkConfiguration.subnetId", network["subnetId"])
    for index, address in enumerate(network.get("publicIPAddressConfiguration", {}).get("ipAddressIds") or ()):
        _ADDRESS_ID(f"networkConfiguration.publicIPAddressConfiguration.ipAddressIds[{index}]", address)


def check_start_task(start_task: Mapping[str, Json] | None, pool_document: Mapping[str, Json]) -> None:
    """Raise a 400 when it names a user that the pool does not have."""
    check_user("startTask.userIdentity", (start_task or {}).get("userIdentity"), pool_document)


def _check_scale(body: Mapping[str, Json]) -> None:
    """Targets and a formula exclude each other; a formula needs enableAutoScale."""
    formulas = [name for name in ("autoScaleFormula", "autoScaleEvaluationInterval") if name in body]
    targets = [name for name in ("targetDedicatedNodes", "targetLowPriorityNodes") if name in body]
    wrong, reason = (targets, "excludes") if body.get("enableAutoScale") else (formulas, "needs")
    if wrong:
        raise invalid_property(wrong[0], body[wrong[0]], f"The property {reason} enableAutoScale = true.")


def _check_slots(body: Mapping[str, Json]) -> None:
    """At most four task slots for each vCPU, where the size's name tells how many it has."""
    slots, cores = body.get("taskSlotsPerNode", 1), vcpus(body["vmSize"])
    if cores and slots > _SLOTS_PER_CORE * cores:
        reason = f"A node of {cores} vCPUs has at most {_SLOTS_PER_CORE * cores} task slots."
        raise refuse("taskSlotsPerNode", slots, reason, "OutOfRangeInput")


def _check_communication(body: Mapping[str, Json]) -> None:
    """Nodes that talk to each other are all dedicated or all Spot."""
    both = body.get("targetDedicatedNodes") and body.get("targetLowPriorityNodes")
    if body.get("enableInterNodeCommunication") and both:
        reason = "A pool with both dedicated and Spot nodes cannot have inter-node communication."
        raise refuse("enableInterNodeCommunication", True, reason)


def _check_machine(machine: Mapping[str, Json]) -> None:
    """One image; what is of Windows only for it; a number of its own for each disk."""
    name, image = "virtualMachineConfiguration", machine["imageReference"]
    given = [key for key in _IMAGE_IDS if key in image]
    if len(given) + any(key in image for key in _MARKETPLACE) > 1:
        raise refuse(f"{name}.imageReference.{given[-1]}", image[given[-1]], "It excludes the other properties.")
    if not machine["nodeAgentSKUId"].lower().startswith("batch.node.windows"):
        for key in ("windowsConfiguration", "licenseType"):
            if key in machine:
                raise refuse(f"{name}.{key}", machine[key], "It can only be given for a Windows image.")
    numbers: set[int] = set()
    for index, disk in enumerate(machine.get("dataDisks") or ()):
        if disk["lun"] in numbers:
            raise refuse(f"{name}.dataDisks[{index}].lun", disk["lun"], "Another disk has the number.")
        numbers.add(disk["lun"])
