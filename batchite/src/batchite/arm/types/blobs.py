"""What lies under a storage account: the blob service's settings, containers, the lifecycle policy.

A container is created in the blob store. Settings of the service and the lifecycle policy are stored and returned;
Batchite keeps no deleted blobs and no versions of overwritten ones, and moves or deletes none by policy.
"""

from __future__ import annotations

from batchite.arm import ids
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType
from batchite.arm.resources import Resource
from batchite.arm.shapes import anything, flag, mapping, read_only, record, text, unbuilt
from batchite.arm.types import storage_accounts
from batchite.clock import wire_time
from batchite.errors import invalid_property

_ACCOUNT = storage_accounts.ACCOUNT.template
_SERVICE_TYPE = f"{storage_accounts.NAME}/blobServices"
_POLICY_TYPE = f"{storage_accounts.NAME}/managementPolicies"
_SERVICE_DEFAULTS = {
    "cors": {"corsRules": []},
    "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
}


def _account_of(resource: Resource) -> str:
    return ids.parse(resource["id"]).names[0]


def _load_service(arm: Arm, rid: ResourceId) -> Resource | None:
    """Every account has its blob service, with defaults until a PUT."""
    stored = arm.resources.get(rid.key)
    account = rid.parent
    if stored or account is None or arm.resources.get(account.key) is None or rid.name.lower() != "default":
        return stored
    return {"id": rid.text, "name": "default", "type": _SERVICE_TYPE, "properties": _SERVICE_DEFAULTS}


def _complete_service(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    return {**wanted, "properties": {**_SERVICE_DEFAULTS, **wanted.get("properties", {})}}


BLOB_SERVICE = ResourceType(
    name=_SERVICE_TYPE,
    template=f"{_ACCOUNT}/blobServices/{{blobServicesName}}",
    body=record(
        {
            "sku": read_only,
            "properties": record(
                {
                    "automaticSnapshotPolicyEnabled": flag(unbuilt=True),
                    "changeFeed": anything,
                    "containerDeleteRetentionPolicy": anything,
                    "cors": anything,
                    "defaultServiceVersion": text(),
                    "deleteRetentionPolicy": anything,
                    "isVersioningEnabled": flag(),
                    "lastAccessTimeTrackingPolicy": anything,
                    "restorePolicy": anything,
                    "staticWebsite": unbuilt,
                }
            ),
        }
    ),
    name_pattern="default",
    created=200,
    delete=False,
    stored=True,
    load=_load_service,
    complete=_complete_service,
)


def _complete_container(arm: Arm, _rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    now = arm.service.now().wire
    given = wanted.get("properties", {})
    kept = old["properties"] if old else {}
    outputs = {
        "leaseState": "Available",
        "leaseStatus": "Unlocked",
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "deleted": False,
        "remainingRetentionDays": 0,
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "publicAccess": "None",
    }
    etag = f'"0x8D{int(now * 1e7):X}"'
    return {**wanted, "etag": etag, "properties": {**outputs, **kept, **given, "lastModifiedTime": wire_time(now)}}


async def _write_container(arm: Arm, new: Resource, old: Resource | None, _cause: str) -> None:
    if old is None:
        await arm.blobs.create_container(_account_of(new), new["name"])
    await arm.resources.put(new)


async def _remove_container(arm: Arm, resource: Resource, _cause: str) -> None:
    await arm.blobs.delete_container(_account_of(resource), resource["name"])
    await arm.resources.remove(resource["id"])


_CONTAINER_OUTPUTS = [
    "version",
    "deleted",
    "deletedTime",
    "remainingRetentionDays",
    "lastModifiedTime",
    "leaseState",
    "leaseStatus",
    "leaseDuration",
    "hasImmutabilityPolicy",
    "hasLegalHold",
    "immutabilityPolicy",
    "legalHold",
]

CONTAINER = ResourceType(
    name=f"{_SERVICE_TYPE}/containers",
    template=f"{_ACCOUNT}/blobServices/default/containers/{{containerName}}",
    collections=(f"{_ACCOUNT}/blobServices/default/containers",),
    body=record(
        {
            "properties": record(
                {
                    **dict.fromkeys(_CONTAINER_OUTPUTS, read_only),
                    "publicAccess": text("None", unbuilt=("Blob", "Container")),
                    "metadata": mapping(text()),
                    "defaultEncryptionScope": text(),
                    "denyEncryptionScopeOverride": flag(),
                    "enableNfsV3AllSquash": flag(unbuilt=True),
                    "enableNfsV3RootSquash": flag(unbuilt=True),
                    "immutableStorageWithVersioning": unbuilt,
                }
            )
        }
    ),
    name_pattern=r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    not_found="ContainerNotFound",
    patch=True,
    complete=_complete_container,
    write=_write_container,
    remove=_remove_container,
)


def _complete_policy(arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    policy = wanted["properties"]["policy"]
    if not isinstance(policy, dict) or not isinstance(policy.get("rules"), list):
        raise invalid_property("properties.policy.rules", "", "A list of rules is expected.")
    modified = {"lastModifiedTime": wire_time(arm.service.now().wire)}
    return {**wanted, "properties": {**wanted["properties"], **modified}}


MANAGEMENT_POLICY = ResourceType(
    name=_POLICY_TYPE,
    template=f"{_ACCOUNT}/managementPolicies/{{managementPolicyName}}",
    body=record(
        {"properties": record({"policy": anything, "lastModifiedTime": read_only}, required=("policy",))},
        required=("properties",),
    ),
    name_pattern="default",
    created=200,
    stored=True,
    complete=_complete_policy,
)
