"""One commit per turn of the event loop: everything written in a turn becomes lasting together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchite.storage.port import Store


class GroupCommit:
    """Schedules the commit and lets writers wait for it. Used from one event loop only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: asyncio.Future[None] | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._durable = False

    def committed(self, afterwards: Callable[[], None] | None = None, *, durable: bool = True) -> asyncio.Future[None]:
        """A future that is done once everything written so far survives a kill; `durable`: a power cut too.

        `afterwards` runs right after that commit: effects (starting a process) must not precede their record.
        A failed commit (a full disk) is raised to every waiter, and no effect runs.
        """
        if afterwards is not None:
            self._afterwards.append(afterwards)
        self._durable = self._durable or durable
        if self._pending is None:
            loop = asyncio.get_running_loop()
            self._pending = loop.create_future()
            self._pending.add_done_callback(_retrieved)
            loop.call_soon(self._flush)
        return self._pending

    def _flush(self) -> None:
        pending, self._pending = self._pending, None
        effects, self._afterwards = self._afterwards, []
        durable, self._durable = self._durable, False
        assert pending is not None
        try:
            self._store.commit(durable=durable)
        except Exception as error:  # noqa: BLE001  # whatever the store raises must reach those who wait, not the event loop
            pending.set_exception(error)
            return
        pending.set_result(None)
        for effect in effects:
            effect()


def _retrieved(future: asyncio.Future[None]) -> None:
    """Mark a failure as seen: a turn's commit may have no waiter (an agent's answer), and it is logged elsewhere."""
    if not future.cancelled():
        future.exception()
