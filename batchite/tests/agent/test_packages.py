"""Application packages on a node: where they lie, what names them, and what is never unpacked."""

import io
import os
import stat
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agent.nodes import PATH, SAME_USER, USERS, BlobStore, Node, Running, transfer, wait_until

from batchite.agent.agent import LocalAgent
from batchite.agent.launch import Launch, Package, node_directory, task_directory
from batchite.agent.node_logs import NodeLogs
from batchite.agent.packages import extract, install, variables
from batchite.agent.processes import Journal
from batchite.agent.transfer import TransferError
from batchite.scheduler.events import Event, NodePrepared, NodeRemoved, NodeUnusable, TaskEnded
from batchite.scheduler.model import NodeKey, TaskKey

NODE, TASK = NodeKey("a", "p", "n"), TaskKey("a", "j", "t")
PACKAGE = Package("blender", "2.80-daily-2019-10-14", "2019-01-15-09-19", default=True)
NEVER = threading.Event()


def zipped(*entries: tuple[str, bytes, int]) -> bytes:
    """A zip of files with these names, contents and modes (0: none, as on Windows)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16 | 0x20  # the archive bit: writestr takes 0 for "nothing was said"
            archive.writestr(entry, content)
    return buffer.getvalue()


TOOL = zipped(("bin/tool", b"#!/bin/sh\necho tool\n", 0o100755), ("data/table.csv", b"1,2\n", 0o100600))


@pytest.fixture
def store() -> Iterator[BlobStore]:
    """A blob store with one package."""
    with BlobStore({"app/v": TOOL}) as running:
        yield running


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node that has its folder for applications."""
    (tmp_path / "n/applications").mkdir(parents=True)
    return Node(tmp_path / "n")


def installed(node: Node, package: Package) -> Path:
    """The directory of a package that is installed now."""
    return install(package, node.root, node.transfer, SAME_USER, NEVER)


def failure(node: Node, package: Package) -> Any:
    """Why the package cannot be installed."""
    with pytest.raises(TransferError) as caught:
        installed(node, package)
    assert [path for path in (node.root / "applications").iterdir() if path.name.startswith(".")] == []
    return caught.value.failure


@pytest.mark.recorded
def test_directory_and_variables_are_those_of_a_linux_node(node: Node, store: BlobStore) -> None:
    """A published log of a node shows the directory's name, the name with version, and the one of the default."""
    path = installed(node, replace(PACKAGE, url=f"{store.url}/app/v"))
    assert path == node.root / "applications/blender2.80-daily-2019-10-142019-01-15-09-19"
    assert variables(PACKAGE, path) == {
        "AZ_BATCH_APP_PACKAGE_blender": str(path),
        "AZ_BATCH_APP_PACKAGE_blender_2_80_daily_2019_10_14": str(path),
    }


@pytest.mark.documented
def test_names_keep_their_case_and_have_none() -> None:
    """The documentation shows FOO_1 in one place and lower case in another: both are set."""
    assert set(variables(Package("Agent-linux-x64", "1.1.46.0"), Path("/p"))) == {
        "AZ_BATCH_APP_PACKAGE_Agent_linux_x64_1_1_46_0",
        "AZ_BATCH_APP_PACKAGE_agent_linux_x64_1_1_46_0",
    }


@pytest.mark.documented
def test_a_package_is_unpacked_once_with_its_modes(node: Node, store: BlobStore) -> None:
    """Executables stay executable, every task may read; a second task finds it there."""
    package = replace(PACKAGE, url=f"{store.url}/app/v")
    path = installed(node, package)
    assert stat.S_IMODE((path / "bin/tool").stat().st_mode) == 0o755
    assert stat.S_IMODE((path / "data/table.csv").stat().st_mode) == 0o644
    assert installed(node, package) == path
    assert len(store.requests) == 1


@pytest.mark.ours
def test_a_zip_without_modes_is_executable(tmp_path: Path) -> None:
    """A zip made on Windows says nothing about modes; a program in it must still run."""
    (tmp_path / "zip").write_bytes(zipped(("tool.sh", b"#!/bin/sh\n", 0)))
    extract(tmp_path / "zip", tmp_path / "out", NEVER)
    assert os.access(tmp_path / "out/tool.sh", os.X_OK)


@pytest.mark.ours
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:/evil", "a/.."])
def test_nothing_is_unpacked_outside(node: Node, store: BlobStore, name: str) -> None:
    """A name that leads out of the package is an error, and nothing of the package stays."""
    store.blobs["app/v"] = zipped(("good", b"", 0o100644), (name, b"evil", 0o100644))
    found = failure(node, replace(PACKAGE, url=f"{store.url}/app/v"))
    assert found.code == "ApplicationPackageError"
    assert "outside" in found.message
    assert [path.name for path in node.root.rglob("*")] == ["applications"]
    assert not (node.root.parent / "evil").exists()


@pytest.mark.ours
def test_a_link_is_not_unpacked(node: Node, store: BlobStore) -> None:
    """A link could lead what follows it out of the package."""
    store.blobs["app/v"] = zipped(("etc", b"/etc", 0o120777), ("etc/passwd", b"evil", 0o100644))
    assert "link" in failure(node, replace(PACKAGE, url=f"{store.url}/app/v")).message


def corrupt() -> bytes:
    """A zip with one damaged byte in its compressed content."""
    content = zipped(("tool", bytes(range(256)) * 64, 0o100755))
    middle = content.index(b"tool") + 60
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.documented
@pytest.mark.parametrize("content", [b"Hey there!", b"", TOOL[:-30], corrupt()])
def test_what_is_no_zip_is_named(node: Node, store: BlobStore, content: bytes) -> None:
    """The service takes any blob; on the node it is an ApplicationPackageError with application, version and URL."""
    store.blobs["app/v"] = content
    found = failure(node, replace(PACKAGE, url=f"{store.url}/app/v?sig=secret"))
    assert (found.category, found.code) == ("usererror", "ApplicationPackageError")
    told = {detail.name: detail.value for detail in found.details}
    assert told["ApplicationId"] == "blender"
    assert told["Url"] == f"{store.url}/app/v"
    assert "secret" not in str(found)


@pytest.mark.documented
@pytest.mark.parametrize(("package", "word"), [(PACKAGE, "not there"), (replace(PACKAGE, identity="x"), "identity")])
def test_a_package_that_cannot_be_fetched_is_named(node: Node, store: BlobStore, package: Package, word: str) -> None:
    """Deleted since, or not to be read as the pool's identity."""
    url = f"{store.url}/app/v" if package.identity else ""
    assert word in failure(node, replace(package, url=url)).message


@pytest.mark.documented
def test_the_tasks_of_a_node_share_its_packages(tmp_path: Path, store: BlobStore) -> None:
    """Packages of the pool are there before the node is ready; each task is told where, and may add its own."""
    events: list[Event] = []
    agent = LocalAgent(
        tmp_path,
        Journal(tmp_path / "journal"),
        transfer(),
        USERS,
        events.append,
        lambda _: None,
        NodeLogs(tmp_path / "logs"),
    )
    package = replace(PACKAGE, url=f"{store.url}/app/v")
    agent.prepare_node(NODE, 1, (package,))
    wait_until(lambda: NodePrepared(NODE, 1) in events, "the node is ready")
    root = node_directory(tmp_path, NODE)
    line = """/bin/sh -c '"$AZ_BATCH_APP_PACKAGE_blender/bin/tool" && env'"""
    launch = Launch(root, task_directory(TASK), line, {"PATH": PATH, "AZ_BATCH_APP_PACKAGE_blender": "/mine"})
    agent.run_task(TASK, NODE, 1, replace(launch, packages=(replace(package, application="other", default=False),)))
    wait_until(lambda: TaskEnded(TASK, 1, 0, None) in events, f"the task has run in {events}")
    printed = (root / task_directory(TASK) / "stdout.txt").read_text()
    assert printed.startswith("tool\n")
    assert "AZ_BATCH_APP_PACKAGE_other_2_80_daily_2019_10_14" in printed
    agent.close()


@pytest.mark.documented
def test_a_node_without_its_package_is_unusable(tmp_path: Path, store: BlobStore) -> None:
    """The node's errors say which package it is; a task with such a reference fails by itself."""
    events: list[Event] = []
    agent = LocalAgent(
        tmp_path,
        Journal(tmp_path / "journal"),
        transfer(),
        USERS,
        events.append,
        lambda _: None,
        NodeLogs(tmp_path / "logs"),
    )
    missing = replace(PACKAGE, url=f"{store.url}/app/nothing")
    agent.prepare_node(NODE, 1, (missing,))
    (unusable,) = wait_until(lambda: events, "the node is judged")
    assert isinstance(unusable, NodeUnusable)
    assert unusable.failure.code == "ApplicationPackageError"
    agent.prepare_node(NODE, 2)
    wait_until(lambda: NodePrepared(NODE, 2) in events, "the node is ready")
    launch = Launch(node_directory(tmp_path, NODE), task_directory(TASK), "/bin/true", {}, packages=(missing,))
    agent.run_task(TASK, NODE, 1, launch)
    ended = wait_until(lambda: [one for one in events if isinstance(one, TaskEnded)], "the task has ended")[0]
    assert ended.failure is not None
    assert (ended.failure.code, ended.retryable) == ("ApplicationPackageError", False)
    agent.close()


@pytest.mark.ours
def test_a_node_that_goes_ends_its_downloads(tmp_path: Path, store: BlobStore) -> None:
    """A download that hangs keeps no node: it is broken off, and nothing of the node stays."""
    events: list[Event] = []
    agent = LocalAgent(
        tmp_path,
        Journal(tmp_path / "journal"),
        transfer(),
        USERS,
        events.append,
        lambda _: None,
        NodeLogs(tmp_path / "logs"),
    )
    store.blobs["app/v"], store.slow = os.urandom(1 << 20), True
    agent.prepare_node(NODE, 1, (replace(PACKAGE, url=f"{store.url}/app/v"),))
    wait_until(lambda: store.requests, "the download has begun")
    agent.remove_node(NODE, 1)
    store.hold.set()
    wait_until(lambda: NodeRemoved(NODE, 1) in events, f"the node has gone in {events}")
    assert not node_directory(tmp_path, NODE).exists()
    assert [type(event) for event in events] == [NodeRemoved]
    agent.close()


@pytest.mark.ours
def test_tasks_that_need_the_same_package_wait_for_each_other(node: Node, store: BlobStore) -> None:
    """Of two tasks one downloads; one that is stopped meanwhile does not wait."""
    store.slow = True
    launch = replace(node.launch("/bin/true"), packages=(replace(PACKAGE, url=f"{store.url}/app/v"),))
    first = Running(node.attempt(launch))
    wait_until(lambda: store.requests, "the download has begun")
    second = Running(node.attempt(replace(launch, directory="workitems/j/job-1/u")))
    third = Running(node.attempt(replace(launch, directory="workitems/j/job-1/v")))
    third.attempt.stop()
    assert third.end().exit_code is None
    store.hold.set()
    assert (first.end().exit_code, second.end().exit_code) == (0, 0)
    assert len(store.requests) == 1
