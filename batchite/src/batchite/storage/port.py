"""The port that both stores implement; one contract suite runs against each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Store(Protocol):
    """An ordered map (kind, key) -> bytes. Writes become lasting, all together, at `commit`.

    Keys are lower-case ids joined by `/`; kinds are short words such as `pool.doc`. Reads see uncommitted writes.
    """

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Insert or replace."""

    def delete(self, kind: str, key: str) -> None:
        """Remove; an absent key is no error."""

    def delete_prefix(self, kind: str, prefix: str) -> None:
        """Remove every key of the kind that starts with the prefix."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The value, or None."""

    def scan(
        self, kind: str, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Pairs in key order whose key starts with `prefix` and is greater than `after`."""

    def commit(self, *, durable: bool = True) -> None:
        """Make every write since the last commit survive a kill of this process, or raise.

        `durable`: also, with every earlier one, a power cut (fsync).
        """

    def close(self) -> None:
        """Commit and release the files."""
