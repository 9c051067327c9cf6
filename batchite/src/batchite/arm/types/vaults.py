"""Key vaults, their keys and secrets: stored. Nothing is encrypted with a key, and no secret is kept or read back.

The rules of names and of deletion are Azure's. A vault's name is unique in the world, and a deleted vault holds it for
as many days of the service's time as its soft delete lasts: until then a vault of that name can only be recovered
(`createMode` of a PUT), or purged, if it has no purge protection. A key's PUT makes a version where there is no key
and changes nothing where there is one. Deleting a key or a secret, which in Azure belongs to the vault's data plane,
is served here.

Sources: REST reference of Microsoft.KeyVault 2024-11-01, "Azure Key Vault soft-delete overview".
"""

from __future__ import annotations

from typing import Any

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, new_uuid, value_at
from batchite.arm.resources import Resource, private
from batchite.arm.shapes import array, number, record, text
from batchite.arm.stored import Stored, in_turn, require_location, resource_type
from batchite.arm.types.private_links import with_connections
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request, Response

VAULTS = "Microsoft.KeyVault/vaults"
KEYS = f"{VAULTS}/keys"
SECRETS = f"{VAULTS}/secrets"
DELETED = "Microsoft.KeyVault/locations/deletedVaults"
_DAY = 24 * 60 * 60.0
_NAME = r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]"
_ITEM_NAME = "[a-zA-Z0-9-]{1,127}"
_DAYS = "properties.softDeleteRetentionInDays"


def _complete_vault(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    properties = dict(wanted["properties"])
    mode = properties.pop("createMode", "default")
    if old:
        properties = _kept(old["properties"], properties)
    else:
        deleted = _check_free(arm, rid, mode)
        if deleted:
            return dict(private(deleted)["vault"])
    properties["vaultUri"] = f"https://{rid.name.lower()}.vault.azure.net/"
    return {**wanted, "properties": properties}


def _check_free(arm: Arm, rid: ResourceId, mode: str) -> Resource | None:
    """Raise for a name that is taken. Answers the deleted vault that is to be recovered."""
    if any(found["name"].lower() == rid.name.lower() for found in arm.resources.of_type(VAULTS)):
        raise ServiceError("VaultAlreadyExists", f"The name is '{rid.name}'.")
    deleted = _deleted(arm, rid.name)
    if mode == "recover" and (deleted is None or deleted["properties"]["vaultId"].lower() != rid.key):
        raise ServiceError("ResourceNotFound", f"There is no deleted vault '{rid.name}' to recover.")
    if mode != "recover" and deleted is not None:
        raise ServiceError("ConflictError", f"The name is '{rid.name}'.")
    return deleted


def _kept(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What no update takes back: purge protection, the days of soft delete. Raises BadRequest."""
    if new["softDeleteRetentionInDays"] != old["softDeleteRetentionInDays"]:
        raise ServiceError("BadRequest", "softDeleteRetentionInDays has been set already and can't be modified.")
    return {**new, **({"enablePurgeProtection": True} if old.get("enablePurgeProtection") else {})}


def _check_rules(_arm: Arm, _rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    properties = wanted["properties"]
    if properties.get("enablePurgeProtection") is False:
        raise ServiceError("BadRequest", "enablePurgeProtection can't be false: leave it out, or set it for good.")
    if not properties["enableSoftDelete"]:
        raise ServiceError("BadRequest", "enableSoftDelete can't be false: every vault has soft delete.")
    return wanted


def _deleted(arm: Arm, name: str) -> Resource | None:
    """The deleted vault that still holds the name."""
    now = arm.service.now().service
    found = (one for one in arm.resources.of_type(DELETED) if one["name"].lower() == name.lower())
    return next((one for one in found if private(one)["end"] > now), None)


async def _write_vault(arm: Arm, new: Resource, old: Resource | None, _cause: str) -> None:
    """Keep it; a recovered one is not deleted any more, and has its keys back."""
    deleted = None if old else _deleted(arm, new["name"])
    await arm.resources.put(new)
    if deleted:
        for item in private(deleted)["items"]:
            await arm.resources.put(item)
        await arm.resources.remove(deleted["id"])


async def _remove_vault(arm: Arm, vault: Resource, _cause: str) -> None:
    """Soft delete: the vault and what is inside are kept aside until the name is free again."""
    days, now = value_at(vault, _DAYS), arm.service.now()
    location = f"/subscriptions/{arm.directory.subscription}/providers/Microsoft.KeyVault/locations/{vault['location']}"
    properties = {
        "vaultId": vault["id"],
        "location": vault["location"],
        "tags": vault.get("tags", {}),
        "deletionDate": wire_time(now.wire),
        "scheduledPurgeDate": wire_time(now.wire + days * _DAY),
        **({"purgeProtectionEnabled": True} if vault["properties"].get("enablePurgeProtection") else {}),
    }
    whole = {**vault, "properties": {**vault["properties"], "provisioningState": "Succeeded"}}
    aside = {"vault": whole, "items": arm.resources.inside(vault["id"]), "end": now.service + days * _DAY}
    identifier = f"{location}/deletedVaults/{vault['name']}"
    deleted = {"id": identifier, "name": vault["name"], "type": DELETED, "properties": properties, "_private": aside}
    await arm.resources.put(deleted)
    await arm.resources.remove(vault["id"])


async def _purge(arm: Arm, deleted: Resource, _request: Request) -> Response:
    if deleted["properties"].get("purgeProtectionEnabled"):
        raise ServiceError("BadRequest", f"The vault '{deleted['name']}' has purge protection and can't be purged.")
    await arm.resources.remove(deleted["id"])
    return Response(200)


def _load_deleted(arm: Arm, rid: ResourceId) -> Resource | None:
    found = arm.resources.get(rid.key)
    return found if found and private(found)["end"] > arm.service.now().service else None


def _parent_uri(arm: Arm, rid: ResourceId) -> str:
    assert rid.parent is not None
    vault = arm.resources.get(rid.parent.key) or {}
    return str(value_at(vault, "properties.vaultUri"))


def _complete_key(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if old:
        return old
    now = int(arm.service.now().wire)
    properties = dict(wanted["properties"])
    kty = properties.setdefault("kty", "RSA")
    if kty.startswith("RSA"):
        properties.setdefault("keySize", 2048)
        properties.setdefault("keyOps", ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"])
    else:
        properties.setdefault("curveName", "P-256")
        properties.setdefault("keyOps", ["sign", "verify"])
    times = {"created": now, "updated": now, "recoveryLevel": "Recoverable+Purgeable"}
    attributes = {"enabled": True, "exportable": False, **properties.get("attributes", {}), **times}
    uri = f"{_parent_uri(arm, rid)}keys/{rid.name}"
    version = new_uuid().replace("-", "")
    outputs = {"attributes": attributes, "keyUri": uri, "keyUriWithVersion": f"{uri}/{version}"}
    return {**wanted, "properties": {**properties, **outputs}}


def _complete_secret(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    """What is known of a secret beside its value, which is not kept: the management plane shows it to nobody."""
    now = int(arm.service.now().wire)
    properties = {name: one for name, one in wanted["properties"].items() if name != "value"}
    created = value_at(old or {}, "properties.attributes.created") or now
    attributes = {"enabled": True, **properties.get("attributes", {}), "created": created, "updated": now}
    uri = f"{_parent_uri(arm, rid)}secrets/{rid.name}"
    version = f"{uri}/{new_uuid().replace('-', '')}"
    outputs = {"attributes": attributes, "secretUri": uri, "secretUriWithVersion": version}
    return {**wanted, "properties": {**properties, **outputs}}


def _secret_value(value: Any, path: str) -> str:
    if not isinstance(value, str) or len(value) > 25_000:
        raise invalid_property(path, "", "A string of at most 25000 characters is expected.")
    return value


VAULT = resource_type(
    Stored(
        VAULTS,
        defaults={
            "properties": {
                "accessPolicies": [],
                "enableRbacAuthorization": False,
                "enableSoftDelete": True,
                "enabledForDeployment": False,
                "publicNetworkAccess": "Enabled",
                "softDeleteRetentionInDays": 90,
            }
        },
        shapes={
            _DAYS: number(7, 90),
            "properties.accessPolicies": array(
                record(
                    {
                        "applicationId": text(),
                        "objectId": text(),
                        "permissions": record(
                            {name: array(text()) for name in ("certificates", "keys", "secrets", "storage")}
                        ),
                        "tenantId": text(),
                    },
                    required=("objectId", "permissions", "tenantId"),
                ),
                high=1024,
            ),
        },
    ),
    in_turn(require_location, _check_rules, _complete_vault),
    write=_write_vault,
    remove=_remove_vault,
    render=with_connections,
    name_pattern=_NAME,
    patch=True,
    polled=True,
)
DELETED_VAULT = ResourceType(
    name=DELETED,
    template="/subscriptions/{subscriptionId}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vaultName}",
    collections=("/subscriptions/{subscriptionId}/providers/Microsoft.KeyVault/deletedVaults",),
    body=record({}),
    put=False,
    delete=False,
    actions={"purge": _purge},
    load=_load_deleted,
)
KEY = resource_type(
    Stored(KEYS, shapes={"properties.keySize": number(2048, 4096)}),
    _complete_key,
    name_pattern=_ITEM_NAME,
    created=200,
)
SECRET = resource_type(
    Stored(SECRETS, shapes={"properties.value": _secret_value}),
    _complete_secret,
    name_pattern=_ITEM_NAME,
    patch=True,
)

TYPES = (VAULT, DELETED_VAULT, KEY, SECRET)
