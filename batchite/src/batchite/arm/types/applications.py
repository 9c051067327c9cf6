"""Applications of a Batch account and their versions, the application packages.

What a version holds is a zip in the auto-storage account: ARM makes the version and gives a URL to upload to, the
client uploads, then activates. A version that a pool references may be deleted, as may the default one (seen in
recordings): nodes that start afterwards have an error.
"""

from __future__ import annotations

from typing import Any

from batchite.arm import applications, ids
from batchite.arm.applications import APPLICATIONS, LIFETIME, VERSIONS, is_active, versions_of
from batchite.arm.bodies import read_body
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType
from batchite.arm.resources import Resource, private
from batchite.arm.shapes import flag, read_only, record, tags, text
from batchite.arm.types import batch_accounts
from batchite.clock import wire_time
from batchite.errors import ServiceError
from batchite.http.types import Request, Response

APPLICATION_QUOTA = 20
VERSION_QUOTA = 40
"""Applications of an account and packages of an application. Source: "Batch service quotas and limits"."""


def _complete_application(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    properties = {"allowUpdates": True, **wanted.get("properties", {})}
    if old is None:
        assert rid.parent is not None
        _check_quota(arm, APPLICATIONS, rid.parent.text, APPLICATION_QUOTA)
    if "defaultVersion" in properties:
        _check_default(arm, rid, properties["defaultVersion"])
    return {**wanted, "etag": _etag(arm), "properties": properties}


def _check_default(arm: Arm, rid: ResourceId, version: str) -> None:
    found = arm.resources.get(f"{rid.text}/versions/{version}")
    if found is None or not is_active(found):
        raise ServiceError("RequestedDefaultVersionNotActive", f"The version is '{version}'.")


def _check_quota(arm: Arm, kind: str, scope: str, most: int) -> None:
    if sum(1 for _ in arm.resources.of_type(kind, scope)) >= most:
        raise ServiceError("Conflict", f"The quota of {most} {kind.rpartition('/')[2]} is reached; delete some first.")


async def _remove_application(arm: Arm, application: Resource, _cause: str) -> None:
    left = [version["name"] for version in versions_of(arm.resources, application["id"])]
    if left:
        raise ServiceError("ApplicationPackagesNotEmpty", f"There are: {', '.join(left)}.")
    await arm.resources.remove(application["id"])


APPLICATION = ResourceType(
    name=APPLICATIONS,
    template=f"{batch_accounts.ACCOUNT.template}/applications/{{applicationName}}",
    collections=(f"{batch_accounts.ACCOUNT.template}/applications",),
    body=record(
        {
            "properties": record(
                {"allowUpdates": flag(), "defaultVersion": text(), "displayName": text(high=1024)},
            ),
            "tags": tags,
        }
    ),
    name_pattern="[a-zA-Z0-9_-]{1,64}",
    not_found="ApplicationNotFound",
    created=200,
    patch=True,
    bodiless=True,
    complete=_complete_application,
    remove=_remove_application,
)


def _complete_version(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    assert rid.parent is not None
    application = arm.resources.get(rid.parent.key) or {}
    applications.place(arm.resources, rid.text)
    if old is None:
        _check_quota(arm, VERSIONS, rid.parent.text, VERSION_QUOTA)
    else:
        _check_updates(application, old)
    kept = old["properties"] if old else {"state": "Pending"}
    hidden = {"_private": private(old)} if old else {}
    return {**wanted, **hidden, "etag": _etag(arm), "properties": kept}


def _check_updates(application: Resource, version: Resource) -> None:
    if is_active(version) and not application["properties"]["allowUpdates"]:
        text = (
            f"Version '{version['name']}' is active, and the application does not allow updates; use another version."
        )
        raise ServiceError("Conflict", text)


async def _write_version(arm: Arm, new: Resource, old: Resource | None, _cause: str) -> None:
    if old is None:
        where = applications.place(arm.resources, new["id"])
        await arm.blobs.create_container(where.account, where.container)
    await arm.resources.put(new)


async def _remove_version(arm: Arm, version: Resource, _cause: str) -> None:
    """Delete the package too, and let no application have a default that is not there."""
    where = applications.place(arm.resources, version["id"])
    await arm.blobs.delete_blob(where.account, where.container, where.blob)
    await arm.resources.remove(version["id"])
    application = _application_of(arm, version)
    if application["properties"].get("defaultVersion", "").lower() == version["name"].lower():
        properties = {name: value for name, value in application["properties"].items() if name != "defaultVersion"}
        await arm.resources.put({**application, "etag": _etag(arm), "properties": properties})


def _render_version(arm: Arm, version: Resource) -> Resource:
    """With a fresh URL; it only reads once nothing may be uploaded any more."""
    now = arm.service.now().wire
    open_to_updates = not is_active(version) or _application_of(arm, version)["properties"]["allowUpdates"]
    where = applications.place(arm.resources, version["id"])
    url = applications.url(arm.blobs, arm.endpoints, where, "rw" if open_to_updates else "r", now)
    outputs = {"storageUrl": url, "storageUrlExpiry": wire_time(now + LIFETIME)}
    return {**version, "properties": {**outputs, **version["properties"]}}


async def _activate(arm: Arm, version: Resource, request: Request) -> Response:
    """POST activate: the version can be referenced from now on. What the blob holds is not looked at."""
    body = record({"format": text("zip")}, required=("format",))(read_body(request), "")
    _check_updates(_application_of(arm, version), version)
    where = applications.place(arm.resources, version["id"])
    if await arm.blobs.find_blob(where.account, where.container, where.blob) is None:
        raise ServiceError(
            "ApplicationPackageBlobNotFound", f"Upload it to the storageUrl of '{version['name']}' first."
        )
    now = arm.service.now().wire
    properties: dict[str, Any] = {"state": "Active", "format": body["format"], "lastActivationTime": wire_time(now)}
    active = {**version, "etag": _etag(arm), "properties": properties, "_private": {"activated": now}}
    await arm.resources.put(active)
    shown = _render_version(arm, active)
    return Response(200, {name: value for name, value in shown.items() if name != "_private"}, {"etag": active["etag"]})


def _application_of(arm: Arm, version: Resource) -> Resource:
    parent = ids.parse(version["id"]).parent
    assert parent is not None
    found = arm.resources.get(parent.key)
    assert found is not None
    return found


def _etag(arm: Arm) -> str:
    return f'W/"0x8D{int(arm.service.now().wire * 1e7):X}"'


_OUTPUTS = ("state", "format", "storageUrl", "storageUrlExpiry", "lastActivationTime")
VERSION = ResourceType(
    name=VERSIONS,
    template=f"{APPLICATION.template}/versions/{{versionName}}",
    collections=(f"{APPLICATION.template}/versions",),
    body=record({"properties": record(dict.fromkeys(_OUTPUTS, read_only)), "tags": tags}),
    name_pattern="[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,63}",
    not_found="ApplicationPackageNotFound",
    created=200,
    bodiless=True,
    actions={"activate": _activate},
    complete=_complete_version,
    write=_write_version,
    remove=_remove_version,
    render=_render_version,
)
