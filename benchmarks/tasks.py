"""Trivial tasks through the unmodified SDK, beside bare processes."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from azure.batch import BatchClient

from benchmarks import floor
from benchmarks.client import connect, create_pool, job, trivial_tasks, wait_for_all, wait_for_one
from benchmarks.figures import percentile
from benchmarks.load import Signer, send
from benchmarks.measured import Measured
from benchmarks.peers import environment
from benchmarks.server import Server, node_directories, running
from benchmarks.table import Table, row

SLOTS = 2
BARE = ("posix_spawn", "Popen, threads")
"""Two floors: on a busy machine the threads get a larger share of it than the one thread."""
MEBIBYTE = 1 << 20
LATENCY_TASKS = 100
READS = 100
names = (f"bench-{number}" for number in itertools.count(1))


@dataclass(frozen=True, slots=True)
class Site:
    """A server with an idle pool, and where its nodes lie."""

    server: Server
    client: BatchClient
    nodes: Path


def run(*, rounds: int, count: int, full: bool, own_user: bool) -> list[Table]:
    """All tables of this benchmark. `own_user`: a server that is root does not change the user for its tasks."""
    with ExitStack() as stack:
        directories = stack.enter_context(node_directories(closed=own_user))
        sites = {name: _site(stack, directory) for name, directory in directories.items()}
        return [
            throughput(sites, rounds, count),
            growth(sites, [count // 10, count, *([count * 10] if full else [])]),
            latency(sites, rounds),
            reading(sites, rounds, count),
        ]


def _site(stack: ExitStack, nodes: Path) -> Site:
    server = stack.enter_context(running(nodes))
    client = connect(server)
    create_pool(client, SLOTS)
    return Site(server, client, nodes)


def throughput(sites: dict[str, Site], rounds: int, count: int) -> Table:
    """Submit → all completed, beside bare processes and other queues, round by round."""
    measured = Measured()
    peers, absent = environment.available()
    for _ in range(rounds):
        for name in peers:
            measured.take(name, partial(environment.rate, name, count, SLOTS))
        measured.take("posix_spawn", partial(floor.posix_spawn, count, SLOTS))
        measured.take("Popen, threads", partial(floor.popen_threads, count, SLOTS))
        for name, site in sites.items():
            measured.take(f"sh + files, {name}", partial(floor.command_with_files, count, SLOTS, site.nodes))
            measured.take(f"Batchite, {name}", partial(through_service, site, count))
    rows = [measured.rate("posix_spawn"), measured.rate("Popen, threads", "posix_spawn")]
    for name in sites:
        rows.append(measured.rate(f"sh + files, {name}", "posix_spawn"))
        rows += [measured.rate(f"Batchite, {name}", of) for of in (*BARE, f"sh + files, {name}")]
    rows += [measured.rate(name, "posix_spawn") for name in peers]
    rows += [measured.rate(f"Batchite, {site}", name) for site in sites for name in peers]
    note = f"{count} x /bin/true, {SLOTS} at a time, {rounds} interleaved rounds. Batchite: submit → all completed."
    return Table("Trivial tasks", " ".join([note, *absent]), tuple(rows))


def through_service(site: Site, count: int) -> float:
    """Tasks a second from the first request to the last completion."""
    with job(site.client, next(names)) as name:
        tasks = trivial_tasks(count)
        begin = time.perf_counter()
        site.client.create_tasks(name, tasks)
        wait_for_all(site.client, name, count)
        return count / (time.perf_counter() - begin)


def growth(sites: dict[str, Site], counts: list[int]) -> Table:
    """How time and memory grow with the number of tasks in one job."""
    name, site = ("tmpfs", sites["tmpfs"]) if "tmpfs" in sites else ("disk", sites["disk"])
    rows = []
    for count in counts:
        before = site.server.resident_bytes()
        used = site.server.processor_seconds()
        rate = through_service(site, count)
        after, used = site.server.resident_bytes(), site.server.processor_seconds() - used
        rows += [
            row(f"{count} tasks", "1/s", [rate]),
            row(f"{count} tasks: server's processor time", "ms/task", [used / count * 1000]),
            row(f"{count} tasks: resident memory before", "MiB", [before / MEBIBYTE]),
            row(f"{count} tasks: resident memory after", "MiB", [after / MEBIBYTE]),
        ]
    return Table("Growth", f"One job with more and more tasks, node root on {name}; one run each.", tuple(rows))


def latency(sites: dict[str, Site], rounds: int) -> Table:
    """One task at a time, created → seen completed by a client that asks without a pause, beside its bare process."""
    rows, alone = [], Measured()
    for name, site in sites.items():
        times: list[list[float]] = []
        for _ in range(rounds):
            alone.take(name, partial(floor.one_process, LATENCY_TASKS))
            times.append(_latencies(site))
        rows += [
            row(f"{name}, p{percent}", "ms", [percentile(values, percent) * 1000 for values in times])
            for percent in (50, 95)
        ]
        beyond = [percentile(values, 50) - base for values, base in zip(times, alone.values[name], strict=True)]
        rows.append(row(f"{name}, p50 beyond the process itself", "ms", [value * 1000 for value in beyond]))
    note = f"{LATENCY_TASKS} tasks, one after the other, {rounds} rounds; the requests of the client are in it."
    return Table("One task, created → completed", note, tuple(rows))


def reading(sites: dict[str, Site], rounds: int, count: int) -> Table:
    """GETs of one task, one after the other, while the node works through many."""
    rows = []
    for name, site in sites.items():
        times = [_reads(site, count) for _ in range(rounds)]
        rows += [
            row(f"{name}, p{percent}", "ms", [percentile(values, percent) * 1000 for values in times])
            for percent in (50, 99)
        ]
    note = f"One connection, no pause between its requests, for as long as {count} tasks take; {rounds} rounds."
    return Table("GET of a task while tasks churn", note, tuple(rows))


def _reads(site: Site, count: int) -> list[float]:
    signer = Signer.of(site.server.environment)
    with job(site.client, next(names)) as name:
        site.client.create_tasks(name, trivial_tasks(count))
        request = signer.request("GET", f"/jobs/{name}/tasks/t{count - 1}")
        done = False
        found: list[float] = []
        while not done:
            found += send(signer.endpoint, [request] * READS, 1).latencies
            done = site.client.get_job_task_counts(name).task_counts.completed == count
        return found


def _latencies(site: Site) -> list[float]:
    with job(site.client, next(names)) as name:
        return [_latency(site.client, name, task) for task in range(LATENCY_TASKS)]


def _latency(client: BatchClient, name: str, number: int) -> float:
    task = trivial_tasks(number + 1)[number]
    begin = time.perf_counter()
    client.create_task(name, task)
    wait_for_one(client, name, task.id)
    return time.perf_counter() - begin
