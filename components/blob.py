"""A file of this repository as a blob, uploaded with the deployer's Entra login.

A dynamic resource, because azure-native uploads with account keys, which the storage account refuses. The state holds
the address, the path and the hash of the content; neither the content nor a credential. The resource provider runs in
a process of its own and imports this module there: `BlobProvider` keeps its name and place.

Does not own the container, nor the role that lets the deployer write to it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.output import Unknown

from components.sdk import credential, sdk

PATIENCE = 300.0
"""Seconds: a role assignment takes up to five minutes to be seen everywhere."""

PAUSE = 5.0
REPLACING = ("url", "sha256")


class Blob(dynamic.Resource, module="azure-batch", name="Blob"):
    """The file at `path` (relative to the project) with the given SHA-256, at `url`."""

    def __init__(
        self,
        name: str,
        *,
        url: pulumi.Input[str],
        path: str,
        sha256: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(BlobProvider(), name, {"url": url, "path": path, "sha256": sha256}, opts)


class BlobProvider(dynamic.ResourceProvider):
    """Uploads, finds and deletes one blob. Its inputs are those of `Blob`; the id is the address."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another address or content is another blob; another path to the same content is none.

        In the preview of any change of the storage account its address is not known: that is no other address.
        """
        known = [key for key in REPLACING if not isinstance(_news.get(key), Unknown)]
        changed = [key for key in known if _olds.get(key) != _news.get(key)]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Upload. Raises ValueError when the file is not the one that was planned."""
        content = planned_content(Path(props["path"]), props["sha256"])
        patiently(lambda: blob_client(props["url"]).upload_blob(content, overwrite=True))
        return dynamic.CreateResult(props["url"], {key: props[key] for key in ("url", "path", "sha256")})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Find it: a blob that someone has deleted is uploaded again after a refresh."""
        exists = patiently(lambda: blob_client(id_).exists())
        return dynamic.ReadResult(id_ if exists else "", props if exists else {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete it; one that is gone is no error."""
        try:
            patiently(lambda: blob_client(_id).delete_blob())
        except sdk().ResourceNotFoundError:
            return


def blob_client(url: str) -> Any:
    """A client of one blob, signed in as DefaultAzureCredential finds."""
    return sdk().BlobClient.from_blob_url(url, credential=credential())


def planned_content(path: Path, sha256: str) -> bytes:
    """The content of the file. Raises ValueError when it has changed since the program was run."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} has changed while it was being deployed; run `pulumi up` again")
    return content


def patiently(
    call: Callable[[], Any],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Make the call, again while the role assignment is on its way: until then the service answers 403."""
    deadline = clock() + PATIENCE
    while True:
        try:
            return call()
        except sdk().HttpResponseError as error:
            if error.status_code != 403 or clock() >= deadline:
                raise
        sleep(PAUSE)
