"""The durable store: one SQLite table in WAL mode, written in the event-loop thread.

`synchronous=FULL`: an acknowledged write survives a power cut, not only a kill. A writer thread would cost more than
the write itself; one commit per loop turn (`group_commit`) makes the fsync cheap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS entry (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"
END = "\U0010ffff"
MEMORY = Path(":memory:")


class SqliteStore:
    """An ordered map over one database file; used from one thread."""

    def __init__(self, path: Path) -> None:
        if path != MEMORY:
            path.touch(0o600)  # it holds account keys; SQLite gives its other files the same mode
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(SCHEMA)
        self._open = False

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Insert or replace."""
        self._write("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", kind, key, value)

    def delete(self, kind: str, key: str) -> None:
        """Remove; an absent key is no error."""
        self._write("DELETE FROM entry WHERE kind = ? AND key = ?", kind, key)

    def delete_prefix(self, kind: str, prefix: str) -> None:
        """Remove every key of the kind that starts with the prefix."""
        self._write("DELETE FROM entry WHERE kind = ? AND key >= ? AND key < ?", kind, prefix, prefix + END)

    def get(self, kind: str, key: str) -> bytes | None:
        """The value, or None."""
        row = self._db.execute("SELECT value FROM entry WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else row[0]

    def scan(
        self, kind: str, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Pairs in key order, read to the end at once so that writes may follow."""
        rows = self._db.execute(
            "SELECT key, value FROM entry WHERE kind = ? AND key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?",
            (kind, prefix, prefix + END, after, -1 if limit is None else limit),
        )
        yield from rows.fetchall()

    def commit(self) -> None:
        """Make every write since the last commit durable."""
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    def close(self) -> None:
        """Commit and close the database."""
        self.commit()
        self._db.close()

    def _write(self, statement: str, *parameters: str | bytes) -> None:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        self._db.execute(statement, parameters)
