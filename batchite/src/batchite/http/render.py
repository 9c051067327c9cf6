"""How each plane speaks: its common headers and the shape of its errors.

Batch answers in OData v3 (`{"odata.metadata", "code", "message": {"lang", "value"}, "values"}`), ARM in its common
error shape, the authority and the metadata service in OAuth 2's (RFC 6749 section 5.2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from batchite.clock import wire_time
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
_ERRORS = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors"
_BODYLESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is common to all answers of a plane.

    `echo` names the request's id header that is sent back when the header named beside it says `true`.
    """

    content_type: bytes
    common: tuple[tuple[bytes, bytes], ...]
    request_id: bytes
    echo: tuple[str, str]
    error: Callable[[ServiceError, Request], Json]

    def refuse(self, error: ServiceError, request: Request) -> Response:
        """The answer to a refused request."""
        return Response(error.status, self.error(error, request), error.headers)

    def encode(self, request: Request, response: Response) -> tuple[RawHeaders, bytes]:
        """The headers and the body to send; the body is empty when it is streamed or not allowed."""
        headers: RawHeaders = [*self.common, (self.request_id, request.request_id.encode())]
        client_id, wanted = self.echo
        if request.headers.get(wanted, "").lower() == "true" and client_id in request.headers:
            headers.append((client_id.encode(), request.headers[client_id].encode("latin-1")))
        body = response.body or b""
        if response.json is not None:
            body = orjson.dumps(response.json)
            if "content-type" not in response.headers:
                headers.append((b"content-type", self.content_type))
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        if response.stream is None and response.status not in _BODYLESS and "content-length" not in response.headers:
            headers.append((b"content-length", b"%d" % len(body)))
        return headers, b"" if request.method == "HEAD" or response.status in _BODYLESS else body


def batch_error(error: ServiceError, request: Request) -> Json:
    """The Batch service's error object. Clients' tests compare its text up to the line `RequestId:`."""
    body: dict[str, Json] = {
        "odata.metadata": f"{request.base_url}/$metadata#{_ERRORS}/@Element",
        "code": error.shown,
        "message": {"lang": "en-US", "value": f"{error.text}\n{_trace(request)}"},
    }
    if error.values:
        body["values"] = [{"key": name, "value": value} for name, value in error.values.items()]
    return body


def arm_error(error: ServiceError, _request: Request) -> Json:
    """ARM's error object. Many clients show only `message`, so the reason is repeated in it."""
    reason = error.values.get("Reason")
    body: dict[str, Json] = {"code": error.code, "message": f"{error.text} {reason}" if reason else error.text}
    if "PropertyName" in error.values:
        body["target"] = error.values["PropertyName"]
    if error.values:
        body["details"] = [{"code": name, "message": value} for name, value in error.values.items()]
    return {"error": body}


_OAUTH_CODES = {401: "invalid_client", 403: "access_denied", 405: "invalid_request", 501: "server_error"}


def oauth_error(error: ServiceError, request: Request) -> Json:
    """OAuth's error object for what the HTTP layer itself refuses; the token endpoint makes its own."""
    code = _OAUTH_CODES.get(error.status, "invalid_request")
    return {"error": code, "error_description": f"{error.code}: {error.text}", "trace_id": request.request_id}


def _trace(request: Request) -> str:
    return f"RequestId:{request.request_id}\nTime:{wire_time(time.time())}"


_NO_CACHE = (b"cache-control", b"no-store")

BATCH = Dialect(
    content_type=b"application/json; odata=minimalmetadata",
    common=((b"dataserviceversion", b"3.0"),),
    request_id=b"request-id",
    echo=("client-request-id", "return-client-request-id"),
    error=batch_error,
)
ARM = Dialect(
    content_type=b"application/json; charset=utf-8",
    common=(_NO_CACHE,),
    request_id=b"x-ms-request-id",
    echo=("x-ms-client-request-id", "x-ms-return-client-request-id"),
    error=arm_error,
)
OAUTH = Dialect(
    content_type=b"application/json; charset=utf-8",
    common=(_NO_CACHE,),
    request_id=b"x-ms-request-id",
    echo=("client-request-id", "return-client-request-id"),
    error=oauth_error,
)
