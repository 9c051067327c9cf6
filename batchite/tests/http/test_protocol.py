"""Requests that do not come to their end, and heads without one: closed in time, while others are answered."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from batchite.http import protocol
from batchite.http.serve import Listener, bind, port_of, serve

pytestmark = pytest.mark.ours

SECONDS = 30  # in which a connection must have been closed


async def echo(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers the length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    body = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def play(scenario: Callable[[int], Any]) -> Any:
    """The result of a scenario with a server's port."""

    async def main() -> Any:
        bound, ready, stop = bind(0, "--http-port"), asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve([Listener(bound, echo)], ready.set, stop, signals=False))
        await ready.wait()
        found = await asyncio.wait_for(scenario(port_of(bound)), SECONDS)
        stop.set()
        await serving
        return found

    return asyncio.run(main())


async def answer(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that comes back until the server closes, after these parts with pauses between them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab",
    ],
    ids=["nothing", "a letter", "a line", "half a header", "half a body"],
)
def test_what_does_not_come_to_its_end_is_closed(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Without an answer, once patience is at its end."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.2)
    assert play(lambda port: answer(port, sent)) == b""


def test_a_head_that_comes_in_drops_gets_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header every now and then keeps no connection open."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.3)
    drops = [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 1000]
    assert play(lambda port: answer(port, *drops, pause=0.02)) == b""


def test_a_body_that_comes_in_drops_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of it renews the patience."""
    monkeypatch.setattr(protocol, "PATIENCE", 1.0)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
    assert play(lambda port: answer(port, head, *[b"x"] * 40, pause=0.04)).endswith(b"\r\n\r\n40")


@pytest.mark.parametrize("line", [b"X: " + b"y" * 1000 + b"\r\n", b"y" * 1000], ids=["many headers", "one header"])
def test_a_head_without_end_is_refused(line: bytes) -> None:
    """After some tens of KiB, before the memory is full of it."""
    found = play(lambda port: answer(port, b"GET / HTTP/1.1\r\nX: ", *[line] * 5000))
    assert found == b"" or found.startswith(b"HTTP/1.1 400")


def test_slow_clients_keep_nobody_waiting() -> None:
    """Two hundred half requests are open, and another one is answered."""

    async def scenario(port: int) -> bytes:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
        for _, writer in slow:
            writer.write(b"GET / HTTP/1.1\r\nHost:")
        found = await answer(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for _, writer in slow:
            writer.close()
        return found

    assert play(scenario).startswith(b"HTTP/1.1 200")


def test_requests_on_one_connection_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelined ones are answered in order; a connection that has been answered outlives the patience."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.2)

    async def scenario(port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        for count in (3, 1):
            writer.write(
                b"".join(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (n, b"x" * n) for n in range(count))
            )
            for _ in range(count):
                await reader.readuntil(b"\r\n\r\n")
                found.append(await reader.readexactly(1))
            await asyncio.sleep(0.5)
        writer.close()
        return found

    assert play(scenario) == [b"0", b"1", b"2", b"0"]
