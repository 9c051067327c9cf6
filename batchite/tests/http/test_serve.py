"""Listeners: ports, signals, requests that are running when the server stops."""

import asyncio
import os
import signal
import socket
from typing import Any

import pytest

from batchite.http.serve import Listener, PortInUseError, bind, port_of, serve

pytestmark = pytest.mark.ours


def test_a_port_in_use_is_named_with_its_option() -> None:
    """The message says what to do."""
    with bind(0, "--http-port") as taken:
        port = port_of(taken)
        with pytest.raises(PortInUseError, match=f"port {port} is in use.*--http-port"):
            bind(port, "--http-port")


class Slow:
    """An application whose one request ends when it is told to."""

    def __init__(self) -> None:
        self.asked, self.finish = asyncio.Event(), asyncio.Event()

    async def __call__(self, _scope: dict[str, Any], _receive: Any, send: Any) -> None:
        """Answers `done`."""
        self.asked.set()
        await self.finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


async def read_answer(port: int) -> bytes:
    """The whole answer to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def stopped_by(number: signal.Signals) -> bytes:
    """The answer to a request that was running when the signal came."""
    app, ready, listeners = Slow(), asyncio.Event(), [bind(0, "--http-port"), bind(0, "--blob-port")]
    ports = [port_of(bound) for bound in listeners]
    serving = asyncio.create_task(serve([Listener(bound, app) for bound in listeners], ready.set, asyncio.Event()))
    await ready.wait()
    answer = asyncio.create_task(read_answer(ports[1]))
    await app.asked.wait()
    os.kill(os.getpid(), number)
    await refused(ports[0])
    app.finish.set()
    await serving
    return await answer


async def refused(port: int) -> None:
    """Waits until nothing listens on the port any more."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_requests_finish(number: signal.Signals) -> None:
    """New connections are refused on every port, the running request is answered, then the server ends."""
    answer = asyncio.run(asyncio.wait_for(stopped_by(number), 20))
    assert answer.endswith(b"done")
    assert b"server:" not in answer.lower()
