"""Conditional headers: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since."""

from __future__ import annotations

from batchite.batch.durations import parse_http_date
from batchite.errors import ServiceError
from batchite.http.types import Request


def check_conditions(request: Request, etag: str, modified: float) -> None:
    """Raise ConditionNotMet (412), or NotModified (304) for a read, unless the headers fit the resource.

    Clients quote the ETag the service sends bare: quotes are dropped before comparing. Dates have whole seconds.
    """
    unmet = (
        _matches(request.header("if-match"), etag) is False or _since(request, "if-unmodified-since", modified) is True
    )
    if unmet:
        raise ServiceError("ConditionNotMet")
    fresh = (
        _matches(request.header("if-none-match"), etag) is True
        or _since(request, "if-modified-since", modified) is False
    )
    if fresh:
        raise ServiceError("NotModified" if request.method in ("GET", "HEAD") else "ConditionNotMet")


def _matches(header: str | None, etag: str) -> bool | None:
    if header is None:
        return None
    tags = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return "*" in tags or etag.strip('"') in tags


def _since(request: Request, name: str, modified: float) -> bool | None:
    """Whether the resource changed after the header's date; None without the header."""
    header = request.header(name)
    if header is None:
        return None
    try:
        return int(modified) > int(parse_http_date(header))
    except (ValueError, TypeError, IndexError):
        raise ServiceError("InvalidHeaderValue", values={"HeaderName": name, "HeaderValue": header}) from None
