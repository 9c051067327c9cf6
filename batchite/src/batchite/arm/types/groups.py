"""Resource groups. Deleting one deletes everything inside, Batch accounts before the storage their tasks use."""

from __future__ import annotations

from batchite.arm import ids
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType
from batchite.arm.resources import Resource
from batchite.arm.shapes import location, read_only, record, tags, text


def _complete(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    return {**wanted, "properties": {"provisioningState": "Succeeded"}}


async def _remove(arm: Arm, group: Resource, cause: str) -> None:
    """Remove the resources inside one by one, each as its type demands, then the group."""
    inside = [found for found in arm.resources.inside(group["id"]) if _is_top(found)]
    for resource in sorted(inside, key=lambda found: (found["type"] != "Microsoft.Batch/batchAccounts", found["id"])):
        await arm.kinds[resource["type"].lower()].remove(arm, resource, cause)
    await arm.resources.remove(group["id"])


def _is_top(resource: Resource) -> bool:
    rid = ids.parse(resource["id"])
    return len(rid.types) == 1 and rid.scope.lower() == rid.group.lower()


GROUP = ResourceType(
    name=ids.GROUP,
    template="/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}",
    collections=("/subscriptions/{subscriptionId}/resourceGroups",),
    body=record(
        {
            "location": location,
            "tags": tags,
            "managedBy": text(),
            "properties": record({"provisioningState": read_only}),
        },
        required=("location",),
    ),
    name_pattern=r"[-\w._()]{0,89}[-\w_()]",
    not_found="ResourceGroupNotFound",
    being_deleted="ResourceGroupBeingDeleted",
    immutable={"location": "InvalidResourceGroupLocation"},
    patch=True,
    head=True,
    long_delete=True,
    complete=_complete,
    remove=_remove,
)
