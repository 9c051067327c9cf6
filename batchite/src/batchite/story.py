"""The journal that stories are told from: what the core noted, a line an event, in files beside the store.

A line is written before the commit of the changes it tells of and carries a number that is committed with them: after a
kill the lines of what was not committed are cut off, so that stories and states agree. A row of the store for each
commit would cost ten times as much. When there are too many files the oldest one goes, and stories say from when on
they are complete.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from batchite.scheduler.notes import Facts, Note

SEGMENT = 4 << 20
"""Bytes of a file."""
SEGMENTS = 16
"""Files that are kept: 64 MiB, the last 100,000 tasks or more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, with the event and the cause it came from."""

    at: float
    event: str
    cause: str
    subject: str
    what: str
    facts: Facts


@dataclass(slots=True)
class StoryLog:
    """Used from the event loop only. `number` is that of the last line; `segment` and `segments` are its bounds."""

    directory: Path
    segment: int = SEGMENT
    segments: int = SEGMENTS
    number: int = 0
    _size: int = 0
    _file: int = -1
    _pending: list[bytes] = field(default_factory=list)

    def open(self, committed: int) -> None:
        """Go on where the last run stopped: lines behind the committed one tell of what never was."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.number = committed
        last = next(reversed(self._paths()), self._path(1))
        if last.exists():
            kept = [line for line in last.read_bytes().splitlines(keepends=True) if _number(line) <= committed]
            os.truncate(last, sum(map(len, kept)))
        self._use(last)

    def close(self) -> None:
        """Write what is left and close the file."""
        self.flush()
        os.close(self._file)

    def note(self, at: float, origin: str, notes: Sequence[Note]) -> None:
        """Take what an event's turn noted; `flush` writes it."""
        if notes:
            self.number += 1
            self._pending.append(orjson.dumps((self.number, at, origin, notes), option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what was noted. Raises OSError, as on a full disk."""
        if not self._pending:
            return
        if self._size > self.segment:
            self._begin_segment()
        lines = b"".join(self._pending)
        self._pending.clear()
        self._size += len(lines)
        if os.write(self._file, lines) < len(lines):
            raise OSError("the journal of stories could not be written")

    async def read(self, *subjects: str) -> tuple[list[Entry], float | None]:
        """What is kept of these subjects, and from when on it is complete (None: from the beginning)."""
        self.flush()
        paths = self._paths()
        found: list[Entry] = []
        for path in paths:
            found += await asyncio.to_thread(_of_file, path, subjects)
        return found, _begin(paths[0]) if paths and paths[0] != self._path(1) else None

    def _paths(self) -> list[Path]:
        return sorted(self.directory.glob("*.jsonl"))

    def _path(self, number: int) -> Path:
        return self.directory / f"{number:08d}.jsonl"

    def _use(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size

    def _begin_segment(self) -> None:
        os.close(self._file)
        paths = self._paths()
        for old in paths[: max(0, len(paths) + 1 - self.segments)]:
            old.unlink()
        self._use(self._path(int(paths[-1].stem) + 1))


def _number(line: bytes) -> float:
    """The number of a line; of one that is cut short, behind all others."""
    try:
        number: int = orjson.loads(line)[0]
    except orjson.JSONDecodeError:
        return float("inf")
    return number


def _begin(path: Path) -> float | None:
    with path.open("rb") as file:
        line = file.readline()
    at: float | None = orjson.loads(line)[1] if line else None
    return at


def _of_file(path: Path, subjects: Sequence[str]) -> list[Entry]:
    """The entries of the subjects. Most lines are of others: they are passed over without being parsed."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # it went meanwhile
        return []
    data = data[: data.rfind(b"\n") + 1]  # a line may be on its way
    starts = {start for subject in subjects for start in _lines_with(data, b'"%s"' % subject.encode())}
    wanted = frozenset(subjects)
    return [entry for start in sorted(starts) for entry in _entries(data[start : data.find(b"\n", start)], wanted)]


def _lines_with(data: bytes, text: bytes) -> Iterator[int]:
    """Where the lines begin that hold the text."""
    at = data.find(text)
    while at >= 0:
        yield data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        at = data.find(text, end) if end >= 0 else -1


def _entries(line: bytes, subjects: frozenset[str]) -> Iterable[Entry]:
    try:
        _, at, origin, notes = orjson.loads(line)
    except orjson.JSONDecodeError:  # what a power cut has left of it
        return []
    event, _, cause = origin.partition(" ")
    return [Entry(at, event, cause, subject, what, facts) for subject, what, facts in notes if subject in subjects]
