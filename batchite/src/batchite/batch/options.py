"""Query options and headers of a request: what an operation honours is read, everything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias
from urllib.parse import quote

from batchite.batch.odata import Predicate, invalid_query, parse_filter
from batchite.batch.operations import ALL, Operation
from batchite.batch.resources import Resource
from batchite.batch.versions import is_version, old_names, shown
from batchite.errors import ServiceError
from batchite.http.types import Json, Request

PAGE = 1000
_ALWAYS = frozenset({"api-version", "timeout"})

Row: TypeAlias = tuple[str, Callable[[], dict[str, Json]]]  # skip token and how to render the item


def check_options(operation: Operation, request: Request) -> None:
    """Refuse query options and headers that the operation does not honour, and a missing or malformed api-version."""
    allowed = operation.query | _ALWAYS | ({"$skiptoken"} if "maxresults" in operation.query else set())
    for name in request.query:
        if name.lower() not in allowed:
            raise ServiceError("UnsupportedQueryParameter", values={"QueryParameterName": name})
    _check_version(request)
    timeout = request.query_value("timeOut")
    if timeout is not None and not (timeout.isdecimal() and int(timeout) > 0):
        raise invalid_query("timeOut", timeout, "A positive number of seconds was expected.")
    _check_headers(operation, request)


def _check_version(request: Request) -> None:
    version = request.query_value("api-version")
    if not version:
        raise ServiceError("MissingRequiredQueryParameter", values={"QueryParameterName": "api-version"})
    if not is_version(version):
        raise ServiceError("UnsupportedRequestVersion", values={"QueryParameterValue": version})


def _check_headers(operation: Operation, request: Request) -> None:
    honoured = operation.conditions | {"ocp-date"} | ({"ocp-range"} if operation.ranged else set())
    for name in request.headers:
        if name not in honoured and (name in ALL or name == "range" or name.startswith("ocp-")):
            raise ServiceError("UnsupportedHeader", values={"HeaderName": name})


def select_names(request: Request, resource: Resource) -> frozenset[str] | None:
    """The properties asked for by `$select`, None for all of them. Raises for a name the resource does not have."""
    check_expand(request)
    text = request.query_value("$select")
    if text is None:
        return None
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    known = resource.names | old_names(request, resource.metadata)
    for name in names:
        if name not in known:
            raise invalid_query("$select", text, f"{name!r} is no property of {resource.metadata}.")
    return names


def check_expand(request: Request) -> None:
    """Refuse a `$expand` of anything but `stats`."""
    expand = request.query_value("$expand")
    if expand is not None and expand.strip().lower() != "stats":
        raise invalid_query("$expand", expand, "Only stats can be expanded.")


def selected(item: dict[str, Json], names: frozenset[str] | None) -> dict[str, Json]:
    """The item with the selected properties only."""
    return item if names is None else {key: value for key, value in item.items() if key in names}


def flag(request: Request, name: str) -> bool:
    """A true/false query option; absent is false."""
    value = (request.query_value(name) or "false").lower()
    if value not in ("true", "false"):
        raise invalid_query(name, value, "true or false was expected.")
    return value == "true"


def list_page(request: Request, resource: Resource, rows: Iterable[Row]) -> dict[str, Json]:
    """One page of a list: rows in ascending order of their skip token, filtered, selected, with the next link.

    The token of a page's last item starts the next page, so items that come or go in between neither shift nor
    repeat the others.
    """
    keep, names, size = _filter_of(request, resource), select_names(request, resource), _page_size(request)
    after, token, more = request.query_value("$skiptoken"), "", False
    found: list[dict[str, Json]] = []
    for here, render in rows:
        if after is not None and here <= after:
            continue
        item = render()
        if keep is not None and not keep(item):
            continue
        if len(found) == size:
            more = True
            break
        found.append(selected(shown(request, resource.metadata, item), names))
        token = here
    page = {"odata.metadata": f"{request.base_url}/$metadata#{resource.metadata}", "value": found}
    return page | ({"odata.nextLink": _next_link(request, token)} if more else {})


def _filter_of(request: Request, resource: Resource) -> Predicate | None:
    text = request.query_value("$filter")
    return None if not text else parse_filter(text, resource.kinds)


def _page_size(request: Request) -> int:
    text = request.query_value("maxresults")
    if text is None:
        return PAGE
    if not text.isdecimal() or not 1 <= int(text) <= PAGE:
        raise invalid_query("maxresults", text, f"A number between 1 and {PAGE} was expected.")
    return int(text)


def _next_link(request: Request, token: str) -> str:
    query: Mapping[str, str] = {k: v for k, v in request.query.items() if k.lower() != "$skiptoken"}
    pairs = [*query.items(), ("$skiptoken", token)]
    encoded = "&".join(f"{quote(key, safe='$-')}={quote(value, safe='')}" for key, value in pairs)
    return f"{request.base_url}{request.path}?{encoded}"
