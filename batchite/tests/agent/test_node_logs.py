"""The logs of nodes in their files."""

import os
import time
from pathlib import Path

import pytest

from batchite.agent.node_logs import NodeLogs
from batchite.scheduler.model import NodeKey

pytestmark = pytest.mark.ours

NODE = NodeKey("account", "pool", "node")


def said(logs: NodeLogs) -> str:
    """All that the node's log holds."""
    return "".join(path.read_text() for path in logs.folder(NODE).iterdir())


def test_files_are_chosen_by_the_times_of_their_messages(tmp_path: Path) -> None:
    """One with a message in the range is among them, with its other messages."""
    logs = NodeLogs(tmp_path)
    logs.begin(NODE, 1, keep=False)
    logs.write(NODE, "first")
    now = time.time()
    old = logs.folder(NODE) / "agent-20200101.log"
    old.write_text("2020-01-01T12:00:00.0000000Z then\n")
    os.utime(old, (1577880000, 1577880000))
    (today,) = logs.between(NODE, now - 60, now + 60)
    assert "first" in (logs.folder(NODE) / today).read_text()
    assert logs.between(NODE, 0, now + 60) == [old.name, today]
    assert logs.between(NODE, 1577836800, 1577923200) == [old.name]
    assert logs.between(NODE, now + 3600, now + 7200) == []


def test_a_log_goes_with_its_node(tmp_path: Path) -> None:
    """A reboot goes on with it, a new machine begins anew; what comes after the end of the node is dropped."""
    logs = NodeLogs(tmp_path)
    logs.begin(NODE, 1, keep=False)
    logs.write(NODE, "first")
    logs.begin(NODE, 2, keep=True)
    assert "first" in said(logs)
    logs.begin(NODE, 3, keep=False)
    assert "first" not in said(logs)
    assert "boot 3" in said(logs)
    logs.forget(NODE)
    logs.write(NODE, "late")
    assert not list(tmp_path.rglob("*.log"))


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On a full disk, say: who wrote goes on, and the server's own log says so."""
    logs = NodeLogs(tmp_path)
    logs.folder(NODE).parent.mkdir(parents=True)
    logs.folder(NODE).write_text("a file where the folder should be")
    logs.write(NODE, "first")
    assert "NotADirectoryError" in caplog.text


def test_a_file_whose_beginning_was_not_written_is_left_out(tmp_path: Path) -> None:
    """A full disk leaves one without a line."""
    logs = NodeLogs(tmp_path)
    logs.begin(NODE, 1, keep=False)
    for name, text in (("agent-20200101.log", ""), ("agent-20200102.log", "2020-01-0")):
        (logs.folder(NODE) / name).write_text(text)
    assert len(logs.between(NODE, 0, time.time() + 60)) == 1
