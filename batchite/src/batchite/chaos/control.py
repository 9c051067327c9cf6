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
from batchite.scheduler.events import Preempt
from batchite.scheduler.model import PoolKey
from batchite.service import BatchService

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
        return {key: shown(drill) for key, drill in self._chaos.active().items()}

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

    async def _off(self, request: Request) -> Response:
        """End one drill by its name, or all of them; answers those that were on."""
        name = str(read(request).get("drill") or "")
        if name and name not in DRILLS[1:]:
            raise invalid_property("drill", name, f"One of: {', '.join(DRILLS[1:])}; or none for all.")
        ended = [shown(drill) for drill in await self._chaos.switch_off(name)]
        return Response(200, {"ended": ended})

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


def read(request: Request) -> Mapping[str, Json]:
    """The body of a control request; an absent one is empty."""
    try:
        return json_object(request.body or b"{}")
    except NotAnObjectError as error:
        raise ServiceError("InvalidRequestBody", values={"Reason": str(error)}) from None


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
