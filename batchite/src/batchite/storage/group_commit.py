"""One commit per turn of the event loop: everything written in a turn becomes lasting together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from batchite.storage.port import Store


class StoreFailedError(Exception):
    """The store did not take a write: memory is ahead of it, so nothing more may be accepted."""


class GroupCommit:
    """Schedules the commit and lets writers wait for it. Used from one event loop only.

    `on_failure` is told of the write that failed; every later one is refused with StoreFailedError. `before` may write
    what is to be committed with the rest.
    """

    def __init__(
        self, store: Store, on_failure: Callable[[Exception], None], before: Callable[[], None] | None = None
    ) -> None:
        self._store = store
        self._before = before
        self._on_failure = on_failure
        self._failure: Exception | None = None
        self._pending: asyncio.Future[None] | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._durable = False

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around writes that memory is already ahead of. Raises StoreFailedError."""
        if self._failure is not None:
            raise StoreFailedError(f"the store has failed: {self._failure}")
        try:
            yield
        except Exception as error:
            self._failure = error
            self._on_failure(error)
            raise StoreFailedError(f"the store has failed: {error}") from error

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
            with self.writing():
                if self._before is not None:
                    self._before()
                self._store.commit(durable=durable)
        except StoreFailedError as error:
            pending.set_exception(error)
            return
        pending.set_result(None)
        for effect in effects:
            effect()


def _retrieved(future: asyncio.Future[None]) -> None:
    """Mark a failure as seen: a turn's commit may have no waiter (an agent's answer), and it is logged elsewhere."""
    if not future.cancelled():
        future.exception()
