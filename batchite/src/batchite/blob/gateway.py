"""The blob endpoint: an ASGI application that decides who may do what and hands the rest to Azurite."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import ClientError, ClientResponse

from batchite.blob.access import AccessRules, admit
from batchite.blob.backend import signed
from batchite.blob.delegation import GET_KEY, LARGEST_BODY, key_answer, without_signature
from batchite.blob.errors import StorageError, render
from batchite.blob.operations import resolve
from batchite.blob.process import BlobStoreError
from batchite.blob.request import parse
from batchite.blob.service import BlobService
from batchite.http.guard import allowed_host
from batchite.identity.well_known import TENANT_ID

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Disturb: TypeAlias = Callable[[], Awaitable[StorageError | None]]

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
KEPT_FROM_AZURITE = HOP_BY_HOP | {"host", "expect", "origin", "forwarded"}
KEPT_FROM_CLIENT = HOP_BY_HOP | {"server", "date", "vary"}  # the server in front writes its own date

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that was let in, as Azurite gets it; `caller` is the object id whose roles were asked, if any."""

    method: str
    target: str
    headers: Mapping[str, str]
    operation: str
    caller: str


async def undisturbed() -> StorageError | None:
    """No request is disturbed."""
    return None


class BlobGateway:
    """`https://127.0.0.1:PORT/<account>/…`: host guard, bearer tokens and roles, the shared-key switch; bodies stream.

    `disturb` is asked about every request that would be let in: it may raise what is answered instead, or give what is
    answered after the request has taken effect. Names of metadata, which the service compares without regard to case,
    are kept in lower case: that is how the HTTP server gives headers to an application.
    """

    def __init__(self, service: BlobService, rules: AccessRules, disturb: Disturb = undisturbed) -> None:
        self._service = service
        self._rules = rules
        self._disturb = disturb

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One ASGI scope; only HTTP is spoken."""
        if scope["type"] != "http":
            raise NotImplementedError(f"The blob gateway speaks http, not {scope['type']}.")
        request_id = str(uuid.uuid4())
        try:
            request = self._admit(scope)
            instead = await self._disturb()
            if request.operation == GET_KEY:
                await _send_xml(200, await self._delegation_key(request, receive), request_id, send)
                return
            answer = await self._forward(request, receive, instead)
        except StorageError as error:
            await _refuse(error, scope, request_id, send)
        except Exception:
            log.exception("blob request %s failed", request_id)
            await _refuse(StorageError("InternalError"), scope, request_id, send)
        else:
            async with answer:
                await _relay(answer, scope["method"], send)

    async def _delegation_key(self, request: Outgoing, receive: Receive) -> bytes:
        """The key that the caller may sign with, made here: Azurite knows no roles."""
        body = b""
        async for chunk in _body(receive):
            body += chunk
            if len(body) > LARGEST_BODY:
                raise StorageError("InvalidXmlDocument")
        return key_answer(body, request.caller, TENANT_ID, request.headers["x-ms-version"], self._service.delegation)

    async def _forward(self, request: Outgoing, receive: Receive, instead: StorageError | None) -> ClientResponse:
        length = request.headers.get("content-length")
        if length is None and request.method in {"PUT", "POST"}:
            raise StorageError("MissingContentLengthHeader")
        body = _body(receive) if length not in {None, "0"} else None
        try:
            answer = await self._service.backend.send(request.method, request.target, request.headers, body)
        except (BlobStoreError, ClientError, ConnectionError) as error:
            log.warning("Azurite did not answer a %s: %s", request.method, error)
            raise StorageError("ServerBusy") from error
        if instead is not None:
            answer.release()
            raise instead
        return answer

    def _admit(self, scope: Mapping[str, Any]) -> Outgoing:
        """The request as it goes on. Raises StorageError."""
        _check_host(scope)
        request = parse(scope)
        key = self._service.key(request.account)
        if key is None:
            raise StorageError("ResourceNotFound")
        operation = resolve(request)
        caller = admit(request, operation, self._rules, self._service.delegation)
        headers = {name: value for name, value in request.headers.items() if not _is_dropped(name)}
        query = scope["query_string"].decode("ascii")  # the client's own bytes where it signed them
        if caller:
            request = without_signature(request)
            headers = signed(request.account, key, request.method, request.path, request.query, headers)
            query = request.encoded_query
        target = f"{request.path}?{query}" if query else request.path
        headers = headers | {"x-forwarded-proto": scope["scheme"]}
        return Outgoing(request.method, target, headers, operation.name, caller)


def _is_dropped(name: str) -> bool:
    return name in KEPT_FROM_AZURITE or name.startswith(("x-forwarded-", "access-control-"))


def _check_host(scope: Mapping[str, Any]) -> None:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not allowed_host(hosts[0]):
        raise StorageError("HostNotAllowed")


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError("The client left before its body was complete.")
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


async def _relay(answer: ClientResponse, method: str, send: Send) -> None:
    """Pass an answer on, its body as it comes."""
    kept = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
        if name.lower() not in KEPT_FROM_CLIENT and not name.lower().startswith("access-control-")
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": kept})
    if method != "HEAD":
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_xml(status: int, body: bytes, request_id: str, send: Send) -> None:
    fields = {"content-type": "application/xml", "content-length": str(len(body)), "x-ms-request-id": request_id}
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(error: StorageError, scope: Mapping[str, Any], request_id: str, send: Send) -> None:
    body = render(error, request_id)
    client_id = [(name, value) for name, value in scope["headers"] if name == b"x-ms-client-request-id"]
    fields = {
        "content-type": "application/xml",
        "content-length": str(len(body)),
        "x-ms-error-code": error.code,
        "x-ms-request-id": request_id,
        **error.headers,
    }
    headers = [(name.encode(), value.encode()) for name, value in fields.items()] + client_id[:1]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
