"""The doors of the nodes: a listening socket for each node that somebody asked to enter, in one thread of their own.

A door costs a socket. What serves it (asyncssh, and a key) is loaded when the first visitor comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from typing import Any

from batchite.scheduler.model import NodeKey
from batchite.ssh.port import Access

LOOPBACK = "127.0.0.1"
BACKLOG = 16


class NoPortError(LookupError):
    """None of the ports that the door may have is free."""


@dataclass(slots=True)
class Door:
    """A node's socket, and what serves its visitors once there are any."""

    node: NodeKey
    socket: socket
    server: Any = None  # server.NodeServer, from a module that is loaded when it is needed
    visits: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.socket.getsockname()[1])


class Doors:
    """All of them. Its methods are for the server's event loop; visitors are served in a thread with its own loop."""

    def __init__(self) -> None:
        self._access: Access | None = None
        self._doors: dict[NodeKey, Door] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def admit(self, access: Access) -> None:
        """Who says who may come in. Before the first door opens."""
        self._access = access

    def port(self, node: NodeKey) -> int | None:
        """The port of the node's door, None when it has none."""
        door = self._doors.get(node)
        return door.port if door else None

    def open(self, node: NodeKey, ports: Iterable[int]) -> int:
        """The port of the node's door; a new one gets the first of the ports that is free. Raises NoPortError."""
        door = self._doors.get(node)
        if door is None:
            door = self._doors[node] = Door(node, _listening(ports))
            self._run(self._accept(door))
        return door.port

    def down(self, node: NodeKey, *, gone: bool) -> None:
        """The node goes down: its visitors leave; when it is gone, so is its door."""
        door = self._doors.get(node)
        if door is None:
            return
        if gone:
            del self._doors[node]
        self._run(self._clear(door, gone=gone))

    def close(self) -> None:
        """Close all and end the thread."""
        if self._loop is None or self._thread is None:
            return
        for node in list(self._doors):
            self.down(node, gone=True)
        self._run(self._stop())
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            self._loop = asyncio.SelectorEventLoop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="ssh", daemon=True)
            self._thread.start()
        asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _accept(self, door: Door) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the door is closed
            while True:
                visitor, _ = await loop.sock_accept(door.socket)
                if door.server is None:
                    door.server = importlib.import_module("batchite.ssh.server").NodeServer(door.node, self._access)
                visit = loop.create_task(door.server.serve(visitor))
                door.visits.add(visit)
                visit.add_done_callback(door.visits.discard)

    async def _clear(self, door: Door, *, gone: bool) -> None:
        if gone:
            asyncio.get_running_loop().remove_reader(door.socket)
            door.socket.close()
        if door.server is not None:
            door.server.end()

    async def _stop(self) -> None:
        loop = asyncio.get_running_loop()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.wait(rest) if rest else None
        loop.stop()


def _listening(ports: Iterable[int]) -> socket:
    for port in ports:
        found = socket(AF_INET, SOCK_STREAM)
        found.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            found.bind((LOOPBACK, port))
            found.listen(BACKLOG)
        except OSError:
            found.close()
            continue
        found.setblocking(False)
        return found
    raise NoPortError
