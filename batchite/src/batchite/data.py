"""The data directory: where everything of one Batchite lies, and who may read what."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from batchite.agent import directories

LOCK_TRIES, LOCK_PAUSE = 20, 0.01
"""A look at the lock (`holder`) holds it for a moment; a start must not fail over that. The pause is in seconds."""


class AlreadyRunningError(Exception):
    """Another server holds this data directory."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Paths below one root. Tasks may pass through the root and read `nodes` and `ca`, nothing else."""

    root: Path

    @property
    def state(self) -> Path:
        """The database."""
        return self.root / "state.db"

    @property
    def keys(self) -> Path:
        """Account keys, token key and client secret (mode 0600)."""
        return self.root / "keys.json"

    @property
    def environment(self) -> Path:
        """The variables of `batchite env` (mode 0600)."""
        return self.root / "env"

    @property
    def certificates(self) -> Path:
        """The authority, the server's certificate and the bundle that clients trust."""
        return self.root / "ca"

    @property
    def blobs(self) -> Path:
        """Azurite's data."""
        return self.root / "blob"

    @property
    def nodes(self) -> Path:
        """The nodes' directories, unless `--node-root` says otherwise."""
        return self.root / "nodes"

    @property
    def logs(self) -> Path:
        """server.log, azurite.log, provider.log."""
        return self.root / "log"

    @property
    def journal(self) -> Path:
        """Processes that run, for the server after a kill."""
        return self.root / "processes"

    @property
    def story(self) -> Path:
        """What happened to tasks, jobs and nodes, for their stories."""
        return self.root / "story"

    @property
    def engine(self) -> Path:
        """Which container engine the last server used, for the server after a kill."""
        return self.root / "container-engine"

    @property
    def pulumi(self) -> Path:
        """The engine's home, state and passphrase."""
        return self.root / "pulumi"

    def prepare(self) -> None:
        """Make the folders, each with the mode its content needs."""
        for path, mode in (
            (self.root, 0o711),
            (self.nodes, 0o755),
            (self.certificates, 0o755),
            (self.logs, 0o700),
            (self.pulumi, 0o700),
            (self.pulumi / "home", 0o700),
            (self.pulumi / "state", 0o700),
        ):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)

    def lock(self) -> int:
        """Take the directory for this process; the lock goes with it. Raises AlreadyRunningError."""
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock_soon(handle):
            holder = os.pread(handle, 20, 0).decode()
            os.close(handle)
            raise AlreadyRunningError(
                f"Batchite already runs on {self.root} (process {holder}); `batchite status` says where."
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        return handle

    def holder(self) -> int | None:
        """Pid of the server that holds the directory, also while it is still starting; None when nobody does."""
        try:
            handle = os.open(self.root / "lock", os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            text = os.pread(handle, 20, 0).decode()
            return int(text) if text else None
        finally:
            os.close(handle)
        return None

    def locked(self) -> bool:
        """Whether a server holds the directory."""
        return self.holder() is not None

    def announce(self, ready: dict[str, Any], options: Options) -> None:
        """Write down where the server listens and how it was started."""
        path = self.root / "server.json"
        path.touch(0o600)
        path.write_text(
            json.dumps({**ready, "options": {**asdict(options), "node_root": str(options.node_root or "")}})
        )

    def running(self) -> dict[str, Any] | None:
        """What the last server announced, or None. It may have died since: see `locked`."""
        try:
            found: dict[str, Any] = json.loads((self.root / "server.json").read_text())
        except (OSError, ValueError):
            return None
        return found

    def withdraw(self) -> None:
        """The server has stopped in order."""
        (self.root / "server.json").unlink(missing_ok=True)

    def wipe(self) -> None:
        """Remove everything but the logs and the certificates, which clients may have loaded."""
        for path in (self.blobs, self.nodes, self.pulumi, self.story):
            directories.remove(path)
        for name in (
            "state.db",
            "state.db-wal",
            "state.db-shm",
            "keys.json",
            "env",
            "processes",
            "container-engine",
            "server.json",
        ):
            (self.root / name).unlink(missing_ok=True)


def _lock_soon(handle: int) -> bool:
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(LOCK_PAUSE)
    return False


@dataclass(frozen=True, slots=True)
class Options:
    """What `batchite start` was told. Port 0 takes a free one."""

    in_memory: bool = False
    http_port: int = 10010
    https_port: int = 10011
    blob_port: int = 10012
    time_scale: float = 1.0
    node_root: Path | None = None
    well_known_key: bool = False
    allow_host_changes: bool = False
    container_engine: str = "auto"
