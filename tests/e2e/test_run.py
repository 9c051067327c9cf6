"""Workloads that go well, and workload files that never start."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, event_lines, settings, wait_for
from tests.e2e.conftest import WORKLOADS

pytestmark = pytest.mark.ours


def test_work_leaves_outputs_logs_and_a_report(local: Checkout, azure: Clients, place: Path) -> None:
    """A followed job ends with 0; outputs and the streams of every task are in Blob storage, the report says 100 %."""
    command = local.jobs_command("submit", str(WORKLOADS / "worker.yaml"), "--follow", "--json", *local.target())
    done = local.run(*command, *settings({"place": str(place)}))
    result = json.loads(done.stdout)
    job = result["job"]
    assert (result["tasks"], result["succeeded"], result["failed"]) == (2, 2, 0)
    assert azure.names("logs", f"{job}/") == {
        f"{task}/{name}" for task in ("ok-1", "ok-2") for name in ("stdout.txt", "stderr.txt")
    }
    assert azure.streams(job, "ok-1") == ("attempt 0 on stdout\n", "attempt 0 on stderr: this is why\n")
    files = json.loads(local.jobs("outputs", "--json").stdout)["files"]
    assert sorted((local.root / file).read_text() for file in files) == ["0\n", "0\n"]
    report = json.loads(local.jobs("report", "--json").stdout)
    assert (report["percent_completed"], report["failed"], report["tasks"]) == (100.0, 0, 2)


def test_wrong_workload_file_creates_nothing(local: Checkout, azure: Clients) -> None:
    """Every mistake is named with file and line, the exit code is 2, and neither a job nor a blob appears."""
    before = {job.id for job in azure.batch.list_jobs()}, azure.names("input", "")
    done = local.jobs("submit", str(WORKLOADS / "broken.yaml"), *local.target(), expect=2)
    for line, word in ((4, "from"), (6, "nubmer"), (7, "retrys")):
        assert any(f"broken.yaml:{line}:" in text and word in text for text in done.stderr.splitlines()), done.stderr
    assert ({job.id for job in azure.batch.list_jobs()}, azure.names("input", "")) == before


def test_interrupted_follow_leaves_the_job_running(local: Checkout, place: Path) -> None:
    """Ctrl-C ends the watching with 130 and says how to come back; the job goes on, and `jobs watch` sees its end."""
    command = local.jobs_command("submit", str(WORKLOADS / "worker.yaml"), "--follow", *local.target())
    process = local.begin(*command, *settings({"place": str(place), "mode": "gate"}))
    wait_for(lambda: len(event_lines(place)) == 2, "both tasks run")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "python -m jobs watch" in told
    (place / "open").touch()
    assert local.jobs("watch").returncode == 0
    assert [line[0] for line in event_lines(place)] == ["start", "start", "stop", "stop"]


def test_a_command_on_a_node(local: Checkout, azure: Clients) -> None:
    """`jobs ssh` runs it in the node's directory, ends with its exit code, and leaves no user behind."""
    pool = next(iter(local.outputs["pools"].values()))["id"]
    node = wait_for(
        lambda: next((n.id for n in azure.batch.list_nodes(pool) if n.state == "idle"), None), "one is idle"
    )
    done = local.jobs("ssh", node, *local.target(), "--", "pwd; exit 3", expect=3)
    assert done.stdout.strip().endswith(f"/{node}")
