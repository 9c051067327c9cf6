"""Several listeners in one event loop: sockets bound beforehand, uvicorn without its signal handling."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import uvicorn

from batchite.http.protocol import PatientProtocol

Application: TypeAlias = Callable[..., Awaitable[None]]
KEEP_ALIVE: Final = 75  # seconds a connection may be idle; clients' pools keep theirs about a minute
GRACE: Final = 5  # seconds that running requests get when the server stops
_FLUSH: Final = 0.2  # seconds for the last bytes of an answer to leave a connection that is being closed


class PortInUseError(OSError):
    """The port is taken; the message names it and the option that changes it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One bound socket and what answers on it. `certificate`: PEM files (certificate, key) for HTTPS.

    While `resets` is true, connections are reset instead of being answered.
    """

    socket: socket.socket
    app: Application
    certificate: tuple[Path, Path] | None = None
    resets: Callable[[], bool] | None = None


def bind(port: int, flag: str, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortInUseError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUseError(
            errno.EADDRINUSE, f"port {port} is in use; choose another with {flag} (0 = any free one)"
        ) from None
    bound.setblocking(False)
    return bound


def port_of(bound: socket.socket) -> int:
    """The port a socket is bound to."""
    port: int = bound.getsockname()[1]
    return port


async def serve(
    listeners: Sequence[Listener], ready: Callable[[], None], stop: asyncio.Event, *, signals: bool = True
) -> None:
    """Serve until `stop` is set, or SIGTERM or SIGINT arrives; `ready` is called once all listeners answer.

    Running requests are finished within `GRACE` seconds. The applications' own startup comes before this call and their
    shutdown after it, so a failing one is an exception of the caller's.
    """
    started: list[tuple[_Server, asyncio.Task[None]]] = []
    with stopped_by_signals(stop) if signals else contextlib.nullcontext():
        try:
            for listener in listeners:
                started.append(await _start(listener))  # noqa: PERF401 - those before a failing one must be stopped
            ready()
            await stop.wait()
        finally:
            for server, _ in started:
                server.should_exit = True
            await asyncio.gather(*(task for _, task in started))


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it answers and leaves signals to us."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests, then drop the connections: an idle TLS client answers no farewell for half a minute."""
        for server in self.servers:
            server.close()
        for bound in sockets or ():
            bound.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            _, late = await asyncio.wait(state.tasks, timeout=GRACE)
            for task in late:
                task.cancel()
        await self._drop(state.connections)

    async def _drop(self, connections: set[Any]) -> None:
        """Let the connections send what they hold for a moment, then abort those that are left."""
        deadline = asyncio.get_running_loop().time() + _FLUSH
        while connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        for connection in list(connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _start(listener: Listener) -> tuple[_Server, asyncio.Task[None]]:
    server = _Server(_config(listener))
    task = asyncio.create_task(server.serve([listener.socket]))
    answering = asyncio.create_task(server.answering.wait())
    await asyncio.wait({task, answering}, return_when=asyncio.FIRST_COMPLETED)
    answering.cancel()
    if task.done():
        task.result()  # raises what kept the server from starting, a damaged certificate for instance
    return server, task


def _config(listener: Listener) -> uvicorn.Config:
    certificate, key = listener.certificate or (None, None)
    protocol = _resetting(listener.resets) if listener.resets else PatientProtocol
    options: dict[str, Any] = {"loop": "none", "http": protocol, "ws": "none", "interface": "asgi3"}
    return uvicorn.Config(
        listener.app,
        **options,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=2048,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def _resetting(resets: Callable[[], bool]) -> type[PatientProtocol]:
    """The HTTP protocol, on connections that may be reset at any of their bytes."""

    class Resetting(PatientProtocol):
        def data_received(self, data: bytes) -> None:
            if resets():
                self.transport.abort()
            else:
                super().data_received(data)

    return Resetting


@contextlib.contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
