"""One Azurite per data directory. Azurite takes no lock: two on one directory overwrite each other's metadata."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import asdict
from pathlib import Path

import orjson

from batchite.blob.orphan import ProcessName, end, is_alive, name_of

GRACE_SECONDS = 10.0  # an orphan's time to save
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.02


class DirectoryInUseError(Exception):
    """Another living server owns the data directory."""


class DirectoryLock:
    """The lock of a blob data directory, and the record of who holds it.

    The lock file's descriptor is inherited by the Azurite process, so the lock lives as long as either of the two:
    after `kill -9` of the server the recorded orphan is ended before its directory is used again.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = directory / "lock"
        self._record = directory / "azurite.json"
        self.descriptor = -1
        self.unclean = False  # the last holder did not stop in an orderly way

    def acquire(self) -> None:
        """Take the lock, ending an orphan that holds it. Blocks. Raises DirectoryInUseError."""
        self.descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        self.unclean = self._record.exists()
        try:
            if not self._try():
                self._evict()
        except BaseException:
            os.close(self.descriptor)
            raise

    def record(self, pid: int) -> None:
        """Write down which Azurite now holds the directory, and for which server."""
        holders = {"azurite": name_of(pid), "server": name_of(os.getpid())}
        content = orjson.dumps({role: asdict(process) for role, process in holders.items() if process})
        temporary = self._record.with_suffix(".tmp")
        temporary.write_bytes(content)
        temporary.replace(self._record)

    def release(self, *, orderly: bool) -> None:
        """Give the directory back; after an orderly stop nothing is held against the next start."""
        if orderly:
            self._record.unlink(missing_ok=True)
        os.close(self.descriptor)

    def _evict(self) -> None:
        holders = self._holders()
        server = holders.get("server")
        if server and server.pid != os.getpid() and is_alive(server):
            raise DirectoryInUseError(f"{self._lock.parent} is in use by the server with pid {server.pid}.")
        if orphan := holders.get("azurite"):
            end(orphan, GRACE_SECONDS)
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._try():
            if time.monotonic() > deadline:
                raise DirectoryInUseError(f"{self._lock} is held by a process that is not Batchite's.")
            time.sleep(POLL_SECONDS)

    def _holders(self) -> dict[str, ProcessName]:
        try:
            return {role: ProcessName(**fields) for role, fields in orjson.loads(self._record.read_bytes()).items()}
        except FileNotFoundError:
            return {}

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
