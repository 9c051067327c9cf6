"""Mounts of a pool: what is refused, and what the agent is told."""

from typing import Any

import pytest
from batch.harness import IDENTITY, POOL, Account

from batchite.agent.launch import Mount
from batchite.batch.mounts import check_mounts, mounts
from batchite.errors import ServiceError

pytestmark = pytest.mark.documented  # REST reference: MountConfiguration, AzureBlobFileSystemConfiguration

BLOBS = "azureBlobFileSystemConfiguration"
HELD = {"userAssignedIdentities": [{"resourceId": IDENTITY, "clientId": "client", "principalId": "object"}]}


def container(path: str, identity: str = IDENTITY) -> dict[str, Any]:
    """A mount at this path."""
    reference = {"identityReference": {"resourceId": identity}} if identity else {}
    return {BLOBS: {"accountName": "store", "containerName": "input", "relativeMountPath": path, **reference}}


def document(*found: dict[str, Any]) -> dict[str, Any]:
    """A pool with an identity and these mounts."""
    return POOL | {"identity": HELD, "mountConfiguration": list(found)}


def test_the_agent_is_told_where_and_as_whom() -> None:
    """The account's address here; the identity in any letter case."""
    assert mounts(document(container("a/b", IDENTITY.upper())), "https://127.0.0.1:1") == (
        Mount("https://127.0.0.1:1/store/input", "a/b", "client"),
    )
    assert mounts(POOL, "https://127.0.0.1:1") == ()


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ([container("a", "")], "[0].{blobs}.identityReference"),
        ([container("a", "/other")], "[0].{blobs}.identityReference.resourceId"),
        ([container("a"), container("a")], "[1].{blobs}.relativeMountPath"),
        ([container("a"), container("a/b")], "[1].{blobs}.relativeMountPath"),
        ([container("a/b"), container("a")], "[1].{blobs}.relativeMountPath"),
    ],
)
def test_what_is_wrong_is_named(found: list[dict[str, Any]], name: str) -> None:
    """A mount is reached as an identity of the pool, and lies in no other."""
    with pytest.raises(ServiceError) as refused:
        check_mounts(document(*found))
    assert refused.value.values["PropertyName"] == "mountConfiguration" + name.format(blobs=BLOBS)


@pytest.mark.parametrize(
    ("mount", "status", "name"),
    [
        ({}, 400, ""),
        (container("../a"), 400, f".{BLOBS}.relativeMountPath"),
        (container("/a"), 400, f".{BLOBS}.relativeMountPath"),
        (container("a"), 400, f".{BLOBS}.identityReference.resourceId"),
        ({BLOBS: container("a")[BLOBS] | {"accountKey": "hidden"}}, 501, f".{BLOBS}.accountKey"),
        ({BLOBS: container("a")[BLOBS] | {"sasKey": "hidden"}}, 501, f".{BLOBS}.sasKey"),
        ({"azureFileShareConfiguration": {"accountKey": "hidden"}}, 501, ".azureFileShareConfiguration"),
        ({"cifsMountConfiguration": {"password": "hidden"}}, 501, ".cifsMountConfiguration"),
        ({"nfsMountConfiguration": {"source": "h:/e"}}, 501, ".nfsMountConfiguration"),
    ],
)
def test_the_data_plane_refuses_by_name(account: Account, mount: dict[str, Any], status: int, name: str) -> None:
    """Other file systems and keys are 501; a pool of the data plane has no identity, so no mounts either."""
    answer = account.post("/pools", POOL | {"mountConfiguration": [mount]})
    assert (answer.status, answer.values["PropertyName"]) == (status, f"mountConfiguration[0]{name}")
    assert b"hidden" not in answer.body
