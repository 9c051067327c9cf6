"""The load generator of all HTTP measurements: requests made and signed beforehand over kept-alive connections."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import Any, cast
from urllib.parse import SplitResult, urlencode, urlsplit

import uvloop

from batchite.identity.shared_key import sign, strings_to_sign

VERSION = "2025-06-01"
JSON = "application/json; odata=minimalmetadata"


@dataclass(slots=True)
class Sent:
    """What became of the requests: seconds of each, and of all."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes requests to a Batch account, signed with its key."""

    endpoint: str
    account: str
    key: str

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Signer:
        """The account that a server's variables name."""
        names = ("AZURE_BATCH_ENDPOINT", "AZURE_BATCH_ACCOUNT", "AZURE_BATCH_ACCESS_KEY")
        return cls(*(variables[name] for name in names))

    def parts(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> tuple[str, dict[str, str], bytes]:
        """Target, headers and content of one request; `body` becomes JSON."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"ocp-date": formatdate(usegmt=True)}
        if content:
            headers |= {"content-length": str(len(content)), "content-type": JSON}
        raw = urlsplit(self.endpoint).path.rstrip("/") + path
        asked = {"api-version": VERSION, **(query or {})}
        text = next(strings_to_sign(method, self.account, raw, headers, asked))
        headers["authorization"] = f"SharedKey {self.account}:{sign(self.key, text)}"
        return f"{raw}?{urlencode(asked)}", headers, content

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """The bytes of one request."""
        return encoded(method, *self.parts(method, path, body))


def encoded(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(url: str, requests: Iterable[bytes], connections: int) -> Sent:
    """Send all of them, `connections` at a time. Raises RuntimeError for an answer that is no success."""
    sent: Sent = uvloop.run(_send(urlsplit(url), iter(requests), connections))
    return sent


async def _send(address: SplitResult, requests: Iterator[bytes], connections: int) -> Sent:
    loop, sent = asyncio.get_running_loop(), Sent()
    host, port = str(address.hostname), address.port or 80
    made = [await loop.create_connection(partial(_Connection, requests, sent), host, port) for _ in range(connections)]
    begin = time.perf_counter()
    for _, connection in made:
        connection.next()
    try:
        await asyncio.gather(*(connection.done for _, connection in made))
    finally:
        for transport, _ in made:
            transport.close()
    sent.seconds = time.perf_counter() - begin
    return sent


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete. `done`: there are no more."""

    def __init__(self, requests: Iterator[bytes], sent: Sent) -> None:
        self._requests, self._sent = requests, sent
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._read, self._begin = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are none by class

    def next(self) -> None:
        """Send one more, if there is one."""
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
        else:
            self._begin = time.perf_counter()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._sent.latencies.append(time.perf_counter() - self._begin)
        if head[9:10] != b"2":
            self.done.set_exception(RuntimeError(f"an answer that is no success: {self._read[:600]!r}"))
            return
        self._read = b""
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or RuntimeError("the server closed the connection"))


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
