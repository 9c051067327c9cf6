"""What a node does: a sample of processors, memory, disk and network every few seconds, as long as the node is there.

    node_stats.py SECONDS

Goes into the background and leaves the start task's session. Once a minute the samples are added to the append blob
$START_TASK_LOGS/node-stats/<pool>/<node>/<day>.jsonl, one JSON object a line:

    time            UTC
    cpu_percent     share of all processors that worked since the sample before; iowait_percent: that waited for disks
    load            processes that run or wait for a disk, mean of a minute
    memory_used     bytes that programs hold; memory_total: all
    disk_used       bytes of the file system of the node's directory; disk_total: all
    disk_read, disk_written, network_received, network_sent     bytes a second since the sample before

While the container can't be reached, the last KEPT samples wait in memory. On the node's disk there is one small file,
the collector's process id and how its last upload went: $AZ_BATCH_NODE_SHARED_DIR/node_stats.txt. It ends when the
node's directory goes, and with SIGTERM, after a last upload. Linux; the standard library alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import TextIO

import blob

EVERY = float(os.environ.get("NODE_STATS_UPLOAD", "60"))
"""Seconds between two uploads: an append blob takes 50,000, more than a day has minutes."""
KEPT = 2000
REPLACE_SECONDS = 15
SECTOR = 512
"""Bytes; /proc/diskstats counts in these, whatever the disk has."""
PROC = Path("/proc")
VIRTUAL = ("loop", "ram", "zram", "dm-", "md", "sr")
"""Devices whose bytes are counted at another one, or are none of a disk."""

Counters = dict[str, float]


def counters(proc: Path = PROC) -> Counters:
    """What only grows: processor ticks and bytes, since the node started."""
    ticks = [int(word) for word in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    disks = [words for line in (proc / "diskstats").read_text().splitlines() if _is_disk(words := line.split(), proc)]
    nets = [line.replace(":", " ").split() for line in (proc / "net/dev").read_text().splitlines()[2:]]
    return {
        "ticks": sum(ticks),
        "idle": ticks[3],
        "iowait": ticks[4],
        "disk_read": SECTOR * sum(int(words[5]) for words in disks),
        "disk_written": SECTOR * sum(int(words[9]) for words in disks),
        "network_received": sum(int(words[1]) for words in nets if words[0] != "lo"),
        "network_sent": sum(int(words[9]) for words in nets if words[0] != "lo"),
    }


def _is_disk(words: list[str], proc: Path) -> bool:
    """Whether a line of diskstats is a whole disk: its partitions are counted in it."""
    name = words[2]
    return not name.startswith(VIRTUAL) and not (proc.parent / "sys/class/block" / name / "partition").exists()


def sample(before: Counters, now: Counters, seconds: float, root: Path, proc: Path = PROC) -> dict[str, object]:
    """One line: rates between two readings of the counters, and what is used now."""
    words = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    memory = {word[0]: 1024 * int(word[1]) for word in words}
    disk = shutil.disk_usage(root)
    ticks = max(now["ticks"] - before["ticks"], 1)
    idle, iowait = now["idle"] - before["idle"], now["iowait"] - before["iowait"]
    rates = ("disk_read", "disk_written", "network_received", "network_sent")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu_percent": round(100 * (1 - (idle + iowait) / ticks), 1),
        "iowait_percent": round(100 * iowait / ticks, 1),
        "load": float((proc / "loadavg").read_text().split()[0]),
        "memory_used": memory["MemTotal:"] - memory["MemAvailable:"],
        "memory_total": memory["MemTotal:"],
        "disk_used": disk.used,
        "disk_total": disk.total,
        **{name: round((now[name] - before[name]) / seconds) for name in rates},
    }


class Collector:
    """Takes samples and uploads them. `status` is a small file that says who runs and what went wrong at last."""

    def __init__(self, root: Path, folder: str, status: TextIO) -> None:
        self.root, self.folder, self.status = root, folder, status
        self.node = _identity(root)
        self.waiting: deque[tuple[str, str]] = deque(maxlen=KEPT)  # day and line

    def run(self, seconds: float) -> None:
        """Until the node's directory goes, or SIGTERM."""
        self.tell("no upload yet")
        before, at = counters(), time.monotonic()
        sent = at - EVERY  # The first sample is sent at once: what does not work is seen early.
        asked_to_end = False
        while not asked_to_end:
            asked_to_end = signal.sigtimedwait({signal.SIGTERM}, seconds) is not None
            if _identity(self.root) != self.node:
                return
            now, then = counters(), time.monotonic()
            line = sample(before, now, then - at, self.root)
            self.waiting.append((str(line["time"])[:10], json.dumps(line)))
            before, at = now, then
            if asked_to_end or then - sent >= EVERY:
                self.upload()
                sent = then

    def upload(self) -> None:
        """Send what waits, each sample to the blob of its day; what can't be sent waits on."""
        while self.waiting:
            today = self.waiting[0][0]
            lines = [line for day, line in self.waiting if day == today]
            try:
                blob.append("".join(f"{line}\n" for line in lines).encode(), f"{self.folder}/{today}.jsonl")
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                self.tell(f"no upload: {error}")
                return
            for _ in lines:
                self.waiting.popleft()
        self.tell("all uploaded")

    def tell(self, what: str) -> None:
        """Say how it goes, in place of what was said before."""
        self.status.seek(0)
        self.status.truncate()
        self.status.write(f"{os.getpid()}\n{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {what}\n")
        self.status.flush()


def _identity(directory: Path) -> tuple[int, int] | None:
    """Which directory it is, whatever its name; None when there is none."""
    try:
        found = directory.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def take_over(status: TextIO) -> None:
    """Become the collector of the node: its lock, after the one before has ended. Raises OSError if it does not."""
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - begun
        status.seek(0)
        pid = status.readline().strip()
        if pid:
            with contextlib.suppress(ProcessLookupError):  # It has just ended.
                os.kill(int(pid), signal.SIGTERM if waited < REPLACE_SECONDS else signal.SIGKILL)
        if waited > 2 * REPLACE_SECONDS:
            raise TimeoutError(f"the collector before (process {pid}) does not end")
        time.sleep(0.1)


def to_background() -> bool:
    """Go on in a process of its own session, which the start task does not take along; True in that process.

    Nothing ties it to the start task's directory: Batch could not run the start task again (its reference, StartTask).
    """
    sys.stdout.flush()
    if os.fork():
        return False
    os.setsid()
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    return True


def main(seconds: float) -> None:
    """Replace the node's collector. Raises OSError, KeyError."""
    root, shared = Path(os.environ["AZ_BATCH_NODE_ROOT_DIR"]), Path(os.environ["AZ_BATCH_NODE_SHARED_DIR"])
    pool, node = os.environ["AZ_BATCH_POOL_ID"], os.environ["AZ_BATCH_NODE_ID"]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    path = shared / "node_stats.txt"
    with path.open("a+") as status:
        take_over(status)
        collector = Collector(root, f"{os.environ['START_TASK_LOGS']}/node-stats/{pool}/{node}", status)
        if to_background():
            collector.run(seconds)
        else:
            print(f"the collector runs in the background; {path} tells its process and how it goes")


if __name__ == "__main__":
    try:
        main(float(sys.argv[1]))
    except (OSError, KeyError) as failure:
        sys.exit(f"node_stats.py: {type(failure).__name__}: {failure}")
