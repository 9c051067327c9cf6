import json
import os
import subprocess
from pathlib import Path

import pytest
from azure.batch import models
from servers import RunningServer, batchite, job, pool, server, task, wait_until
from visitors import node_of, visitor

pytestmark = pytest.mark.ours

SCRIPT = "id -u; echo ${BATCHITE_HOST_CHANGES:-allowed}"


def answers(running: RunningServer, name: str) -> dict[str, list[str]]:
    """What the start task, a plain task and one of elevation level admin say of themselves."""
    client = running.client()
    elevated = models.UserIdentity(auto_user=models.AutoUserSpecification(elevation_level="admin"))
    options = pool(name, dedicated=1)
    options.start_task = models.BatchStartTask(command_line=f"/bin/sh -c '{SCRIPT}'", user_identity=elevated)
    client.create_pool(options)
    client.create_job(job(name, name))
    admin = task("admin", SCRIPT)
    admin.user_identity = elevated
    client.create_tasks(name, [task("plain", SCRIPT), admin])
    wait_until(lambda: client.get_job_task_counts(name).task_counts.completed == 2, "both tasks complete")
    node = next(iter(client.list_nodes(name)))
    parts = {one: client.download_task_file(name, one, "stdout.txt") for one in ("plain", "admin")}
    parts["start"] = client.download_node_file(name, node.id, "startup/stdout.txt")
    return {one: b"".join(chunks).decode().split() for one, chunks in parts.items()}


def test_a_node_does_not_change_its_host(running: RunningServer) -> None:
    """Elevation gives no more rights, and the tasks are told."""
    found = answers(running, "careful")
    assert found["plain"] == found["admin"] == found["start"]
    assert found["plain"][1] == "refused"
    assert not json.loads(running.cli("status").stdout)["allowHostChanges"]


def test_with_allow_host_changes_elevated_tasks_have_the_rights_of_the_server(tmp_path: Path) -> None:
    """Others have not; the log says so, and status too."""
    with server("--in-memory", "--time-scale=600", "--allow-host-changes") as running:
        found = answers(running, "bold")
        assert found["admin"] == found["start"] == [str(os.geteuid()), "allowed"]
        assert (found["plain"] == found["admin"]) is (os.geteuid() != 0)
        assert "admin" in running.log.read_text() or os.geteuid() != 0
        assert json.loads(running.cli("status").stdout)["allowHostChanges"]
        root = visitor(running, "bold", node_of(running.client(), "bold"), tmp_path, isAdmin=True)
        assert root.run("id -u").out == f"{os.geteuid()}\n"


THROW_AWAY = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=755 none /mnt && exec "$@"', "sh")
"""Runs a command that sees an empty /mnt of its own, in which root alone may write and which goes with it."""


def can_throw_away() -> bool:
    """Whether this machine lets us have such a place."""
    return subprocess.run([*THROW_AWAY, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0 or not can_throw_away(), reason="needs root and a mount namespace")
@pytest.mark.parametrize("allowed", [True, False])
def test_a_start_task_that_needs_root(allowed: bool) -> None:
    """With the option it installs its program, which tasks can use and not change; without it the node has failed."""
    flags = ("--in-memory", "--time-scale=600", *(("--allow-host-changes",) if allowed else ()))
    with server(*flags, before=THROW_AWAY) as running:
        client = running.client()
        elevated = models.UserIdentity(auto_user=models.AutoUserSpecification(elevation_level="admin"))
        options = pool("rooted", dedicated=1)
        options.start_task = models.BatchStartTask(
            command_line="/bin/sh -c 'echo installed > /mnt/program'", user_identity=elevated, wait_for_success=True
        )
        client.create_pool(options)
        client.create_job(job("rooted", "rooted"))
        client.create_tasks("rooted", [task("use", "cat /mnt/program"), task("change", "echo > /mnt/program")])
        ended = ("idle", "starttaskfailed")
        node = wait_until(lambda: [n for n in client.list_nodes("rooted") if n.state in ended], "the node is up")[0]
        assert node.state == ("idle" if allowed else "starttaskfailed")
        if allowed:
            wait_until(lambda: client.get_job_task_counts("rooted").task_counts.completed == 2, "both complete")
            codes = {one.id: one.execution_info.exit_code for one in client.list_tasks("rooted") if one.execution_info}
            assert (codes["use"], codes["change"] != 0) == (0, True)
        else:
            errors = b"".join(client.download_node_file("rooted", node.id, "startup/stderr.txt"))
            assert b"ermission denied" in errors
    assert not Path("/mnt/program").exists()


def test_the_option_reaches_a_server_in_the_background(tmp_path: Path) -> None:
    """Through --detach, and through a reset."""
    flags = ("--http-port=0", "--https-port=0", "--blob-port=0", "--in-memory", "--detach", "--allow-host-changes")
    try:
        started = batchite("start", *flags, data=tmp_path)
        assert started.returncode == 0, started.stderr
        assert batchite("reset", data=tmp_path).returncode == 0
        assert json.loads(batchite("status", data=tmp_path).stdout)["allowHostChanges"]
    finally:
        batchite("stop", data=tmp_path)
