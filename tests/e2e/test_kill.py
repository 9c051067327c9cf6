"""Batchite killed in the middle of a workload."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, event_lines, wait_for
from tests.e2e.conftest import Submit

pytestmark = pytest.mark.ours

MANY = "{from: 1, to: 12}"


def test_killed_batchite_goes_on_where_it_was(local: Checkout, azure: Clients, submit: Submit, place: Path) -> None:
    """After kill -9 and a start, every acknowledged task is there, none runs twice at once, and the job finishes."""
    job = submit(mode="[ok, gate]", number=MANY)
    wait_for(
        lambda: ["start", "gate-1"] in [line[:2] for line in event_lines(place)], "the first task at the gate runs"
    )
    server = json.loads((local.data / "server.json").read_text())
    os.kill(server["pid"], signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{server['pid']}").exists(), "the killed server is gone")
    ports = {name: server[name].rpartition(":")[2] for name in ("http", "https", "blob")}
    local.start("--time-scale=60", *(f"--{name}-port={port}" for name, port in ports.items()))
    (place / "open").touch()
    result = json.loads(local.wait_for_job(job).stdout)
    assert (result["succeeded"], result["failed"]) == (24, 0)
    lines = event_lines(place)
    assert [line for line in lines if line[0] == "overlap"] == []
    assert {line[1] for line in lines if line[0] == "stop"} == {task.id for task in azure.batch.list_tasks(job)}
    assert len(azure.names("logs", f"{job}/")) == 48


def test_stack_is_as_before_the_kill(local: Checkout) -> None:
    """The engine finds every resource after the kill, through the provider of the new process."""
    local.enter()
    local.pulumi("preview", "--refresh", "--expect-no-changes")
