"""Deleting files of tasks and nodes: what goes, what is refused, and that nothing outside the node does."""

import asyncio
import os
from pathlib import Path

import pytest
from batch.harness import Account

from batchite.batch.files import LocalNodeFiles
from batchite.errors import ServiceError
from batchite.scheduler.model import NodeKey

NODE = NodeKey("a", "p", "n")


@pytest.fixture
def ran(account: Account) -> Account:
    """An account whose task t0 has run."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    return account


def names(account: Account, target: str) -> list[str]:
    """What a recursive listing shows."""
    return [item["name"] for item in account.get(f"{target}?recursive=true").json["value"]]


@pytest.mark.recorded
def test_a_deleted_file_is_gone(ran: Account) -> None:
    """The answer is 200 without a body; the file is in no listing any more and a second deletion finds nothing."""
    target = "/jobs/job/tasks/t0/files/stdout.txt"
    answer = ran.call("DELETE", target)
    assert (answer.status, answer.body) == (200, b"")
    assert "stdout.txt" not in names(ran, "/jobs/job/tasks/t0/files")
    again = ran.call("DELETE", target)
    assert (again.status, again.code) == (404, "FileNotFound")


@pytest.mark.documented
def test_a_directory_needs_recursive_unless_it_is_empty(ran: Account) -> None:
    """A directory with something in it goes only with recursive=true, an empty one in any case."""
    files = "/jobs/job/tasks/t0/files"
    kept = ran.call("DELETE", f"{files}/wd")
    assert (kept.status, kept.code) == (403, "IOError")
    assert "wd" in names(ran, files)
    assert ran.call("DELETE", f"{files}/wd%2Fein%20Bericht%20%C3%A4.txt").status == 200
    assert ran.call("DELETE", f"{files}/wd?recursive=false").status == 200
    node = ran.get("/jobs/job/tasks/t0").json["nodeInfo"]["nodeId"]
    assert ran.call("DELETE", f"/pools/pool/nodes/{node}/files/workitems%2Fjob?recursive=true").status == 200
    assert names(ran, f"/pools/pool/nodes/{node}/files") == ["shared", "shared/made.txt", "workitems"]
    assert ran.get(files).code == "FileNotFound"


@pytest.mark.ours
def test_a_running_task_keeps_its_directory(account: Account) -> None:
    """What holds the directory of a running task is not deleted; a file in it is."""
    account.pool(nodes=1)
    account.job("hold")
    node = account.wait_for_running("t0")["nodeInfo"]["nodeId"]
    for path in ("workitems%2Fjob", "workitems%2Fjob%2Fjob-1%2Ft0"):
        answer = account.call("DELETE", f"/pools/pool/nodes/{node}/files/{path}?recursive=true")
        assert (answer.status, answer.code) == (409, "OperationInvalidForCurrentState")
    assert account.call("DELETE", "/jobs/job/tasks/t0/files/stdout.txt").status == 200


@pytest.mark.ours
@pytest.mark.parametrize("path", ["shared", "workitems", "shared%2F"])
def test_the_directories_of_a_node_stay(ran: Account, path: str) -> None:
    """A node would be broken without them."""
    node = ran.get("/jobs/job/tasks/t0").json["nodeInfo"]["nodeId"]
    answer = ran.call("DELETE", f"/pools/pool/nodes/{node}/files/{path}?recursive=true")
    assert (answer.status, answer.code) == (403, "IOError")


@pytest.mark.documented
def test_files_before_a_task_ran_cannot_be_deleted(account: Account) -> None:
    """A task that has not run has no files; one that does not exist is not found."""
    account.pool()
    account.job("exit 0")
    assert account.call("DELETE", "/jobs/job/tasks/t0/files/stdout.txt").code == "TaskFilesUnavailable"
    assert account.call("DELETE", "/jobs/job/tasks/none/files/stdout.txt").code == "TaskNotFound"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task's directory with links out of the node, and a directory outside of it."""
    folder = tmp_path / "a" / "p" / "n" / "workitems" / "j"
    folder.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("the server's own")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "file-link").symlink_to(tmp_path / "outside" / "secret")
    return folder


def delete(root: Path, path: str, *, recursive: bool = True) -> None:
    """Delete below the task's directory."""
    asyncio.run(LocalNodeFiles(root).delete(NODE, "workitems/j", path, recursive=recursive, in_use=()))


@pytest.mark.ours
@pytest.mark.parametrize("path", ["link/secret", "..", "../j", "../../../../../outside/secret", ".", "/etc/passwd", ""])
def test_nothing_outside_is_deleted(tmp_path: Path, task: Path, path: str) -> None:
    """Paths and links that lead out of the node do not exist."""
    with pytest.raises(ServiceError) as refused:
        delete(tmp_path, path)
    assert refused.value.code == "FileNotFound"
    assert (tmp_path / "outside" / "secret").exists()
    assert task.is_dir()


@pytest.mark.ours
@pytest.mark.parametrize("path", ["link", "file-link"])
def test_a_link_is_deleted_itself(tmp_path: Path, task: Path, path: str) -> None:
    """What it points to stays."""
    delete(tmp_path, path)
    assert not (task / path).is_symlink()
    assert (tmp_path / "outside" / "secret").exists()


@pytest.mark.ours
def test_a_tree_goes_whatever_is_in_it(tmp_path: Path, task: Path) -> None:
    """Links in it are not followed, read-only folders and pipes go, and depth is no limit."""
    tree = task / "tree"
    deep = [tree / ("d/" * depth) for depth in range(1, 1201)]
    tree.mkdir()
    for folder in deep:
        folder.mkdir()
    (tree / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(tree / "pipe")
    (tree / "fixed").mkdir()
    (tree / "fixed" / "file").touch()
    (tree / "fixed").chmod(0o500)
    delete(tmp_path, "tree")
    assert not tree.exists()
    assert [item.name for item in (tmp_path / "a/p/n").iterdir()] == ["workitems"]
    assert (tmp_path / "outside" / "secret").exists()
