"""The floor: bare processes, two at a time, without a scheduler, a protocol or a durable state."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TRUE = "/bin/true"


def popen_threads(count: int, slots: int) -> float:
    """`count` x /bin/true by subprocess.Popen in `slots` threads; processes a second."""
    return _in_threads(count, slots, lambda _: subprocess.run([TRUE], check=True))


def posix_spawn(count: int, slots: int) -> float:
    """The same by os.posix_spawn from one thread that keeps `slots` of them running."""
    begin = time.perf_counter()
    running = 0
    for _ in range(count):
        if running == slots:
            os.wait()
            running -= 1
        os.posix_spawn(TRUE, [TRUE], os.environ)
        running += 1
    for _ in range(running):
        os.wait()
    return count / (time.perf_counter() - begin)


def one_process(count: int) -> float:
    """Seconds of one bare process from its start to its end, in the median of `count`, one after the other."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        os.waitpid(os.posix_spawn(TRUE, [TRUE], os.environ), 0)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def command_with_files(count: int, slots: int, below: Path) -> float:
    """`sh -c true` with a fresh directory and two output files each, in `slots` threads; processes a second."""
    with tempfile.TemporaryDirectory(dir=below, prefix="floor-") as root:
        return _in_threads(count, slots, lambda number: _with_files(Path(root, str(number))))


def _with_files(directory: Path) -> None:
    directory.mkdir()
    with (directory / "stdout.txt").open("wb") as stdout, (directory / "stderr.txt").open("wb") as stderr:
        subprocess.run(["/bin/sh", "-c", "true"], check=True, cwd=directory, stdout=stdout, stderr=stderr)


def _in_threads(count: int, slots: int, one: Callable[[int], object]) -> float:
    with ThreadPoolExecutor(slots) as threads:
        begin = time.perf_counter()
        for _ in threads.map(one, range(count)):
            pass
        return count / (time.perf_counter() - begin)
