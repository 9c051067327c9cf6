"""The journal of stories: what it keeps, what it forgets, and that it agrees with the store after a kill."""

import asyncio
from pathlib import Path

import pytest

from batchite.story import Entry, StoryLog

pytestmark = pytest.mark.ours


def log(directory: Path, committed: int = 0, segment: int = 1000, segments: int = 16) -> StoryLog:
    """A journal that is open."""
    opened = StoryLog(directory, segment, segments)
    opened.open(committed)
    return opened


def told(opened: StoryLog, *subjects: str) -> list[str]:
    """What is kept of these subjects."""
    return [entry.what for entry in asyncio.run(opened.read(*subjects))[0]]


def test_an_entry_comes_back_with_its_cause(tmp_path: Path) -> None:
    """Time, event, cause and facts; entries of others stay out, also those whose subject begins alike."""
    opened = log(tmp_path)
    notes = [("task a/j/t", "added", {"waitsFor": ["x"]}), ("task a/j/t1", "added", {}), ("job a/j", "active", {})]
    opened.note(5.5, "AddTasks 12 by the account key", notes)
    opened.note(6.0, "Tick timer", [])
    found, since = asyncio.run(opened.read("task a/j/t"))
    assert found == [Entry(5.5, "AddTasks", "12 by the account key", "task a/j/t", "added", {"waitsFor": ["x"]})]
    assert since is None


def test_the_oldest_files_go_and_that_is_told(tmp_path: Path) -> None:
    """Bounded: no more files than asked for; the story says from when on it is complete."""
    opened = log(tmp_path, segment=300, segments=3)
    for number in range(100):
        opened.note(float(number), "Tick timer", [("task a/j/t", f"event-{number}", {})])
        opened.flush()
    found, since = asyncio.run(opened.read("task a/j/t"))
    assert len(list(tmp_path.iterdir())) == 3
    assert [entry.what for entry in found] == [f"event-{number}" for number in range(100 - len(found), 100)]
    assert since == found[0].at > 0


@pytest.mark.parametrize("rest", [b"", b'[9,1.0,"Tick ti'])
def test_lines_of_what_was_not_committed_are_cut_off(tmp_path: Path, rest: bytes) -> None:
    """A kill between line and commit, or in the middle of a line: the next run goes on at what is in the store."""
    opened = log(tmp_path)
    for number in range(4):
        opened.note(float(number), "Tick timer", [("task a/j/t", f"event-{number}", {})])
    opened.close()
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + rest)
    again = log(tmp_path, committed=2)
    assert told(again, "task a/j/t") == ["event-0", "event-1"]
    again.note(9.0, "Restarted restart", [("task a/j/t", "active", {})])
    assert told(again, "task a/j/t") == ["event-0", "event-1", "active"]
    assert again.number == 3


def test_a_damaged_line_hides_no_other(tmp_path: Path) -> None:
    """What a power cut left of a line, and a line that is being written, are passed over."""
    opened = log(tmp_path)
    for number in range(3):
        opened.note(float(number), "Tick timer", [("task a/j/t", f"event-{number}", {})])
    opened.flush()
    [path] = tmp_path.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0" + lines[1] + lines[2] + lines[2][:-4])
    assert told(opened, "task a/j/t") == ["event-0", "event-2"]


def test_what_was_lost_behind_the_store_is_no_error(tmp_path: Path) -> None:
    """After a power cut the store may be ahead: the journal goes on."""
    opened = log(tmp_path, committed=50)
    opened.note(1.0, "Tick timer", [("task a/j/t", "added", {})])
    assert (told(opened, "task a/j/t"), opened.number) == (["added"], 51)
