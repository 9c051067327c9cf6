"""Storage accounts. Each one is an account of the blob store behind the gateway.

Honoured locally: the name, the keys, allowSharedKeyAccess, containers and role assignments. Everything that describes
Azure's hardware, network, encryption or billing (sku, network rules, TLS version, access tier, ...) is stored and
returned. What would change how blobs behave and is not built is refused by name.
"""

from __future__ import annotations

from typing import Any

from batchite.arm.bodies import read_body
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, new_key
from batchite.arm.resources import Resource, private
from batchite.arm.shapes import anything, array, flag, location, read_only, record, tags, text, unbuilt
from batchite.arm.types.identity import identity_shape, resolve_identity
from batchite.arm.types.private_links import with_connections
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request, Response

NAME = "Microsoft.Storage/storageAccounts"
_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
_SKUS = [
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "StandardV2_LRS",
    "StandardV2_GRS",
    "StandardV2_ZRS",
    "StandardV2_GZRS",
    "PremiumV2_LRS",
    "PremiumV2_ZRS",
]
_STORED = [
    "customDomain",
    "encryption",
    "networkAcls",
    "azureFilesIdentityBasedAuthentication",
    "largeFileSharesState",
    "routingPreference",
    "dualStackEndpointPreference",
    "keyPolicy",
    "sasPolicy",
    "enableExtendedGroups",
]
_OUTPUTS = [
    "provisioningState",
    "primaryEndpoints",
    "primaryLocation",
    "statusOfPrimary",
    "secondaryLocation",
    "statusOfSecondary",
    "secondaryEndpoints",
    "creationTime",
    "keyCreationTime",
    "lastGeoFailoverTime",
    "geoReplicationStats",
    "failoverInProgress",
    "privateEndpointConnections",
    "blobRestoreStatus",
    "isSkuConversionBlocked",
    "accountMigrationInProgress",
]
_DEFAULTS = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
    "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
    "encryption": {
        "keySource": "Microsoft.Storage",
        "services": {name: {"enabled": True, "keyType": "Account"} for name in ("blob", "file")},
    },
}


def _complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if old is None:
        _check_free(arm, rid.name)
    now = wire_time(arm.service.now().wire)
    made: dict[str, Any] = {"creationTime": now, "keyCreationTime": {"key1": now, "key2": now}}
    if old:
        made = {name: old["properties"][name] for name in made}
    outputs = {"provisioningState": "Succeeded", "primaryLocation": wanted["location"], "statusOfPrimary": "available"}
    properties = {**_DEFAULTS, **wanted.get("properties", {}), **made, **outputs}
    sku = {**wanted["sku"], "tier": "Premium" if wanted["sku"]["name"].startswith("Premium") else "Standard"}
    keys = private(old) if old else {"keys": [new_key(), new_key()]}
    return resolve_identity(arm, {**wanted, "sku": sku, "properties": properties, "_private": keys}, old)


async def _write(arm: Arm, new: Resource, old: Resource | None, _cause: str) -> None:
    await arm.resources.put(new)  # before the account is served: a key that is in use is a key that is known
    if old is None:
        await arm.blobs.ensure(new["name"], keys_of(new))


async def _remove(arm: Arm, resource: Resource, _cause: str) -> None:
    await arm.blobs.remove(resource["name"])
    await arm.resources.remove(resource["id"])


def _render(arm: Arm, resource: Resource) -> Resource:
    endpoints = {"blob": f"{arm.endpoints.blob}/{resource['name']}/"}
    return with_connections(arm, {**resource, "properties": {**resource["properties"], "primaryEndpoints": endpoints}})


def keys_of(account: Resource) -> tuple[str, str]:
    """The two keys of a storage account."""
    first, second = account["_private"]["keys"]
    return first, second


def find_account(arm: Arm, name: str) -> Resource | None:
    """The storage account of that name, wherever it is."""
    return next((found for found in arm.resources.of_type(NAME) if found["name"].lower() == name.lower()), None)


def _check_free(arm: Arm, name: str) -> None:
    if find_account(arm, name):
        raise ServiceError("StorageAccountAlreadyTaken", f"The name is '{name}'.")


async def _list_keys(_arm: Arm, account: Resource, request: Request) -> Response:
    """Both keys. `$expand=kerb` asks for Kerberos keys besides: there are none without Azure Files."""
    expand = request.query_value("$expand")
    if expand not in (None, "kerb"):
        raise invalid_property("$expand", expand, "kerb is expected.", "InvalidQueryParameterValue")
    return Response(200, {"keys": _shown_keys(account)})


async def _regenerate_key(arm: Arm, account: Resource, request: Request) -> Response:
    body = record({"keyName": text("key1", "key2")}, required=("keyName",))(read_body(request), "")
    keys, now = list(keys_of(account)), wire_time(arm.service.now().wire)
    keys[int(body["keyName"][-1]) - 1] = new_key()
    times = {**account["properties"]["keyCreationTime"], body["keyName"]: now}
    changed = {**account, "properties": {**account["properties"], "keyCreationTime": times}, "_private": {"keys": keys}}
    await arm.resources.put(changed)
    await arm.blobs.ensure(account["name"], keys_of(changed))
    return Response(200, {"keys": _shown_keys(changed)})


def _shown_keys(account: Resource) -> list[dict[str, str]]:
    times = account["properties"]["keyCreationTime"]
    names = zip(("key1", "key2"), keys_of(account), strict=True)
    return [{"keyName": n, "value": v, "permissions": "FULL", "creationTime": times[n]} for n, v in names]


async def check_name(arm: Arm, request: Request) -> Response:
    """POST checkNameAvailability: whether a storage account of that name may be created."""
    body = record({"name": text(), "type": text(NAME)}, required=("name", "type"))(read_body(request), "")
    try:
        ACCOUNT.check_name(body["name"])
        _check_free(arm, body["name"])
    except ServiceError as error:
        reason = "AlreadyExists" if error.status == 409 else "AccountNameInvalid"
        return Response(200, {"nameAvailable": False, "reason": reason, "message": error.text})
    return Response(200, {"nameAvailable": True})


def _kind(value: Any, path: str) -> str:
    if isinstance(value, str) and value.lower() == "filestorage":
        raise invalid_property(path, value, "Batchite serves blobs only.", "NotImplemented")
    found: str = text("Storage", "StorageV2", "BlobStorage", "BlockBlobStorage")(value, path)
    return found


_PROPERTIES = {
    **dict.fromkeys(_STORED, anything),
    **dict.fromkeys(_OUTPUTS, read_only),
    "accessTier": text("Hot", "Cool", "Premium", "Cold"),
    "allowBlobPublicAccess": flag(unbuilt=True),
    "allowCrossTenantReplication": flag(),
    "allowSharedKeyAccess": flag(),
    "allowedCopyScope": text("PrivateLink", "AAD"),
    "defaultToOAuthAuthentication": flag(),
    "dnsEndpointType": text("Standard", "AzureDnsZone"),
    "immutableStorageWithVersioning": unbuilt,
    "isHnsEnabled": flag(unbuilt=True),
    "isLocalUserEnabled": flag(unbuilt=True),
    "isNfsV3Enabled": flag(unbuilt=True),
    "isSftpEnabled": flag(unbuilt=True),
    "minimumTlsVersion": text("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"),
    "publicNetworkAccess": text("Enabled", "Disabled", "SecuredByPerimeter"),
    "supportsHttpsTrafficOnly": flag(),
}
_FIXED = "AccountPropertyCannotBeUpdated"

ACCOUNT = ResourceType(
    name=NAME,
    template=f"{_GROUP}/{NAME}/{{accountName}}",
    collections=(f"/subscriptions/{{subscriptionId}}/providers/{NAME}", f"{_GROUP}/{NAME}"),
    body=record(
        {
            "location": location,
            "tags": tags,
            "kind": _kind,
            "sku": record({"name": text(*_SKUS), "tier": read_only}, required=("name",)),
            "identity": identity_shape("None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"),
            "extendedLocation": unbuilt,
            "placement": anything,
            "zones": array(text()),
            "properties": record(_PROPERTIES),
        },
        required=("location", "kind", "sku"),
    ),
    name_pattern="[a-z0-9]{3,24}",
    name_error="AccountNameInvalid",
    long_create=True,
    patch=True,
    merges=True,
    immutable={"location": "InvalidResourceLocation", "properties.isHnsEnabled": _FIXED},
    actions={"listKeys": _list_keys, "regenerateKey": _regenerate_key},
    action_query=frozenset({"$expand"}),
    complete=_complete,
    write=_write,
    remove=_remove,
    render=_render,
)
