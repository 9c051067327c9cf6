"""`make demo` and `make down` as a newcomer types them: a fresh clone and a HOME of his own, with shared caches."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import (
    NOT_COPIED,
    REPOSITORY,
    Checkout,
    Done,
    Json,
    clean_environment,
    processes_of,
    temporary_folder,
    wait_for,
)

pytestmark = [pytest.mark.ours, pytest.mark.timeout(600)]

FREE_PORTS = "START=--http-port 0 --https-port 0 --blob-port 0"
LOGIN = '{"current": "https://api.pulumi.invalid", "accessTokens": {"https://api.pulumi.invalid": "pul-theirs"}}'
TASKS = 52  # three stations, 17 azimuths, and the merge
ROWS = 3 * 17 * 19  # with 19 tilts each


@dataclass(frozen=True)
class Newcomer:
    """A clone and the home of its user, who is logged in to a Pulumi backend of his own."""

    clone: Checkout
    home: Path

    def make(self, *words: str, expect: int | None = 0) -> Done:
        """`make …` in the clone."""
        return self.clone.run("make", *words, expect=expect)

    @property
    def job(self) -> str:
        """The job submitted last."""
        memory: Json = json.loads((self.clone.root / ".jobs" / "last.json").read_text())
        return str(memory["jobs"][memory["last"]]["job"])


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    """A clone in which `make setup` has run."""
    with temporary_folder() as folder:
        home, root = folder / "home", folder / "clone"
        (home / ".pulumi").mkdir(parents=True)
        (home / ".pulumi" / "credentials.json").write_text(LOGIN)
        clone_to(root)
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        foreign = {"PULUMI_BACKEND_URL": "https://api.pulumi.invalid", "PULUMI_ACCESS_TOKEN": "pul-theirs"}
        env = clean_environment() | {"HOME": str(home), "XDG_CACHE_HOME": cache} | foreign
        someone = Newcomer(Checkout(root, env), home)
        someone.make("setup")
        try:
            yield someone
        finally:
            someone.make("clean", expect=None)


def clone_to(root: Path) -> None:
    """What is committed; in an unpacked archive, its files."""
    if (REPOSITORY / ".git").exists():
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(root)], check=True, timeout=60)
    else:
        shutil.copytree(REPOSITORY, root, ignore=NOT_COPIED)


@pytest.fixture(scope="module")
def demo(newcomer: Newcomer) -> tuple[Done, Done]:
    """`make demo`, and another one typed while the first is at work."""
    first = newcomer.clone.begin("make", "demo", FREE_PORTS)
    wait_for(lambda: (newcomer.clone.data / "server.json").exists() or first.poll() is not None, "Batchite runs")
    second = newcomer.make("demo", FREE_PORTS, expect=None)
    told = first.communicate(timeout=400)
    return Done(["make", "demo"], first.returncode, *told), second


def test_taken_port_is_named(newcomer: Newcomer) -> None:
    """With a port in use, the demo says which, how to choose another, and leaves no process behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = newcomer.make("demo", f"START=--http-port {port} --https-port 0 --blob-port 0", expect=None)
    assert done.returncode != 0
    assert port in done.stderr
    assert "--http-port" in done.stderr
    assert processes_of(newcomer.clone.data) == {}


def test_demo_ends_with_a_full_report(demo: tuple[Done, Done], newcomer: Newcomer) -> None:
    """The demo exits with 0; its report says that all tasks completed and succeeded."""
    done = demo[0]
    assert done.returncode == 0, done.stdout + done.stderr
    page = (newcomer.clone.root / "outputs" / newcomer.job / "report.md").read_text()
    for text in (page, done.stderr):
        assert f"{TASKS} of {TASKS} completed (100 %)" in text
        assert f"{TASKS} succeeded, 0 failed" in text


def test_second_demo_at_the_same_time_is_refused(demo: tuple[Done, Done]) -> None:
    """It says that another one is at work, and the first is not disturbed."""
    assert demo[1].returncode != 0
    assert "another `make demo`" in demo[1].stderr


@pytest.mark.usefixtures("demo")
def test_outputs_were_downloaded(newcomer: Newcomer) -> None:
    """One table with a row for every orientation, one plot, and results and stats of every task."""
    folder = newcomer.clone.root / "outputs" / newcomer.job
    with (folder / "merge" / "yields.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == ROWS
    assert len({tuple(row.values()) for row in rows}) == ROWS
    assert (folder / "merge" / "yields.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    stats = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/stats.json")}
    assert len(stats) == TASKS
    assert all(set(found) >= {"rows", "seconds", "peak_memory_bytes"} for found in stats.values())
    assert sum(found["rows"] for task, found in stats.items() if task != "merge") == ROWS


@pytest.mark.usefixtures("demo")
def test_streams_of_every_task_are_kept(newcomer: Newcomer) -> None:
    """Stdout and stderr of all tasks are in Blob storage; several nodes of both kinds have worked."""
    clone = replace(newcomer.clone)
    clone.enter()
    azure = Clients.connect(clone)
    names = azure.names("logs", f"{newcomer.job}/")
    assert len(names) == 2 * TASKS
    assert "kWh per kW" in azure.streams(newcomer.job, "miami-180")[0]
    nodes = {task.node_info.node_id for task in azure.batch.list_tasks(newcomer.job) if task.node_info}
    assert len(nodes) >= 2


@pytest.mark.usefixtures("demo")
def test_second_demo_changes_nothing(newcomer: Newcomer) -> None:
    """Typed again it installs nothing, Pulumi finds every resource unchanged, and the work is done once more."""
    before = newcomer.job
    done = newcomer.make("demo", FREE_PORTS)
    assert done.stderr.count("already there") >= 3
    assert " unchanged" in done.stdout
    assert not {" created", " updated", " replaced", " deleted"} & set(done.stdout.split("Resources:")[-1].split("\n"))
    assert newcomer.job != before
    assert "(100 %)" in done.stderr


@pytest.mark.usefixtures("demo")
def test_users_own_login_is_not_touched(newcomer: Newcomer) -> None:
    """What a user of another Pulumi backend has in his home is as it was, and no login was added."""
    assert not (newcomer.home / ".azure").exists()
    assert [path.name for path in (newcomer.home / ".pulumi").rglob("*")] == ["credentials.json"]
    assert (newcomer.home / ".pulumi" / "credentials.json").read_text() == LOGIN


@pytest.mark.usefixtures("demo")
def test_down_leaves_no_process_and_no_resource(newcomer: Newcomer) -> None:
    """After `make down` nothing runs from this clone, and the engine knows of no resource."""
    assert processes_of(newcomer.clone.root) != {}
    newcomer.make("down")
    assert processes_of(newcomer.clone.root) == {}
    states = list((newcomer.clone.data / "pulumi" / "state").glob(".pulumi/stacks/*/local.json"))
    assert [json.loads(path.read_text())["checkpoint"]["latest"].get("resources") for path in states] == [None]
