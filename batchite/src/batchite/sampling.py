"""Samples of what nodes use, added up for their pools: where `resourceStats` come from.

A sample is taken every 30 seconds of service time, at most once in 2 real seconds. Sums stay over a restart; what a
node used between its last sample and its end is in none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import orjson

from batchite.agent.reading import Reading
from batchite.records import key_text
from batchite.scheduler.model import NodeKey, NodeState, PoolKey, PoolState
from batchite.storage.port import Store

log = logging.getLogger(__name__)

KIND = "pool.samples"
PERIOD, SHORTEST = 30.0, 2.0
"""Service seconds between two samples, and the least number of real ones."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a pool made at `created`: sums over all samples of all its nodes, from `since` to `at` (wire times)."""

    created: float
    since: float
    at: float
    samples: int = 0
    capacity: float = 0.0  # seconds of processor time that the nodes' cores had
    cpu: float = 0.0  # and those that were used
    memory: int = 0
    peak_memory: int = 0
    disk: int = 0
    peak_disk: int = 0
    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


class Samples:
    """Adds samples to the pools' sums."""

    def __init__(self, store: Store, began: float) -> None:
        self._store, self._began = store, began  # no process of a node is older than this server
        self._last: dict[NodeKey, tuple[float, Reading]] = {}

    def of(self, pool: PoolState) -> Sums | None:
        """The pool's sums; None before its first sample. Those of a namesake that has gone are not its own."""
        found = self._store.get(KIND, key_text(pool.key))
        sums = None if found is None else Sums(**orjson.loads(found))
        return sums if sums is not None and sums.created == pool.created_at else None

    def take(
        self,
        pools: Mapping[PoolKey, PoolState],
        nodes: Mapping[NodeKey, float],
        read: Mapping[NodeKey, Reading],
        disk: int,
        now: float,
    ) -> None:
        """One sample of every node that is up, since the moment given. `disk`: bytes in use on their common disk."""
        before, self._last = self._last, {}
        sums: dict[PoolKey, Sums] = {}
        for node, booted in nodes.items():
            key, fresh = PoolKey(node.account, node.pool), read.get(node, Reading())
            pool, self._last[node] = pools[key], (now, fresh)
            known = sums.get(key) or self.of(pool) or Sums(pool.created_at, since=now, at=now)
            last, cores = before.get(node) or (max(booted, self._began), Reading()), pool.cores or os.cpu_count() or 1
            sums[key] = added(known, fresh, last, cores, disk, now)
        for key, total in sums.items():
            self._store.put(KIND, key_text(key), orjson.dumps(asdict(total)))
        for text in [text for text, _ in self._store.scan(KIND) if PoolKey(*text.split("/")) not in pools]:
            self._store.delete(KIND, text)


def added(sums: Sums, fresh: Reading, last: tuple[float, Reading], cores: int, disk: int, now: float) -> Sums:
    """The sums with one more sample of a node; what it used since its last one counts, from nothing after a boot."""
    then, old = last
    old = old if fresh.cpu >= old.cpu and fresh.reads >= old.reads else Reading()
    return replace(
        sums,
        since=min(sums.since, then),
        at=now,
        samples=sums.samples + 1,
        capacity=sums.capacity + (now - then) * cores,
        cpu=sums.cpu + fresh.cpu - old.cpu,
        memory=sums.memory + fresh.memory,
        peak_memory=max(sums.peak_memory, fresh.memory),
        disk=sums.disk + disk,
        peak_disk=max(sums.peak_disk, disk),
        reads=sums.reads + fresh.reads - old.reads,
        writes=sums.writes + fresh.writes - old.writes,
        read_bytes=sums.read_bytes + fresh.read_bytes - old.read_bytes,
        written_bytes=sums.written_bytes + fresh.written_bytes - old.written_bytes,
    )


class Readable(Protocol):
    """An agent whose nodes can be read."""

    def readings(self) -> dict[NodeKey, Reading]:
        """What every node has used so far."""


class Sampled(Protocol):
    """The service, as the sampler knows it."""

    @property
    def nodes(self) -> Mapping[NodeKey, NodeState]:
        """Every node."""

    def sample(self, readings: Mapping[NodeKey, Reading], disk: int) -> None:
        """Add a sample."""


def begin(service: Sampled, agent: Readable, root: Path, scale: float) -> asyncio.Task[None]:
    """Sample until the task is cancelled."""
    return asyncio.create_task(_run(service, agent, root, max(SHORTEST, PERIOD / scale)))


async def _run(service: Sampled, agent: Readable, root: Path, period: float) -> None:
    while True:
        await asyncio.sleep(period)
        if service.nodes:
            try:
                readings = await asyncio.to_thread(agent.readings)
                service.sample(readings, shutil.disk_usage(root).used)
            except OSError as error:
                log.warning("the nodes cannot be sampled: %s", error)
