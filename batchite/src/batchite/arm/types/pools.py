"""Batch pools through ARM. The pool itself belongs to the data plane: this module translates and remembers.

What only ARM knows of a pool (network, disks, tags, ...) is kept as a resource of its own, tied to the pool by its time
of creation: a pool that the data plane has made anew under the same name does not inherit it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from batchite.arm import applications, ids, quotas
from batchite.arm.bodies import read_body
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType
from batchite.arm.resources import Resource, private
from batchite.arm.types import batch_accounts, pool_rules, pool_translate
from batchite.arm.types.identity import resolve_identity
from batchite.arm.types.pool_shape import BODY, FIXED
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request, Response
from batchite.scheduler.events import SetAutoScale
from batchite.scheduler.model import PoolKey, PoolState

NAME = f"{batch_accounts.NAME}/pools"
_POLL = 0.05  # seconds between two looks at a pool that is being deleted
_DEFAULTS: dict[str, Any] = {
    "interNodeCommunication": "Disabled",
    "taskSchedulingPolicy": {"nodeFillType": "Spread"},
    "taskSlotsPerNode": 1,
}
_SCALE_DEFAULTS: dict[str, dict[str, Any]] = {
    "fixedScale": {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"},
    "autoScale": {"evaluationInterval": "PT15M"},
}
_START_TASK_DEFAULTS = {
    "maxTaskRetryCount": 0,
    "userIdentity": {"autoUser": {"scope": "Pool", "elevationLevel": "NonAdmin"}},
    "waitForSuccess": True,
}


def _key(rid: ResourceId) -> PoolKey:
    return PoolKey(rid.names[0].lower(), rid.name.lower())


def _load(arm: Arm, rid: ResourceId) -> Resource | None:
    state = arm.service.pools.get(_key(rid))
    return _resource(arm, rid, state) if state else None


def _listed(arm: Arm, account_id: str, _request: Request) -> Iterable[Resource]:
    account = ids.parse(account_id)
    for state in sorted(arm.service.pools.values(), key=lambda pool: pool.key):
        if state.key.account == account.name.lower():
            names = (account.name, state.id)
            yield _resource(arm, ResourceId(account.scope, account.namespace, (*account.types, "pools"), names), state)


def _resource(arm: Arm, rid: ResourceId, state: PoolState) -> Resource:
    """The pool as ARM shows it: what ARM remembers, then what the data plane says now."""
    wire = arm.pools.render_pool(arm.service, state.key, "")
    remembered = _remembered(arm, rid, state)
    kept = {name: value for name, value in remembered.get("properties", {}).items() if name in FIXED}
    properties = {
        **_DEFAULTS,
        **pool_translate.to_properties(wire),
        **pool_translate.packages(wire, rid.parent.text if rid.parent else ""),
        **kept,
        **pool_translate.outputs(wire, state.deallocation),
    }
    identity = pool_translate.identity_properties(wire.get("identity", {}))
    known = {"id": f"{rid.parent.text}/pools/{state.id}" if rid.parent else rid.text, "name": state.id, "type": NAME}
    tags = {"tags": remembered["tags"]} if "tags" in remembered else {}
    return {**known, "etag": f'W/"{wire["eTag"]}"', **tags, "identity": identity, "properties": properties}


def _remembered(arm: Arm, rid: ResourceId, state: PoolState) -> Resource:
    found = arm.resources.get(rid.key)
    return found if found and private(found).get("created") == state.created_at else {}


def _complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    pool_rules.check_scale(wanted["properties"])
    new = resolve_identity(arm, {**wanted, "properties": with_defaults(wanted["properties"])}, old)
    if old is None:
        _check_quota(arm, rid)
        pool_rules.check_new(new["properties"], user_subscription=_user_subscription(arm, rid))
    else:
        _check_fixed(old, new)
    _check_packages(arm, rid, new["properties"], old)
    return {**new, "identity": new.get("identity") or {"type": "None"}}


def _check_packages(arm: Arm, rid: ResourceId, properties: Mapping[str, Any], old: Resource | None) -> None:
    """New references must be of active versions in the pool's own account; present ones stay whatever has become."""
    present = old["properties"].get("applicationPackages", []) if old else []
    for reference in properties.get("applicationPackages", []):
        if reference not in present and not _can_be_had(arm, rid, reference):
            values = {"ApplicationId": reference["id"], "Version": reference.get("version", "")}
            raise ServiceError("InvalidApplicationPackageReferences", values=values)


def _can_be_had(arm: Arm, rid: ResourceId, reference: Mapping[str, str]) -> bool:
    application = arm.resources.get(reference["id"])
    if (
        application is None
        or rid.parent is None
        or not ids.same(reference["id"].rpartition("/applications/")[0], rid.parent.text)
    ):
        return False
    version = reference.get("version") or application["properties"].get("defaultVersion", "")
    found = arm.resources.get(f"{application['id']}/versions/{version}")
    return found is not None and applications.is_active(found)


def with_defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a request with everything filled in that a GET shows."""
    filled = {**_DEFAULTS, **properties}
    settings = properties.get("scaleSettings") or {"fixedScale": {}}
    filled["scaleSettings"] = {kind: {**_SCALE_DEFAULTS[kind], **given} for kind, given in settings.items()}
    if "startTask" in properties:
        filled["startTask"] = {**_START_TASK_DEFAULTS, **properties["startTask"]}
    return filled


def _check_quota(arm: Arm, rid: ResourceId) -> None:
    account = _account(arm, rid)
    count = sum(key.account == _key(rid).account for key in arm.service.pools)
    if account is not None and count >= batch_accounts.limits(arm.resources, account)[quotas.POOLS]:
        raise ServiceError("PoolQuotaReached")


def _account(arm: Arm, rid: ResourceId) -> Resource | None:
    return arm.resources.get(rid.parent.key) if rid.parent else None


def _user_subscription(arm: Arm, rid: ResourceId) -> bool:
    account = _account(arm, rid)
    mode = batch_accounts.USER_SUBSCRIPTION
    return account is not None and account["properties"]["poolAllocationMode"] == mode


def _check_fixed(old: Resource, new: Resource) -> None:
    """Only scale settings, start task, metadata and application packages may change in place."""
    before, after = (pool_rules.without_secrets(one["properties"]) for one in (old, new))
    pairs = {f"properties.{name}": (before.get(name), after.get(name)) for name in FIXED}
    pairs["identity"] = (_members(old), _members(new))
    pairs["tags"] = (old.get("tags") or {}, new.get("tags") or {})
    for path, (was, wanted) in pairs.items():
        if was != wanted:
            raise invalid_property(path, "", "The property is fixed for the pool's life.", "PropertyCannotBeUpdated")


def _members(resource: Resource) -> set[str]:
    block = resource.get("identity") or {}
    return {rid.lower() for rid in block.get("userAssignedIdentities", {})}


async def _write(arm: Arm, new: Resource, old: Resource | None, cause: str) -> None:
    try:
        await _apply(arm, new, old, cause)
    except ServiceError as error:
        raise pool_rules.in_arm_names(error) from None


async def _apply(arm: Arm, new: Resource, old: Resource | None, cause: str) -> None:
    rid = ids.parse(new["id"])
    if old is not None:
        before, after = (pool_rules.without_secrets(one["properties"]) for one in (old, new))
        changes = pool_translate.changes(before, after)
        if "startTask" in changes:  # with its secrets
            changes["startTask"] = pool_translate.changes(before, new["properties"])["startTask"]
        if changes:
            await arm.pools.update_pool(arm.service, _key(rid), changes, cause=cause)
        return
    document = pool_translate.to_document(new["name"], new["properties"], new.get("identity"))
    quota = batch_accounts.core_quota(arm.resources, account) if (account := _account(arm, rid)) else None
    key = await arm.pools.create_pool(arm.service, _key(rid).account, document, cause=cause, quota=quota)
    created = {"created": arm.service.pools[key].created_at}
    await arm.resources.put({**new, "properties": pool_rules.without_secrets(new["properties"]), "_private": created})


async def _retire(arm: Arm, resource: Resource, cause: str) -> None:
    """Begin to delete: the pool shows `Deleting` before the answer leaves."""
    if resource["properties"]["provisioningState"] != "Deleting":
        await arm.pools.delete_pool(arm.service, _key(ids.parse(resource["id"])), cause=cause)


async def _remove(arm: Arm, resource: Resource, _cause: str) -> None:
    """Wait until the last node has gone, then forget what ARM remembered."""
    key = _key(ids.parse(resource["id"]))
    while key in arm.service.pools:  # noqa: ASYNC110 - the core announces no end of a deletion
        await asyncio.sleep(_POLL)
    await arm.resources.remove(resource["id"])


async def _disable_autoscale(arm: Arm, pool: Resource, request: Request) -> Response:
    if request.body:
        read_body(request)
    rid = ids.parse(pool["id"])
    await arm.service.apply(SetAutoScale(_key(rid), None, request.request_id))
    changed = _load(arm, rid)
    return Response(200, changed)


POOL = ResourceType(
    name=NAME,
    template=f"{batch_accounts.ACCOUNT.template}/pools/{{poolName}}",
    collections=(f"{batch_accounts.ACCOUNT.template}/pools",),
    body=BODY,
    name_pattern="[a-zA-Z0-9_-]{1,64}",
    not_found="PoolNotFound",
    being_deleted="PoolBeingDeleted",
    created=200,
    long_delete=True,
    patch=True,
    actions={"disableAutoScale": _disable_autoscale},
    load=_load,
    listed=_listed,
    complete=_complete,
    write=_write,
    retire=_retire,
    remove=_remove,
)
