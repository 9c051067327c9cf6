"""Routes of the command line: status, quotas and chaos. For the developer only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from batchite.arm.quotas import NAMES as QUOTAS
from batchite.chaos.control import read
from batchite.errors import invalid_property
from batchite.http.plane import Plane, paths_under
from batchite.http.render import ARM
from batchite.http.router import Router
from batchite.http.types import Json, Principal, Request, Response, Route
from batchite.service import BatchService

Drills: TypeAlias = Callable[[], Mapping[str, Json]]
"""The drills that are on."""
Limit: TypeAlias = Callable[[str, Mapping[str, int]], Awaitable[Mapping[str, int | None]]]
"""Sets quotas of an account and returns all of them."""


class Control:
    """What the developer may ask of the running server beside the service's own operations."""

    def __init__(
        self, service: BatchService, limit: Limit, about: Mapping[str, Json], others: Sequence[Route], drills: Drills
    ) -> None:
        self._service = service
        self._others, self._drills = others, drills
        self._limit = limit
        self._about = about

    def plane(self, authenticate: Callable[[Request], Principal]) -> Plane:
        """The control routes as a plane."""
        routes = [
            Route("GetStatus", "GET", "/batchite/status", 200, self._status),
            Route("Quota", "POST", "/batchite/quota", 200, self._quota),
            *self._others,
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
        return Response(200, {**self._about, "pools": pools, "jobs": jobs, "chaos": self._drills()})

    async def _quota(self, request: Request) -> Response:
        """Set quotas of an account; answers all of them, null for no limit."""
        body = dict(read(request))
        account = str(body.pop("account", "") or "")
        for name, value in body.items():
            if name not in QUOTAS or isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise invalid_property(name, value, f"A whole number from 0 for one of: {', '.join(QUOTAS)}.")
        return Response(200, {"account": account, **await self._limit(account, body)})
