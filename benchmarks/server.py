"""A Batchite of the benchmark's own: any free ports, a data directory that goes with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the variables that point clients at it."""

    data: Path
    pid: int
    environment: dict[str, str]

    def resident_bytes(self) -> int:
        """Resident memory of the server's own process (its blob store and provider not counted)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def processor_seconds(self) -> float:
        """Processor time that the server and its live children (blob store, provider) have used."""
        return sum(_processor_seconds(pid) for pid in (self.pid, *_children(self.pid)))


@contextmanager
def running(node_root: Path | None = None) -> Iterator[Server]:
    """A server with its state in the disk's temporary directory, its nodes there or below `node_root`."""
    with tempfile.TemporaryDirectory(prefix="batchite-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        try:
            yield _started(data, [] if node_root is None else [f"--node-root={node_root}"])
        finally:
            _batchite(data, "stop")


def restarted(server: Server) -> Server:
    """The server, killed and started again with its data; its ports are others then."""
    os.kill(server.pid, signal.SIGKILL)
    return _started(server.data, [])


@contextmanager
def node_directories(*, closed: bool) -> Iterator[dict[str, Path]]:
    """Directories for nodes by where they lie: on the disk, and in memory where the system has that.

    `closed`: only this user can enter them, so that a server that is root runs tasks as itself.
    """
    places = {"disk": Path(tempfile.gettempdir()), "tmpfs": Path("/dev/shm")}  # noqa: S108  # the tmpfs of Linux
    with ExitStack() as stack:
        found = {}
        for name, place in places.items():
            if place.is_dir():
                made = tempfile.TemporaryDirectory(dir=place, prefix="batchite-nodes-", ignore_cleanup_errors=True)
                found[name] = Path(stack.enter_context(made))
                found[name].chmod(0o700 if closed else 0o711)
        yield found


def _started(data: Path, options: Sequence[str]) -> Server:
    free = ["--http-port=0", "--https-port=0", "--blob-port=0", "--time-scale=60", "--detach"]
    ready = json.loads(_batchite(data, "start", *free, *options))
    return Server(data, ready["pid"], json.loads(_batchite(data, "env", "--format", "json")))


def _batchite(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "batchite", arguments[0], "--data", str(data), *arguments[1:]]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
