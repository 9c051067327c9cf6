"""The ASGI application: picks the plane, lets no stranger in, reads the body, runs the handler, renders the answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import unquote_plus
from uuid import uuid4

from batchite.errors import ServiceError
from batchite.http.guard import allowed_host
from batchite.http.plane import Plane, Target
from batchite.http.render import RawHeaders
from batchite.http.types import Headers, Request, Response

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Hook: TypeAlias = Callable[[], Awaitable[None]]

log = logging.getLogger("batchite.http")

DRAINED = 64 << 20
"""Bytes of a body over its plane's limit that are still read, to be able to answer."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class App:
    """All planes behind one ASGI callable. The last plane must own every path.

    `startup` runs in order when the server starts, `shutdown` in order when it has answered its last request.
    """

    def __init__(self, planes: Sequence[Plane], startup: Sequence[Hook] = (), shutdown: Sequence[Hook] = ()) -> None:
        self._planes = tuple(planes)
        self._startup = tuple(startup)
        self._shutdown = tuple(shutdown)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope, as ASGI 3 defines it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            raise NotImplementedError(f"ASGI scope {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        plane, target = self._plane(scope["raw_path"].decode("latin-1"))
        request = _request(scope, target)
        try:
            response = await _answer(plane, request, receive)
        except ServiceError as error:
            response = plane.dialect.refuse(error, request)
        except ClientGoneError:
            return
        except Exception:
            log.exception(
                "%s %s %s failed, request id %s", plane.name, request.method, request.path, request.request_id
            )
            response = plane.dialect.refuse(ServiceError("InternalError"), request)
        headers, body = _encoded(plane, request, response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.stream is None or request.method == "HEAD":
            await send({"type": "http.response.body", "body": body})
        else:
            await _stream(response.stream, send)

    def _plane(self, path: str) -> tuple[Plane, Target]:
        for plane in self._planes:
            target = plane.matches(path)
            if target:
                return plane, target
        raise LookupError("the last plane must own every path")

    async def startup(self) -> None:
        """Run the startup hooks; what one raises ends it. For servers that do not speak ASGI's lifespan."""
        for hook in self._startup:
            await hook()

    async def shutdown(self) -> None:
        """Run the shutdown hooks."""
        for hook in self._shutdown:
            await hook()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        for phase, run in (("startup", self.startup), ("shutdown", self.shutdown)):
            await receive()
            try:
                await run()
            except Exception as error:
                log.exception("%s failed", phase)
                await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
                return
            await send({"type": f"lifespan.{phase}.complete"})


def _encoded(plane: Plane, request: Request, response: Response) -> tuple[RawHeaders, bytes]:
    """The answer's headers and body; one that cannot be written is an error like any other of the server."""
    try:
        return plane.dialect.encode(request, response)
    except (TypeError, ValueError):
        log.exception(
            "%s %s: the answer cannot be written, request id %s", plane.name, request.path, request.request_id
        )
        return plane.dialect.encode(request, plane.dialect.refuse(ServiceError("InternalError"), request))


async def _answer(plane: Plane, request: Request, receive: Receive) -> Response:
    if not allowed_host(request.headers.get("host")):
        raise ServiceError("HostNotAllowed")
    principal = plane.authenticate(request)
    route, params = plane.router.resolve(request.method, request.path)
    body = await _body(request.headers, receive, plane.max_body)
    return await route.handler(replace(request, body=body, params=params, principal=principal))


async def _body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The body. One that is too large is read to its end and dropped, or its client would see a broken connection
    instead of the answer; what is larger than `DRAINED` is cut off.
    """
    if headers.get("content-encoding", "identity") != "identity":
        raise ServiceError("UnsupportedHeader", values={"HeaderName": "Content-Encoding"})
    chunks: list[bytes] = []
    declared, read = int(headers.get("content-length") or 0), 0
    more = declared <= max(limit, DRAINED)
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        read += len(message.get("body", b""))
        if read <= limit:
            chunks.append(message.get("body", b""))
        more = message.get("more_body", False) and read <= max(limit, DRAINED)
    if max(declared, read) > limit:
        raise _too_large(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> ServiceError:
    return ServiceError("RequestBodyTooLarge", values={"MaxLimit": str(limit)})


async def _stream(chunks: AsyncIterator[bytes], send: Send) -> None:
    if isinstance(chunks, AsyncGenerator):
        async with aclosing(chunks):
            await _send_chunks(chunks, send)
    else:
        await _send_chunks(chunks, send)


async def _send_chunks(chunks: AsyncIterator[bytes], send: Send) -> None:
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _request(scope: Scope, target: Target) -> Request:
    headers = _headers(scope["headers"])
    return Request(
        method=scope["method"],
        path=target.path,
        raw_path=scope["raw_path"].decode("latin-1"),
        query=parse_query(scope["query_string"].decode("latin-1")),
        headers=headers,
        body=b"",
        base_url=f"{scope['scheme']}://{headers.get('host', '')}{target.base}",
        account=target.account,
        request_id=str(uuid4()),
    )


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Names in lower case; the values of a repeated header joined by commas (RFC 9110 section 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def parse_query(raw: str) -> dict[str, str]:
    """Decoded names with their first value that is not empty, as the signature of a shared key counts them."""
    query: dict[str, str] = {}
    for part in raw.split("&") if raw else ():
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        if not query.get(name):
            query[name] = value
    return query
