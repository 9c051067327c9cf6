"""A task that shows when it runs, waits for a gate when it is told to, and fails when it is told to.

    python worker.py PLACE MODE     MODE: ok, gate, fail, once (fails at the first attempt)

PLACE is a folder shared by all tasks of a test: `events` gets a line for each start and stop in one write, a lock file
shows whether two attempts of one task overlap, and the file `open` opens the gate.
"""

import fcntl
import os
import sys
import time
from pathlib import Path


def main(place: Path, mode: str) -> int:
    """Run one attempt; its exit code."""
    task, node = os.environ["AZ_BATCH_TASK_ID"], os.environ["AZ_BATCH_NODE_ID"]
    with (place / f"{task}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            write(place, "overlap", task, node)
            return 9
        lock.seek(0)
        attempt = len(lock.read())
        lock.write(".")
        lock.flush()
        write(place, "start", task, node, os.environ["AZ_BATCH_NODE_IS_DEDICATED"], str(os.getpid()))
        code = work(place, mode, attempt)
        write(place, "stop", task, node, str(code))
    return code


def work(place: Path, mode: str, attempt: int) -> int:
    """What the mode asks for."""
    print(f"attempt {attempt} on stdout")
    print(f"attempt {attempt} on stderr: this is why", file=sys.stderr)
    while mode == "gate" and not (place / "open").exists():
        time.sleep(0.02)
    Path("result.txt").write_text(f"{attempt}\n")
    return 3 if mode == "fail" or (mode == "once" and attempt == 0) else 0


def write(place: Path, *words: str) -> None:
    """One line in one write, so that lines of several tasks never mix."""
    file = os.open(place / "events", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(file, (" ".join(words) + "\n").encode())
    os.close(file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
