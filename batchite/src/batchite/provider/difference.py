"""What changed between the old and the new inputs, and whether that replaces the resource. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from batchite.provider import paths
from batchite.provider.tables import ResourceType
from batchite.provider.values import CREATE_BEFORE_DELETE

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*")


class Kind(Enum):
    """What happened to a property."""

    ADD = "added"
    DELETE = "deleted"
    UPDATE = "updated"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed property: its path as the engine writes it (`a.b[0]["c.d"]`)."""

    path: str
    kind: Kind
    replaces: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes of a resource and how a replacement goes."""

    changes: tuple[Change, ...]
    delete_before_replace: bool

    @property
    def replaces(self) -> tuple[str, ...]:
        """The paths that make the change a replacement."""
        return tuple(change.path for change in self.changes if change.replaces)


def compare(row: ResourceType, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Difference:
    """The difference of two sets of checked inputs; inputs the provider keeps for itself (`__…`) do not count."""
    comparison = _Comparison(row.string_sets, row.force_new | set(paths.parameters(row.path)))
    changes = tuple(comparison.objects(_visible(olds), _visible(news), "", ""))
    replaced = any(change.replaces for change in changes)
    return Difference(changes, delete_before_replace=replaced and not olds.get(CREATE_BEFORE_DELETE))


def normal_location(location: str) -> str:
    """Azure takes "West Europe" and "westeurope" for the same place."""
    return location.replace(" ", "").lower()


def _visible(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not name.startswith("__")}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Walks two values side by side; `generic` is the path without list indices, as the tables write it."""

    string_sets: frozenset[str]
    replacing: frozenset[str]

    def objects(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str, generic: str) -> Iterator[Change]:
        for name in sorted(old.keys() | new.keys()):
            inner = f"{generic}.{name}" if generic else name
            yield from self._member(old, new, name, _joined(path, name), inner)

    def _member(
        self, old: Mapping[str, Any], new: Mapping[str, Any], name: str, path: str, generic: str
    ) -> Iterator[Change]:
        if name not in old:
            yield self._change(path, generic, Kind.ADD)
        elif name not in new:
            yield self._change(path, generic, Kind.DELETE)
        else:
            yield from self._values(old[name], new[name], path, generic)

    def _values(self, old: Any, new: Any, path: str, generic: str) -> Iterator[Change]:
        if self._same(old, new, generic):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self.objects(old, new, path, generic)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(old, new, path, generic)
        else:
            yield self._change(path, generic, Kind.UPDATE)

    def _lists(self, old: list[Any], new: list[Any], path: str, generic: str) -> Iterator[Change]:
        for index in range(max(len(old), len(new))):
            place = f"{path}[{index}]"
            if index >= len(old):
                yield self._change(place, generic, Kind.ADD)
            elif index >= len(new):
                yield self._change(place, generic, Kind.DELETE)
            else:
                yield from self._values(old[index], new[index], place, generic)

    def _same(self, old: Any, new: Any, generic: str) -> bool:
        if generic in self.string_sets and isinstance(old, list) and isinstance(new, list):
            return sorted(map(str, old)) == sorted(map(str, new))
        if generic == "location" and isinstance(old, str) and isinstance(new, str):
            return normal_location(old) == normal_location(new)
        return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)

    def _change(self, path: str, generic: str, kind: Kind) -> Change:
        return Change(path, kind, any(generic == name or generic.startswith(name + ".") for name in self.replacing))


def _joined(path: str, name: str) -> str:
    if not _PLAIN_KEY.fullmatch(name):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{quoted}"]'
    return f"{path}.{name}" if path else name
