"""The durable store: one SQLite table in WAL mode, written in the event-loop thread.

A commit is in the write-ahead log and survives a kill of the process; a durable one also syncs that log, as
`synchronous=FULL` would, and survives a power cut with all that came before it. SQLite itself can only do the one or
the other for all commits. A writer thread would cost more than the write itself; one commit per loop turn
(`group_commit`) makes the sync cheap.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS entry (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"
END = "\U0010ffff"
MEMORY = Path(":memory:")
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


class SqliteStore:
    """An ordered map over one database file; used from one thread."""

    def __init__(self, path: Path) -> None:
        if path != MEMORY:
            path.touch(0o600)  # it holds account keys; SQLite gives its other files the same mode
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=4000", "cache_size=-65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(SCHEMA)
        self._open = self._unsynced = self._failed = False
        log = None if path == MEMORY else path.with_name(f"{path.name}-wal")
        self._log = None if log is None else os.open(log, os.O_RDWR | os.O_CREAT, 0o600)  # it stays until we close

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

    def commit(self, *, durable: bool = True) -> None:
        """Make every write since the last commit survive a kill; `durable`: a power cut too."""
        if self._failed:
            raise sqlite3.OperationalError("an earlier commit has failed")
        self._failed = True  # until it has succeeded: what was refused must not become durable later
        if self._open:
            self._db.execute("COMMIT")
            self._open, self._unsynced = False, True
        if durable and self._unsynced and self._log is not None:
            _sync(self._log)
            self._unsynced = False
        self._failed = False

    def close(self) -> None:
        """Commit, unless a commit has failed, and close the database."""
        if not self._failed:
            self.commit()
        self._db.close()
        if self._log is not None:
            os.close(self._log)

    def _write(self, statement: str, *parameters: str | bytes) -> None:
        if self._failed:
            raise sqlite3.OperationalError("an earlier commit has failed")
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        self._db.execute(statement, parameters)
