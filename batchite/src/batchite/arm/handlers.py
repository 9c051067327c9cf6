"""GET, PUT, PATCH, DELETE, HEAD and list, the same for every resource type; the type's row says the rest."""

from __future__ import annotations

import uuid
from typing import Any

from batchite.arm import ids, locks
from batchite.arm.bodies import read_body
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType, value_at
from batchite.arm.operations import Operation, answer_headers
from batchite.arm.resources import Resource, visible
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Headers, Request, Response

_ENVELOPE = ("id", "name", "type", "etag", "_private")


async def get(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """One resource."""
    resource = require(arm, kind, address(kind, request))
    check_conditions(request, resource)
    return shown(arm, kind, resource, 200)


async def head(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """204 when the resource exists, else 404 without a body."""
    rid = address(kind, request)
    check_scope(arm, rid)
    return Response(204 if kind.load(arm, rid) else 404)


async def listing(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """The resources of the type in a scope, on one page."""
    collection = ids.parse_path(request.path)
    scope = collection.parent
    assert scope is not None
    check_exists(arm, scope)
    found = kind.listed(arm, scope.text, request) if kind.listed else arm.resources.of_type(kind.name, scope.text)
    return Response(200, {"value": [visible(kind.render(arm, resource)) for resource in found]})


async def put(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """Create or replace."""
    rid = address(kind, request)
    check_scope(arm, rid)
    kind.check_name(rid.name)
    old = kind.load(arm, rid)
    body = read_body(request) if request.body or not kind.bodiless else {}
    return await _write(arm, kind, request, rid, _merged(old, body) if old and kind.merges else body, old)


async def patch(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """Change what the body names; a property, tags or an identity given replaces the old one."""
    rid = address(kind, request)
    old, body = require(arm, kind, rid), read_body(request)
    for name in body.keys() - kind.patch_only if kind.patch_only else ():
        allowed = ", ".join(sorted(kind.patch_only))
        raise invalid_property(name, "", f"A PATCH of this type changes {allowed} only; use PUT.")
    return await _write(arm, kind, request, rid, _merged(kind.render(arm, old), body), old)


async def delete(arm: Arm, kind: ResourceType, request: Request) -> Response:
    """Delete; 204 when there is nothing to delete."""
    rid = address(kind, request)
    check_scope(arm, rid)
    resource = kind.load(arm, rid)
    if resource is None:
        return Response(204)
    check_conditions(request, resource)
    if not kind.unlocked:
        locks.check_delete(arm, rid)
    kind.check_delete(arm, resource)
    if not kind.long_delete:
        await kind.remove(arm, resource, request.request_id)
        return Response(kind.deleted)
    await kind.retire(arm, resource, request.request_id)
    operation = new_operation(arm, kind, resource, "delete")
    await arm.operations.begin(operation, lambda: kind.remove(arm, resource, request.request_id))
    return Response(202, headers=answer_headers(request, operation))


def address(kind: ResourceType, request: Request) -> ResourceId:
    """The id that the request addresses, namespace and types in ARM's spelling."""
    return ids.parse_path(request.path).spelled(kind.name)


def require(arm: Arm, kind: ResourceType, rid: ResourceId) -> Resource:
    """The resource, or the type's own 404."""
    check_scope(arm, rid)
    found = kind.load(arm, rid)
    if found is None:
        raise ServiceError(kind.not_found, f"'{rid.text}' was not found.")
    return found


def check_scope(arm: Arm, rid: ResourceId) -> None:
    """Raise the error of an absent subscription, group or parent."""
    if rid.parent is not None:
        check_exists(arm, rid.parent, "ParentResourceNotFound" if len(rid.types) > 1 else "ResourceNotFound")


def check_exists(arm: Arm, rid: ResourceId, code: str = "ResourceNotFound") -> None:
    """Raise `code` for a resource that isn't there, the errors of their own for subscription and group."""
    if rid.subscription.lower() != arm.directory.subscription.lower():
        raise ServiceError("SubscriptionNotFound", f"The subscription is '{rid.subscription}'.")
    if rid.group and arm.resources.get(rid.group) is None:
        raise ServiceError("ResourceGroupNotFound", f"The group is '{rid.group.split('/')[-1]}'.")
    if rid.types == ("locations",):
        return
    kind = arm.kinds.get(rid.type.lower())
    if rid.type.lower() != ids.SUBSCRIPTION.lower() and (kind is None or kind.load(arm, rid) is None):
        raise ServiceError(code, f"'{rid.text}' was not found.")


def check_conditions(request: Request, resource: Resource | None) -> None:
    """Honour If-Match and If-None-Match. Raises ConditionNotMet (or NotModified for a GET)."""
    etag = resource.get("etag", "") if resource else None
    if (wanted := request.header("if-match")) and not _matches(wanted, etag):
        raise ServiceError("ConditionNotMet")
    if (unwanted := request.header("if-none-match")) and _matches(unwanted, etag):
        raise ServiceError("NotModified" if request.method == "GET" else "ConditionNotMet")


def shown(arm: Arm, kind: ResourceType, resource: Resource, status: int, headers: Headers | None = None) -> Response:
    """The answer that shows a resource."""
    body = visible(kind.render(arm, resource))
    etag = {"etag": body["etag"]} if "etag" in body else {}
    return Response(status, body, headers={**etag, **(headers or {})})


def new_operation(arm: Arm, kind: ResourceType, resource: Resource, verb: str) -> Operation:
    """The record of a long-running operation on the resource."""
    parent = ids.parse(resource["id"]).parent
    placed = resource if "location" in resource or parent is None else arm.resources.get(parent.key) or {}
    location, subscription = placed.get("location", "global"), arm.directory.subscription
    namespace = kind.name.split("/")[0]
    return {
        "id": str(uuid.uuid4()),
        "path": f"/subscriptions/{subscription}/providers/{namespace}/locations/{location}",
        "verb": verb,
        "type": kind.name,
        "resource": resource["id"],
        "startTime": wire_time(arm.service.now().wire),
    }


async def _write(
    arm: Arm, kind: ResourceType, request: Request, rid: ResourceId, body: dict[str, Any], old: Resource | None
) -> Response:
    check_conditions(request, old)
    if not kind.unlocked:
        locks.check_change(arm, rid)
    wanted = kind.body({name: value for name, value in body.items() if name not in _ENVELOPE}, "")
    envelope = {"id": old["id"] if old else rid.text, "name": old["name"] if old else rid.name, "type": kind.name}
    _check_alive(arm, kind, rid, old)
    new = kind.complete(arm, rid, {**envelope, **wanted}, old)
    if old:
        _check_immutable(kind, old, new)
    await kind.write(arm, new, old, request.request_id)
    stored = require(arm, kind, rid)
    status = 200 if old else kind.created
    if not kind.polled and not (kind.long_create and old is None):
        return shown(arm, kind, stored, status)
    operation = await arm.operations.done(new_operation(arm, kind, stored, "create"))
    headers = answer_headers(request, operation)
    if kind.polled:
        return shown(arm, kind, stored, status, {name: headers[name] for name in headers.keys() - {"location"}})
    return Response(202, headers=headers)


def _merged(old: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """The old resource with what the body names replaced. Raises InvalidRequestContent."""
    merged, changes = {**visible(old), **body}, body.get("properties") or {}
    if not isinstance(changes, dict):
        raise ServiceError("InvalidRequestContent", "The properties must be an object.")
    if "properties" in old:
        merged["properties"] = {**old["properties"], **changes}
    return merged


def _check_immutable(kind: ResourceType, old: Resource, new: Resource) -> None:
    for path, code in kind.immutable.items():
        before, after = value_at(old, path), value_at(new, path)
        if before != after:
            raise ServiceError(code, values={"PropertyName": path, "PropertyValue": str(after), "Reason": "immutable"})


def _check_alive(arm: Arm, kind: ResourceType, rid: ResourceId, old: Resource | None) -> None:
    group = arm.resources.get(rid.group) if rid.group else None
    if group and value_at(group, "properties.provisioningState") == "Deleting":
        raise ServiceError("ResourceGroupBeingDeleted")
    if old and value_at(old, "properties.provisioningState") == "Deleting":
        raise ServiceError(kind.being_deleted, "The resource is being deleted.")


def _matches(header: str, etag: str | None) -> bool:
    if header.strip() == "*":
        return etag is not None
    wanted = {_plain(part) for part in header.split(",")}
    return bool(etag) and _plain(etag or "") in wanted


def _plain(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')
