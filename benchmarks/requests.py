"""Single requests that create a task, beside a bare server with the same store and Azurite's PUT of a small blob."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from azure.batch import models

from batchite.blob.backend import signed
from batchite.blob.locate import locate
from batchite.blob.service import BlobService
from benchmarks.client import connect
from benchmarks.load import Signer, encoded, send
from benchmarks.measured import Measured
from benchmarks.server import Server, running
from benchmarks.table import Table

CONNECTIONS = 32
JOB = "requests"
BLOB = bytes(1024)
KEYS = ("a2V5", "a2V5")
numbers = itertools.count()
Work = Callable[[int], float]


def run(*, rounds: int, count: int) -> list[Table]:
    """Requests a second of all three, round by round."""
    with ExitStack() as stack:
        works: dict[str, Work] = {
            "bare ASGI, same store": partial(to_bare, stack.enter_context(bare())),
            "Batchite, create task": partial(to_service, stack.enter_context(service())),
            "Azurite, PUT 1 KiB": partial(to_azurite, stack.enter_context(azurite())),
        }
        for work in works.values():
            work(max(count // 10, CONNECTIONS))  # warm
        measured = Measured()
        for _ in range(rounds):
            for name, work in works.items():
                measured.take(name, partial(work, count))
    bare_one, ours, blobs = works
    rows = [measured.rate(bare_one), measured.rate(blobs)]
    rows += [measured.rate(ours, of) for of in (bare_one, blobs)]
    note = f"{count} requests over {CONNECTIONS} connections of one client, every answer durable; {rounds} rounds."
    return [Table("Single requests", note, tuple(rows))]


def to_bare(url: str, count: int) -> float:
    """The body of a task, stored."""
    headers = {"content-type": "application/json"}
    bodies = [b'{"id": "t%d", "commandLine": "/bin/true"}' % next(numbers) for _ in range(count)]
    requests = [encoded("POST", "/", headers | {"content-length": str(len(body))}, body) for body in bodies]
    return send(url, requests, CONNECTIONS).rate


def to_service(server: Server, count: int) -> float:
    """Tasks of a job whose pool does not exist, so that none of them runs."""
    signer = Signer.of(server.environment)
    bodies = [{"id": f"t{next(numbers)}", "commandLine": "/bin/true"} for _ in range(count)]
    return send(
        signer.endpoint, [signer.request("POST", f"/jobs/{JOB}/tasks", body) for body in bodies], CONNECTIONS
    ).rate


def to_azurite(url: str, count: int) -> float:
    """Blobs of 1 KiB."""
    headers = {"x-ms-blob-type": "BlockBlob", "content-length": str(len(BLOB))}
    paths = [f"/bench/blobs/{next(numbers)}" for _ in range(count)]
    requests = [encoded("PUT", path, signed("bench", KEYS[0], "PUT", path, {}, headers), BLOB) for path in paths]
    return send(url, requests, CONNECTIONS).rate


@contextmanager
def bare() -> Iterator[str]:
    """The bare server's URL."""
    with tempfile.TemporaryDirectory(prefix="batchite-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.bare", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


@contextmanager
def service() -> Iterator[Server]:
    """A server with the job."""
    with running() as server:
        pool = models.BatchPoolInfo(pool_id="none")
        connect(server).create_job(models.BatchJobCreateOptions(id=JOB, pool_info=pool))
        yield server


@contextmanager
def azurite() -> Iterator[str]:
    """The address of an Azurite of its own, without the gateway before it, with account and container."""
    with tempfile.TemporaryDirectory(prefix="batchite-bench-") as folder, asyncio.Runner() as loop:
        blobs = BlobService(Path(folder, "blob"), Path(folder, "log"), locate())
        loop.run(blobs.start())
        try:
            loop.run(blobs.ensure("bench", KEYS))
            loop.run(blobs.create_container("bench", "blobs"))
            yield loop.run(blobs.process.address())
        finally:
            loop.run(blobs.stop())
