"""Answers that all handlers share: objects with ETag, empty answers, Location on creation."""

from __future__ import annotations

from urllib.parse import quote

from batchite.batch.conditions import check_conditions
from batchite.batch.options import select_names, selected
from batchite.batch.resources import Resource
from batchite.batch.versions import shown
from batchite.clock import http_date
from batchite.http.types import Json, Request, Response


def version_headers(url: str, etag: tuple[str, float]) -> dict[str, str]:
    """ETag (bare, as the service sends it), Last-Modified and DataServiceId."""
    return {"etag": etag[0], "last-modified": http_date(etag[1]), "dataserviceid": url}


def created(url: str, etag: tuple[str, float]) -> Response:
    """201 without a body."""
    return Response(201, headers=version_headers(url, etag) | {"location": url})


def done(status: int, url: str, etag: tuple[str, float] | None = None) -> Response:
    """Success without a body."""
    return Response(status, headers=version_headers(url, etag) if etag else {"dataserviceid": url})


def one(request: Request, resource: Resource, item: dict[str, Json], etag: tuple[str, float] | None = None) -> Response:
    """200 with an object, its properties selected, after the conditional headers."""
    names = select_names(request, resource)
    headers: dict[str, str] = {}
    if etag:
        check_conditions(request, *etag)
        headers = version_headers(item.get("url", ""), etag)
    metadata = {"odata.metadata": f"{request.base_url}/$metadata#{resource.metadata}/@Element"}
    return Response(200, metadata | selected(shown(request, resource.metadata, item), names), headers)


def address(request: Request, *segments: str) -> str:
    """An absolute URL below the account's endpoint, its segments percent-encoded."""
    return "/".join((request.base_url, *(quote(segment, safe="") for segment in segments)))
