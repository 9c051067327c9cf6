import contextlib
import json
import os
import resource
import stat
from collections import Counter
from collections.abc import Iterator

import pytest
from azure.core.exceptions import AzureError
from servers import SECRET_OF_THE_SERVER, RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours

TASKS = 12


@pytest.fixture(scope="module")
def durable() -> Iterator[RunningServer]:
    """A server that keeps what it is told; the tests of this module follow each other on it."""
    with server("--time-scale=600") as started:
        started.client().create_pool(pool("pool", dedicated=2, slots=2))
        yield started


def submit(running: RunningServer, name: str) -> None:
    """A job whose tasks run until they may end, which a file says.

    They hold a lock of their own meanwhile: a second run at the same time fails with 99.
    """
    folder = running.shared / name
    folder.mkdir()
    folder.chmod(0o777)
    wait = f"until [ -e {folder}/all ] || [ -e {folder}/$AZ_BATCH_TASK_ID ]; do sleep 0.05; done"
    inner = f"echo start $AZ_BATCH_TASK_ID >> {folder}/log; {wait}; echo stop $AZ_BATCH_TASK_ID >> {folder}/log"
    script = f'flock -n -E 99 {folder}/$AZ_BATCH_TASK_ID.lock sh -c "{inner}"'
    running.client().create_job(job(name, "pool"))
    running.client().create_tasks(name, [task(f"t{number}", script) for number in range(TASKS)])


def log(running: RunningServer, name: str) -> Counter[str]:
    """How often each line was written."""
    file = running.shared / name / "log"
    return Counter(file.read_text().splitlines() if file.exists() else ())


def in_the_middle(running: RunningServer, name: str) -> None:
    """Two tasks are done, others run and cannot end."""

    def lines(word: str) -> list[str]:
        return [line.split()[1] for line in log(running, name).elements() if line.startswith(word)]

    wait_until(lambda: len(lines("start")) >= 2, "two tasks run")
    for number in lines("start")[:2]:
        (running.shared / name / number).touch()
    wait_until(lambda: len(lines("stop")) == 2 and len(lines("start")) >= 5, "two tasks are done and others run")


def finish(running: RunningServer, name: str) -> None:
    """All tasks may end, and complete with exit code 0; every one of them ran to its end exactly once."""
    (running.shared / name / "all").touch()
    client = running.client()
    wait_until(lambda: client.get_job_task_counts(name).task_counts.completed == TASKS, "all tasks complete")
    tasks = list(client.list_tasks(name))
    assert {found.id for found in tasks} == {f"t{number}" for number in range(TASKS)}
    assert [found.execution_info.exit_code for found in tasks if found.execution_info] == [0] * TASKS
    lines = log(running, name)
    assert {lines[f"stop t{number}"] for number in range(TASKS)} <= {1, 2}
    requeued = {found.id: found.execution_info.requeue_count for found in tasks if found.execution_info}
    assert sum(count for line, count in lines.items() if line.startswith("start")) == TASKS + sum(requeued.values())
    assert sum(requeued.values()) >= 2


def test_after_a_kill_acknowledged_work_goes_on_and_nothing_runs_twice_at_once(durable: RunningServer) -> None:
    """The tasks of the dead server run on; the next one ends them before it runs them again."""
    submit(durable, "killed")
    in_the_middle(durable, "killed")
    durable.kill()
    left = [command for command in durable.processes().values() if "sleep" in command]
    assert left, "the tasks of the dead server still run"
    durable.start()
    finish(durable, "killed")


def test_after_an_orderly_stop_work_goes_on(durable: RunningServer) -> None:
    """A stop ends the tasks without failing them; nothing is left of the server; the next start runs them again."""
    submit(durable, "stopped")
    in_the_middle(durable, "stopped")
    done = durable.cli("stop")
    assert (done.returncode, durable.wait()) == (0, 0)
    assert durable.processes() == {}
    assert not (durable.data / "server.json").exists()
    durable.start()
    finish(durable, "stopped")


def test_a_task_sees_nothing_of_the_server(durable: RunningServer) -> None:
    """Neither its variables nor its files."""
    client = durable.client()
    client.create_job(job("nosy", "pool"))
    data = durable.data
    script = f"env; cat {data}/keys.json {data}/env {data}/state.db; ls {data} {data}/blob {data}/log; id -u"
    client.create_tasks("nosy", [task("t", script)])
    wait_until(lambda: client.get_task("nosy", "t").state == "completed", "the task completes")
    output = b"".join(client.download_task_file("nosy", "t", "stdout.txt")).decode()
    assert SECRET_OF_THE_SERVER not in output
    assert durable.environment["AZURE_CLIENT_SECRET"] not in output or os.geteuid() != 0
    if os.geteuid() == 0:
        assert output.splitlines()[-1] != "0"
        assert b"".join(client.download_task_file("nosy", "t", "stderr.txt")).count(b"denied") == 6


def test_files_have_the_modes_their_content_needs(durable: RunningServer) -> None:
    """Secrets are the owner's; the root may be passed through."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in durable.data.iterdir()}
    assert stat.S_IMODE(durable.data.stat().st_mode) == 0o711
    private = {"keys.json", "env", "state.db", "state.db-wal", "server.json", "processes", "lock"}
    assert {name: modes[name] for name in private} == dict.fromkeys(private, 0o600)
    folders = {name: modes[name] for name in ("blob", "log", "pulumi", "nodes", "ca")}
    assert folders == {"blob": 0o700, "log": 0o700, "pulumi": 0o700, "nodes": 0o755, "ca": 0o755}
    assert stat.S_IMODE((durable.data / "ca/server-key.pem").stat().st_mode) == 0o600


def test_no_secret_reaches_a_log(durable: RunningServer) -> None:
    """After all of the above: no key, no client secret, no token, no private key."""
    secrets = [value for value in _strings(json.loads((durable.data / "keys.json").read_text())) if len(value) > 16]
    assert durable.environment["AZURE_BATCH_ACCESS_KEY"] in secrets
    files = [path for path in (durable.data / "log").rglob("*") if path.is_file()]  # the nodes' own, too
    logs = durable.log.read_text() + "".join(path.read_text() for path in files)
    assert [value[:4] for value in secrets if value in logs] == []
    assert "eyJ" not in logs
    assert "PRIVATE KEY" not in logs


def _strings(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a full disk is played with a limit of Linux")
def test_a_full_disk_stops_the_server_and_nothing_acknowledged_is_lost(durable: RunningServer) -> None:
    """It acknowledges nothing it cannot keep, says why it stops, and after room was made all is there."""
    room = (durable.data / "state.db-wal").stat().st_size + 40_000
    resource.prlimit(durable.process.pid, resource.RLIMIT_FSIZE, (room, room))
    client, acknowledged = durable.client(), []
    with contextlib.suppress(AzureError):
        for number in range(1000):
            client.create_job(job(f"full{number}", "pool"), retry_total=0)
            acknowledged.append(f"full{number}")
    assert len(acknowledged) < 1000
    assert durable.wait() == 1
    assert "cannot be written" in durable.log.read_text().splitlines()[-1]
    durable.start()
    found = {one.id for one in durable.client().list_jobs()}
    assert acknowledged
    assert set(acknowledged) <= found


def test_reset_forgets_everything_and_serves_again(durable: RunningServer) -> None:
    """With the same options; new keys, no pool, no job, and no process of before."""
    old, key = durable.process.pid, durable.environment["AZURE_BATCH_ACCESS_KEY"]
    done = durable.cli("reset")
    assert (done.returncode, durable.wait()) == (0, 0), done.stderr
    assert old not in durable.processes()
    durable.take(done.stdout)
    assert durable.environment["AZURE_BATCH_ACCESS_KEY"] != key
    status = json.loads(durable.cli("status").stdout)
    assert (status["running"], status["pools"], status["jobs"]) == (True, {}, {})
    assert durable.cli("stop").returncode == 0
    assert durable.processes() == {}


def test_reset_after_a_kill_ends_the_tasks_of_the_dead_server(durable: RunningServer) -> None:
    """What it forgets must not run on."""
    durable.start()
    durable.client().create_pool(pool("pool", dedicated=2, slots=2))
    submit(durable, "forgotten")
    in_the_middle(durable, "forgotten")
    durable.kill()
    assert any("sleep" in command for command in durable.processes().values())
    done = durable.cli("reset")
    assert (done.returncode, done.stdout) == (0, "")
    wait_until(lambda: not durable.processes(), "nothing of it is left")
