"""What a route handler takes and gives. Handlers never see ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any  # a JSON value as orjson gives it
Headers: TypeAlias = Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, after authentication.

    `object_id` is the Entra object id of the caller, empty for a shared key (`account` then names the account
    whose key signed the request).
    """

    object_id: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its body already read (bounded by the plane's limit).

    `raw_path` is the path as sent (percent-encoded, with any prefix such as `/batch/<account>`); `path` is the part
    the route table matches, still encoded; `params` are the template's parameters, decoded once.
    `query` holds the query's names as sent with their first decoded value; use `query_value` for look-ups.
    `base_url` is scheme://host[/batch/<account>] as the client addressed it: absolute links start with it.
    """

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes
    base_url: str
    params: Mapping[str, str] = field(default_factory=dict)
    principal: Principal = Principal()
    account: str = ""  # Batch account of a data-plane request, lower case
    request_id: str = ""

    @property
    def cause(self) -> str:
        """The request as the cause of an event: its id, and who sent it."""
        return f"{self.request_id} by {self.principal.object_id or 'the account key'}"

    def query_value(self, name: str) -> str | None:
        """The value of a query parameter, its name matched without regard to case."""
        wanted = name.lower()
        return next((value for key, value in self.query.items() if key.lower() == wanted), None)

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self.headers.get(name.lower())


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `json` is serialised with orjson; `body` is sent as it is; `stream` is sent in chunks."""

    status: int
    json: Json = None
    headers: Headers = field(default_factory=dict)
    body: bytes | None = None
    stream: AsyncIterator[bytes] | None = None


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a plane's route table: an operation by its documented name."""

    operation: str
    method: str
    template: str  # "/pools/{poolId}/nodes/{nodeId}"
    status: int
    handler: Handler
