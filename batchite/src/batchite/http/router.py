"""A plane's route table, matched on the path as sent.

Templates are literal segments and parameters: `/jobs/{jobId}/tasks/{taskId}` (one segment each) or
`/{scope+}/providers` (one or more segments). Literals match without regard to case, as both ARM and Batch do;
parameters keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote

from batchite.errors import ServiceError, not_implemented
from batchite.http.types import Route

Fallback: TypeAlias = Callable[[str, str], ServiceError]  # (method, path) of a request that no template matches


@dataclass(slots=True)
class _Node:
    """One position in the tree of templates."""

    literals: dict[str, _Node] = field(default_factory=dict)
    one: _Node | None = None
    many: _Node | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)  # by method, with parameter names


def unknown_operation(method: str, path: str) -> ServiceError:
    """The default fallback: an operation that is in no table is refused by its name."""
    return not_implemented(f"{method} {path}")


class Router:
    """Finds the route of a request. Literal segments win over parameters, whatever the order of the table."""

    def __init__(self, routes: Iterable[Route], fallback: Fallback = unknown_operation) -> None:
        self.routes = tuple(routes)
        self._fallback = fallback
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def resolve(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route and its decoded parameters.

        Raises UnsupportedHttpVerb when only other methods are served there, the fallback's error when nothing is,
        InvalidUri when a parameter is not percent-encoded UTF-8.
        """
        segments = path.split("/")[1:]
        if len(segments) > 1 and not segments[-1]:
            segments.pop()
        allowed: set[str] = set()
        for node, values in _leaves(self._root, segments, 0, ()):
            found = node.routes.get(method)
            if found:
                route, names = found
                return route, {name: _decoded(value) for name, value in zip(names, values, strict=True)}
            allowed.update(node.routes)
        if allowed:
            raise ServiceError("UnsupportedHttpVerb", headers={"allow": ", ".join(sorted(allowed))})
        raise self._fallback(method, path)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.template.split("/")[1:]:
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment.lower(), _Node())
                continue
            name = segment[1:-1]
            names.append(name.removesuffix("+"))
            if name.endswith("+"):
                node.many = node = node.many or _Node()
            else:
                node.one = node = node.one or _Node()
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.template}")
        node.routes[route.method] = (route, tuple(names))


def _leaves(
    node: _Node, segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Every template that fits the rest of the path, the most literal one at the start."""
    if at == len(segments):
        if node.routes:
            yield node, values
        return
    segment = segments[at]
    literal = node.literals.get(segment.lower())
    if literal:
        yield from _leaves(literal, segments, at + 1, values)
    if node.one and segment:
        yield from _leaves(node.one, segments, at + 1, (*values, segment))
    if node.many and segment:
        for end in range(len(segments), at, -1):
            yield from _leaves(node.many, segments, end, (*values, "/".join(segments[at:end])))


def _decoded(value: str) -> str:
    if "%" not in value:
        return value
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise ServiceError("InvalidUri", "The path is not percent-encoded UTF-8.") from None
