import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent.nodes import BlobStore, transfer

from batchite.agent import directories
from batchite.agent.launch import Mount
from batchite.agent.mounts import mount_all
from batchite.agent.transfer import TransferError

pytestmark = pytest.mark.ours


@pytest.fixture
def store() -> Iterator[BlobStore]:
    """A container with three blobs, one of them a program."""
    with BlobStore() as running:
        running.blobs = {"in/a.txt": b"a", "in/deep/b.txt": b"b", "in/run": b"#!/bin/sh\necho ran\n", "other/x": b"x"}
        yield running


def bring(store: BlobStore, node: Path, container: str = "in") -> Path:
    """Mount the container; where its content lies."""
    mount_all([Mount(f"{store.url}/{container}", "data/in", "identity")], node, transfer(), threading.Event())
    return node / "fsmounts/data/in"


def test_the_content_of_a_container_can_be_read_and_run(store: BlobStore, tmp_path: Path) -> None:
    """All of it and nothing else, fetched as the identity; nobody may write to it."""
    content = bring(store, tmp_path)
    found = {str(path.relative_to(content)): path.read_bytes() for path in content.rglob("*") if path.is_file()}
    assert found == {name[3:]: value for name, value in store.blobs.items() if name.startswith("in/")}
    assert {headers["Authorization"] for _, _, headers in store.requests} == {"Bearer the-token"}
    assert {path.stat().st_mode & 0o777 for path in (content, *content.rglob("*"))} == {0o555}
    assert os.access(content / "run", os.X_OK)


def test_a_node_that_starts_again_has_the_present_content(store: BlobStore, tmp_path: Path) -> None:
    """What is gone is gone."""
    bring(store, tmp_path)
    store.blobs = {"in/new": b"n"}
    assert [path.name for path in bring(store, tmp_path).iterdir()] == ["new"]


def test_a_link_that_a_task_has_left_leads_nowhere(store: BlobStore, tmp_path: Path) -> None:
    """The place that it points to stays as it is."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "in").mkdir(parents=True)
    (elsewhere / "in/kept").write_text("kept")
    (tmp_path / "node/fsmounts").mkdir(parents=True)
    (tmp_path / "node/fsmounts/data").symlink_to(elsewhere)
    content = bring(store, tmp_path / "node")
    assert sorted(path.name for path in content.iterdir()) == ["a.txt", "deep", "run"]
    assert [(path.name, path.read_text()) for path in (elsewhere / "in").iterdir()] == [("kept", "kept")]


def test_an_empty_container_is_an_empty_folder(store: BlobStore, tmp_path: Path) -> None:
    """It is there all the same."""
    assert list(bring(store, tmp_path, "empty").iterdir()) == []


@pytest.mark.parametrize(("status", "text"), [(403, "data/in"), (404, "data/in")])
def test_a_container_out_of_reach_is_an_error_of_the_mount(
    store: BlobStore, tmp_path: Path, status: int, text: str
) -> None:
    """It says where the container should have been mounted."""
    store.answers = [status]
    with pytest.raises(TransferError) as refused:
        bring(store, tmp_path)
    assert refused.value.failure.code == "MountConfigurationError"
    assert text in refused.value.failure.message


def test_what_was_mounted_can_be_removed(store: BlobStore, tmp_path: Path) -> None:
    """With the node's directory."""
    bring(store, tmp_path)
    directories.remove(tmp_path / "fsmounts")
    assert not (tmp_path / "fsmounts").exists()
