"""What a client says of a user of a node, as what may be stored: a salted hash of the password, the public key.

Source of the rules: REST reference, Nodes - Create Node User. Which ones say more than that are marked as ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping

from batchite.batch.durations import parse_time
from batchite.batch.rules import Check, boolean, record, refuse, secret, text
from batchite.batch.schedule_rules import moment
from batchite.errors import missing_property
from batchite.http.types import Json
from batchite.scheduler.credentials import NodeUser

LIFETIME = 86400.0
"""Seconds until a user expires for whom no time was given."""

_NAME = text(1, 20, r"[A-Za-z_][A-Za-z0-9_.-]*", "letters, digits, underscores, periods and hyphens")  # ours: no colon
_FIELDS: dict[str, Check] = {"expiryTime": moment, "password": secret, "sshPublicKey": text(1, 16384)}
CREATE: Check = record({"name": _NAME}, {"isAdmin": boolean, **_FIELDS})
REPLACE: Check = record(optional=_FIELDS)
_KEY = re.compile(r"([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})( [^\r\n]*)?")
_COST = {"n": 1 << 14, "r": 8, "p": 1}


def user(name: str, body: Mapping[str, Json], now: float, *, admin: bool) -> NodeUser:
    """The user that a checked body describes; hashing takes some 50 ms. Raises a 400 for what no shape says."""
    password, key = body.get("password", ""), body.get("sshPublicKey", "")
    if not password and not key:  # ours: nobody could log in
        raise missing_property("password")
    expires = parse_time(body["expiryTime"]) if "expiryTime" in body else now + LIFETIME
    if expires <= now:
        raise refuse("expiryTime", body["expiryTime"], "The time must lie ahead.")
    return NodeUser(name, expires, admin, hashed(password) if password else "", _public_key(key) if key else "")


def hashed(password: str) -> str:
    """A salted hash of a password."""
    salt = os.urandom(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, **_COST).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether it is the password that was hashed."""
    salt, _, digest = stored.partition(":")
    found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_COST).hex()
    return bool(digest) and hmac.compare_digest(found, digest)


def _public_key(given: str) -> str:
    """The key as one line `type base64`: it may come as OpenSSH writes it, or that line in base64 once more."""
    line = given.strip()
    if " " not in line:
        line = _decoded(line).decode(errors="replace").strip()
    found = _KEY.fullmatch(line)
    kind = found.group(1).encode() if found else b""
    data = _decoded(found.group(2)) if found else b""
    if not kind or data[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind:
        raise refuse("sshPublicKey", given[:20], "The value must be a public key as OpenSSH writes it.")
    return f"{kind.decode()} {base64.b64encode(data).decode()}"


def _decoded(text_: str) -> bytes:
    try:
        return base64.b64decode(text_, validate=True)
    except (binascii.Error, ValueError):
        return b""
