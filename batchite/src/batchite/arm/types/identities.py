"""User-assigned managed identities. Their principal and client ids are made once and kept."""

from __future__ import annotations

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, new_uuid
from batchite.arm.resources import Resource
from batchite.arm.shapes import location, read_only, record, tags, text

NAME = "Microsoft.ManagedIdentity/userAssignedIdentities"
_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"


def _complete(arm: Arm, _rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    known = old["properties"] if old else {"principalId": new_uuid(), "clientId": new_uuid()}
    given = wanted.get("properties", {})
    return {**wanted, "properties": {"isolationScope": "None", **known, **given, "tenantId": arm.directory.tenant}}


IDENTITY = ResourceType(
    name=NAME,
    template=f"{_GROUP}/{NAME}/{{resourceName}}",
    collections=(f"/subscriptions/{{subscriptionId}}/providers/{NAME}", f"{_GROUP}/{NAME}"),
    body=record(
        {
            "location": location,
            "tags": tags,
            "properties": record(
                {
                    "principalId": read_only,
                    "clientId": read_only,
                    "tenantId": read_only,
                    "isolationScope": text("None", "Regional"),
                }
            ),
        },
        required=("location",),
    ),
    name_pattern=r"[A-Za-z0-9][-\w]{2,127}",
    immutable={"location": "InvalidResourceLocation"},
    patch=True,
    complete=_complete,
)
