"""Reading the files of nodes: a small port, and its implementation on the node root directory."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Protocol

from batchite.agent.launch import node_directory
from batchite.batch.removal import open_inside, remove
from batchite.errors import ServiceError
from batchite.scheduler.model import NodeKey

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory; `name` is relative to the listed directory, with `/`. Times are Unix seconds."""

    name: str
    directory: bool
    size: int
    modified: float
    created: float
    mode: int  # permission bits with the file type, as stat gives them


class OpenFile(Protocol):
    """A file being read."""

    entry: Entry

    def chunks(self, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`; the file is closed at the end."""

    def close(self) -> None:
        """Release the file without reading it."""


class NodeFiles(Protocol):
    """Files below a directory of a node. `directory` is relative to the node's root, empty for the root itself."""

    async def entries(self, node: NodeKey, directory: str, *, recursive: bool) -> list[Entry]:
        """The entries in name order. Raises FileNotFound when the directory does not exist."""

    async def stat(self, node: NodeKey, directory: str, path: str) -> Entry:
        """One entry. Raises FileNotFound, also for a path that leads out of the directory."""

    async def open(self, node: NodeKey, directory: str, path: str) -> OpenFile:
        """A regular file, opened. Raises FileNotFound."""

    async def delete(
        self, node: NodeKey, directory: str, path: str, *, recursive: bool, in_use: Collection[str]
    ) -> None:
        """Remove a file, or a directory: an empty one, or with all that is in it when `recursive`.

        `in_use` are directories of running tasks, relative to the node's root; neither they nor what holds them are
        removed. Raises FileNotFound, OperationInvalidForCurrentState, IOError (also for a directory that is not empty).
        """


class LocalNodeFiles:
    """Nodes as directories below one root on this machine.

    Tasks write there, so nothing in it is trusted: a path is resolved, must lie inside, and is then opened component by
    component without following a link, so a link that is swapped in meanwhile leads nowhere.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def entries(self, node: NodeKey, directory: str, *, recursive: bool) -> list[Entry]:
        """The entries in name order."""
        base = self._base(node, directory)
        return await asyncio.to_thread(lambda: sorted(_walk(base, recursive=recursive), key=lambda entry: entry.name))

    async def stat(self, node: NodeKey, directory: str, path: str) -> Entry:
        """One entry."""
        with _missing_is_404():
            return _entry(path, self._resolved(node, directory, path).lstat())

    async def open(self, node: NodeKey, directory: str, path: str) -> OpenFile:
        """A regular file, opened."""
        with _missing_is_404():
            inside = self._resolved(node, directory, path).relative_to(self._base(node, ""))
            descriptor = open_inside(self._base(node, ""), inside)
            reader = os.fdopen(descriptor, "rb", buffering=0)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            reader.close()
            raise ServiceError("FileNotFound")
        return LocalFile(reader, _entry(path, found))

    async def delete(
        self, node: NodeKey, directory: str, path: str, *, recursive: bool, in_use: Collection[str]
    ) -> None:
        """Remove a file or a directory."""
        root = self._base(node, "")
        with _missing_is_404():
            inside = (self._resolved(node, directory, path, last=False)).relative_to(root)
        if len(inside.parts) == 1 and (root / inside).is_dir():
            raise ServiceError("IOError", "The directory is one of the node's own.")
        if any(PurePosixPath(used).is_relative_to(inside) for used in in_use):
            raise ServiceError("OperationInvalidForCurrentState", "A task runs in the directory.")
        try:
            await asyncio.to_thread(remove, root, inside, recursive=recursive)
        except FileNotFoundError:
            raise ServiceError("FileNotFound") from None
        except OSError as error:
            raise ServiceError("IOError", f"{os.strerror(error.errno or 0)}.") from None

    def _base(self, node: NodeKey, directory: str) -> Path:
        """The listed directory, its real path; it must lie in the node's root."""
        root = node_directory(self._root, node).resolve()
        base = (root / directory).resolve()
        if not base.is_dir() or not base.is_relative_to(root):
            raise ServiceError("FileNotFound")
        return base

    def _resolved(self, node: NodeKey, directory: str, path: str, *, last: bool = True) -> Path:
        """The real path, inside the node; its last component stays a link, and may be missing, unless `last`."""
        base, pure = self._base(node, directory), PurePosixPath(path)
        if "\\" in path and "\0" not in path and not os.path.lexists(base / pure):  # as clients of Windows nodes write
            pure = PurePosixPath(path.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise ServiceError("FileNotFound")
        parent = (base / pure).parent.resolve(strict=True)
        resolved = (base / pure).resolve(strict=True) if last else parent / pure.name
        if not resolved.is_relative_to(self._base(node, "")):
            raise ServiceError("FileNotFound")
        return resolved


@dataclass(slots=True)
class LocalFile:
    """An open file. Reads happen in a thread, the loop never waits for the disk."""

    reader: FileIO
    entry: Entry

    async def chunks(self, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start`; a file that shrinks meanwhile ends early."""
        try:
            end = start + length
            while start < end:
                data = await asyncio.to_thread(os.pread, self.reader.fileno(), min(_CHUNK, end - start), start)
                if not data:
                    return
                start += len(data)
                yield data
        finally:
            self.close()

    def close(self) -> None:
        """Release the file."""
        self.reader.close()


@contextmanager
def _missing_is_404() -> Iterator[None]:
    """Turns the ways in which a path does not exist (or loops, or is too long) into FileNotFound."""
    try:
        yield
    except (OSError, RuntimeError, ValueError):
        raise ServiceError("FileNotFound") from None


def _walk(base: Path, *, recursive: bool) -> Iterator[Entry]:
    """Entries below a directory; links are listed but not followed, what vanishes meanwhile is left out."""
    waiting = [(os.fspath(base), "")]
    while waiting:
        directory, prefix = waiting.pop()
        with suppress(OSError), os.scandir(directory) as found:
            for item in found:
                with suppress(OSError):
                    yield _entry(prefix + item.name, item.stat(follow_symlinks=False))
                    if recursive and item.is_dir(follow_symlinks=False):
                        waiting.append((item.path, f"{prefix}{item.name}/"))


def _entry(name: str, found: os.stat_result) -> Entry:
    created = min(found.st_ctime, found.st_mtime)
    readable = os.fsencode(name).decode(errors="replace")  # a name that is not UTF-8 is shown, JSON cannot hold it
    return Entry(readable, stat.S_ISDIR(found.st_mode), found.st_size, found.st_mtime, created, found.st_mode)
