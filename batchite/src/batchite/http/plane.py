"""What a plane is: the paths it owns, who may call it, its route table and its dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from batchite.http.render import Dialect
from batchite.http.router import Router
from batchite.http.types import Principal, Request


class Target(NamedTuple):
    """A request's place in a plane: `path` is what the route table sees, `base` the prefix before it."""

    path: str
    base: str = ""
    account: str = ""


Matcher: TypeAlias = Callable[[str], Target | None]
Authenticate: TypeAlias = Callable[[Request], Principal]  # raises ServiceError; sees the request without its body


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of the service. `max_body` is in bytes."""

    name: str
    matches: Matcher
    router: Router
    authenticate: Authenticate
    dialect: Dialect
    max_body: int = 1 << 20


def paths_under(*prefixes: str) -> Matcher:
    """Owns the prefixes (compared without regard to case) and all below them; the route table sees the whole path."""
    wanted = tuple(prefix.lower() for prefix in prefixes)

    def matches(path: str) -> Target | None:
        lower = path.lower()
        owned = any(lower == prefix or lower.startswith(prefix + "/") for prefix in wanted)
        return Target(path) if owned else None

    return matches


def accounts_under(prefix: str) -> Matcher:
    """Owns `<prefix>/<account>/…`; the route table sees what follows the account."""

    def matches(path: str) -> Target | None:
        if not path.startswith(prefix + "/"):
            return None
        account, slash, rest = path[len(prefix) + 1 :].partition("/")
        return Target(slash + rest or "/", f"{prefix}/{account}", account.lower()) if account else None

    return matches


def everything(account: str) -> Matcher:
    """Owns every path, for one Batch account: the last plane of the list."""
    return lambda path: Target(path, "", account)


def anonymous(_request: Request) -> Principal:
    """For planes that check credentials in their handlers: the authority and the metadata service."""
    return Principal()
