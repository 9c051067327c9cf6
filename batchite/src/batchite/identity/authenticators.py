"""One authenticator per plane: who calls, and may they?"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol, TypeAlias

from batchite.errors import ServiceError
from batchite.http.types import Principal, Request
from batchite.identity import shared_key
from batchite.identity.tokens import TokenVerifier
from batchite.identity.well_known import ARM_AUDIENCES, BATCH_AUDIENCES, DEVELOPER_OBJECT_ID, TENANT_ID

Allowed: TypeAlias = Callable[[str, str, str], bool]  # (object id, resource id, action) -> has a role that grants it


class Account(Protocol):
    """What authentication needs to know of a Batch account."""

    @property
    def resource_id(self) -> str:
        """ARM id of the account, the scope of role assignments."""

    @property
    def keys(self) -> Iterable[str]:
        """The two base64 keys."""

    @property
    def modes(self) -> Collection[str]:
        """`allowedAuthenticationModes`: "AAD", "SharedKey", …"""


class Accounts(Protocol):
    """Where accounts are looked up, by lower-case name."""

    def find(self, account: str) -> Account | None:
        """The account, or None."""


class BatchAuthenticator:
    """The data plane: a token whose caller has a role on the account, or a signature with a key of the account."""

    def __init__(
        self, accounts: Accounts, verifier: TokenVerifier, allowed: Allowed, clock: Callable[[], float] = time.time
    ) -> None:
        self._accounts = accounts
        self._verifier = verifier
        self._allowed = allowed
        self._clock = clock

    def __call__(self, request: Request) -> Principal:
        """Who calls. Raises AccountNotFound, InvalidAuthenticationInfo, AuthenticationFailed (401 for tokens and for
        no credential, 403 for keys) or AuthorizationFailed.
        """
        account = self._accounts.find(request.account)
        if account is None:
            raise ServiceError("AccountNotFound", values={"AccountName": request.account})
        scheme, credential = _credential(request)
        if scheme == "bearer":
            _check_mode(account, "AAD", "Microsoft Entra ID tokens")
            return self._bearer(request, account, credential)
        if scheme == "sharedkey":
            _check_mode(account, "SharedKey", "SharedKey")
            return shared_key.verify(request, request.account, account.keys, self._clock())
        raise shared_key.malformed("The scheme of the Authorization header must be Bearer or SharedKey.")

    def _bearer(self, request: Request, account: Account, token: str) -> Principal:
        try:
            principal = self._verifier.verify(token, BATCH_AUDIENCES)
        except ServiceError as error:
            raise _not_authenticated(error.detail) from None
        action = data_action(request.method, request.path)
        if not self._allowed(principal.object_id, account.resource_id, action):
            raise denied(principal.object_id, action, account.resource_id)
        return principal


class ArmAuthenticator:
    """ARM: a token for its audience. What the caller may do is decided by the plane, which knows the scope."""

    PUBLIC: Final = frozenset({"/metadata/endpoints"})  # read by clients to find out where to get a token

    def __init__(self, verifier: TokenVerifier, local_audiences: Collection[str]) -> None:
        self._verifier = verifier
        self._audiences = ARM_AUDIENCES | frozenset(local_audiences)

    def __call__(self, request: Request) -> Principal:
        """Who calls. Raises AuthenticationRequired or InvalidAuthenticationToken."""
        if request.path.lower() in self.PUBLIC:
            return Principal()
        scheme, credential = _authorization(request, "https://management.azure.com/")
        if scheme != "bearer":
            raise _required("https://management.azure.com/")
        return self._verifier.verify(credential, self._audiences)


class DeveloperAuthenticator:
    """The control routes of the command line: ARM's rule, and only for the developer."""

    def __init__(self, arm: ArmAuthenticator) -> None:
        self._arm = arm

    def __call__(self, request: Request) -> Principal:
        """The developer. Raises what ARM raises, and AuthorizationFailed for anyone else."""
        principal = self._arm(request)
        if principal.object_id != DEVELOPER_OBJECT_ID:
            raise denied(principal.object_id, f"{request.method} {request.path}", "Batchite")
        return principal


_KINDS: Final = {
    "jobs": "jobs/",
    "lifetimejobstats": "jobs/",
    "jobschedules": "jobSchedules/",
    "pools": "pools/",
    "nodecounts": "pools/",
    "poolusagemetrics": "pools/",
    "lifetimepoolstats": "pools/",
    "applications": "applications/",
}
_VERBS: Final = {"GET": "read", "HEAD": "read", "DELETE": "delete"}


def data_action(method: str, path: str) -> str:
    """The operation as role definitions name it: `Microsoft.Batch/batchAccounts/jobs/write`.

    Azure's provider operations list jobs and job schedules as data actions, pools and applications as actions; a role
    grants a data-plane call through either list.
    """
    kind = path.split("/", 2)[1].lower() if path.startswith("/") else ""
    return f"Microsoft.Batch/batchAccounts/{_KINDS.get(kind, '')}{_VERBS.get(method, 'write')}"


def denied(object_id: str, action: str, scope: str) -> ServiceError:
    """AuthorizationFailed in ARM's words."""
    return ServiceError(
        "AuthorizationFailed",
        f"The client with object id '{object_id}' does not have authorization to perform action '{action}' over scope "
        f"'{scope}'.",
    )


def _credential(request: Request) -> tuple[str, str]:
    """Scheme (lower case) and credential of a data-plane request."""
    text = request.headers.get("authorization", "").strip()
    if not text:
        raise _not_authenticated("The request carries no Authorization header.")
    scheme, _, credential = text.partition(" ")
    if not credential:
        raise shared_key.malformed("The Authorization header must be a scheme and a credential.")
    return scheme.lower(), credential.strip()


def _not_authenticated(reason: str) -> ServiceError:
    """The data plane's answer to a token that is no good, or to none : azure-sdk-for-net #8026."""
    values = {"AuthenticationErrorDetail": reason}
    return ServiceError(
        "TokenAuthenticationFailed",
        values=values,
        headers={"www-authenticate": _challenge("https://batch.core.windows.net/")},
    )


def _authorization(request: Request, resource: str) -> tuple[str, str]:
    """Scheme (lower case) and credential. Raises AuthenticationRequired when there is none."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if not (scheme and credential):
        raise _required(resource)
    return scheme.lower(), credential.strip()


def _required(resource: str) -> ServiceError:
    return ServiceError("AuthenticationRequired", headers={"www-authenticate": _challenge(resource)})


def _challenge(resource: str) -> str:
    return f'Bearer authorization_uri="https://login.microsoftonline.com/{TENANT_ID}", resource="{resource}"'


def _check_mode(account: Account, mode: str, name: str) -> None:
    if mode not in account.modes:
        raise shared_key.refused(f"The specified type of authentication {name} is not allowed by the account.")
