"""The present version of an application: packed, uploaded and activated as the deployer; old versions are pruned.

A dynamic resource, because ARM only makes a version and gives an address: to upload and to activate is the client's
part. The upload goes by identity, not by the signature in that address, so that shared keys may be off and nothing
secret is kept. Whatever fails on the way, the next `pulumi up` goes on from there: a version that is active is not
uploaded again. The state holds the application, the path and the version.

Does not own the application, nor the roles that let the deployer upload and the nodes download.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from components import packing
from components.blob import blob_client, patiently
from components.resource_manager import ResourceManager, connect
from components.sdk import sdk

INPUTS = ("application", "path", "version", "keep")
ACTIVE = "Active"
OURS = re.compile(f"[0-9a-f]{{{packing.VERSION_LENGTH}}}")
"""Versions that are named after their content; others are not ours to prune."""


class PackageVersion(dynamic.Resource, module="azure-batch", name="PackageVersion"):
    """The package at `path` (relative to the project) as a version of the application (a resource id)."""

    application: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        application: pulumi.Input[str],
        path: str,
        version: str,
        keep: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"application": application, "path": path, "version": version, "keep": keep}
        super().__init__(PackageVersionProvider(), name, inputs, opts)


class PackageVersionProvider(dynamic.ResourceProvider):
    """Publishes, finds and deletes versions. Its inputs are those of `PackageVersion`; the id is the application's."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another content is a new version beside the old ones; another path to the same content is no change."""
        changed = any(_olds.get(key) != _news.get(key) for key in ("application", "version", "keep"))
        replaces = ["application"] if _olds.get("application") != _news.get("application") else []
        return dynamic.DiffResult(changes=changed, replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Publish the version. Raises PackageError, ValueError when the files are not those that were planned."""
        publish(connect(), props)
        return dynamic.CreateResult(props["application"], {key: props[key] for key in INPUTS})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Publish the new version, then prune."""
        publish(connect(), _news)
        return dynamic.UpdateResult({key: _news[key] for key in INPUTS})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Find it: a version that someone has deleted is published again after a refresh."""
        there = is_active(connect().get(_address(props["application"], props["version"])))
        return dynamic.ReadResult(id_ if there else "", props if there else {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete all versions that are named after their content; ARM keeps an application that has others."""
        manager = connect()
        for name in filter(OURS.fullmatch, versions(manager, _props["application"])):
            manager.delete(_address(_props["application"], name))


class PackageError(Exception):
    """A package that could not be published: which, where to, and what to do."""


def publish(manager: ResourceManager, props: Mapping[str, Any]) -> None:
    """Make the version active unless it is, then prune. Raises PackageError, ValueError."""
    address = _address(props["application"], props["version"])
    if not is_active(manager.get(address)):
        made = manager.put(address)
        upload(Path(props["path"]), props["version"], made["properties"]["storageUrl"].partition("?")[0])
        manager.post(f"{address}/activate", {"format": "zip"})
    prune(manager, props["application"], props["version"], int(props["keep"]))


def upload(path: Path, planned: str, url: str) -> None:
    """Pack and upload, in blocks where it is large; the client repeats what fails on the way. Raises PackageError."""
    with tempfile.TemporaryFile() as zipped:
        packing.pack(path, zipped)
        if packing.version(path) != planned:
            raise ValueError(f"{path} has changed while it was being deployed; run `pulumi up` again")

        def once() -> None:
            zipped.seek(0)
            blob_client(url).upload_blob(zipped, overwrite=True, max_concurrency=4)

        try:
            patiently(once)
        except sdk().AzureError as error:
            reason = str(error).partition("\n")[0]
            text = f"package {path} was not uploaded to {url}: {reason}; run `pulumi up` again, it goes on from here"
            raise PackageError(text) from error


def prune(manager: ResourceManager, application: str, present: str, keep: int) -> None:
    """Delete our versions but the present one, the newest beside it, and those that pools refer to."""
    every = versions(manager, application)
    old = [name for name in every if OURS.fullmatch(name) and name != present][keep - 1 :]
    if not old:
        return
    used = referenced(manager.list(f"{application.partition('/applications/')[0]}/pools"), application)
    for name in old:
        if name not in used:
            manager.delete(_address(application, name))
    kept = [name for name in old if name in used]
    if kept:
        pulumi.log.warn(f"{application.rpartition('/')[2]}: pools still refer to {', '.join(kept)}; they stay for now")


def versions(manager: ResourceManager, application: str) -> list[str]:
    """The names of all versions, the last activated one first; those that never were come last."""
    found = manager.list(f"{application}/versions")
    activated = {one["name"]: one["properties"].get("lastActivationTime") or "" for one in found}
    return sorted(activated, key=lambda name: (activated[name], name), reverse=True)


def referenced(pools: Iterable[Mapping[str, Any]], application: str) -> set[str]:
    """The versions of an application that pools refer to."""
    references = (one for pool in pools for one in pool["properties"].get("applicationPackages") or ())
    wanted = application.lower()
    return {one.get("version") or "" for one in references if one["id"].lower() == wanted}


def is_active(version: Mapping[str, Any] | None) -> bool:
    """Whether a version, as ARM shows it, can be referenced."""
    return version is not None and version["properties"]["state"] == ACTIVE


def _address(application: str, version: str) -> str:
    return f"{application}/versions/{version}"
