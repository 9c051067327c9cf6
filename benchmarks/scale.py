"""Very many tasks in one job: time and memory, and what stays the same however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from azure.batch import BatchClient, models

from benchmarks.client import connect, trivial_tasks
from benchmarks.floor import TRUE
from benchmarks.load import Signer
from benchmarks.server import Server, restarted, running
from benchmarks.table import Row, Table, row

A_REQUEST = 100
"""Tasks that one request may hold."""
PAGE = 1000
JOB = "scale"
SDK_TASKS = 10_000
LARGE = (10_000, 100_000)
LARGEST = (*LARGE, 1_000_000)
ASKED = 50
TEN = 10
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """Signed requests over one connection, as cheap for the client as can be."""

    signer: Signer
    connection: HTTPConnection

    @classmethod
    @contextmanager
    def of(cls, server: Server) -> Iterator[Account]:
        """The account of a server, until its connection is closed."""
        signer = Signer.of(server.environment)
        with closing(HTTPConnection(urlsplit(signer.endpoint).netloc)) as connection:
            yield cls(signer, connection)

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """The answer's document. Raises RuntimeError when it is no success."""
        target, headers, content = self.signer.parts(method, path, body, query or {})
        self.connection.request(method, target, content, headers)
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {found[:400]!r}")
        return orjson.loads(found) if found else None


def run(*, rounds: int, counts: Sequence[int]) -> list[Table]:
    """Submission by the SDK, and one job that grows."""
    return [submission(rounds, SDK_TASKS), growth(counts)]


def submission(rounds: int, count: int) -> Table:
    """Tasks by the SDK's own `create_tasks`: how much of the time is the service's."""
    seconds, shares, used = [], [], []
    with running() as server:
        client = connect(server)
        for number in range(rounds):
            name = _job(client, f"sdk-{number}")
            tasks = trivial_tasks(count)
            before, begin = server.processor_seconds(), time.perf_counter()
            client.create_tasks(name, tasks)
            seconds.append(time.perf_counter() - begin)
            used.append(server.processor_seconds() - before)
            shares.append(used[-1] / seconds[-1] * 100)
    rows = (
        row("create_tasks", "s", seconds),
        row("processor time of the service", "s", used),
        row("share of the service", "%", shares),
    )
    note = f"{count} tasks by `create_tasks` with its defaults; the job's pool does not exist; {rounds} rounds."
    return Table("Submission by the SDK", note, rows)


def growth(counts: Sequence[int]) -> Table:
    """One job with ever more tasks, each size on a server of its own."""
    rows = tuple(measured for count in counts for measured in _at(count))
    note = (
        f"One job whose pool does not exist; listed in pages of {PAGE}. Restart: after a kill, from the command to the "
        "ready line, with all that the server starts; of no tasks: the same of an empty server, right before."
    )
    return Table("Very many tasks", note, rows)


def _at(count: int) -> Iterator[Row]:
    with running() as first:
        begin = time.perf_counter()
        server = restarted(first)
        empty = time.perf_counter() - begin
        with Account.of(server) as account:
            yield from _filled(account, server, count)
            yield from _read(account, count)
        begin = time.perf_counter()
        server = restarted(server)
        yield row(f"{count} tasks: restart", "s", [time.perf_counter() - begin])
        yield row(f"{count} tasks: restart of no tasks", "s", [empty])
        yield row(f"{count} tasks: resident memory after the restart", "MiB", [server.resident_bytes() / MEBIBYTE])


def _filled(account: Account, server: Server, count: int) -> Iterator[Row]:
    used = server.processor_seconds()
    seconds = _seconds(lambda: _submit(account, count))
    used = server.processor_seconds() - used
    yield row(f"{count} tasks: added", "1/s", [count / seconds])
    yield row(f"{count} tasks: processor time of the service", "µs/task", [used / count * 1e6])
    yield row(f"{count} tasks: resident memory", "MiB", [server.resident_bytes() / MEBIBYTE])


def _read(account: Account, count: int) -> Iterator[Row]:
    counts = [_seconds(lambda: account.call("GET", f"/jobs/{JOB}/taskcounts")) for _ in range(ASKED)]
    yield row(f"{count} tasks: task counts", "ms", [value * 1000 for value in counts])
    pages = list(_pages(account))
    yield row(f"{count} tasks: first {len(pages[:TEN])} pages, each", "ms", pages[:TEN])
    yield row(f"{count} tasks: last {len(pages[-TEN:])} pages, each", "ms", pages[-TEN:])


def _submit(account: Account, count: int) -> None:
    """All tasks of the job, as many a request as are allowed."""
    account.call("POST", "/jobs", {"id": JOB, "poolInfo": {"poolId": "none"}})
    for first in range(0, count, A_REQUEST):
        numbers = range(first, min(count, first + A_REQUEST))
        tasks = [{"id": f"t{number}", "commandLine": TRUE} for number in numbers]
        account.call("POST", f"/jobs/{JOB}/addtaskcollection", {"value": tasks})


def _pages(account: Account) -> Iterator[float]:
    """Milliseconds of each page of the whole list."""
    query = {"maxresults": str(PAGE)}
    while query:
        begin = time.perf_counter()
        page = account.call("GET", f"/jobs/{JOB}/tasks", None, query)
        yield (time.perf_counter() - begin) * 1000
        query = dict(parse_qsl(urlsplit(page.get("odata.nextLink", "")).query))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _job(client: BatchClient, name: str) -> str:
    client.create_job(models.BatchJobCreateOptions(id=name, pool_info=models.BatchPoolInfo(pool_id="none")))
    return name
