"""Huey with process workers: over redis where there is a `redis-server`, else over its SQLite storage.

Arguments: tasks, slots, storage (redis | sqlite); prints tasks a second.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process
from pathlib import Path

from huey import RedisHuey, SqliteHuey

FOLDER = Path(tempfile.mkdtemp(prefix="huey-"))
SOCKET = FOLDER / "redis.sock"
REDIS = ["redis-server", "--port", "0", "--unixsocket", str(SOCKET), "--dir", str(FOLDER), "--save", ""]
over_redis = sys.argv[3:] == ["redis"]
queue = RedisHuey("bench", url=f"unix://{SOCKET}") if over_redis else SqliteHuey("bench", filename=FOLDER / "huey.db")


@queue.task()  # type: ignore[untyped-decorator]  # huey carries no types
def work(_number: int) -> int:
    """One task; its result is what the client waits for."""
    return subprocess.run(["/bin/true"], check=True).returncode


def consume(slots: int) -> None:
    """Run the workers until killed."""
    os.setsid()
    logging.disable(logging.INFO)
    queue.create_consumer(workers=slots, worker_type="process", initial_delay=0.001, max_delay=0.01).run()


def run(count: int) -> float:
    """Submit so many, wait until all results are stored; tasks a second. `get` would wait in steps of 0.1 s."""
    queue.storage.flush_results()
    begin = time.perf_counter()
    for number in range(count):
        work(number)
    while queue.result_count() < count:
        time.sleep(0.01)
    return count / (time.perf_counter() - begin)


def main() -> None:
    """Measure once the workers are warm."""
    store = subprocess.Popen(REDIS, stdout=subprocess.DEVNULL) if over_redis else None
    while store and not SOCKET.exists():
        time.sleep(0.01)
    consumer = Process(target=consume, args=(int(sys.argv[2]),))
    consumer.start()
    try:
        run(10)
        print(run(int(sys.argv[1])))
    finally:
        os.killpg(consumer.pid or 0, signal.SIGKILL)
        consumer.join()
        if store:
            store.terminate()
            store.wait()
        shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
