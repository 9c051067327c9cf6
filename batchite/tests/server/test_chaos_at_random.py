"""Drills in a random order, and kills of the server: what was acknowledged is done, and nothing runs twice at once."""

import random

import pytest
from azure.core.exceptions import ResourceExistsError
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours

DRILLS = (
    ("preempt", "p", "--all"),
    ("fail-node", "p"),
    ("fail-node", "p", "--all", "--recover", "60"),
    ("capacity", "p", "--spot", "1"),
    ("off", "capacity"),
    ("kill",),
)
REQUESTS = (("throttle", "0.05", "--retry-after", "0"), ("server-error", "0.1"), ("latency", "3", "--jitter", "3"))


@pytest.mark.parametrize("seed", [1, 2])
def test_acknowledged_work_is_done_once_at_a_time(seed: int) -> None:
    """Every task that a client was told of succeeds; a second attempt never meets the first one's processes."""
    chosen = random.Random(seed)  # noqa: S311 - a storm, not a secret
    with server("--time-scale=600") as storm:
        storm.client().create_pool(pool("p", dedicated=1, spot=3, slots=2))
        storm.client().create_job(job("j", "p"))
        for drill in REQUESTS:
            assert storm.cli("chaos", *drill, "--seed", str(seed)).returncode == 0
        acknowledged: list[str] = []
        for step in range(10):
            acknowledged += [add(storm, f"t{step}-{number}") for number in range(3)]
            disturb(storm, *chosen.choice(DRILLS))
        assert storm.cli("chaos", "off").returncode == 0
        counts = wait_until(
            lambda: (found := storm.client().get_job_task_counts("j").task_counts).completed == 30 and found, "the end"
        )
        assert (counts.succeeded, counts.active, counts.running) == (30, 0, 0)
        assert sorted(str(one.id) for one in storm.client().list_tasks("j")) == sorted(acknowledged)
        assert not (storm.shared / "overlap").exists()
        infos = [one.execution_info for one in storm.client().list_tasks("j")]
        assert sum(info.requeue_count for info in infos if info) > 0, "no drill has met a task"


def add(storm: RunningServer, name: str) -> str:
    """Add a task that takes a while and notes if another attempt of it still runs; its id, once acknowledged."""
    lock = f"{storm.shared}/{name}.lock"
    script = f"exec 9>{lock}; flock -n 9 || echo {name} >> {storm.shared}/overlap; sleep 1"
    patient = storm.client(retry_status=9)
    try:
        patient.create_task("j", task(name, script))
    except ResourceExistsError:
        assert patient.get_task("j", name).id == name  # its addition was answered with an error, and repeated
    return name


def disturb(storm: RunningServer, *drill: str) -> None:
    """A drill, which may find nothing to act on; or a kill of the server."""
    if drill == ("kill",):
        storm.kill()
        storm.start()
    else:
        done = storm.cli("chaos", *drill)
        assert done.returncode == 0 or "OperationInvalidForCurrentState" in done.stderr, done.stderr
