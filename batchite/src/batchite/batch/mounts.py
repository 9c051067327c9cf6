"""The mounts of a pool: containers that nodes find below AZ_BATCH_NODE_MOUNTS_DIR, reached as one of its identities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from batchite.agent.launch import Mount
from batchite.batch.documents import BLOBS
from batchite.batch.rules import refuse
from batchite.batch.tasks import identities
from batchite.errors import missing_property
from batchite.http.types import Json


def check_mounts(pool_document: Mapping[str, Json]) -> None:
    """Raise a 400 for a mount without an identity of the pool, and for one that lies in another."""
    known, taken = identities(pool_document), list[PurePosixPath]()
    for index, item in enumerate(pool_document.get("mountConfiguration") or ()):
        mount, path = item[BLOBS], f"mountConfiguration[{index}].{BLOBS}"
        reference = (mount.get("identityReference") or {}).get("resourceId")
        if not reference:
            raise missing_property(f"{path}.identityReference")
        if reference.lower() not in known:
            raise refuse(f"{path}.identityReference.resourceId", reference, "The pool does not have this identity.")
        place = PurePosixPath(mount["relativeMountPath"])
        if any(place in (other, *other.parents) or other in place.parents for other in taken):
            raise refuse(f"{path}.relativeMountPath", str(place), "Another mount lies there.")
        taken.append(place)


def mounts(pool_document: Mapping[str, Json], blob_url: str) -> tuple[Mount, ...]:
    """What the agent mounts. `blob_url` is the base URL of all storage accounts."""
    known = identities(pool_document)
    return tuple(
        Mount(
            url=f"{blob_url}/{mount['accountName']}/{mount['containerName']}",
            path=mount["relativeMountPath"],
            client_id=known.get(mount["identityReference"]["resourceId"].lower(), ""),
        )
        for mount in (item[BLOBS] for item in pool_document.get("mountConfiguration") or ())
    )
