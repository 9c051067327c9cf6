"""The HTTP/1.1 protocol of uvicorn, with two limits that it lacks: of a request's head, and of the time it takes."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 64 << 10
"""Bytes of a request's line and headers; the longest that clients send is a token of a few KiB."""

PATIENCE = 60.0
"""Seconds in which the head of a request must be whole, and in which more of its body must come."""


class PatientProtocol(HttpToolsProtocol):
    """Closes connections whose request does not come to its end; what waits between requests is `KEEP_ALIVE`'s."""

    _timer: asyncio.TimerHandle | None = None
    _inside = True  # of a request; a new connection owes one
    _head_whole = False
    _head_size = 0

    def connection_made(self, transport: Any) -> None:
        """Expect a request in time."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to watch any more."""
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request: a head keeps its deadline, a body gets a new one with each part."""
        super().data_received(data)
        if not self._inside or self.transport.is_closing():
            self._unwatch()
        elif self._head_whole:
            self._unwatch()
            self._watch()
        else:
            self._head_size += len(data)
            if self._head_size > LONGEST_HEAD:
                self.send_400_response("The request's headers are too large.")
            elif self._timer is None:
                self._watch()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._inside, self._head_whole, self._head_size = True, False, 0

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._head_whole = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._inside = False
        super().on_message_complete()

    def _watch(self) -> None:
        self._timer = self.loop.call_later(PATIENCE, self._give_up)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """Too late, unless it is the application that does not take what came."""
        if self.flow.read_paused:
            self._watch()
        else:
            self._timer = None
            self.transport.abort()
