"""The drills that are on. They last until they are switched off, over restarts too; what was counted begins anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import orjson

from batchite.chaos import drills
from batchite.chaos.drills import BlobOutage, Drill, FailingStartTasks, Fault, Latency, ServerErrors, Throttle
from batchite.records import decoder
from batchite.scheduler.model import NodeKey
from batchite.storage.port import Store

KINDS: dict[str, type[Drill]] = {
    "throttle": Throttle,
    "server-error": ServerErrors,
    "latency": Latency,
    "blob-outage": BlobOutage,
    "fail-start-task": FailingStartTasks,
}
"""The drills that last, by the name of their command. `capacity` lies with its pool, `fail-node` with its node."""


class Chaos:
    """Which drills are on, and what they do to the next request. Used from the event loop only.

    `committed` makes what was written durable; `wire` is the present wire time.
    """

    def __init__(self, store: Store, committed: Callable[[], Awaitable[None]], wire: Callable[[], float]) -> None:
        self._store, self._committed, self._wire = store, committed, wire
        saved: dict[str, Any] = orjson.loads(store.get("meta", "chaos") or b"{}")
        self._number: int = saved.get("number", 0)
        self._on: dict[str, Drill] = {
            key: decoder(KINDS[key.partition(" ")[0]])(value) for key, value in saved.get("on", {}).items()
        }
        self._seen: Counter[str] = Counter()

    def next_number(self) -> int:
        """A new number: a drill is called by its name and such a number."""
        self._number += 1
        return self._number

    async def switch_on(self, drill: Drill) -> None:
        """From now on; another drill of the same kind (and pool) ends. Durable on return."""
        key = _key(drill)
        self._on[key] = drill
        for counter in [name for name in self._seen if name.startswith(key)]:
            del self._seen[counter]
        await self._save()

    async def switch_off(self, name: str = "") -> list[Drill]:
        """End the drills of that name, or all; answers those that were on. Durable on return."""
        ended = [key for key in self._on if name in ("", key.partition(" ")[0])]
        found = [self._on.pop(key) for key in ended]
        await self._save()
        return found

    def active(self) -> dict[str, Drill]:
        """The drills that are on, by their command (and pool). An outage that is over has ended."""
        now = self._wire()
        self._on = {k: one for k, one in self._on.items() if not (isinstance(one, BlobOutage) and one.until <= now)}
        return dict(self._on)

    @property
    def idle(self) -> bool:
        """Whether no drill is on: nothing is decided, counted or delayed."""
        return not self._on

    async def delay(self, plane: str) -> None:
        """Wait as the latency drill says, without holding anybody else up."""
        drill = self._on.get("latency")
        if isinstance(drill, Latency) and plane in drill.planes:
            await asyncio.sleep(drills.delay(drill, self._count("latency")))

    def fault(self, plane: str) -> Fault | None:
        """What the next request on the plane is answered instead of what it asked for."""
        throttle, errors = self._on.get("throttle"), self._on.get("server-error")
        if isinstance(throttle, Throttle) and plane in throttle.planes:
            found = drills.throttled(throttle, plane, self._count("throttle"))
            if found is not None:
                return found
        if isinstance(errors, ServerErrors) and plane in errors.planes:
            return drills.failing(errors, self._count("server-error"))
        return None

    def item_fault(self) -> Fault | None:
        """What the next task of a collection is answered instead."""
        errors = self._on.get("server-error")
        if isinstance(errors, ServerErrors) and "batch" in errors.planes:
            return drills.failing(errors, self._count("server-error item"))
        return None

    @property
    def outage(self) -> BlobOutage | None:
        """The blob outage that is on."""
        drill = self._on.get("blob-outage")
        return drill if isinstance(drill, BlobOutage) and self._wire() < drill.until else None

    def start_task_fails(self, node: NodeKey) -> FailingStartTasks | None:
        """The drill that this start task falls to; counted, and written with the commit that follows."""
        key = f"fail-start-task {node.account}/{node.pool}"
        drill = self._on.get(key)
        if not isinstance(drill, FailingStartTasks):
            return None
        if drill.times is not None and drill.times <= 1:
            del self._on[key]
        elif drill.times is not None:
            self._on[key] = replace(drill, times=drill.times - 1)
        self._write()
        return drill

    def _count(self, key: str) -> int:
        self._seen[key] += 1
        return self._seen[key]

    async def _save(self) -> None:
        self._write()
        await self._committed()

    def _write(self) -> None:
        on = {key: asdict(drill) for key, drill in self._on.items()}
        self._store.put("meta", "chaos", orjson.dumps({"number": self._number, "on": on}))


def _key(drill: Drill) -> str:
    name = next(name for name, kind in KINDS.items() if isinstance(drill, kind))
    return f"{name} {drill.account}/{drill.pool}" if isinstance(drill, FailingStartTasks) else name
