"""Identifiers that are the same in every data directory, and the audiences of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SUBSCRIPTION_ID: Final = "0b4c417e-0000-4000-8000-000000000001"
TENANT_ID: Final = "0b4c417e-0000-4000-8000-0000000000aa"
DEVELOPER_CLIENT_ID: Final = "0b4c417e-0000-4000-8000-0000000000c1"
DEVELOPER_OBJECT_ID: Final = "0b4c417e-0000-4000-8000-0000000000d1"
DEFAULT_ACCOUNT: Final = "batchite"

# What `{tenant}` may be in the authority's paths; all of them are the one tenant. `adfs` is the name that makes
# azure-identity ask the given authority only, without an instance discovery at login.microsoftonline.com.
TENANT_NAMES: Final = frozenset({TENANT_ID, "adfs", "common", "organizations"})

BATCH_AUDIENCES: Final = frozenset({"https://batch.core.windows.net"})
ARM_AUDIENCES: Final = frozenset({"https://management.azure.com", "https://management.core.windows.net"})
STORAGE_AUDIENCES: Final = frozenset({"https://storage.azure.com"})
_BLOB_HOST: Final = ".blob.core.windows.net"


def audience(resource: str) -> str:
    """The form in which audiences are compared: lower case, without trailing slashes."""
    return resource.lower().rstrip("/")


def local_audiences(https_port: int) -> frozenset[str]:
    """This server's own base URLs, which clients configured by `/metadata/endpoints` use as ARM's audience."""
    return frozenset(f"https://{host}:{https_port}" for host in ("127.0.0.1", "localhost", "[::1]"))


def storage_audiences(account: str) -> frozenset[str]:
    """What tokens for one storage account may name: storage as a whole, or the account."""
    return STORAGE_AUDIENCES | {f"https://{account}{_BLOB_HOST}"}


def storage_account_audience(resource: str) -> bool:
    """Whether a resource is `https://<account>.blob.core.windows.net`, the audience of one storage account."""
    name = audience(resource).removeprefix("https://").removesuffix(_BLOB_HOST)
    return audience(resource) == f"https://{name}{_BLOB_HOST}" and name.isalnum()


def known_audience(resource: str, local: Iterable[str] = ()) -> bool:
    """Whether tokens are issued for a resource: Batch, ARM, storage, or one of the server's own base URLs."""
    known = BATCH_AUDIENCES | ARM_AUDIENCES | STORAGE_AUDIENCES | frozenset(local)
    return audience(resource) in known or storage_account_audience(resource)
