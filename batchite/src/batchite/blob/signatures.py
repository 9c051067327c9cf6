"""Shared access signatures of one blob, as the service hands them out: by the account's key, or for an identity.

Layouts of the strings to sign: "Create a service SAS" and "Create a user delegation SAS" (REST reference).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

VERSION = "2021-12-02"
EMPTY = ("",) * 5  # what a SAS may say about the headers of the answer: these say nothing


@dataclass(frozen=True, slots=True)
class Target:
    """The blob and what may be done with it. Times in seconds since 1970."""

    account: str
    container: str
    blob: str
    permissions: str  # letters in the order racwd
    start: float
    expiry: float

    @property
    def resource(self) -> str:
        """The canonical name of the blob."""
        return f"/blob/{self.account}/{self.container}/{self.blob}"


@dataclass(frozen=True, slots=True)
class DelegationKey:
    """For whom, and how long, a user delegation key signs; texts as they stand in a SAS."""

    object_id: str
    tenant: str
    start: str
    expiry: str
    service: str
    version: str

    @property
    def fields(self) -> dict[str, str]:
        """The key's part of a SAS."""
        names = ("skoid", "sktid", "skt", "ske", "sks", "skv")
        texts = (self.object_id, self.tenant, self.start, self.expiry, self.service, self.version)
        return dict(zip(names, texts, strict=True))


class DelegationKeys:
    """The user delegation keys of a data directory: derived from its secret, so none has to be kept."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def value(self, key: DelegationKey) -> str:
        """The key itself, base64; secret."""
        text = "\n".join(key.fields.values())
        return base64.b64encode(hmac.new(self._secret, text.encode(), hashlib.sha256).digest()).decode()


def service_sas(key: str, target: Target) -> str:
    """The query of a SAS that the account's key signs; it works where the account takes shared keys."""
    fields = _fields(target)
    lines = [fields["sp"], fields["st"], fields["se"], target.resource, "", "", "", VERSION, "b", "", "", *EMPTY]
    return _query(fields, sign(key, lines))


def delegation_sas(keys: DelegationKeys, object_id: str, tenant: str, target: Target) -> str:
    """The query of a SAS that an identity vouches for; its roles decide, whenever the SAS is used."""
    fields = _fields(target)
    key = DelegationKey(object_id, tenant, fields["st"], fields["se"], "b", VERSION)
    lines = [fields["sp"], fields["st"], fields["se"], target.resource, *key.fields.values()]
    return _query(fields | key.fields, sign(keys.value(key), [*lines, *("",) * 5, VERSION, "b", "", "", *EMPTY]))


def sign(key: str, lines: Iterable[str]) -> str:
    """The signature over the lines, base64."""
    return base64.b64encode(
        hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    ).decode()


def moment(seconds: float) -> str:
    """A time as a SAS spells it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields(target: Target) -> dict[str, str]:
    times = {"st": moment(target.start), "se": moment(target.expiry)}
    return {"sv": VERSION, "sr": "b", **times, "sp": target.permissions}


def _query(fields: Mapping[str, str], signature: str) -> str:
    return urlencode({**fields, "sig": signature}, quote_via=quote)
