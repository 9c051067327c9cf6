"""Processes named across restarts: a pid alone may have been given to another process since."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessName:
    """A process for ever: its pid together with the time it started, in the words of the operating system."""

    pid: int
    started: str


def name_of(pid: int) -> ProcessName | None:
    """The name of a living process; None when there is none (a zombie is none)."""
    started = _started_linux(pid) if Path("/proc/self/stat").exists() else _started_ps(pid)
    return ProcessName(pid, started) if started else None


def is_alive(process: ProcessName) -> bool:
    """Whether this very process still runs."""
    return name_of(process.pid) == process


def end(process: ProcessName, grace_seconds: float) -> None:
    """SIGTERM, then SIGKILL after the grace; returns when the process is gone. Blocks."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(process):
            return
        os.kill(process.pid, number)
        deadline = time.monotonic() + grace_seconds
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _started_linux(pid: int) -> str:
    """Field 22 of /proc/PID/stat (clock ticks since boot); the command in field 2 may hold blanks and brackets."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _started_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
