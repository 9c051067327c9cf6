"""Eight clients at once on one server: no update is lost, nothing is listed twice, one of N conditional writers wins.

`CONCURRENCY_ROUNDS=50` repeats the races; `make fuzz` does.
"""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.batch.aio import BatchClient as AsyncBatchClient
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from servers import RunningServer, job, pool, server, task, wait_until

CLIENTS = 8
ROUNDS = int(os.environ.get("CONCURRENCY_ROUNDS", "2"))
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def durable() -> Iterator[RunningServer]:
    """A server that keeps what it is told, with a pool without nodes."""
    with server("--time-scale=600") as started:
        started.client().create_pool(pool("pool"))
        yield started


def at_once(work: Callable[[int], Any], count: int = CLIENTS) -> list[Any]:
    """The results, or the errors of the service, of so many threads that begin together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        barrier.wait(30)
        try:
            return work(number)
        except HttpResponseError as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def statuses(results: Sequence[Any]) -> Counter[int]:
    """How often each status was answered; 0 is success."""
    return Counter(found.status_code or -1 if isinstance(found, HttpResponseError) else 0 for found in results)


def listed(client: BatchClient, job_id: str) -> list[str]:
    """The ids of a job's tasks over pages of 20."""
    return [found.id or "" for found in client.list_tasks(job_id, max_results=20, select=["id"])]


class Churn:
    """Clients that add ten tasks at a time and delete three of them; what the others may count on."""

    def __init__(self, running: RunningServer, job_id: str, adders: int) -> None:
        self.running, self.job_id, self.adders = running, job_id, adders
        self.kept: set[str] = set()
        self.lock = threading.Lock()

    def add(self, number: int) -> None:
        """Add and delete; what stays is noted once it is acknowledged."""
        client = self.running.client()
        for batch in range(8 * ROUNDS):
            names = [f"c{number}-{batch}-{index}" for index in range(10)]
            client.create_tasks(self.job_id, [task(name, "true") for name in names])
            with self.lock:
                self.kept.update(names[3:])
            for name in names[:3]:
                client.delete_task(self.job_id, name)
        with self.lock:
            self.adders -= 1

    def watch(self) -> int:
        """List over and over until the others are done; how often."""
        client, turns = self.running.client(), 0
        while self.adders or not turns:
            with self.lock:
                before = set(self.kept)
            found = Counter(listed(client, self.job_id))
            assert max(found.values(), default=1) == 1, "a task is listed twice"
            assert before <= set(found), "an acknowledged task is not listed"
            turns += 1
        return turns


@pytest.mark.ours
def test_every_acknowledged_task_is_listed_once_while_others_come_and_go(durable: RunningServer) -> None:
    """Six clients add and delete, two list in pages: what stays is in every later list, nothing is in one twice."""
    durable.client().create_job(job("churn", "pool"))
    churn = Churn(durable, "churn", CLIENTS - 2)
    results = at_once(lambda number: churn.add(number) if number < CLIENTS - 2 else churn.watch())
    assert statuses(results) == {0: CLIENTS}, results
    assert sorted(listed(durable.client(), "churn")) == sorted(churn.kept)
    counts = durable.client().get_job_task_counts("churn").task_counts
    assert (counts.active, counts.running, counts.completed) == (len(churn.kept), 0, 0)


@pytest.mark.ours
def test_clients_in_processes_of_their_own(durable: RunningServer) -> None:
    """Each of four processes has added what it says; a fifth, killed half-way, lost nothing that was acknowledged."""
    durable.client().create_job(job("processes", "pool"))
    variables = durable.environment
    base = [sys.executable, "-m", "server.adding_client", variables["AZURE_BATCH_ENDPOINT"], "batchite", "processes"]
    started = [
        subprocess.Popen(
            [*base, f"p{number}", "25"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(5)
    ]
    for client in started:
        assert client.stdin is not None
        client.stdin.write(variables["AZURE_BATCH_ACCESS_KEY"] + "\n")
        client.stdin.flush()
    doomed = started[-1]
    assert doomed.stdout is not None
    acknowledged = [doomed.stdout.readline().strip() for _ in range(5)]
    doomed.kill()
    for client in started:
        acknowledged += client.communicate(timeout=120)[0].split()
    assert [client.returncode for client in started] == [0, 0, 0, 0, -9]
    found = listed(durable.client(), "processes")
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) - len(acknowledged) <= 1, "one request of the killed process may have been under way"


@pytest.mark.documented
def test_bulk_additions_of_one_client_in_eight_threads_and_coroutines(durable: RunningServer) -> None:
    """`create_tasks` with max_concurrency 8, sync and async: all are added once."""
    client = durable.client()
    client.create_job(job("bulk", "pool"))
    client.create_tasks("bulk", [task(f"s{number}", "true") for number in range(900)], max_concurrency=CLIENTS)

    async def more() -> None:
        key = AzureNamedKeyCredential("batchite", durable.environment["AZURE_BATCH_ACCESS_KEY"])
        async with AsyncBatchClient(durable.environment["AZURE_BATCH_ENDPOINT"], key) as other:
            tasks = [task(f"a{number}", "true") for number in range(900)]
            await other.create_tasks("bulk", tasks, max_concurrency=CLIENTS)

    asyncio.run(more())
    found = [one.id for one in client.list_tasks("bulk", select=["id"])]
    assert sorted(found) == sorted(f"{kind}{number}" for kind in "as" for number in range(900))
    assert client.get_job_task_counts("bulk").task_counts.active == 1800


@pytest.mark.documented  # REST reference, error codes: JobExists, PoolExists, TaskExists
@pytest.mark.parametrize("kind", ["job", "pool", "task"])
def test_one_of_many_creators_wins(durable: RunningServer, kind: str) -> None:
    """Eight clients make the same thing: it is there once, the others are told so with 409."""
    if kind == "task":
        durable.client().create_job(job("contested", "pool"))

    def create(name: str, _client: int) -> Any:
        client = durable.client()
        if kind == "job":
            return client.create_job(job(name, "pool"))
        return client.create_pool(pool(name)) if kind == "pool" else client.create_task("contested", task(name, "true"))

    for number in range(ROUNDS):
        assert statuses(at_once(partial(create, f"same-{number}"))) == {0: 1, 409: CLIENTS - 1}


@pytest.mark.documented
def test_one_of_many_conditional_writers_wins(durable: RunningServer) -> None:
    """With the ETag that all have read, one PATCH changes the job, one deletion ends it, the others do nothing."""
    client = durable.client()
    client.create_job(job("etag", "pool"))
    for _ in range(3 * ROUNDS):
        etag = client.get_job("etag").etag or ""

        def write(number: int, etag: str = etag) -> int:
            body = models.BatchJobUpdateOptions(priority=number)
            durable.client().update_job("etag", body, etag=etag, match_condition=MatchConditions.IfNotModified)
            return number

        results = at_once(write)
        assert statuses(results) == {0: 1, 412: CLIENTS - 1}
        (winner,) = (found for found in results if isinstance(found, int))
        assert client.get_job("etag").priority == winner
    last = client.get_job("etag").etag or ""
    unchanged: dict[str, Any] = {"etag": last, "match_condition": MatchConditions.IfNotModified}
    ends = at_once(lambda _: durable.client().begin_delete_job("etag", polling_interval=0, **unchanged))
    assert statuses(ends) <= Counter({0: 1, 404: CLIENTS, 412: CLIENTS})
    assert statuses(ends)[0] == 1


@pytest.mark.documented
def test_no_writer_wins_against_a_condition_that_no_thing_meets(durable: RunningServer) -> None:
    """If-None-Match: * on a job that is there is never met; If-Match: * always."""
    durable.client().create_job(job("star", "pool"))

    def write(condition: MatchConditions) -> Callable[[int], Any]:
        body = models.BatchJobUpdateOptions(priority=1)
        return lambda _: durable.client().update_job("star", body, etag="*", match_condition=condition)

    assert statuses(at_once(write(MatchConditions.IfMissing))) == {412: CLIENTS}
    assert statuses(at_once(write(MatchConditions.IfPresent))) == {0: CLIENTS}


@pytest.mark.documented
def test_one_of_many_writers_with_a_date_wins(durable: RunningServer) -> None:
    """If-Unmodified-Since counts whole seconds: once the second of the last change is over, one writer wins."""
    client = durable.client()
    client.create_job(job("dated", "pool"))
    changed = client.get_job("dated").last_modified
    assert changed is not None
    whole = changed.replace(microsecond=0)
    wait_until(lambda: datetime.now(UTC).timestamp() >= whole.timestamp() + 1, "the second is over")

    def write(number: int) -> Any:
        body = models.BatchJobUpdateOptions(priority=number)
        return durable.client().update_job("dated", body, if_unmodified_since=whole)

    assert statuses(at_once(write)) == {0: 1, 412: CLIENTS - 1}


@pytest.mark.ours
def test_ends_are_told_once(durable: RunningServer) -> None:
    """Eight clients terminate the same task, then the same job: one does, the others are told that it is over."""
    client = durable.client()
    client.create_job(job("ends", "pool"))

    def terminate(name: str, _client: int) -> None:
        durable.client().terminate_task("ends", name)

    for number in range(ROUNDS):
        client.create_task("ends", task(f"t{number}", "true"))
        results = at_once(partial(terminate, f"t{number}"))
        assert statuses(results) == {0: 1, 409: CLIENTS - 1}
    reason: Any = {"terminateReason": "enough"}
    results = at_once(lambda _: durable.client().begin_terminate_job("ends", reason, polling_interval=0).result())
    assert statuses(results) == {0: 1, 409: CLIENTS - 1}
    assert client.get_job_task_counts("ends").task_counts.completed == ROUNDS
