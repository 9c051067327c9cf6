"""The local Entra authority: discovery documents and the client-credentials grant, in both versions of its paths.

Errors carry the codes and the words of Entra ("Microsoft Entra authentication and authorization error codes"), because
clients and people search for them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from batchite.clock import wire_time
from batchite.http.asgi import parse_query
from batchite.http.plane import Plane, Target, anonymous
from batchite.http.render import OAUTH
from batchite.http.router import Router
from batchite.http.types import Json, Request, Response, Route
from batchite.identity.tokens import LIFETIME, TokenIssuer
from batchite.identity.well_known import TENANT_ID, TENANT_NAMES, known_audience

_DEFAULT_SCOPE: Final = "/.default"
# A tenant is one of ours, a GUID or a domain name; a Batch path of the root account begins with none of them.
_PATHS: Final = re.compile(
    r"/(?:adfs|common|organizations|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^/]+\.[^/]+)"
    r"/(?:oauth2|v2\.0|\.well-known|discovery)/",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Application:
    """A client that may ask for tokens, its secret, and the object id its tokens carry."""

    client_id: str
    secret: str
    object_id: str

    def __repr__(self) -> str:
        return f"Application({self.client_id})"


class OAuthError(Exception):
    """A refusal of the token endpoint: OAuth's error code, Entra's number, the text, the status."""

    def __init__(self, error: str, number: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error, self.number, self.text, self.status = error, number, text, status


class Authority:
    """Issues tokens to the applications it knows, for the resources it knows."""

    def __init__(
        self, issuer: TokenIssuer, applications: Collection[Application], local_audiences: Collection[str] = ()
    ) -> None:
        self._issuer = issuer
        self._applications = {application.client_id: application for application in applications}
        self._local = frozenset(local_audiences)

    def plane(self) -> Plane:
        """The authority as a plane; its handlers check the credentials themselves."""
        return Plane("authority", authority_paths, Router(self.routes()), anonymous, OAUTH, max_body=64 << 10)

    def routes(self) -> list[Route]:
        """The route table."""
        table = (
            ("GetConfiguration", "GET", "/{tenant}/.well-known/openid-configuration", self._configuration),
            ("GetConfigurationV2", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._configuration_v2),
            ("GetKeys", "GET", "/{tenant}/discovery/keys", self._keys),
            ("GetKeysV2", "GET", "/{tenant}/discovery/v2.0/keys", self._keys),
            ("DiscoverInstance", "GET", "/{tenant}/discovery/instance", self._instance),
            ("GetToken", "POST", "/{tenant}/oauth2/token", self._token),
            ("GetTokenV2", "POST", "/{tenant}/oauth2/v2.0/token", self._token),
        )
        return [Route(name, method, template, 200, handler) for name, method, template, handler in table]

    async def _configuration(self, request: Request) -> Response:
        return Response(200, self._document(request, "oauth2", f"https://sts.windows.net/{TENANT_ID}/"))

    async def _configuration_v2(self, request: Request) -> Response:
        return Response(200, self._document(request, "oauth2/v2.0", f"{_tenant_url(request)}/v2.0"))

    def _document(self, request: Request, protocol: str, issuer: str) -> Json:
        tenant = _tenant_url(request)
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{tenant}/{protocol}/authorize",
            "token_endpoint": f"{tenant}/{protocol}/token",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    async def _keys(self, request: Request) -> Response:
        _tenant_url(request)
        return Response(200, self._issuer.key_set())

    async def _instance(self, request: Request) -> Response:
        host = request.base_url.partition("://")[2]
        networks = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        document = {
            "tenant_discovery_endpoint": f"{_tenant_url(request)}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [networks],
        }
        return Response(200, document)

    async def _token(self, request: Request) -> Response:
        try:
            return Response(200, self._grant(request))
        except OAuthError as error:
            return _refusal(error, request)

    def _grant(self, request: Request) -> Json:
        tenant = request.params["tenant"]
        if tenant.lower() not in TENANT_NAMES:
            raise OAuthError("invalid_request", 90002, f"Tenant '{tenant}' not found. Check that it is the right one.")
        form = parse_query(request.body.decode("utf-8", "replace"))
        grant = _parameter(form, "grant_type")
        if grant != "client_credentials":
            raise OAuthError("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")
        application = self._application(request, form)
        resource = _resource(form)
        if not known_audience(resource, self._local):
            text = f"The resource principal named {resource} was not found in the tenant named {TENANT_ID}."
            raise OAuthError("invalid_resource", 500011, text)
        token = self._issuer.issue(resource, application.object_id, application.client_id)
        return _token_answer(token, resource)

    def _application(self, request: Request, form: Mapping[str, str]) -> Application:
        client_id, secret = _basic(request.headers.get("authorization", "")) or (
            _parameter(form, "client_id"),
            form.get("client_secret", ""),
        )
        application = self._applications.get(client_id.lower())
        if application is None:
            text = f"Application with identifier '{client_id}' was not found in the directory '{TENANT_ID}'."
            raise OAuthError("unauthorized_client", 700016, text)
        if not secret:
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise OAuthError("invalid_client", 7000218, text, 401)
        if not hmac.compare_digest(secret.encode(), application.secret.encode()):
            text = f"Invalid client secret provided. Ensure the secret being sent is the one of app '{client_id}'."
            raise OAuthError("invalid_client", 7000215, text, 401)
        return application


def authority_paths(path: str) -> Target | None:
    """Owns `/{tenant}/oauth2/…`, `/{tenant}/discovery/…` and the configuration documents of every tenant."""
    return Target(path) if _PATHS.match(path) else None


def _tenant_url(request: Request) -> str:
    """The tenant's base URL as the client addressed it."""
    return f"{request.base_url}/{request.params['tenant']}"


def _parameter(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        text = f"The request body must contain the following parameter: '{name}'."
        raise OAuthError("invalid_request", 900144, text)
    return value


def _resource(form: Mapping[str, str]) -> str:
    """The resource of either protocol version: `resource=X`, or the one scope `X/.default`."""
    if form.get("resource"):
        return form["resource"]
    scope = _parameter(form, "scope")
    wanted = [part for part in scope.split() if part not in {"openid", "profile", "offline_access"}]
    if len(wanted) != 1 or not wanted[0].endswith(_DEFAULT_SCOPE):
        text = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI)."
        )
        raise OAuthError("invalid_scope", 1002012, text)
    return wanted[0].removesuffix(_DEFAULT_SCOPE)


def _basic(header: str) -> tuple[str, str] | None:
    """Client id and secret of HTTP Basic authentication, each form-encoded (RFC 6749 section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client", 7000215, "Invalid client secret provided.", 401) from None
    return unquote_plus(name), unquote_plus(secret)


def _token_answer(token: str, resource: str) -> Json:
    now = int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "expires_on": now + LIFETIME,
        "not_before": now,
        "resource": resource,
        "access_token": token,
    }


def _refusal(error: OAuthError, request: Request) -> Response:
    moment = wire_time(time.time())
    correlation = request.headers.get("client-request-id", request.request_id)
    trace = f"Trace ID: {request.request_id} Correlation ID: {correlation} Timestamp: {moment}"
    body = {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.text} {trace}",
        "error_codes": [error.number],
        "timestamp": moment,
        "trace_id": request.request_id,
        "correlation_id": correlation,
    }
    headers = {"www-authenticate": "Basic"} if error.status == 401 else {}
    return Response(error.status, body, headers)
