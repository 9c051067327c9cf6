from typing import Any

import pytest
from azure.batch import models
from servers import RunningServer, job, pool, task, wait_until

pytestmark = pytest.mark.documented  # REST reference: StartTask, StartTaskInformation; "Nodes and pools in Azure Batch"


def start_task(script: str, **options: Any) -> models.BatchStartTask:
    """A start task that runs a script (without single quotes) in a shell."""
    return models.BatchStartTask(command_line=f"/bin/sh -c '{script}'", **options)


def create(running: RunningServer, name: str, start: models.BatchStartTask, **targets: int) -> None:
    """A pool with this start task."""
    options = pool(name, **targets)
    options.start_task = start
    running.client().create_pool(options)


def nodes_in(running: RunningServer, name: str, *states: str) -> list[models.BatchNode]:
    """The pool's nodes, sorted, once there are as many in these states, one each."""

    def found() -> list[models.BatchNode]:
        nodes = sorted(running.client().list_nodes(name), key=lambda node: node.id)
        return nodes if sorted(models.BatchNodeState(node.state).value for node in nodes) == sorted(states) else []

    listed: list[models.BatchNode] = wait_until(found, f"the nodes of {name} are {states}")
    return listed


def output(running: RunningServer, name: str, node: str, file: str) -> str:
    """A file of the node."""
    return b"".join(running.client().download_node_file(name, node, file)).decode()


def lines(running: RunningServer, name: str) -> list[str]:
    """What start tasks have written to a file of this name."""
    file = running.shared / name
    return file.read_text().splitlines() if file.exists() else []


def test_a_start_task_is_retried_as_often_as_asked_then_the_node_has_failed(running: RunningServer) -> None:
    """How it ended is with the node, what it wrote in the node's files; tasks wait for a better node."""
    file = running.shared / "retried"
    script = f"echo run >> {file}; echo out; echo err >&2; exit 3"
    create(running, "retried", start_task(script, max_task_retry_count=2, wait_for_success=True), dedicated=1)
    client = running.client()
    client.create_job(job("retried", "retried"))
    client.create_tasks("retried", [task("t", "true")])
    (node,) = nodes_in(running, "retried", "starttaskfailed")
    info = node.start_task_info
    assert info is not None
    assert info.failure_info is not None
    assert lines(running, "retried") == ["run"] * 3
    assert (info.state, info.result, info.exit_code, info.retry_count) == ("completed", "failure", 3, 2)
    assert (info.failure_info.category, info.failure_info.code) == ("usererror", "FailureExitCode")
    assert info.last_retry_time is not None
    assert output(running, "retried", node.id, "startup/stdout.txt") == "out\n"
    assert output(running, "retried", node.id, "startup/stderr.txt") == "err\n"
    assert client.get_task("retried", "t").state == "active"


def test_without_wait_for_success_a_node_takes_tasks_all_the_same(running: RunningServer) -> None:
    """While its start task fails and afterwards."""
    create(running, "hasty", start_task("exit 4", wait_for_success=False), dedicated=1)
    client = running.client()
    client.create_job(job("hasty", "hasty"))
    client.create_tasks("hasty", [task("t", "true")])
    wait_until(lambda: client.get_task("hasty", "t").state == "completed", "the task completes")
    (node,) = nodes_in(running, "hasty", "idle")

    def ended() -> models.BatchStartTaskInfo | None:
        info = client.get_node("hasty", node.id).start_task_info
        return info if info and info.state == "completed" else None

    found = wait_until(ended, "the start task has ended")
    assert (found.result, found.exit_code, found.retry_count) == ("failure", 4, 0)


def test_a_new_start_task_reaches_nodes_when_they_start(running: RunningServer) -> None:
    """Live nodes go on with what they ran and show it; nodes that come, or come back, run the new one."""
    file = running.shared / "changed"
    create(running, "changed", start_task(f"echo old >> {file}", wait_for_success=True), spot=1)
    client = running.client()
    nodes_in(running, "changed", "idle")
    new = start_task(f"echo new >> {file}", wait_for_success=True)
    client.update_pool("changed", models.BatchPoolUpdateOptions(start_task=new))
    client.begin_resize_pool("changed", models.BatchPoolResizeOptions(target_low_priority_nodes=2))
    nodes = nodes_in(running, "changed", "idle", "idle")
    assert lines(running, "changed") == ["old", "new"]
    shown = {node.start_task.command_line for node in nodes if node.start_task}
    assert shown == {f"/bin/sh -c 'echo {word} >> {file}'" for word in ("old", "new")}
    (old,) = [node.id for node in nodes if node.start_task and "echo old" in node.start_task.command_line]
    assert running.cli("chaos", "preempt", "changed", "--node", old).returncode == 0
    wait_until(lambda: lines(running, "changed") == ["old", "new", "new"], "the node that came back runs the new one")
    back = client.get_node("changed", old).start_task
    assert back is not None
    assert "echo new" in back.command_line


def test_a_reboot_brings_the_new_start_task_to_a_live_node(running: RunningServer) -> None:
    """The node's files are still there, so that the start task finds what it has done before."""
    script = "cat $AZ_BATCH_NODE_SHARED_DIR/done; echo {word} >> $AZ_BATCH_NODE_SHARED_DIR/done"
    create(running, "rebooted", start_task(script.format(word="old"), wait_for_success=True), dedicated=1)
    (node,) = nodes_in(running, "rebooted", "idle")
    client = running.client()
    new = start_task(script.format(word="new"), wait_for_success=True)
    client.update_pool("rebooted", models.BatchPoolUpdateOptions(start_task=new))
    options: Any = {"nodeRebootOption": "requeue"}
    client.begin_reboot_node("rebooted", node.id, options, polling_interval=0).result()
    (again,) = nodes_in(running, "rebooted", "idle")
    assert again.id == node.id
    assert output(running, "rebooted", node.id, "startup/stdout.txt") == "old\n"
    assert output(running, "rebooted", node.id, "shared/done") == "old\nnew\n"
    assert again.start_task is not None
    assert "echo new" in again.start_task.command_line


def test_a_start_task_that_is_gone_is_still_shown_by_the_nodes_that_ran_it(running: RunningServer) -> None:
    """Not by the pool, nor by nodes that start afterwards."""
    create(running, "gone", start_task("true", wait_for_success=True), dedicated=1)
    nodes_in(running, "gone", "idle")
    client = running.client()
    client.replace_pool_properties(
        "gone", models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    )
    client.begin_resize_pool("gone", models.BatchPoolResizeOptions(target_dedicated_nodes=2))
    nodes = nodes_in(running, "gone", "idle", "idle")
    assert client.get_pool("gone").start_task is None
    assert sorted(node.start_task is not None for node in nodes) == [False, True]
    assert {node.start_task.command_line for node in nodes if node.start_task} == {"/bin/sh -c 'true'"}
