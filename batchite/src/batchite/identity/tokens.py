"""Access tokens: version 1.0 JWTs as Entra issues them, signed with a key of this data directory and checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from batchite.errors import ServiceError
from batchite.http.types import Principal
from batchite.identity.files import write_atomically
from batchite.identity.well_known import TENANT_ID, audience

LIFETIME: Final = 3600  # seconds
_REMEMBERED = 1024  # verified tokens; a client shows the same one in thousands of requests


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of a data directory. `repr` shows none of them.

    `account` and `storage` are the two base64 keys of the Batch account and of the storage account `batchite`.
    """

    token_key: str  # RSA private key, PEM
    client_secret: str
    account: tuple[str, str]
    storage: tuple[str, str]

    def __repr__(self) -> str:
        return "Keys(…)"

    def with_account(self, keys: tuple[str, str]) -> Keys:
        """The same secrets with other keys of the Batch account (a published constant, regenerated ones)."""
        return replace(self, account=keys)


def create_keys() -> Keys:
    """Fresh random secrets."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Keys(pem, secrets.token_urlsafe(30), (account_key(), account_key()), (account_key(), account_key()))


def account_key() -> str:
    """A key as Batch and storage accounts have them: 64 random bytes in base64."""
    return base64.b64encode(os.urandom(64)).decode()


def load_or_create_keys(path: Path) -> Keys:
    """The secrets kept in `path` (mode 0600), made when the file is absent. Raises ValueError when it is damaged."""
    if not path.exists():
        save_keys(path, create_keys())
    try:
        stored = json.loads(path.read_bytes())
        return Keys(stored["token_key"], stored["client_secret"], tuple(stored["account"]), tuple(stored["storage"]))
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{path} is damaged; `batchite reset` makes new keys") from None


def save_keys(path: Path, keys: Keys) -> None:
    """Write the secrets with mode 0600, in one step."""
    write_atomically(path, json.dumps(asdict(keys)).encode(), 0o600)


def derived(secret: str, purpose: str) -> bytes:
    """A secret of its own for a purpose, the same as long as the one it comes from."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


class TokenIssuer:
    """Signs tokens (RS256) and publishes the public key."""

    def __init__(self, token_key: str, clock: Callable[[], float] = time.time) -> None:
        key = load_pem_private_key(token_key.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the token key must be an RSA key")
        self._key = key
        self._clock = clock
        self.public_key = key.public_key()
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        self.key_id = base64.urlsafe_b64encode(digest.finalize()[:20]).decode().rstrip("=")

    def issue(
        self, resource: str, object_id: str, client_id: str, tenant: str = TENANT_ID, lifetime: int = LIFETIME
    ) -> str:
        """A token for `resource` (its audience) that names the caller; `lifetime` in seconds."""
        now = int(self._clock())
        claims = {
            "aud": resource,
            "iss": _issuer(tenant),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": client_id,
            "appidacr": "1",
            "idp": _issuer(tenant),
            "idtyp": "app",
            "oid": object_id,
            "sub": object_id,
            "tid": tenant,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, "RS256", {"kid": self.key_id})

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        jwk = RSAAlgorithm.to_jwk(self.public_key, as_dict=True)
        return {"keys": [{**jwk, "use": "sig", "alg": "RS256", "kid": self.key_id}]}


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    audience: str
    expires: float


class TokenVerifier:
    """Checks signature, issuer, time and audience. What was verified once is remembered until it expires."""

    def __init__(
        self, public_key: rsa.RSAPublicKey, tenant: str = TENANT_ID, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = public_key
        self._issuer = _issuer(tenant)
        self._clock = clock
        self._known: dict[str, _Verified] = {}

    def verify(self, token: str, audiences: Collection[str]) -> Principal:
        """Who the token names. `audiences` in the form of `well_known.audience`.

        Raises InvalidAuthenticationToken, whose text says which check failed.
        """
        known = self._known.get(token) or self._check(token)
        if known.expires <= self._clock():
            self._known.pop(token, None)
            raise _invalid("The token has expired.")
        if known.audience not in audiences:
            raise _invalid(f"The token's audience '{known.audience}' is not this service.")
        return known.principal

    def _check(self, token: str) -> _Verified:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["RS256"],
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud", "oid"], "verify_aud": False, "verify_exp": False},
                leeway=5,
            )
        except jwt.InvalidTokenError:
            raise _invalid("Its signature, issuer or form is wrong.") from None
        if not isinstance(claims["aud"], str):
            raise _invalid("It must name one audience.")
        verified = _Verified(Principal(object_id=claims["oid"]), audience(claims["aud"]), claims["exp"])
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[token] = verified
        return verified


def _issuer(tenant: str) -> str:
    return f"https://sts.windows.net/{tenant}/"


def _invalid(reason: str) -> ServiceError:
    return ServiceError(
        "InvalidAuthenticationToken", reason, headers={"www-authenticate": 'Bearer error="invalid_token"'}
    )
