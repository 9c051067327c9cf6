"""Answers that all handlers share: objects with ETag, empty answers, Location on creation."""

from __future__ import annotations

from urllib.parse import quote

from batchite.batch.conditions import check_conditions
from batchite.batch.options import select_names, selected
from batchite.batch.resources import Resource
from batchite.batch.versions import shown
from batchite.clock import http_date
from batchite.http.types import Json, Request, Response


def version_headers(etag: tuple[str, float]) -> dict[str, str]:
    """ETag (bare, as the service sends it) and Last-Modified."""
    return {"etag": etag[0], "last-modified": http_date(etag[1])}


def own_url(request: Request) -> str:
    """The request's own URL without its query: the DataServiceId of whatever it did."""
    return f"{request.base_url}{request.path}"


def entity(request: Request, name: str) -> str:
    """The odata.metadata of an answer that is no resource."""
    return f"{request.base_url}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.{name}"


def created(url: str, etag: tuple[str, float] | None = None) -> Response:
    """201 without a body: where the new resource is."""
    return Response(201, headers=(version_headers(etag) if etag else {}) | {"location": url, "dataserviceid": url})


def done(status: int, request: Request, etag: tuple[str, float] | None = None) -> Response:
    """Success without a body. Recordings show no DataServiceId on reads and deletions."""
    headers = version_headers(etag) if etag else {}
    named = {} if request.method in ("HEAD", "DELETE") else {"dataserviceid": own_url(request)}
    return Response(status, headers=headers | named)


def one(request: Request, resource: Resource, item: dict[str, Json], etag: tuple[str, float] | None = None) -> Response:
    """200 with an object, its properties selected, after the conditional headers."""
    names = select_names(request, resource)
    headers: dict[str, str] = {}
    if etag:
        check_conditions(request, *etag)
        headers = version_headers(etag)
    metadata = {"odata.metadata": f"{request.base_url}/$metadata#{resource.metadata}/@Element"}
    return Response(200, metadata | selected(shown(request, resource.metadata, item), names), headers)


def address(request: Request, *segments: str) -> str:
    """An absolute URL below the account's endpoint, its segments percent-encoded."""
    return "/".join((request.base_url, *(quote(segment, safe="") for segment in segments)))
