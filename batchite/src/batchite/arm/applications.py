"""Where the packages of applications lie in the auto-storage account, and how data plane and nodes find them.

Names as the service has them: container `app-<application>-<32 hexadecimal digits>`, blob `<version>`. The digits are a
digest of the application's id. Who signs the URLs is what the account's autoStorage says: its key, or the identity of
the Batch account, by a user delegation signature; then shared keys may be off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batchite.agent.launch import Package
from batchite.arm import ids
from batchite.arm.accounts import AccountDirectory
from batchite.arm.ports import BlobAccounts, Clock, Endpoints
from batchite.arm.resources import Resource, ResourceStore, private
from batchite.batch.applications import Application
from batchite.blob.signatures import Target
from batchite.errors import ServiceError

APPLICATIONS = "Microsoft.Batch/batchAccounts/applications"
VERSIONS = f"{APPLICATIONS}/versions"
LIFETIME = 4 * 3600.0
"""Seconds until a URL of a package expires; seen in recordings of the service, as is the start five minutes ago."""
LEEWAY = 300.0
_BY_IDENTITY = "BatchAccountManagedIdentity"
_LONGEST_PART = 26  # characters of the application's name: container names have 63 at most


@dataclass(frozen=True, slots=True)
class Place:
    """A package's blob. `signer` is the object id of the identity that signs for it, empty for the account's key."""

    account: str
    container: str
    blob: str
    signer: str


def container_name(application_id: str) -> str:
    """The container of an application's packages."""
    name = re.sub("[^a-z0-9]+", "-", ids.parse(application_id).name.lower())[:_LONGEST_PART].strip("-")
    digest = hashlib.sha256(application_id.lower().encode()).hexdigest()[:32]
    return "-".join(part for part in ("app", name, digest) if part)


def place(resources: ResourceStore, version_id: str) -> Place:
    """Where the package of a version lies. Raises Conflict when the Batch account has no auto-storage account."""
    application = ids.parse(version_id).parent
    assert application is not None
    assert application.parent is not None
    account = resources.get(application.parent.key) or {}
    linked = account.get("properties", {}).get("autoStorage", {})
    storage = resources.get(linked.get("storageAccountId", ""))
    if storage is None:
        raise ServiceError("Conflict", "The Batch account has no auto-storage account: set properties.autoStorage.")
    signer = _principal(account) if linked["authenticationMode"] == _BY_IDENTITY else ""
    return Place(storage["name"], container_name(application.text), ids.parse(version_id).name, signer)


def url(blobs: BlobAccounts, endpoints: Endpoints, where: Place, permissions: str, now: float) -> str:
    """The address of a package with a signature in it: a secret."""
    target = Target(where.account, where.container, where.blob, permissions, now - LEEWAY, now + LIFETIME)
    signature = blobs.signature(target, where.signer)
    return f"{endpoints.blob}/{where.account}/{where.container}/{where.blob}?{signature}"


def is_active(version: Resource) -> bool:
    """Whether a version can be referenced."""
    return bool(version["properties"]["state"] == "Active")


def versions_of(resources: ResourceStore, application_id: str) -> Iterator[Resource]:
    """All versions of an application."""
    return resources.of_type(VERSIONS, application_id)


class ApplicationDirectory:
    """Implements `batch.applications.ApplicationDirectory` over the resources of the control plane."""

    def __init__(
        self,
        resources: ResourceStore,
        accounts: AccountDirectory,
        blobs: BlobAccounts,
        endpoints: Endpoints,
        clock: Clock,
    ) -> None:
        self._resources, self._accounts, self._clock = resources, accounts, clock
        self._blobs, self._endpoints = blobs, endpoints

    def listed(self, account: str) -> Sequence[Application]:
        """The applications with an active version, in the order of their ids."""
        found = self._accounts.find(account)
        scope = found.resource_id if found else ""
        every = (self._application(one) for one in self._resources.of_type(APPLICATIONS, scope)) if scope else ()
        return [application for application in every if application.versions]

    def package(self, account: str, application: Application, version: str) -> Package:
        """What a node needs to get an active version; the identity is a resource id, empty when the URL is signed."""
        found = self._accounts.find(account)
        assert found is not None
        resource = self._resources.get(f"{found.resource_id}/applications/{application.id}/versions/{version}")
        assert resource is not None
        where = place(self._resources, resource["id"])
        signed = url(self._blobs, self._endpoints, where, "r", self._clock.now().wire)
        return Package(
            application=application.id,
            version=version,
            activated=_stamp(private(resource)["activated"]),
            default=version.lower() == application.default_version.lower(),
            url=signed.partition("?")[0] if found.auto_storage_identity else signed,
            identity=found.auto_storage_identity,
        )

    def _application(self, resource: Resource) -> Application:
        properties = resource["properties"]
        active = [one["name"] for one in versions_of(self._resources, resource["id"]) if is_active(one)]
        name = resource["name"]
        return Application(
            name, properties.get("displayName", name), tuple(active), properties.get("defaultVersion", "")
        )


def _stamp(seconds: float) -> str:
    """The part of a directory's name that tells one activation from another."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d-%H-%M")


def _principal(account: Resource) -> str:
    """The object id of the account's identity: its own, else that of its user-assigned one."""
    identity: dict[str, Any] = account.get("identity", {})
    assigned = [one["principalId"] for one in identity.get("userAssignedIdentities", {}).values()]
    return str(next(iter([identity["principalId"]] if "principalId" in identity else assigned), ""))
