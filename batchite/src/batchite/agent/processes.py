"""Starting and killing the processes of one attempt, and remembering them across a kill of the server.

A process group of its own (`start_new_session`) makes the whole tree killable. What changed its session is found by the
marker every process of a node carries in its environment, `AZ_BATCH_NODE_ROOT_DIR`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PROC = Path("/proc")
KILL_WAIT = 10.0
"""Seconds until a killed process must be gone; SIGKILL takes longer only in uninterruptible disk sleep."""


def start_time(pid: int) -> str:
    """When the process started, in the kernel's own units: with the pid it names one process. Empty when it is gone."""
    with contextlib.suppress(OSError, IndexError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    return ""


def kill_session(leader: int) -> None:
    """Kill a session's process group and every other member of the session, and wait until they are gone."""
    kill_group(leader)
    _kill_all(lambda pid: _session(pid) == leader)


def kill_group(leader: int) -> None:
    """Kill what an ended session leader left behind in its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_marked(marker: str) -> None:
    """Kill every process whose environment holds `marker` (`NAME=value`), and wait until they are gone."""
    wanted = marker.encode()
    _kill_all(lambda pid: wanted in _environment(pid))


def kill_below(root: Path) -> None:
    """Kill every process of a node below the directory, found by its environment."""
    prefix = f"AZ_BATCH_NODE_ROOT_DIR={root}/".encode()
    _kill_all(lambda pid: any(entry.startswith(prefix) for entry in _environment(pid)))


class Journal:
    """Pids and start times of running attempts, one line each, so that the next server can end what this one left.

    Written without fsync: it must survive a kill of the server, not of the machine (after which nothing runs).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def started(self, pid: int) -> None:
        """Note a session leader; one write, so that lines of several threads stay whole."""
        os.write(self._file, f"{pid} {start_time(pid)}\n".encode())

    def clear(self) -> None:
        """Forget all: none of them runs any more."""
        os.truncate(self._file, 0)

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)

    def end_leftovers(self, root: Path) -> None:
        """Kill what an earlier server left: the sessions noted here and every process of a node below `root`."""
        for line in self._path.read_text().splitlines():
            pid, _, started_at = line.partition(" ")
            if pid.isdigit() and started_at and start_time(int(pid)) == started_at:
                kill_session(int(pid))
        kill_below(root)
        self.clear()


def _kill_all(matches: Callable[[int], bool]) -> None:
    deadline = time.monotonic() + KILL_WAIT
    while found := [pid for pid in _processes() if pid != os.getpid() and matches(pid)]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {found} do not end after SIGKILL")
        time.sleep(0.005)


def _processes() -> Iterator[int]:
    """Pids of live processes; a zombie has ended and only waits for its parent."""
    if not PROC.is_dir():
        return
    for entry in os.scandir(PROC):
        if entry.name.isdigit() and _state(int(entry.name)) not in {"", "Z", "X"}:
            yield int(entry.name)


def _state(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _session(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.getsid(pid)
    return -1


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []
