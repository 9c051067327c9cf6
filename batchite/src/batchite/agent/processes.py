"""Killing the processes of one attempt or one node, and remembering them across a kill of the server.

A session of its own (`start_new_session`) makes what a task starts findable. What changed its session is found as a
descendant, or by a variable that every process of a node carries in its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from batchite.agent.spawn import Child
from batchite.scheduler.consumption import MICRO, Consumption

PROC = Path("/proc")
BLOCK = 512
"""Bytes of a block in resource usages (getrusage(2))."""
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
"""Units of /proc/PID/stat: a second in ticks, a page in bytes."""
KILL_WAIT = 10.0
"""Seconds until a killed process must be gone; SIGKILL takes longer only in uninterruptible disk sleep."""


@dataclass(frozen=True, slots=True)
class Process:
    """A live process; `started` is in the kernel's own units: with the pid it names one process."""

    pid: int
    parent: int
    session: int
    started: str


Table: TypeAlias = Mapping[int, Process]


def start_time(pid: int) -> str:
    """When the process started; empty when it is gone."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def wait_unreaped(child: Child) -> None:
    """Wait until a child has ended; it stays a zombie, so that its pid goes to no other process meanwhile."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    else:  # macOS before Python 3.13: reaped at once, and its pid is free a moment too early
        child.wait()


def reap(child: Child) -> Consumption | None:
    """Wait for a child and set its return code; what it and the descendants it has waited for have used.

    Times are the kernel's own accounts. Calls and bytes are those of read and write calls, whether or not the page
    cache answered, as /proc/PID/io counts them; without /proc they are the blocks that a disk moved. None where the
    child has been reaped already.
    """
    if child.returncode is not None:
        return None
    counts = _calls_and_bytes(child.pid)  # a zombie still has them, with those of the children it waited for
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if counts is None:
        counts = (used.ru_inblock, used.ru_oublock, used.ru_inblock * BLOCK, used.ru_oublock * BLOCK)
    return Consumption(round(used.ru_utime * MICRO), round(used.ru_stime * MICRO), *counts)


def kill_group(leader: int) -> None:
    """Kill a process group; does not wait."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_tree(leader: int, marker: str = "") -> None:
    """Kill a session leader, its session, its descendants and what carries `marker`; wait until all are gone.

    The leader must be the caller's own or verified by its start time. Raises TimeoutError.
    """
    _kill_all(lambda table: _descendants(table, leader) | _session(table, leader) | _marked(table, marker))
    kill_group(leader)  # for systems without /proc


def end_session(leader: int) -> None:
    """End what a session's leader, already reaped, has left running in its session. Costs one system call if nothing.

    Raises TimeoutError.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, 0)
        _kill_all(lambda table: _session(table, leader))


def kill_marked(marker: str) -> None:
    """Kill every process whose environment holds `marker` (`NAME=value`); wait until they are gone.

    Raises TimeoutError.
    """
    _kill_all(lambda table: _marked(table, marker))


def kill_below(root: Path) -> None:
    """Kill every process of a node below the directory, found by its environment. Raises TimeoutError."""
    prefix = f"AZ_BATCH_NODE_ROOT_DIR={root}/".encode()
    _kill_all(lambda table: {pid for pid in table if any(entry.startswith(prefix) for entry in _environment(pid))})


def living(root: Path) -> dict[str, tuple[float, int]]:
    """(seconds of processor time, bytes of memory) of the processes of every node below the directory, by its path.

    Times include the children that a process has waited for, which end in its own account.
    """
    prefix, found = f"AZ_BATCH_NODE_ROOT_DIR={root}/".encode(), dict[str, tuple[float, int]]()
    for pid in _live():
        entry = next((entry for entry in _environment(pid) if entry.startswith(prefix)), None)
        fields = _stat(pid) if entry is not None else []
        if entry is not None and fields:
            path = os.fsdecode(entry[len(prefix) :])
            cpu, memory = found.get(path, (0.0, 0))
            ticks = sum(map(int, fields[11:15]))
            found[path] = (cpu + ticks / TICKS, memory + int(fields[21]) * PAGE)
    return found


class Journal:
    """Pids and start times of attempts, one line each, so that the next server can end what this one left.

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
        """Kill what an earlier server left: the sessions noted here and every process of a node below `root`.

        Raises TimeoutError.
        """
        noted = set(self._path.read_text().splitlines())
        for process in _live().values():
            if f"{process.pid} {process.started}" in noted:
                kill_tree(process.pid)
        kill_below(root)
        self.clear()


def _kill_all(choose: Callable[[Table], set[int]]) -> None:
    deadline = time.monotonic() + KILL_WAIT
    while found := choose(_live()) - {os.getpid()}:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(found)} do not end after SIGKILL")
        time.sleep(0.005)


def _session(table: Table, leader: int) -> set[int]:
    return {process.pid for process in table.values() if process.session == leader}


def _descendants(table: Table, ancestor: int) -> set[int]:
    found, fresh = {ancestor} & table.keys(), {ancestor}
    while fresh:
        fresh = {process.pid for process in table.values() if process.parent in fresh} - found
        found |= fresh
    return found


def _marked(table: Table, marker: str) -> set[int]:
    wanted = marker.encode()
    return {pid for pid in table if wanted in _environment(pid)} if marker else set()


def _live() -> Table:
    """Processes that run; a zombie has ended and only waits for its parent."""
    if not PROC.is_dir():
        return {}
    found = ((int(entry.name), _stat(int(entry.name))) for entry in os.scandir(PROC) if entry.name.isdigit())
    return {
        pid: Process(pid, int(fields[1]), int(fields[3]), fields[19])
        for pid, fields in found
        if fields and fields[0] not in {"Z", "X"}
    }


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on: state, parent, group, session, … start time is number 19."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


def _calls_and_bytes(pid: int) -> tuple[int, int, int, int] | None:
    """(read calls, write calls, bytes read, bytes written) of a process; None when the kernel does not tell."""
    try:
        found = dict(line.split(": ") for line in (PROC / str(pid) / "io").read_text().splitlines())
    except OSError:
        return None
    return (int(found["syscr"]), int(found["syscw"]), int(found["rchar"]), int(found["wchar"]))


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []
