"""The route table of the control plane, made from the rows of the resource types."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeAlias

from batchite.arm import handlers, ids, information, locks
from batchite.arm.kinds import Action, Arm, ResourceType
from batchite.arm.operations import Operation, Operations, answer_headers, status_body
from batchite.arm.ports import BlobAccounts, Directory, Endpoints, Pools, Service
from batchite.arm.resources import ResourceStore
from batchite.arm.roles import RoleAuthorizer
from batchite.arm.types import (
    applications,
    assignments,
    batch_accounts,
    blobs,
    definitions,
    governance,
    groups,
    identities,
    monitor,
    network,
    pools,
    private_links,
    storage_accounts,
    vaults,
)
from batchite.errors import ServiceError, invalid_property, not_implemented
from batchite.http.types import Handler, Request, Response, Route

GenericHandler: TypeAlias = Callable[[Arm, ResourceType, Request], Awaitable[Response]]
TYPES = (
    groups.GROUP,
    storage_accounts.ACCOUNT,
    blobs.BLOB_SERVICE,
    blobs.CONTAINER,
    blobs.MANAGEMENT_POLICY,
    identities.IDENTITY,
    assignments.ROLE_ASSIGNMENT,
    batch_accounts.ACCOUNT,
    applications.APPLICATION,
    applications.VERSION,
    pools.POOL,
    *network.TYPES,
    *private_links.TYPES,
    *vaults.TYPES,
    *monitor.TYPES,
    *governance.TYPES,
    *definitions.TYPES,
)
_BY_NAME = {kind.name.lower(): kind for kind in TYPES}
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)
_OPERATIONS = "/subscriptions/{subscriptionId}/providers/{namespace}/locations/{location}"
_HEADERS_REFUSED = ("if-modified-since", "if-unmodified-since")


class ArmPlane:
    """The control plane. `routes` go to the HTTP router with `unknown_type` as its fallback.

    `start` takes up deletions that an earlier run had not finished, once the service and the blob store run.
    """

    def __init__(
        self,
        resources: ResourceStore,
        service: Service,
        pool_operations: Pools,
        blob_accounts: BlobAccounts,
        authorizer: RoleAuthorizer,
        directory: Directory,
        endpoints: Endpoints,
    ) -> None:
        operations = Operations(resources.store, resources.commit)
        self._arm = Arm(resources, operations, service, pool_operations, blob_accounts, directory, endpoints, _BY_NAME)
        self._authorizer = authorizer
        self.routes = tuple(self._routes())

    async def start(self) -> None:
        """Serve the blob accounts of the storage accounts, then finish what an earlier run left."""
        for account in self._arm.resources.of_type(storage_accounts.NAME):
            await self._arm.blobs.ensure(account["name"], storage_accounts.keys_of(account))
        self._arm.operations.resume(self._finish)

    async def close(self) -> None:
        """Stop the background work."""
        await self._arm.operations.close()

    def _routes(self) -> Iterator[Route]:
        for kind in TYPES:
            yield from self._routes_of(kind)
        yield Route("Operation_Status", "GET", f"{_OPERATIONS}/operationStatuses/{{id}}", 200, self._status)
        yield Route("Operation_Result", "GET", f"{_OPERATIONS}/operationResults/{{id}}", 200, self._result)
        for route in information.routes(self._arm):
            yield self._plain(route)

    def _routes_of(self, kind: ResourceType) -> Iterator[Route]:
        created = 202 if kind.long_create else kind.created
        rows: list[tuple[bool, str, str, int, GenericHandler, str]] = [
            (True, "Get", "GET", 200, handlers.get, "read"),
            (kind.head, "CheckExistence", "HEAD", 204, handlers.head, "read"),
            (kind.put, "Create", "PUT", created, handlers.put, "write"),
            (kind.patch, "Update", "PATCH", 200, handlers.patch, "write"),
            (kind.delete, "Delete", "DELETE", 202 if kind.long_delete else kind.deleted, handlers.delete, "delete"),
        ]
        for served, verb, method, status, handler, action in rows:
            if served:
                yield Route(f"{kind.name} {verb}", method, kind.template, status, self._bound(kind, handler, action))
        listing = self._bound(kind, handlers.listing, "read", kind.list_query)
        for number, template in enumerate(kind.collections):
            yield Route(f"{kind.name} List{number or ''}", "GET", template, 200, listing)
        for name, perform in kind.actions.items():
            handler = partial(_act, perform)
            yield Route(
                f"{kind.name} {name}",
                "POST",
                f"{kind.template}/{name}",
                200,
                self._bound(kind, handler, f"{name}/action", kind.action_query),
            )

    def _bound(
        self, kind: ResourceType, handler: GenericHandler, action: str, query: frozenset[str] = frozenset()
    ) -> Handler:
        async def handle(request: Request) -> Response:
            check_request(request, query)
            self._check_allowed(request, f"{kind.name}/{action}")
            return await handler(self._arm, kind, request)

        return handle

    def _plain(self, route: Route) -> Route:
        """A route outside of the types, with the checks that all have in common."""

        async def handle(request: Request) -> Response:
            check_request(request, information.FILTER if route.operation.startswith("Resources_") else frozenset())
            if not route.template.startswith("/metadata/"):
                self._check_allowed(request, "Microsoft.Resources/subscriptions/read")
            return await route.handler(request)

        return Route(route.operation, route.method, route.template, route.status, handle)

    def _check_allowed(self, request: Request, action: str) -> None:
        scope = request.path if request.path.count("/") > 1 else f"/subscriptions/{self._arm.directory.subscription}"
        subscription = request.params.get("subscriptionId", self._arm.directory.subscription)
        if subscription.lower() != self._arm.directory.subscription.lower():
            raise ServiceError("SubscriptionNotFound", f"The subscription is '{subscription}'.")
        who = request.principal.object_id
        if not self._authorizer.allowed_action(who, scope, action):
            text = f"The client with object id '{who}' may not perform '{action}' over scope '{scope}'."
            raise ServiceError("AuthorizationFailed", text)

    async def _status(self, request: Request) -> Response:
        operation = self._operation(request)
        return Response(200, status_body(operation), answer_headers(request, operation))

    async def _result(self, request: Request) -> Response:
        """202 while it runs; then the resource that was created, or 204."""
        operation = self._operation(request)
        if operation["status"] == "InProgress":
            return Response(202, headers=answer_headers(request, operation))
        if operation["status"] == "Failed":
            raise ServiceError("Conflict", operation["error"]["message"])
        kind = _BY_NAME[operation["type"].lower()]
        resource = kind.load(self._arm, ids.parse(operation["resource"])) if operation["verb"] == "create" else None
        return handlers.shown(self._arm, kind, resource, 200) if resource else Response(204)

    def _operation(self, request: Request) -> Operation:
        check_request(request)
        return self._arm.operations.find(request.params["id"])

    async def _finish(self, operation: Operation) -> None:
        kind = _BY_NAME[operation["type"].lower()]
        resource = kind.load(self._arm, ids.parse(operation["resource"]))
        if resource is not None:
            await kind.remove(self._arm, resource, operation["id"])


def unknown_type(method: str, path: str) -> ServiceError:
    """What the router raises for a path that is in no table: 501 that names the resource type."""
    try:
        rid = ids.parse_path(path)
    except ServiceError:
        return not_implemented(f"{method} {path}")
    known = rid.type.lower() in _BY_NAME
    return not_implemented(f"{method} {path}" if known else f"{method} on resource type {rid.type}")


def check_request(request: Request, query: frozenset[str] = frozenset()) -> None:
    """Raise for a missing or malformed api-version, and for options that are not honoured."""
    version = request.query_value("api-version")
    if not version:
        raise ServiceError("MissingApiVersionParameter")
    if not _VERSION.fullmatch(version):
        raise ServiceError("InvalidApiVersionParameter", f"It is '{version}'.")
    for name in request.query:
        if name.lower() not in ("api-version", *query):
            raise invalid_property(name, "", "The option is not supported.", "UnsupportedQueryParameter")
    for name in _HEADERS_REFUSED:
        if request.header(name):
            raise ServiceError("UnsupportedHeader", values={"HeaderName": name})


async def _act(perform: Action, arm: Arm, kind: ResourceType, request: Request) -> Response:
    """A POST on a resource: the last segment of the path is the action."""
    rid = ids.parse_path(request.path.rstrip("/").rpartition("/")[0]).spelled(kind.name)
    locks.check_change(arm, rid)
    return await perform(arm, handlers.require(arm, kind, rid), request)
