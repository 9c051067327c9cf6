"""Dask: a LocalCluster of processes with one thread each. Arguments: tasks, slots; prints tasks a second."""

from __future__ import annotations

import subprocess
import sys
import time

from distributed import Client, LocalCluster


def work(_number: int) -> None:
    """One task."""
    subprocess.run(["/bin/true"], check=True)


def main() -> None:
    """Submit → all done, once the workers are warm."""
    count, slots = int(sys.argv[1]), int(sys.argv[2])
    with (
        LocalCluster(n_workers=slots, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(work, range(-10, 0), pure=False))
        begin = time.perf_counter()
        client.gather(client.map(work, range(count), pure=False))
        print(count / (time.perf_counter() - begin))


if __name__ == "__main__":
    main()
