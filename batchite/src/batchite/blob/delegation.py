"""User delegation at the gateway: keys for callers with a token, and signatures made with such a key.

Azurite's own user delegation knows no roles, so the gateway checks the signature itself and sends the request on
without it. What such a SAS allows is what its letters and its identity's roles have in common.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from batchite.blob.errors import StorageError, not_implemented
from batchite.blob.operations import ADD, DELETE, FILTER, READ, READ_TAGS, WRITE, WRITE_TAGS, Operation
from batchite.blob.request import BlobRequest
from batchite.blob.signatures import DelegationKey, DelegationKeys, sign

GET_KEY = "Get User Delegation Key"
_MARK = "skoid"  # in every SAS of this kind, in no other
LONGEST = 7 * 86400.0  # seconds that a key may last
OLDEST = "2020-12-06"
LARGEST_BODY = 4096
_KEY_FIELDS = ("skoid", "sktid", "skt", "ske", "sks", "skv")
_OWN_FIELDS = ("sv", "sr", "st", "se", "sp", "spr", "sip", "sig")
_UNSUPPORTED = (
    "saoid", "suoid", "scid", "skdutid", "sduoid", "srh", "srq", "ses", "sdd", "rscc", "rscd", "rsce", "rscl", "rsct",
)  # fmt: skip
_LETTERS = {READ: "r", WRITE: "w", DELETE: "d", ADD: "a", FILTER: "f", READ_TAGS: "t", WRITE_TAGS: "t"}
_CREATE = "c"
_LIST = {"List Blobs": "l"}


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a valid SAS says: on whose behalf, and which letters."""

    object_id: str
    permissions: str

    def permits(self, operation: Operation, *, creates_only: bool) -> bool:
        """Whether one of the letters is for this operation."""
        letters = _LIST.get(operation.name) or "".join(_LETTERS.get(action, "") for action in operation.actions)
        return bool(set(letters + (_CREATE if creates_only else "")) & set(self.permissions))


def is_delegated(request: BlobRequest) -> bool:
    """Whether the request comes with a user delegation SAS, in whatever case: Azurite must never judge one."""
    return any(name.lower() == _MARK for name in request.query)


def read_delegation(request: BlobRequest, keys: DelegationKeys) -> Delegation:
    """What the SAS of a request says. Raises StorageError when it is not valid for this moment and this resource."""
    query = request.query
    for name in _UNSUPPORTED:
        if name in query:
            raise not_implemented(f"user delegation SAS with {name}")
    if query.get("sv", "") < OLDEST:
        raise not_implemented(f"user delegation SAS of a version before {OLDEST}")
    key = DelegationKey(*(query.get(name, "") for name in _KEY_FIELDS))
    value = keys.value(key)
    if not any(hmac.compare_digest(sign(value, lines), query.get("sig", "")) for lines in _layouts(request, key)):
        raise _refused("Signature did not match.")
    if key.service != "b":
        raise _refused("The key is not for blobs.")
    _check_times(query)
    return Delegation(key.object_id, query.get("sp", ""))


def without_signature(request: BlobRequest) -> BlobRequest:
    """The request without its SAS."""
    kept = {name: value for name, value in request.query.items() if name not in (*_KEY_FIELDS, *_OWN_FIELDS)}
    return replace(request, query=kept)


def key_answer(body: bytes, object_id: str, tenant: str, version: str, keys: DelegationKeys) -> bytes:
    """The answer to Get User Delegation Key. Raises StorageError for a body without a possible window of time."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - bounded by the gateway, and expat bounds entity expansion
    except ET.ParseError:
        raise StorageError("InvalidXmlDocument") from None
    start, expiry = root.findtext("Start") or _now(), root.findtext("Expiry") or ""
    try:
        lasts = _seconds(expiry) - max(_seconds(start), time.time())
    except ValueError:
        raise StorageError("InvalidXmlNodeValue") from None
    if not 0 < lasts <= LONGEST + 60:
        raise StorageError("InvalidXmlNodeValue", detail="A key ends in the future and within seven days.")
    key = DelegationKey(object_id, tenant, start, expiry, "b", version)
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion", "Value")
    answer = ET.Element("UserDelegationKey")
    for name, text in zip(names, (*key.fields.values(), keys.value(key)), strict=True):
        ET.SubElement(answer, name).text = text
    return b'<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(answer)


def _layouts(request: BlobRequest, key: DelegationKey) -> Iterator[list[str]]:
    """The strings to sign, oldest layout first: later versions have more lines, which only say more when they are set.

    Whoever signed any of them has the key.
    """
    query = request.query
    head = [query.get(name, "") for name in ("sp", "st", "se")]
    head += [_resource(request), *key.fields.values(), "", "", ""]
    tail = [query.get(name, "") for name in ("sip", "spr", "sv", "sr")] + ["", ""]
    for agents, restrictions in ((0, 0), (2, 0), (2, 2)):
        yield [*head, *("",) * agents, *tail, *("",) * restrictions, *("",) * 5]


def _resource(request: BlobRequest) -> str:
    scope = request.query.get("sr", "")
    container = f"/blob/{request.account}/{request.container}"
    if scope == "c":
        return container
    if scope == "b":
        return f"{container}/{request.blob}"
    raise not_implemented(f"user delegation SAS of a resource '{scope[:4]}'")


def _check_times(query: Mapping[str, str]) -> None:
    now = time.time()
    try:
        begins = [_seconds(query[name]) for name in ("st", "skt") if query.get(name)]
        ends = [_seconds(query.get(name, "")) for name in ("se", "ske")]
    except ValueError:
        raise _refused("A time of the signature is not in ISO 8601.") from None
    if any(begin > now for begin in begins) or any(end <= now for end in ends):
        raise _refused("Signature not valid in the specified time frame.")


def _seconds(text: str) -> float:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(reason: str) -> StorageError:
    return StorageError("AuthenticationFailed", detail=reason)
