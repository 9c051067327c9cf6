"""Routes of `batchite chaos`. Every answer tells the drill's id, under which logs and stories name it as a cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from batchite.chaos import settings
from batchite.chaos.drills import BlobOutage, Drill, FailingStartTasks, Latency, ServerErrors, Throttle
from batchite.chaos.state import KINDS, Chaos
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property, missing_property
from batchite.http.json_body import NotAnObjectError, json_object
from batchite.http.types import Json, Request, Response, Route
from batchite.scheduler.events import FailNode, LimitRegion, Preempt, RecoverNode
from batchite.scheduler.model import Failure, NodeKey, PoolKey
from batchite.scheduler.outages import MAY_FAIL
from batchite.scheduler.shortages import RegionLimit
from batchite.service import BatchService

CONTACT_SECONDS = 300.0
"""Service seconds after which the service has a node back that it lost contact with. No figure is documented."""

DRILLS = ("preempt", "capacity", "fail-node", *KINDS)


class ChaosControl:
    """What the developer may have go wrong."""

    def __init__(self, service: BatchService, chaos: Chaos) -> None:
        self._service = service
        self._chaos = chaos

    def routes(self) -> list[Route]:
        """The routes of all drills."""
        handlers = {
            "preempt": self._preempt,
            "capacity": self._capacity,
            "fail-node": self._fail_node,
            "throttle": self._lasting(settings.throttle),
            "server-error": self._lasting(settings.server_errors),
            "latency": self._lasting(settings.latency),
            "blob-outage": self._blob_outage,
            "fail-start-task": self._fail_start_task,
            "off": self._off,
        }
        path = "/batchite/chaos"
        return [Route(f"Chaos {name}", "POST", f"{path}/{name}", 200, work) for name, work in handlers.items()]

    def status(self) -> dict[str, Json]:
        """The drills that are on, by their command."""
        return {key: shown(drill) for key, drill in self._chaos.active().items()} | self._platform()

    def _platform(self) -> dict[str, Json]:
        """The drills that lie with pools and nodes."""
        pools, nodes = self._service.pools, self._service.nodes
        limits = {f"capacity {'/'.join(key)}": limit_shown(key, one.region) for key, one in pools.items() if one.region}
        return limits | {
            f"fail-node {'/'.join(key)}": {"id": node.outage.drill, "node": key.node, "recovers": node.outage.recovers}
            for key, node in nodes.items()
            if node.outage
        }

    def _lasting(
        self, parse: Callable[[settings.Body, str, int], Throttle | ServerErrors | Latency]
    ) -> Callable[[Request], Json]:
        async def handle(request: Request) -> Response:
            name = request.path.rsplit("/", 1)[-1].lower()
            parse(read(request), "", 0)  # a refused one takes no number
            number = self._chaos.next_number()
            return await self._switch_on(parse(read(request), f"{name}-{number}", number))

        return handle

    async def _blob_outage(self, request: Request) -> Response:
        seconds, reset = settings.outage(read(request))
        until = self._service.now().wire + seconds
        return await self._switch_on(BlobOutage(self._id("blob-outage"), until, reset))

    async def _fail_start_task(self, request: Request) -> Response:
        body = read(request)
        exit_code = settings.whole(body, "exitCode", 1, 255, 1)
        times = settings.whole(body, "times", 0, 1_000_000, 0) or None
        key = self._pool(body)
        if self._service.pools[key].start_task is None:
            raise ServiceError("OperationInvalidForCurrentState", "The pool has no start task that could fail.")
        return await self._switch_on(FailingStartTasks(self._id("fail-start-task"), *key, exit_code, times))

    async def _preempt(self, request: Request) -> Response:
        body = read(request)
        key = self._pool(body)
        nodes = self._chosen(key, body)
        drill = self._id("preempt")
        await self._service.apply(Preempt(key, nodes, cause=f"chaos {drill}"))
        return Response(200, {"id": drill, "pool": "/".join(key), "nodes": list(nodes)})

    async def _capacity(self, request: Request) -> Response:
        body = read(request)
        given = {name: body.get(name) for name in ("dedicated", "spot")}
        if set(given.values()) == {None}:
            raise missing_property("dedicated or spot")
        wanted = {
            name: settings.whole(body, name, 0, 1_000_000, 0) for name, value in given.items() if value is not None
        }
        key = self._pool(body)
        limit = RegionLimit(wanted.get("dedicated"), wanted.get("spot"), self._id("capacity"))
        await self._service.apply(LimitRegion(key, limit, cause=f"chaos {limit.drill}"))
        return Response(200, limit_shown(key, limit))

    async def _fail_node(self, request: Request) -> Response:
        body = read(request)
        key = self._pool(body)
        code = str(body.get("error") or "")
        default = None if code else CONTACT_SECONDS
        recovers = default if body.get("recovers") is None else settings.required(body, "recovers", 0, 10_000_000)
        failure = Failure("servererror", code, "The node was made to fail by a drill.") if code else None
        nodes = [NodeKey(*key, name) for name in self._to_fail(key, body)]
        drill = self._id("fail-node")
        for node in nodes:
            await self._service.apply(FailNode(node, drill, failure, recovers, cause=f"chaos {drill}"))
        names = [node.node for node in nodes]
        return Response(200, {"id": drill, "pool": "/".join(key), "nodes": names, "recovers": recovers})

    def _to_fail(self, key: PoolKey, body: Mapping[str, Json]) -> list[str]:
        if body.get("node"):
            return [str(body["node"])]
        up = [node for node in self._service.nodes_of(key) if node.state in MAY_FAIL]
        if not up:
            raise ServiceError("OperationInvalidForCurrentState", "The pool has no node that is up.")
        busiest = max(up, key=lambda node: len(self._service.tasks_on(node.key)))
        return [node.key.node for node in (up if body.get("all") else [busiest])]

    async def _end_platform(self, name: str) -> list[Json]:
        """Lift limits of regions and have failed nodes back."""
        ended: list[Json] = []
        cause = f"chaos {self._id('off')}"
        for key, shown_drill in self._platform().items():
            kind, _, where = key.partition(" ")
            if name not in ("", kind):
                continue
            parts = where.split("/")
            event = (
                LimitRegion(PoolKey(*parts), None, cause) if kind == "capacity" else RecoverNode(NodeKey(*parts), cause)
            )
            await self._service.apply(event)
            ended.append(shown_drill)
        return ended

    async def _off(self, request: Request) -> Response:
        """End one drill by its name, or all of them; answers those that were on."""
        name = str(read(request).get("drill") or "")
        if name and name not in DRILLS[1:]:
            raise invalid_property("drill", name, f"One of: {', '.join(DRILLS[1:])}; or none for all.")
        ended = [shown(drill) for drill in await self._chaos.switch_off(name)]
        return Response(200, {"ended": ended + await self._end_platform(name)})

    async def _switch_on(self, drill: Drill) -> Response:
        await self._chaos.switch_on(drill)
        return Response(200, shown(drill))

    def _id(self, name: str) -> str:
        return f"{name}-{self._chaos.next_number()}"

    def _pool(self, body: Mapping[str, Json]) -> PoolKey:
        """The pool of that id; the account may be left out when only one account has such a pool."""
        pool, owner = str(body.get("pool", "")).lower(), str(body.get("account", "")).lower()
        if not pool:
            raise missing_property("pool")
        found = [key for key in self._service.pools if key.pool == pool and owner in ("", key.account)]
        if not found:
            raise ServiceError("PoolNotFound")
        if len(found) > 1:
            names = ", ".join(key.account for key in found)
            raise invalid_property("account", owner, f"Several accounts have such a pool: {names}.")
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


def shown(drill: Drill) -> dict[str, Json]:
    """A drill as answers and status show it: its settings, times as moments, what is not set left out."""
    fields = {_camel(name): value for name, value in asdict(drill).items() if value is not None}
    if isinstance(drill, BlobOutage):
        fields["until"] = wire_time(drill.until)
    return fields


def limit_shown(key: PoolKey, limit: RegionLimit) -> dict[str, Json]:
    """A region's limit as answers and status show it; null = no limit."""
    return {"id": limit.drill, "pool": "/".join(key), "dedicated": limit.dedicated, "spot": limit.spot}


def read(request: Request) -> Mapping[str, Json]:
    """The body of a control request; an absent one is empty."""
    try:
        return json_object(request.body or b"{}")
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": str(error)}) from None


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
