"""The benchmarks themselves run: with very few tasks, and without a look at the figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import load, requests, scale, tasks
from benchmarks.peers import environment
from benchmarks.server import node_directories
from benchmarks.table import Table

pytestmark = pytest.mark.ours


def names(table: Table) -> set[str]:
    """What was measured."""
    return {row.name for row in table.rows}


@pytest.fixture
def site() -> Iterator[tasks.Site]:
    """A server with an idle node."""
    with ExitStack() as stack:
        directories = stack.enter_context(node_directories(closed=True))
        yield tasks._site(stack, directories["disk"])


def test_trivial_tasks(site: tasks.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floors, service and peers in one table; a peer that is absent is said. Latencies and reads too."""
    monkeypatch.setattr(environment, "available", lambda: (["Peer"], ["Another one is absent."]))
    monkeypatch.setattr(environment, "rate", lambda *_: 1.0)
    monkeypatch.setattr(tasks, "LATENCY_TASKS", 2)
    table = tasks.throughput({"disk": site}, 1, 3)
    assert {"posix_spawn", "Popen, threads", "Batchite, disk", "sh + files, disk", "Peer"} == names(table)
    assert table.note.endswith("Another one is absent.")
    assert "disk, p50 beyond the process itself" in names(tasks.latency({"disk": site}, 1))
    assert names(tasks.reading({"disk": site}, 1, 3)) == {"disk, p50", "disk, p99"}


def test_single_requests() -> None:
    """The service, the bare server and Azurite answer the same generator."""
    [table] = requests.run(rounds=1, count=40)
    assert len(table.rows) == 4


def test_very_many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Added, counted, listed page by page and there after a kill."""
    monkeypatch.setattr(scale, "PAGE", 100)
    monkeypatch.setattr(scale, "SDK_TASKS", 10)
    first, growth = scale.run(rounds=1, counts=[250])
    assert "share of the service" in names(first)
    assert {"250 tasks: first 3 pages, each", "250 tasks: restart"} <= names(growth)


def test_an_answer_that_is_no_success_ends_the_measurement() -> None:
    """A rate of refusals would be no rate."""
    with requests.bare() as url, pytest.raises(RuntimeError, match="no success"):
        load.send(url, [load.encoded("POST", "/", {"content-length": "1"}, b"x")], 1)


def test_peers_are_pinned_scripts() -> None:
    """Each peer has its script; the environment is made from a pinned file."""
    folder = Path(environment.__file__).parent
    assert all((folder / f"{script}.py").is_file() for script, _ in environment.PEERS.values())
    assert all("==" in line for line in environment.PINNED.read_text().splitlines())
