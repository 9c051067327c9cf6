"""Instance metadata of the nodes: tokens of the pool's identities, at a base path only the node's tasks are told.

The shape is the Azure Instance Metadata Service's, api-version 2018-02-01. A task reaches it through
AZURE_POD_IDENTITY_AUTHORITY_HOST = <http base URL> + the path that `register` returned.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from batchite.errors import ServiceError
from batchite.http.plane import Plane, Target
from batchite.http.render import OAUTH
from batchite.http.router import Router
from batchite.http.types import Json, Principal, Request, Response, Route
from batchite.identity.tokens import LIFETIME, TokenIssuer
from batchite.identity.well_known import known_audience
from batchite.scheduler.model import NodeKey

_PREFIX: Final = "/nodes/"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned identity of a pool."""

    client_id: str
    object_id: str
    resource_id: str


class NodeIdentities:
    """Which node may use which identities, by the node's secret."""

    def __init__(self, issuer: TokenIssuer, local_audiences: Collection[str] = ()) -> None:
        self._issuer = issuer
        self._local = frozenset(local_audiences)
        self._nodes: dict[str, tuple[Identity, ...]] = {}
        self._secrets: dict[NodeKey, str] = {}

    def register(self, node: NodeKey, identities: Mapping[str, tuple[str, str]]) -> str:
        """The node's base path. `identities`: client id → (object id, resource id); called again, it replaces them."""
        secret = self._secrets.setdefault(node, secrets.token_hex(20))
        self._nodes[secret] = tuple(Identity(client, *rest) for client, rest in identities.items())
        return _PREFIX + secret

    def forget(self, node: NodeKey) -> None:
        """The node is gone; its path answers no more. Unknown nodes are ignored."""
        self._nodes.pop(self._secrets.pop(node, ""), None)

    def token(self, node: NodeKey, client_id: str, resource: str) -> str:
        """A token for the server's own work on the node (downloads and uploads of its tasks).

        Raises ServiceError when the pool has no such identity or the resource is unknown.
        """
        identities = self._nodes.get(self._secrets.get(node, ""), ())
        return self._issue(_chosen(identities, {"client_id": client_id}), resource)

    def plane(self) -> Plane:
        """The metadata service as a plane."""
        return Plane("node metadata", self._matches, Router(self.routes()), self._authenticate, OAUTH, max_body=0)

    def routes(self) -> list[Route]:
        """The route table below a node's base path."""
        return [Route("GetIdentityToken", "GET", "/metadata/identity/oauth2/token", 200, self._get_token)]

    def _matches(self, path: str) -> Target | None:
        """Puts the secret into `account`, so that neither routes nor logs see it."""
        if not path.startswith(_PREFIX):
            return None
        secret, _, rest = path.removeprefix(_PREFIX).partition("/")
        return Target("/" + rest, _PREFIX + secret, secret)

    def _authenticate(self, request: Request) -> Principal:
        if request.account not in self._nodes:
            raise ServiceError("AuthenticationFailed", "The node is unknown.")
        return Principal()

    async def _get_token(self, request: Request) -> Response:
        try:
            return Response(200, self._answer(request))
        except ServiceError as error:  # the metadata service's own words, without a code of the Batch catalogue
            return Response(400, {"error": "invalid_request", "error_description": error.detail})

    def _answer(self, request: Request) -> Json:
        if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
            raise _refused("Required metadata header not specified")
        if not request.query_value("api-version"):
            raise _refused("Required query variable 'api-version' is missing")
        resource = request.query_value("resource")
        if not resource:
            raise _refused("Required query variable 'resource' is missing")
        identity = _chosen(self._nodes[request.account], request.query)
        token = self._issue(identity, resource)
        now = int(time.time())
        return {
            "access_token": token,
            "client_id": identity.client_id,
            "expires_in": str(LIFETIME),
            "expires_on": str(now + LIFETIME),
            "ext_expires_in": str(LIFETIME),
            "not_before": str(now),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _issue(self, identity: Identity, resource: str) -> str:
        if not known_audience(resource, self._local):
            raise _refused(f"The resource principal named {resource} was not found")
        return self._issuer.issue(resource, identity.object_id, identity.client_id)


_SELECTORS: Final = {
    "client_id": "client_id",
    "object_id": "object_id",
    "principal_id": "object_id",
    "msi_res_id": "resource_id",
    "mi_res_id": "resource_id",
}


def _chosen(identities: Collection[Identity], query: Mapping[str, str]) -> Identity:
    """The identity the query names, or the only one there is."""
    wanted = {_SELECTORS[name]: value for name, value in query.items() if name in _SELECTORS}
    fitting = [i for i in identities if all(getattr(i, k).lower() == v.lower() for k, v in wanted.items())]
    if not fitting:
        raise _refused("Identity not found")
    if len(fitting) > 1:
        raise _refused(
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the "
            "token request"
        )
    return fitting[0]


def _refused(text: str) -> ServiceError:
    return ServiceError("InvalidQueryParameterValue", text)
