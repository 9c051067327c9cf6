"""The in-memory twin of the SQLite store: same behaviour, nothing survives the process."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator


class MemoryStore:
    """Values in a dict, keys in a sorted list, per kind."""

    def __init__(self) -> None:
        self._values: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self._keys: defaultdict[str, list[str]] = defaultdict(list)

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Insert or replace."""
        if key not in self._values[kind]:
            insort(self._keys[kind], key)
        self._values[kind][key] = value

    def delete(self, kind: str, key: str) -> None:
        """Remove; an absent key is no error."""
        if self._values[kind].pop(key, None) is not None:
            keys = self._keys[kind]
            del keys[bisect_left(keys, key)]

    def delete_prefix(self, kind: str, prefix: str) -> None:
        """Remove every key of the kind that starts with the prefix."""
        keys = self._keys[kind]
        start = bisect_left(keys, prefix)
        end = bisect_left(keys, _end_of(prefix)) if prefix else len(keys)
        for key in keys[start:end]:
            del self._values[kind][key]
        del keys[start:end]

    def get(self, kind: str, key: str) -> bytes | None:
        """The value, or None."""
        return self._values[kind].get(key)

    def scan(
        self, kind: str, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Pairs in key order; the list is a snapshot, as a SQLite cursor read to its end would be."""
        keys = self._keys[kind]
        start = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
        end = bisect_left(keys, _end_of(prefix)) if prefix else len(keys)
        stop = end if limit is None else min(end, start + limit)
        yield from [(key, self._values[kind][key]) for key in keys[start:stop]]

    def commit(self, *, durable: bool = True) -> None:
        """Nothing to make last."""

    def close(self) -> None:
        """Nothing to release."""


def _end_of(prefix: str) -> str:
    """The smallest string that is greater than every string starting with the (non-empty) prefix."""
    return prefix + "\U0010ffff"
