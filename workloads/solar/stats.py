"""The stats file of a task: what it produced and what that took. `python -m jobs report` adds these up."""

import json
import resource
import sys
import time
from pathlib import Path

STATS_FILE = Path("stats.json")
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, kibibytes on Linux


def write_stats(rows: int) -> None:
    """Write stats.json: rows written, seconds since the process started working, peak memory in bytes."""
    stats = {"rows": rows, "seconds": round(elapsed(), 3), "peak_memory_bytes": peak_memory()}
    STATS_FILE.write_text(json.dumps(stats) + "\n")


def peak_memory() -> int:
    """Largest resident set of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


def elapsed() -> float:
    """Seconds since this module was imported, which the scripts do before anything slow."""
    return time.monotonic() - STARTED


STARTED = time.monotonic()
