"""The operations of the Blob service that the gateway lets through, and what Entra ID must allow for each.

The actions are those of "Authorize with Microsoft Entra ID" (REST reference), "Permissions for Blob service
operations". What is not in the table is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from batchite.blob.errors import StorageError, not_implemented
from batchite.blob.request import BlobRequest

SERVICES = "Microsoft.Storage/storageAccounts/blobServices"
CONTAINERS = f"{SERVICES}/containers"
BLOBS = f"{CONTAINERS}/blobs"
READ_CONTAINER, WRITE_CONTAINER, DELETE_CONTAINER = (f"{CONTAINERS}/{verb}" for verb in ("read", "write", "delete"))
READ, WRITE, DELETE, ADD, FILTER = (
    f"{BLOBS}/{verb}" for verb in ("read", "write", "delete", "add/action", "filter/action")
)
DELEGATE = f"{SERVICES}/generateUserDelegationKey/action"
READ_TAGS, WRITE_TAGS = (f"{BLOBS}/tags/{verb}" for verb in ("read", "write"))


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation by its documented name.

    One of `actions` must be allowed to a bearer; none means that the service offers the operation to keys and
    signatures only. `to_create` is enough when the request can only create (`If-None-Match: *`).
    """

    name: str
    actions: tuple[str, ...]
    to_create: str = ""


# By level, method, restype and comp.
OPERATIONS: Mapping[tuple[str, str, str, str], Operation] = MappingProxyType(
    {
        ("service", "GET", "", "list"): Operation("List Containers", (READ_CONTAINER,)),
        ("service", "GET", "service", "properties"): Operation("Get Blob Service Properties", (f"{SERVICES}/read",)),
        ("service", "GET", "", "blobs"): Operation("Find Blobs by Tags", (FILTER,)),
        ("service", "GET", "account", "properties"): Operation("Get Account Information", ()),
        ("service", "HEAD", "account", "properties"): Operation("Get Account Information", ()),
        ("service", "POST", "service", "userdelegationkey"): Operation("Get User Delegation Key", (DELEGATE,)),
        ("container", "PUT", "container", ""): Operation("Create Container", (WRITE_CONTAINER,)),
        ("container", "GET", "container", ""): Operation("Get Container Properties", (READ_CONTAINER,)),
        ("container", "HEAD", "container", ""): Operation("Get Container Properties", (READ_CONTAINER,)),
        ("container", "GET", "container", "metadata"): Operation("Get Container Metadata", (READ_CONTAINER,)),
        ("container", "HEAD", "container", "metadata"): Operation("Get Container Metadata", (READ_CONTAINER,)),
        ("container", "PUT", "container", "metadata"): Operation("Set Container Metadata", (WRITE_CONTAINER,)),
        ("container", "GET", "container", "acl"): Operation("Get Container ACL", ()),
        ("container", "HEAD", "container", "acl"): Operation("Get Container ACL", ()),
        ("container", "PUT", "container", "acl"): Operation("Set Container ACL", ()),
        ("container", "PUT", "container", "lease"): Operation("Lease Container", (WRITE_CONTAINER,)),
        ("container", "DELETE", "container", ""): Operation("Delete Container", (DELETE_CONTAINER,)),
        ("container", "GET", "container", "list"): Operation("List Blobs", (READ,)),
        ("container", "GET", "container", "blobs"): Operation("Find Blobs by Tags in Container", (FILTER,)),
        ("container", "GET", "account", "properties"): Operation("Get Account Information", ()),
        ("blob", "PUT", "", ""): Operation("Put Blob", (WRITE,), to_create=ADD),
        ("blob", "GET", "", ""): Operation("Get Blob", (READ,)),
        ("blob", "HEAD", "", ""): Operation("Get Blob Properties", (READ,)),
        ("blob", "DELETE", "", ""): Operation("Delete Blob", (DELETE,)),
        ("blob", "PUT", "", "properties"): Operation("Set Blob Properties", (WRITE,)),
        ("blob", "HEAD", "", "metadata"): Operation("Get Blob Metadata", (READ,)),
        ("blob", "PUT", "", "metadata"): Operation("Set Blob Metadata", (WRITE,)),
        ("blob", "GET", "", "tags"): Operation("Get Blob Tags", (READ_TAGS,)),
        ("blob", "PUT", "", "tags"): Operation("Set Blob Tags", (WRITE_TAGS,)),
        ("blob", "PUT", "", "lease"): Operation("Lease Blob", (WRITE,)),
        ("blob", "PUT", "", "snapshot"): Operation("Snapshot Blob", (WRITE, ADD)),
        ("blob", "PUT", "", "tier"): Operation("Set Blob Tier", (WRITE,)),
        ("blob", "PUT", "", "block"): Operation("Put Block", (WRITE,)),
        ("blob", "PUT", "", "blocklist"): Operation("Put Block List", (WRITE,)),
        ("blob", "GET", "", "blocklist"): Operation("Get Block List", (READ,)),
        ("blob", "PUT", "", "appendblock"): Operation("Append Block", (WRITE, ADD)),
        ("blob", "PUT", "", "seal"): Operation("Append Blob Seal", (WRITE,)),
        ("blob", "PUT", "", "page"): Operation("Put Page", (WRITE,)),
        ("blob", "GET", "", "pagelist"): Operation("Get Page Ranges", (READ,)),
    }
)

# Operations that a client may well ask for, by (method, comp), so that the refusal calls them by their names.
NOT_BUILT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("POST", "batch"): "Blob Batch",
        ("GET", "metadata"): "Get Blob Metadata by GET",
        ("POST", "query"): "Query Blob Contents",
        ("PUT", "properties"): "Set Blob Service Properties",
        ("GET", "stats"): "Get Blob Service Stats",
        ("PUT", "undelete"): "Undelete",
        ("PUT", "rename"): "Rename Container",
        ("PUT", "copy"): "Abort Copy Blob",
        ("PUT", "incrementalcopy"): "Incremental Copy Blob",
        ("PUT", "expiry"): "Set Blob Expiry",
        ("PUT", "immutabilitypolicies"): "Set Immutability Policy",
        ("DELETE", "immutabilitypolicies"): "Delete Immutability Policy",
        ("PUT", "legalhold"): "Set Blob Legal Hold",
        ("OPTIONS", ""): "Preflight Blob Request",
    }
)

UNSUPPORTED_QUERY = MappingProxyType({"versionid": "blob versions", "deletetype": "permanent delete"})
UNSUPPORTED_HEADERS = MappingProxyType(
    {
        "x-ms-copy-source": "Copy Blob",
        "x-ms-encryption-key": "customer-provided keys",
        "x-ms-encryption-scope": "encryption scopes",
        "x-http-method": "method override",
        "x-http-method-override": "method override",
    }
)
UNSUPPORTED_LISTINGS = frozenset({"deleted", "versions", "deletedwithversions", "immutabilitypolicy", "legalhold"})


def is_data_action(action: str) -> bool:
    """Whether roles list an action of this table under dataActions; those on containers and above are actions."""
    return action.startswith(f"{BLOBS}/")


def resolve(request: BlobRequest) -> Operation:
    """The operation a request asks for. Raises StorageError when it, or an option of it, is not supported."""
    comp, restype = request.query.get("comp", ""), request.query.get("restype", "")
    operation = OPERATIONS.get((request.level, request.method, restype, comp))
    if operation is None:
        raise _refusal(request.method, request.level, comp)
    _refuse_options(request)
    return operation


def _refusal(method: str, level: str, comp: str) -> StorageError:
    if method not in {"GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"}:
        return StorageError("UnsupportedHttpVerb")
    return not_implemented(NOT_BUILT.get((method, comp), f"{method} of a {level}{comp and f' with comp={comp}'}"))


def _refuse_options(request: BlobRequest) -> None:
    """Refuse what Azurite would ignore, or would do without the check that Azure makes."""
    query = {name.lower(): value for name, value in request.query.items()}
    for name, feature in UNSUPPORTED_QUERY.items():
        if name in query:
            raise not_implemented(feature)
    for name, feature in UNSUPPORTED_HEADERS.items():
        if name in request.headers:
            raise not_implemented(feature)
    if wanted := UNSUPPORTED_LISTINGS & set(query.get("include", "").lower().split(",")):
        raise not_implemented(f"listing of {', '.join(sorted(wanted))}")
    if "x-ms-blob-public-access" in request.headers:
        raise StorageError("PublicAccessNotPermitted")
    if any(request.headers.get(name, "").startswith("bytes=-") for name in ("range", "x-ms-range")):
        raise StorageError("InvalidHeaderValue", detail="A range starts with a position.")
