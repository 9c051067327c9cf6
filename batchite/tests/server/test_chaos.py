import json

import pytest
from servers import RunningServer, job, pool, task, wait_until

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def drill(running: RunningServer) -> str:
    """A pool of three Spot nodes, all busy; its id, which is also the job's."""
    client = running.client()
    client.create_pool(pool("drill", spot=3))
    client.create_job(job("drill", "drill"))
    go = running.shared / "go"
    script = f"echo $AZ_BATCH_TASK_ID $AZ_BATCH_NODE_ID >> {running.shared}/runs; until [ -e {go} ]; do sleep 0.1; done"
    client.create_tasks("drill", [task(f"t{number}", script) for number in range(3)])
    wait_until(lambda: running_tasks(running) == 3, "three tasks run")
    return "drill"


def running_tasks(running: RunningServer) -> int:
    """How many tasks of the drill run."""
    return int(running.client().get_job_task_counts("drill").task_counts.running)


def runs(running: RunningServer) -> list[list[str]]:
    """Task and node of every start."""
    return [line.split() for line in (running.shared / "runs").read_text().splitlines()]


def test_a_preempted_tasks_work_is_done_on_another_node(running: RunningServer, drill: str) -> None:
    """Its requeue is counted, no failure is shown, and nothing of the first run is left before the second begins."""
    first = running.client().get_task(drill, "t0").node_info
    assert first is not None
    done = running.cli("chaos", "preempt", drill, "--node", str(first.node_id))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["pool"], answer["nodes"], answer["id"][:8]) == ("batchite/drill", [first.node_id], "preempt-")
    wait_until(lambda: [name for name, _ in runs(running)].count("t0") == 2, "t0 runs again")
    task_now = running.client().get_task(drill, "t0")
    assert task_now.execution_info is not None
    assert (task_now.execution_info.requeue_count, task_now.execution_info.retry_count) == (1, 0)


def test_without_a_name_a_busy_node_is_taken(running: RunningServer, drill: str) -> None:
    """So that a drill always hits work."""
    before = len(runs(running))
    done = running.cli("chaos", "preempt", f"batchite/{drill}")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["nodes"]) == 1
    wait_until(lambda: len(runs(running)) == before + 1, "its task runs again")


def test_all_nodes_may_go_at_once(running: RunningServer, drill: str) -> None:
    """Everything runs again when they come back, and the job's tasks all succeed."""
    wait_until(lambda: running_tasks(running) == 3, "three tasks run")
    done = running.cli("chaos", "preempt", drill, "--all")
    assert len(json.loads(done.stdout)["nodes"]) == 3
    wait_until(lambda: running_tasks(running) == 3, "three tasks run again")
    (running.shared / "go").touch()
    counts = wait_until(
        lambda: (found := running.client().get_job_task_counts(drill).task_counts).completed == 3 and found,
        "the tasks complete",
    )
    assert counts.succeeded == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("no-such-pool",), "PoolNotFound"),
        (("other-account/drill",), "PoolNotFound"),
        (("drill", "--node", "no-such-node"), "NodeNotFound"),
    ],
)
def test_what_is_not_there_cannot_be_preempted(
    running: RunningServer, drill: str, arguments: tuple[str, ...], text: str
) -> None:
    """Exit code 1 with the service's own word for it."""
    assert drill == "drill"
    done = running.cli("chaos", "preempt", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert text in done.stderr
