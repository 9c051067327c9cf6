"""What people read in a story."""

from typing import Any

import pytest

from batchite.cli.story import EVENTS, OWN_STEPS, lines
from batchite.scheduler.core import HANDLERS

pytestmark = pytest.mark.ours

NODE = "tvmps_3c04eefdd72a776787b0ba849d9658f66e4ccc7b792e37484f0a40314492b2eb_p"
CODE = {"code": "X", "message": "y"}
REQUEST = "ca9451ea-d6b3-4dfa-9158-98d3ad4759ce by the account key"


def told(*events: dict[str, Any], **facts: Any) -> list[str]:
    """The lines of a story without its heading and day."""
    base = {"time": "2026-11-25T09:26:59.1570060Z", "event": "TaskEnded", "cause": "agent"}
    story = {"task": "t", "job": "j", "account": "batchite", "completeSince": None, "state": "active"}
    return list(lines({**story, **facts, "events": [{**base, **event} for event in events]}))[1:]


def test_every_event_that_moves_something_has_words() -> None:
    """Nobody reads the name of a class."""
    silent = OWN_STEPS | {"PutNodeUser", "DeleteNodeUser"}
    assert {event.__name__ for event in HANDLERS} <= set(EVENTS) | silent


def test_a_story_that_was_cut_says_so() -> None:
    """From when on it is complete."""
    cut = "2026-11-24T00:00:00Z"
    assert told(completeSince=cut) == [f"  ... what was before {cut} is no longer kept"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"what": "added", "event": "AddTasks", "cause": REQUEST}, "     added  [request ca9451ea by the account key]"),
        ({"what": "held", "attempt": 1}, "#1   waits for the job preparation task there"),
        ({"what": "subtask", "attempt": 1, "number": 2, "state": "running"}, "#1   subtask 2 running"),
        (
            {
                "what": "subtask",
                "attempt": 1,
                "number": 1,
                "state": "completed",
                "exitCode": 4,
                **CODE,
            },
            "#1   subtask 1 completed, exit code 4, X: y",
        ),
        ({"what": "running", "attempt": 1, "files": 2}, "#1   2 files downloaded; running"),
        (
            {"what": "active", "attempt": 2, "again": "retry", "retryCount": 1, "maxTaskRetryCount": -1, "exitCode": 3},
            "#2   exited with 3; waits for retry 1",
        ),
        (
            {"what": "active", "attempt": 2, "again": "requeued", "requeueCount": 1, "node": "n", "event": "Restarted"},
            "#2   back in the queue (requeue 1): node n did not finish it  [restart of the server]",
        ),
        (
            {"what": "active", "attempt": 2, "again": "requeued", "requeueCount": 1, "node": "n"},
            "#2   back in the queue (requeue 1)",
        ),
        (
            {"what": "active", "attempt": 2, "again": "unprepared", "node": "n", "event": "JobTaskEnded"},
            "#2   back in the queue: node n could not be prepared for the job",
        ),
        (
            {"what": "stopping", "attempt": 1, "ending": "terminate", "event": "TerminateJob", "cause": REQUEST},
            "#1   being stopped (terminate)  [termination of the job by request ca9451ea by the account key]",
        ),
        ({"what": "disabling", "of": "job", "event": "DisableJob", "cause": ""}, "the job is disabling"),
        (
            {"what": "completed", "attempt": 1, "result": "success", "uploaded": ["a/b", "3 more"]},
            "a/b, 3 more",
        ),
    ],
)
def test_each_step_has_its_words(event: dict[str, Any], line: str) -> None:
    """With the cause in brackets where there is one to tell."""
    assert line in told(event)[1]


def test_a_node_is_short_in_the_lines_and_whole_at_the_end() -> None:
    """So that a line has room for what happened."""
    facts = {"what": "preparing", "attempt": 1, "node": NODE, "free": 1, "slots": 2, "fill": "pack"}
    placed = "  09:26:59.157  #1   on node tvmps_3c04eefd.._p: 1 of 2 slots free, pack; preparing  [slots became free]"
    assert told(facts)[1:] == [placed, f"  tvmps_3c04eefd.._p = {NODE}"]


def test_a_task_of_several_nodes_says_so() -> None:
    """Its primary's node is named, the others are counted."""
    facts = {"what": "preparing", "attempt": 1, "node": "n", "free": 1, "slots": 1, "fill": "pack", "instances": 3}
    assert "on node n and 2 more: 1 of 1 slots free, pack; preparing" in told(facts)[1]


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (
            {"for": "dependencies", "tasks": ["a", "b"], "number": 12, "states": {"a": "running"}},
            "a (running), b (not there) and 10 more",
        ),
        ({"for": "job", "jobState": "disabled"}, "the job, which is disabled"),
        ({"for": "maxParallelTasks", "maxParallelTasks": 2}, "maxParallelTasks is 2"),
        ({"for": "pool", "pool": "Gone"}, "pool Gone, which does not exist"),
        ({"for": "larger nodes", "requiredSlots": 4, "taskSlotsPerNode": 2}, "4 slots; nodes have 2"),
        (
            {"for": "nodes", "nodes": {"starting": 2}, "resizeErrors": ["X"]},
            "2 starting; resize errors: X",
        ),
        ({"for": "nodes", "nodes": {}, "resizeErrors": []}, "the pool's nodes: none"),
        ({"for": "slots", "requiredSlots": 2, "free": 1, "slots": 4}, "2 slots: 1 of 4 are free"),
    ],
)
def test_an_active_task_says_what_it_waits_for(waiting: dict[str, Any], words: str) -> None:
    """In the last line."""
    [line] = told(waiting=waiting)
    assert line.startswith("  now waiting for ")
    assert words in line
