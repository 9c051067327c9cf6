"""The times nodes were in use, kept beyond the nodes themselves: what usage metrics are counted from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import orjson

from batchite.ids import is_spot
from batchite.records import DOCUMENTS, KINDS, key_text
from batchite.scheduler.commands import Change, Gone, Put
from batchite.scheduler.model import NodeKey, NodeState, PoolKey, PoolState
from batchite.storage.port import Store

OPEN, CLOSED = "use.open", "use.closed"
KEPT = 30 * 86400.0
"""Seconds for which a use is kept after its end."""

_NOT_IN_USE = frozenset({"preempted", "deallocated"})


@dataclass(frozen=True, slots=True)
class Use:
    """A time that one node of a pool was in use, in Unix seconds."""

    pool_id: str
    vm_size: str
    cores: int
    start: float
    end: float


class UsageLog:
    """Opens a use when a node comes or comes back, closes it when the node is taken or goes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[NodeKey, float] = {}  # since when

    def load(self, pools: Iterable[PoolState], nodes: Iterable[NodeState], now: float) -> None:
        """Take up the uses of an earlier run and drop those that ended long ago in pools that have gone."""
        found = {key: float(value) for key, value in self._store.scan(OPEN)}
        self._open = {node.key: found[key_text(node.key)] for node in nodes if key_text(node.key) in found}
        present = {key_text(pool.key) for pool in pools}
        closed = [(key, _use(value).end) for key, value in self._store.scan(CLOSED)]
        old = [key for key, end in closed if end < now - KEPT and "/".join(key.split("/")[:2]) not in present]
        for key in old:
            self._store.delete(CLOSED, key)

    def note(self, change: Change, now: float) -> None:
        """Note what a change says of a node; it must not be in the store yet."""
        match change:
            case Put(record=NodeState(key=node, state=state)) if state not in _NOT_IN_USE:
                if node not in self._open:
                    self._open[node] = now
                    self._store.put(OPEN, key_text(node), repr(now).encode())
            case Put(record=NodeState(key=node)) | Gone(key=NodeKey() as node):
                self._close(node, now)

    def of(self, account: str, now: float) -> Iterator[Use]:
        """Every use of the account's nodes; those that go on end now."""
        yield from (_use(value) for _, value in self._store.scan(CLOSED, f"{account}/"))
        for node, start in self._open.items():
            if node.account == account:
                yield from self._uses(node, start, now)

    def dedicated_core_seconds(self, pool: PoolState, now: float) -> float | None:
        """Core time of the dedicated nodes that a pool has or has had; None when it never had any node."""
        prefix = key_text(pool.key) + "/"
        closed = [(key, _use(value)) for key, value in self._store.scan(CLOSED, prefix)]
        mine = [(key.split("/")[2], use) for key, use in closed if use.start >= pool.created_at]  # not its namesake's
        for node, start in self._open.items():
            if (node.account, node.pool) == pool.key:
                mine += [(node.node, use) for use in self._uses(node, start, now)]
        return sum((use.end - use.start) * use.cores for node, use in mine if not is_spot(node)) if mine else None

    def _close(self, node: NodeKey, now: float) -> None:
        start = self._open.pop(node, None)
        if start is None:
            return
        self._store.delete(OPEN, key_text(node))
        for use in self._uses(node, start, now):
            self._store.put(CLOSED, f"{key_text(node)}/{int(start * 1000):016d}", orjson.dumps(asdict(use)))

    def _uses(self, node: NodeKey, start: float, end: float) -> Iterator[Use]:
        """The use as a record, with what its pool was."""
        pool = key_text(PoolKey(node.account, node.pool))
        state, document = self._store.get(KINDS[PoolKey], pool), self._store.get(DOCUMENTS[PoolKey], pool)
        if state is not None and document is not None:
            record, size = orjson.loads(state), orjson.loads(document)["d"]["vmSize"]
            yield Use(record["id"], size, record["cores"], start, end)


def _use(value: bytes) -> Use:
    return Use(**orjson.loads(value))
