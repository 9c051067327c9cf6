"""Routes of the command line: status, quotas and chaos. For the developer only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from batchite.arm.quotas import NAMES as QUOTAS
from batchite.errors import ServiceError, invalid_property, missing_property, not_implemented
from batchite.http.json_body import NotAnObjectError, json_object
from batchite.http.plane import Plane, paths_under
from batchite.http.render import ARM
from batchite.http.router import Router
from batchite.http.types import Handler, Json, Principal, Request, Response, Route
from batchite.scheduler.events import Preempt
from batchite.scheduler.model import PoolKey
from batchite.service import BatchService

NOT_BUILT = (
    "capacity",
    "fail-node",
    "fail-start-task",
    "throttle",
    "server-error",
    "blob-outage",
    "latency",
    "off",
)
"""Drills of the command line that answer 501 by name."""


Limit: TypeAlias = Callable[[str, Mapping[str, int]], Awaitable[Mapping[str, int | None]]]
"""Sets quotas of an account and returns all of them."""


class Control:
    """What the developer may ask of the running server beside the service's own operations."""

    def __init__(self, service: BatchService, limit: Limit, about: Mapping[str, Json]) -> None:
        self._service = service
        self._limit = limit
        self._about = about

    def plane(self, authenticate: Callable[[Request], Principal]) -> Plane:
        """The control routes as a plane."""
        routes = [
            Route("GetStatus", "GET", "/batchite/status", 200, self._status),
            Route("Quota", "POST", "/batchite/quota", 200, self._quota),
            Route("Preempt", "POST", "/batchite/chaos/preempt", 200, self._preempt),
            *(Route(name, "POST", f"/batchite/chaos/{name}", 200, _refused(name)) for name in NOT_BUILT),
        ]
        return Plane("control", paths_under("/batchite"), Router(routes), authenticate, ARM)

    async def _status(self, _request: Request) -> Response:
        service = self._service
        pools = {
            "/".join(key): {
                "state": pool.state,
                "allocationState": pool.allocation,
                "nodes": Counter(node.state for node in service.nodes_of(key)),
            }
            for key, pool in service.pools.items()
        }
        jobs = {
            "/".join(key): {"state": job.state, "tasks": service.task_counts(key)[0]}
            for key, job in service.jobs.items()
        }
        return Response(200, {**self._about, "pools": pools, "jobs": jobs})

    async def _quota(self, request: Request) -> Response:
        """Set quotas of an account; answers all of them, null for no limit."""
        body = dict(_body(request))
        account = str(body.pop("account", "") or "")
        for name, value in body.items():
            if name not in QUOTAS or isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise invalid_property(name, value, f"A whole number from 0 for one of: {', '.join(QUOTAS)}.")
        return Response(200, {"account": account, **await self._limit(account, body)})

    async def _preempt(self, request: Request) -> Response:
        body = _body(request)
        key = self._pool(str(body.get("pool", "")), str(body.get("account", "")))
        nodes = self._chosen(key, body)
        await self._service.apply(Preempt(key, nodes, cause=f"chaos {request.request_id}"))
        return Response(200, {"pool": "/".join(key), "nodes": list(nodes)})

    def _pool(self, pool: str, account: str) -> PoolKey:
        """The pool of that id; the account may be left out when only one account has such a pool."""
        if not pool:
            raise missing_property("pool")
        wanted, owner = pool.lower(), account.lower()
        found = [key for key in self._service.pools if key.pool == wanted and owner in ("", key.account)]
        if not found:
            raise ServiceError("PoolNotFound")
        if len(found) > 1:
            names = ", ".join(key.account for key in found)
            raise invalid_property("account", account, f"Several accounts have such a pool: {names}.")
        return found[0]

    def _chosen(self, key: PoolKey, body: Mapping[str, Json]) -> tuple[str, ...]:
        """The named node, all Spot nodes, or else one: a node that runs tasks before an idle one."""
        if body.get("node"):
            return (str(body["node"]),)
        spot = [node for node in self._service.nodes_of(key) if node.spot and node.state in {"running", "idle"}]
        if not spot:
            raise ServiceError("OperationInvalidForCurrentState", "The pool has no Spot node that is up.")
        if body.get("all"):
            return tuple(node.key.node for node in spot)
        return (max(spot, key=lambda node: len(self._service.tasks_on(node.key))).key.node,)


def _body(request: Request) -> Mapping[str, Json]:
    try:
        return json_object(request.body or b"{}")
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": str(error)}) from None


def _refused(name: str) -> Handler:
    async def handle(_request: Request) -> Response:
        raise not_implemented(f"chaos {name}")

    return handle
