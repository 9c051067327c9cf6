"""A submission through everything at once: preempted nodes, throttling, errors of the server, slow answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.checkout import Checkout, event_lines, settings, wait_for
from tests.e2e.conftest import WORKLOADS

pytestmark = pytest.mark.ours

TASKS = [f"gate-{number}" for number in range(1, 9)]
STORM = (
    ("throttle", "0.15", "--seed", "11"),
    ("server-error", "0.1", "--seed", "12"),
    ("latency", "20", "--jitter", "20", "--plane", "all"),
)


@pytest.fixture
def storm(local: Checkout) -> Iterator[Checkout]:
    """The deployment in a storm, calm again afterwards."""
    for drill in STORM:
        local.batchite("chaos", *drill)
    yield local
    local.batchite("chaos", "off")


def story(local: Checkout, job: str, task: str) -> list[dict[str, Any]]:
    """What happened to a task."""
    found: list[dict[str, Any]] = json.loads(local.batchite("story", f"{job}/{task}", "--json").stdout)["events"]
    return found


def test_a_submission_comes_through_a_storm_and_the_story_tells_it(storm: Checkout, place: Path) -> None:
    """Every task is done, none twice at once, and those that ran again say which drill took their node."""
    chosen = settings({"place": str(place), "mode": "gate", "number": "{from: 1, to: 8}"})
    arguments = ("submit", str(WORKLOADS / "worker.yaml"), "--follow", "--json", *storm.target(), *chosen)
    following = storm.begin(*storm.jobs_command(*arguments))
    spot = wait_for(
        lambda: [line[1] for line in event_lines(place) if line[3] == "false"], "a task runs on a Spot node"
    )
    drill = json.loads(storm.batchite("chaos", "preempt", storm.pool["id"], "--all").stdout)
    wait_for(lambda: starts(place).count(spot[0]) == 2, "the task has begun anew")
    (place / "open").touch()
    stdout, stderr = following.communicate(timeout=180)
    assert following.returncode == 0, stderr
    result = json.loads(stdout)
    assert (result["succeeded"], result["failed"]) == (len(TASKS), 0)
    assert [line for line in event_lines(place) if line[0] == "overlap"] == []
    assert sorted(line[1] for line in event_lines(place) if line[0] == "stop") == TASKS
    told = story(storm, result["job"], spot[0])
    assert f"Preempt chaos {drill['id']}" in [event.get("because") for event in told]
    assert (told[0]["what"], told[-1]["what"], told[-1]["result"]) == ("added", "completed", "success")
    assert any(name.endswith("/result.txt") for name in told[-1]["uploaded"])


def starts(place: Path) -> list[str]:
    """The task of every start."""
    return [line[1] for line in event_lines(place) if line[0] == "start"]
