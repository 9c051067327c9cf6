"""Who may do what at the gateway: pure decisions over injected look-ups."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from batchite.blob.delegation import is_delegated, read_delegation
from batchite.blob.errors import StorageError
from batchite.blob.operations import Operation
from batchite.blob.request import BlobRequest
from batchite.blob.signatures import DelegationKeys
from batchite.errors import ServiceError
from batchite.http.types import Principal

STORAGE_AUDIENCE = "https://storage.azure.com"
OLDEST_BEARER_VERSION = "2017-11-09"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What the gateway asks about a caller.

    `verify(token, account)` gives the principal of a token meant for storage or raises ServiceError;
    `allowed(object_id, account, container, action)` answers for one action of the operations table, the container
    empty for the whole account; `shared_key_allowed(account)` is the account's allowSharedKeyAccess.
    """

    verify: Callable[[str, str], Principal]
    allowed: Callable[[str, str, str, str], bool]
    shared_key_allowed: Callable[[str], bool]
    authority: str  # "https://127.0.0.1:10011/<tenant>/oauth2/authorize", shown in the challenge


def storage_audiences(account: str) -> tuple[str, ...]:
    """The audiences of tokens that the Blob service of an account accepts, without trailing slash."""
    return (STORAGE_AUDIENCE, f"https://{account}.blob.core.windows.net")


def admit(request: BlobRequest, operation: Operation, rules: AccessRules, keys: DelegationKeys) -> str:
    """Let the caller in, or raise StorageError.

    The object id of a caller whose roles were asked (a token, a user delegation SAS): then the request goes on signed
    with the account's key. Empty for a key or a signature of the account: Azurite verifies those.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _admit_bearer(request, operation, credential.strip(), rules)
    if not scheme and is_delegated(request):
        return _admit_delegated(request, operation, rules, keys)
    if not scheme and "sig" not in request.query:
        raise _challenge("NoAuthenticationInformation", rules)
    if not rules.shared_key_allowed(request.account):
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    if scheme not in {"", "SharedKey"}:
        raise StorageError("AuthenticationFailed", detail=f"The scheme {scheme[:20]} is not supported.")
    _check_source(request)
    return ""


def _admit_delegated(request: BlobRequest, operation: Operation, rules: AccessRules, keys: DelegationKeys) -> str:
    """A SAS for an identity: its letters and the identity's roles must both allow the operation."""
    delegation = read_delegation(request, keys)
    _check_source(request)
    creates_only = request.headers.get("if-none-match") == "*"
    if not operation.actions or not delegation.permits(operation, creates_only=creates_only):
        raise StorageError("AuthorizationPermissionMismatch")
    _check_roles(request, operation, delegation.object_id, rules)
    return delegation.object_id


def _admit_bearer(request: BlobRequest, operation: Operation, token: str, rules: AccessRules) -> str:
    if request.headers.get("x-ms-version", "") < OLDEST_BEARER_VERSION:
        raise StorageError("AuthenticationFailed", detail="The scheme Bearer is not supported in this version.")
    try:
        principal = rules.verify(token, request.account)
    except ServiceError:
        raise _challenge("InvalidAuthenticationInfo", rules) from None
    if not operation.actions:
        raise StorageError("AuthorizationFailure", detail=f"{operation.name} is not offered to Entra ID.")
    _check_roles(request, operation, principal.object_id, rules)
    return principal.object_id


def _check_roles(request: BlobRequest, operation: Operation, object_id: str, rules: AccessRules) -> None:
    if not any(
        rules.allowed(object_id, request.account, request.container, action) for action in _enough(request, operation)
    ):
        raise StorageError("AuthorizationPermissionMismatch")


def _enough(request: BlobRequest, operation: Operation) -> tuple[str, ...]:
    """The actions any one of which is enough."""
    creates_only = operation.to_create and request.headers.get("if-none-match") == "*"
    return (*operation.actions, operation.to_create) if creates_only else operation.actions


def _challenge(code: str, rules: AccessRules) -> StorageError:
    challenge = f"Bearer authorization_uri={rules.authority} resource_id={STORAGE_AUDIENCE}"
    return StorageError(code, headers={"www-authenticate": challenge})


def _check_source(request: BlobRequest) -> None:
    """Azurite ignores a signature's `sip`, one address or a range `first-last`; so it is checked here."""
    first, _, last = request.query.get("sip", "").partition("-")
    if not first:
        return
    try:
        lower, upper, client = (int(ipaddress.IPv4Address(part)) for part in (first, last or first, request.client))
    except ValueError:
        raise StorageError("AuthorizationSourceIPMismatch") from None
    if not lower <= client <= upper:
        raise StorageError("AuthorizationSourceIPMismatch")
