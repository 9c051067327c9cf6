"""Batch accounts. Each one is a data plane of its own at `/batch/<account>`.

Honoured: allowedAuthenticationModes, keys, the linked storage account, identities, the quotas; the
rest describes Azure's side of the account. `support.ACCOUNT` says what becomes of each input.
"""

from __future__ import annotations

import asyncio
from typing import Any

from batchite.arm import quotas
from batchite.arm.bodies import read_body
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, new_key
from batchite.arm.resources import Resource, ResourceStore, private
from batchite.arm.shapes import array, location, read_only, record, tags, text
from batchite.arm.types import storage_accounts
from batchite.arm.types.identity import identity_shape, resolve_identity
from batchite.arm.types.private_links import with_connections
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request, Response
from batchite.scheduler.events import DeleteJob, DeleteSchedule
from batchite.scheduler.model import CoreQuota

NAME = "Microsoft.Batch/batchAccounts"
BUILT_IN = "batchite"  # the account that exists without ARM: its name is taken
USER_SUBSCRIPTION = "UserSubscription"
_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
_MODES = ("SharedKey", "AAD", "TaskAuthenticationToken")
_POLL = 0.05  # seconds between two looks at what is being deleted
_QUOTAS = {
    "dedicatedCoreQuota": 900,
    "lowPriorityCoreQuota": 100,
    "dedicatedCoreQuotaPerVMFamily": [],
    "dedicatedCoreQuotaPerVMFamilyEnforced": False,
    "poolQuota": 100,
    "activeJobAndJobScheduleQuota": 300,
}
_DEFAULTS = {
    "poolAllocationMode": "BatchService",
    "publicNetworkAccess": "Enabled",
    "encryption": {"keySource": "Microsoft.Batch"},
    "allowedAuthenticationModes": list(_MODES),
}


def limits(resources: ResourceStore, account: Resource) -> dict[str, int]:
    """The account's quotas by name: Azure's defaults, but those that were set for it."""
    properties = account["properties"]
    return {name: properties[name] for name in quotas.NAMES} | quotas.quotas_of(resources, account["name"])


def core_quota(resources: ResourceStore, account: Resource) -> CoreQuota | None:
    """The vCPUs that the account's nodes may have; those of a user subscription are limited by the subscription."""
    if account["properties"]["poolAllocationMode"] == USER_SUBSCRIPTION:
        return None
    found = limits(resources, account)
    return CoreQuota(found[quotas.CORES], found[quotas.SPOT_CORES])


def _complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if old is None:
        _check_free(arm, rid.name)
    properties = {**_DEFAULTS, **wanted.get("properties", {}), **_QUOTAS, "provisioningState": "Succeeded"}
    if properties["poolAllocationMode"] == USER_SUBSCRIPTION and "keyVaultReference" not in properties:
        raise invalid_property("properties.keyVaultReference", "", "UserSubscription needs a key vault.")
    if "autoStorage" in properties:
        properties["autoStorage"] = _auto_storage(arm, properties["autoStorage"], wanted)
    identity = wanted.get("identity") or {"type": "None"}
    keys = private(old) if old else {"keys": [new_key(), new_key()]}
    return resolve_identity(arm, {**wanted, "identity": identity, "properties": properties, "_private": keys}, old)


def _auto_storage(arm: Arm, given: dict[str, Any], wanted: Resource) -> dict[str, Any]:
    path = "properties.autoStorage"
    linked = arm.resources.get(given["storageAccountId"])
    if linked is None or linked["type"] != storage_accounts.NAME:
        raise invalid_property(f"{path}.storageAccountId", given["storageAccountId"], "No such storage account.")
    mode = given.get("authenticationMode", "StorageKeys")
    if mode == "BatchAccountManagedIdentity" and not wanted.get("identity"):
        raise invalid_property(f"{path}.authenticationMode", mode, "The account needs a managed identity for it.")
    return {**given, "authenticationMode": mode, "lastKeySync": wire_time(arm.service.now().wire)}


def _check_free(arm: Arm, name: str) -> None:
    taken = any(found["name"].lower() == name.lower() for found in arm.resources.of_type(NAME))
    if taken or name.lower() == BUILT_IN:
        raise ServiceError("Conflict", f"An account named '{name}' is already in use.")


def _render(arm: Arm, resource: Resource) -> Resource:
    endpoint = f"{arm.endpoints.https.split('://')[-1]}/batch/{resource['name'].lower()}"
    known = limits(arm.resources, resource) | {"accountEndpoint": endpoint}
    return with_connections(arm, {**resource, "properties": {**resource["properties"], **known}})


async def _remove(arm: Arm, resource: Resource, cause: str) -> None:
    """Delete the account's schedules, jobs and pools, wait until they are gone, then forget the account."""
    account = resource["name"].lower()
    for schedule in [found for found in arm.service.schedules.values() if found.key.account == account]:
        if schedule.state != "deleting":
            await arm.service.apply(DeleteSchedule(schedule.key, cause))
    for job in [found for found in arm.service.jobs.values() if found.key.account == account]:
        if job.state != "deleting":
            await arm.service.apply(DeleteJob(job.key, cause))
    for pool in [found for found in arm.service.pools.values() if found.key.account == account]:
        if pool.state != "deleting":
            await arm.pools.delete_pool(arm.service, pool.key, cause=cause)
    while _in_use(arm, account):  # noqa: ASYNC110 - the core announces no end of a deletion
        await asyncio.sleep(_POLL)
    await quotas.forget_quotas(arm.resources, account)
    await arm.resources.remove(resource["id"])


def _in_use(arm: Arm, account: str) -> bool:
    held = (arm.service.schedules, arm.service.jobs, arm.service.pools)
    return any(key.account == account for found in held for key in found)


async def _list_keys(_arm: Arm, account: Resource, _request: Request) -> Response:
    """The keys; the service refuses when the account takes no shared key."""
    if "SharedKey" not in account["properties"]["allowedAuthenticationModes"]:
        raise ServiceError("SharedKeyNotAllowed")
    primary, secondary = account["_private"]["keys"]
    return Response(200, {"accountName": account["name"], "primary": primary, "secondary": secondary})


async def _regenerate_keys(arm: Arm, account: Resource, request: Request) -> Response:
    body = record({"keyName": text("Primary", "Secondary")}, required=("keyName",))(read_body(request), "")
    keys = list(account["_private"]["keys"])
    keys[0 if body["keyName"] == "Primary" else 1] = new_key()
    changed = {**account, "_private": {"keys": keys}}
    await arm.resources.put(changed)
    return await _list_keys(arm, changed, request)


async def _synchronize(arm: Arm, account: Resource, _request: Request) -> Response:
    """Nothing to copy: the data plane reads the storage account itself. Only its time is noted."""
    linked = account["properties"].get("autoStorage")
    if not linked:
        raise invalid_property("properties.autoStorage", "", "The account has no linked storage account.")
    linked = {**linked, "lastKeySync": wire_time(arm.service.now().wire)}
    await arm.resources.put({**account, "properties": {**account["properties"], "autoStorage": linked}})
    return Response(204)


async def check_name(arm: Arm, request: Request) -> Response:
    """POST checkNameAvailability: whether a Batch account of that name may be created."""
    body = record({"name": text(), "type": text(NAME)}, required=("name", "type"))(read_body(request), "")
    try:
        ACCOUNT.check_name(body["name"])
        _check_free(arm, body["name"])
    except ServiceError as error:
        reason = "AlreadyExists" if error.status == 409 else "Invalid"
        return Response(200, {"nameAvailable": False, "reason": reason, "message": error.text})
    return Response(200, {"nameAvailable": True})


_OUTPUTS = ("accountEndpoint", "nodeManagementEndpoint", "provisioningState", "privateEndpointConnections", *_QUOTAS)
_ACCESS = record(
    {
        "defaultAction": text("Allow", "Deny"),
        "ipRules": array(record({"action": text("Allow"), "value": text()}, required=("action", "value"))),
    },
    required=("defaultAction",),
)
_AUTO_STORAGE = record(
    {
        "storageAccountId": text(),
        "authenticationMode": text("StorageKeys", "BatchAccountManagedIdentity"),
        "nodeIdentityReference": record({"resourceId": text()}),
        "lastKeySync": read_only,
    },
    required=("storageAccountId",),
)
_PROPERTIES = {
    **dict.fromkeys(_OUTPUTS, read_only),
    "allowedAuthenticationModes": array(text(*_MODES)),
    "autoStorage": _AUTO_STORAGE,
    "encryption": record(
        {
            "keySource": text("Microsoft.Batch", "Microsoft.KeyVault"),
            "keyVaultProperties": record({"keyIdentifier": text()}),
        }
    ),
    "keyVaultReference": record({"id": text(), "url": text()}, required=("id", "url")),
    "networkProfile": record({"accountAccess": _ACCESS, "nodeManagementAccess": _ACCESS}),
    "poolAllocationMode": text("BatchService", USER_SUBSCRIPTION),
    "publicNetworkAccess": text("Enabled", "Disabled", "SecuredByPerimeter"),
}

ACCOUNT = ResourceType(
    name=NAME,
    template=f"{_GROUP}/{NAME}/{{accountName}}",
    collections=(f"/subscriptions/{{subscriptionId}}/providers/{NAME}", f"{_GROUP}/{NAME}"),
    body=record(
        {
            "location": location,
            "tags": tags,
            "identity": identity_shape("None", "SystemAssigned", "UserAssigned"),
            "properties": record(_PROPERTIES),
        },
        required=("location",),
    ),
    name_pattern="[a-zA-Z0-9]{3,24}",
    long_create=True,
    long_delete=True,
    patch=True,
    immutable={"location": "InvalidResourceLocation", "properties.poolAllocationMode": "PropertyCannotBeUpdated"},
    actions={
        "listKeys": _list_keys,
        "regenerateKeys": _regenerate_keys,
        "syncAutoStorageKeys": _synchronize,
    },
    complete=_complete,
    remove=_remove,
    render=_render,
)
