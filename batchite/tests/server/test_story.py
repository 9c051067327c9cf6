"""`batchite story` on a server, over preemption, kill and deletion."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import models
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def told() -> Iterator[RunningServer]:
    """A server on which a task has lost its node to a drill and its server to a kill, and another one failed twice."""
    with server("--time-scale=600") as started:
        client = started.client()
        client.create_pool(pool("p", spot=2))
        options = job("j", "p")
        options.uses_task_dependencies = True
        client.create_job(options)
        client.create_task("j", task("a", f"until [ -e {started.shared}/go ]; do sleep 0.1; done"))
        after = task("b", "exit 3")
        after.constraints = models.BatchTaskConstraints(max_task_retry_count=1)
        after.depends_on = models.BatchTaskDependencies(task_ids=["a"])
        client.create_task("j", after)
        wait_until(lambda: client.get_task("j", "a").state == "running", "it runs")
        assert started.cli("chaos", "preempt", "p").returncode == 0
        wait_until(lambda: requeues(started) == 1, "it is requeued")
        wait_until(lambda: client.get_task("j", "a").state == "running", "it runs again")
        started.kill()
        started.start()
        wait_until(lambda: requeues(started) == 2, "it is requeued")
        (started.shared / "go").touch()
        wait_until(lambda: started.client().get_task("j", "b").state == "completed", "the end")
        yield started


def requeues(server: RunningServer) -> int:
    """How often the task was requeued."""
    info = server.client().get_task("j", "a").execution_info
    return info.requeue_count if info else 0


def story(server: RunningServer, *arguments: str) -> dict[str, Any]:
    """A story as JSON."""
    done = server.cli("story", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_story_tells_every_step_with_its_cause(told: RunningServer) -> None:
    """Added, placed, run; requeued by the drill, then by the restart of the server; completed in the third attempt."""
    found = story(told, "j/a")
    steps = [(event["what"], event.get("attempt"), event.get("again")) for event in found["events"]]
    assert steps == [
        ("added", None, None),
        ("preparing", 1, None),
        ("running", 1, None),
        ("stopping", 1, None),
        ("active", 1, "requeued"),
        ("preparing", 2, None),
        ("running", 2, None),
        ("active", 2, "requeued"),
        ("preparing", 3, None),
        ("running", 3, None),
        ("completed", 3, None),
    ]
    assert found["events"][0]["cause"].endswith(" by the account key")
    assert found["events"][4]["because"] == "Preempt chaos preempt-1"
    assert found["events"][7]["event"] == "Restarted"
    assert (found["state"], found["attempts"], found["waiting"], found["completeSince"]) == ("completed", 3, None, None)


def test_the_story_is_told_to_people(told: RunningServer) -> None:
    """One line an event, with the cause; node ids are short in the lines and whole at the end."""
    text = told.cli("story", "j/a").stdout
    assert text.startswith("j/a in account batchite: completed\n")
    assert "back in the queue (requeue 1): node tvmps_" in text
    assert "is preempted [preemption chaos preempt-1]" in text
    assert "[restart of the server]" in text
    assert "#3   completed: success, exit code 0" in text
    node = told.client().get_task("j", "a").node_info
    assert node is not None
    assert f" = {node.node_id}\n" in text
    again = told.cli("story", "j/b").stdout
    assert "added, to run after a  [request " in again
    assert "exited with 3; waits for retry 1 of 1" in again
    assert "completed: failure, exit code 3, FailureExitCode" in again


def test_one_attempt_can_be_picked(told: RunningServer) -> None:
    """Others stay out; one that never was is an error that tells how many there were."""
    assert {event["attempt"] for event in story(told, "j/a", "--attempt", "2")["events"]} == {2}
    done = told.cli("story", "j/a", "--attempt", "9")
    assert (done.returncode, "there were 3" in done.stderr) == (1, True)


def test_job_and_node_have_stories(told: RunningServer) -> None:
    """The job tells its states, a node how it came and why it went."""
    assert story(told, "batchite/j/a")["events"][0]["what"] == "added"
    assert [event["event"] for event in story(told, "j")["events"]] == ["CreateJob"]
    lost = story(told, "j/a")["events"][4]["node"]
    states = [event["what"] for event in story(told, f"p/{lost}", "--node")["events"]]
    assert states[:4] == ["creating", "starting", "idle", "preempted"]


def test_a_waiting_task_says_what_for_and_a_deleted_one_is_remembered(told: RunningServer) -> None:
    """What is so now comes from the state; what was comes from the journal, also without a state."""
    client = told.client()
    late = task("late", "true")
    late.depends_on = models.BatchTaskDependencies(task_ids=["nobody"])
    client.create_task("j", late)
    assert story(told, "j/late")["waiting"]["tasks"] == ["nobody"]
    assert "now waiting for other tasks: nobody (not there)" in told.cli("story", "j/late").stdout
    client.delete_task("j", "late")
    found = story(told, "j/late")
    assert ("state" in found, [event["what"] for event in found["events"]]) == (False, ["added", "deleted"])
    assert "deleted  [deletion by request" in told.cli("story", "j/late").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("j/nobody",), 1, "ACCOUNT/JOB/TASK"),
        (("nowhere",), 1, "JobNotFound"),
        (("p/nobody", "--node"), 1, "NodeNotFound"),
        (("p", "--node"), 2, "POOL/NODE"),
        (("a/b/c/d",), 2, "JOB/TASK"),
        (("j/",), 2, "JOB/TASK"),
    ],
)
def test_an_unknown_subject_is_an_error(told: RunningServer, arguments: tuple[str, ...], code: int, text: str) -> None:
    """With the form it should have."""
    done = told.cli("story", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
