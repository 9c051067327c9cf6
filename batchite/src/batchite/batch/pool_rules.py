"""What the shape of a pool's document does not say: rules between its properties.

Source: REST reference, Pool - Add (InboundNATPool, nodeAgentSKUId, taskSlotsPerNode).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchite.batch.images import agent_of, is_windows
from batchite.batch.machine import RESOURCE_GROUP, SUBNET_ID
from batchite.batch.rules import refuse, text
from batchite.batch.sizes import vcpus
from batchite.batch.user_accounts import check_accounts, check_user
from batchite.errors import invalid_property
from batchite.http.types import Json

_SLOTS_PER_CORE = 4
_FEWEST_PORTS = 40
_RESERVED_PORTS = range(50000, 55001)
_IMAGE_ID = text(
    pattern=RESOURCE_GROUP + r"Microsoft\.Compute/(images/[^/]+|galleries/[^/]+/images/[^/]+(/versions/[^/]+)?)",
    form="the ARM id of an image, or of a gallery's image with or without its version",
)
_RESERVED_BACKENDS = (29876, 29877)


def check_pool(body: Mapping[str, Json]) -> None:
    """Raise a 400 naming the property unless the document of a new pool keeps them all."""
    _check_scale(body)
    _check_slots(body)
    _check_communication(body)
    endpoints = body.get("networkConfiguration", {}).get("endpointConfiguration", {})
    _check_endpoints(endpoints.get("inboundNATPools", ()))
    check_accounts(body.get("userAccounts") or (), windows=is_windows(body["virtualMachineConfiguration"]))
    check_start_task(body.get("startTask"), body)


def check_references(body: Mapping[str, Json]) -> None:
    """Raise a 400 for an image that does not run the node agent, or an id that is none of its kind."""
    machine = body["virtualMachineConfiguration"]
    wanted = agent_of(machine["imageReference"])
    if wanted and machine["nodeAgentSKUId"].lower() != wanted:
        reason = f"The image runs the node agent {wanted!r}."
        raise refuse("virtualMachineConfiguration.nodeAgentSKUId", machine["nodeAgentSKUId"], reason)
    image = machine["imageReference"].get("virtualMachineImageId")
    if image is not None:
        _IMAGE_ID("virtualMachineConfiguration.imageReference.virtualMachineImageId", image)
    subnet = body.get("networkConfiguration", {}).get("subnetId")
    if subnet is not None:
        SUBNET_ID("networkConfiguration.subnetId", subnet)


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


def _check_endpoints(pools: Sequence[Mapping[str, Json]]) -> None:
    taken: list[range] = []
    for index, pool in enumerate(pools):
        path = f"networkConfiguration.endpointConfiguration.inboundNATPools[{index}]"
        ports = range(pool["frontendPortRangeStart"], pool["frontendPortRangeEnd"] + 1)
        if len(ports) < _FEWEST_PORTS:
            raise refuse(path, pool, f"A range must contain at least {_FEWEST_PORTS} ports.")
        if any(_overlap(ports, other) for other in (*taken, _RESERVED_PORTS)):
            raise refuse(path, pool, "A range must not overlap another one, nor ports 50000 to 55000.")
        if pool["backendPort"] in _RESERVED_BACKENDS:
            raise refuse(f"{path}.backendPort", pool["backendPort"], "The port is reserved.")
        taken.append(ports)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop
