"""Multi-instance tasks and pre-emption, with the unmodified client on a server with real processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import BatchClient, models
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from servers import RunningServer, job, pool, server, task, wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    """A server with three Spot nodes that talk to each other; the tests of this module follow each other on it."""
    with server("--time-scale=600") as started:
        options = pool("mpi", spot=3)
        options.enable_inter_node_communication = True
        started.client().create_pool(options)
        yield started


def multi(name: str, script: str, coordination: str, instances: int | None = 3) -> models.BatchTaskCreateOptions:
    """A task of several instances."""
    made = task(name, script)
    made.multi_instance_settings = models.MultiInstanceSettings(
        number_of_instances=instances, coordination_command_line=f"/bin/sh -c '{coordination}'"
    )
    return made


def completed(client: BatchClient, name: str) -> models.BatchTaskExecutionInfo:
    """How the task `t` of the job ended."""
    wait_until(lambda: client.get_task(name, "t").state == "completed", f"{name} is completed")
    info = client.get_task(name, "t").execution_info
    assert info is not None
    return info


def text(chunks: Iterator[bytes]) -> str:
    """A downloaded file."""
    return b"".join(chunks).decode()


def check_subtask(client: BatchClient, subtask: models.BatchSubtask) -> None:
    """A subtask that has succeeded: its states and times, where its files lie, and what its node tells of it."""
    assert (subtask.state, subtask.result, subtask.exit_code) == ("completed", "success", 0)
    assert (subtask.previous_state, subtask.previous_state_transition_time) == ("running", subtask.start_time)
    assert subtask.start_time is not None
    assert subtask.end_time is not None
    assert subtask.end_time >= subtask.start_time
    assert subtask.node_info is not None
    assert subtask.node_info.task_root_directory == f"workitems/hello/job-1/t/{subtask.id}"
    node, path = str(subtask.node_info.node_id), f"{subtask.node_info.task_root_directory}/stdout.txt"
    assert text(client.download_node_file("mpi", node, path)) == f"instance {subtask.id} false\n"
    recent = client.get_node("mpi", node).recent_tasks or []
    assert [(task.task_id, task.subtask_id, task.task_state) for task in recent] == [("t", subtask.id, "completed")]


@pytest.mark.documented
def test_the_primary_runs_once_all_nodes_are_coordinated(running: RunningServer) -> None:
    """Each node has a service of its own on its address; the primary talks to all of them by AZ_BATCH_HOST_LIST."""
    client = running.client()
    client.create_job(job("hello", "mpi"))
    serve = (
        "n=${AZ_BATCH_TASK_DIR##*/}; [ $n = t ] && n=0; echo instance $n $AZ_BATCH_IS_CURRENT_NODE_MASTER; "
        "host=$(echo $AZ_BATCH_HOST_LIST | cut -d, -f$((n + 1))); echo from $n > $AZ_BATCH_TASK_SHARED_DIR/hello; "
        "python3 -m http.server 6000 --bind $host --directory $AZ_BATCH_TASK_SHARED_DIR 2>/dev/null & "
        'until python3 -c "import socket; socket.create_connection((\\"$host\\", 6000))" 2>/dev/null; '
        "do sleep 0.05; done"
    )
    ask = (
        "for host in $(echo $AZ_BATCH_NODE_LIST | tr \\; \\ ); do "
        'python3 -c "import urllib.request as u; print(u.urlopen(\\"http://$host:6000/hello\\").read().decode())"; '
        "done; echo $AZ_BATCH_MASTER_NODE; echo $CCP_NODES"
    )
    client.create_task("hello", multi("t", ask, serve))
    assert completed(client, "hello").exit_code == 0, text(client.download_task_file("hello", "t", "stderr.txt"))
    lines = text(client.download_task_file("hello", "t", "stdout.txt")).split("\n")
    assert lines[:7] == ["instance 0 true", "from 0", "", "from 1", "", "from 2", ""]
    hosts = lines[8].split()[1::2]
    assert lines[7] == f"{hosts[0]}:6000"
    assert lines[8] == f"3 {hosts[0]} 2 {hosts[1]} 2 {hosts[2]} 2"
    addresses = {node.id: node.ip_address for node in client.list_nodes("mpi")}
    assert sorted(addresses.values()) == sorted(hosts)
    assert [one.id for one in client.list_subtasks("hello", "t")] == [1, 2]
    for one in client.list_subtasks("hello", "t"):
        check_subtask(client, one)
        assert one.node_info is not None
        assert addresses[str(one.node_info.node_id)] == hosts[one.id or 0]
    assert not [line for line in running.processes().values() if "http.server" in line], "services end with the primary"


def stored(running: RunningServer, name: str, content: bytes) -> str:
    """The URL of a new blob, with a signature to read it."""
    variables = running.environment
    connection, trust = variables["AZURE_STORAGE_CONNECTION_STRING"], variables["REQUESTS_CA_BUNDLE"]
    service = BlobServiceClient.from_connection_string(connection, connection_verify=trust)
    container = service.get_container_client("mpi")
    if not container.exists():
        container.create_container()
    blob = container.upload_blob(name, content)
    signature = generate_blob_sas(
        str(service.account_name),
        "mpi",
        name,
        account_key=service.credential.account_key,
        permission=BlobSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{blob.url}?{signature}"


@pytest.mark.documented
def test_common_resource_files_are_for_all_and_others_for_the_primary(running: RunningServer) -> None:
    """The common ones lie in the shared directory of each node, above the working directory."""
    client = running.client()
    client.create_job(job("files", "mpi"))
    options = multi("t", "cat ../common own", "cat $AZ_BATCH_TASK_SHARED_DIR/common; ls")
    assert options.multi_instance_settings is not None
    common = models.ResourceFile(http_url=stored(running, "common", b"all\n"), file_path="common")
    options.multi_instance_settings.common_resource_files = [common]
    options.resource_files = [models.ResourceFile(http_url=stored(running, "own", b"primary\n"), file_path="own")]
    client.create_task("files", options)
    assert completed(client, "files").exit_code == 0
    assert text(client.download_task_file("files", "t", "stdout.txt")) == "all\nall\nprimary\n"
    for one in client.list_subtasks("files", "t"):
        assert one.node_info is not None
        path = f"{one.node_info.task_root_directory}/stdout.txt"
        assert text(client.download_node_file("mpi", str(one.node_info.node_id), path)) == "all\n"


@pytest.mark.documented
def test_select_and_a_task_of_one_instance(running: RunningServer) -> None:
    """The number of instances is 1 by default; the list is empty for it, and for a task that is not multi-instance."""
    client = running.client()
    assert [one.as_dict() for one in client.list_subtasks("hello", "t", select=["id", "state"])] == [
        {"id": 1, "state": "completed"},
        {"id": 2, "state": "completed"},
    ]
    client.create_job(job("single", "mpi"))
    client.create_task("single", multi("t", "echo $CCP_NODES", "true", None))
    client.create_task("single", task("plain", "true"))
    assert completed(client, "single").exit_code == 0
    settings = client.get_task("single", "t").multi_instance_settings
    assert settings is not None
    assert settings.number_of_instances == 1
    assert list(client.list_subtasks("single", "t")) == list(client.list_subtasks("single", "plain")) == []


@pytest.mark.documented
def test_a_coordination_command_that_fails_fails_the_task(running: RunningServer) -> None:
    """On one node only; the task is retried as a whole, up to its limit, and its command never runs."""
    client = running.client()
    client.create_job(job("broken", "mpi"))
    options = multi("t", "touch ran", "echo try >> $AZ_BATCH_NODE_SHARED_DIR/tries; [ ${AZ_BATCH_TASK_DIR##*/} != 2 ]")
    options.constraints = models.BatchTaskConstraints(max_task_retry_count=1)
    client.create_task("broken", options)
    info = completed(client, "broken")
    assert (info.exit_code, info.retry_count, info.result) == (1, 1, "failure")
    assert info.failure_info is not None
    assert (info.failure_info.code, info.failure_info.category) == ("FailureExitCode", "usererror")
    client.reactivate_task("broken", "t")
    assert completed(client, "broken").retry_count == 1, "with all its retries, on all its nodes"
    failed = list(client.list_subtasks("broken", "t"))[1]
    assert (failed.result, failed.exit_code) == ("failure", 1)
    assert failed.failure_info is not None
    assert failed.failure_info.code == "FailureExitCode"


@pytest.mark.ours
def test_a_pre_empted_node_and_a_killed_server_requeue_the_whole_task(running: RunningServer) -> None:
    """It runs again on all nodes, after everything of the earlier attempt has ended."""
    client, log = running.client(), running.shared / "gang"
    client.create_job(job("lost", "mpi"))
    wait = f"until [ -e {running.shared}/gone ]; do sleep 0.05; done"
    client.create_task("lost", multi("t", f"echo run >> {log}; {wait}", "sleep 600 &"))
    wait_until(log.exists, "it runs")
    (victim, _) = client.list_subtasks("lost", "t")
    assert victim.node_info is not None
    done = running.cli("chaos", "preempt", "mpi", "--node", str(victim.node_info.node_id))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: len(log.read_text().splitlines()) == 2, "it runs again")
    sleeping = [line for line in running.processes().values() if "sleep 600" in line]
    assert len(sleeping) == 3, "what the first attempt started has ended"
    running.kill()
    running.start()
    client = running.client()
    wait_until(lambda: len(log.read_text().splitlines()) == 3, "and again")
    (running.shared / "gone").touch()
    info = completed(client, "lost")
    assert (info.exit_code, info.requeue_count, info.retry_count) == (0, 2, 0)


@pytest.mark.ours
def test_a_client_ends_a_multi_instance_task(running: RunningServer) -> None:
    """Its subtasks end with it, and a deletion removes the directories on all nodes."""
    client = running.client()
    client.create_job(job("ended", "mpi"))
    client.create_task("ended", multi("t", "sleep 600", "sleep 600 & [ ${AZ_BATCH_TASK_DIR##*/} = t ] || sleep 600"))
    wait_until(lambda: [one.state for one in client.list_subtasks("ended", "t")] == ["running"] * 2, "it coordinates")
    client.terminate_task("ended", "t")
    assert (info := completed(client, "ended")).failure_info is not None
    assert info.failure_info.code == "TaskEnded"
    subtasks = list(client.list_subtasks("ended", "t"))
    assert [(one.state, one.result) for one in subtasks] == [("completed", "failure")] * 2
    wait_until(lambda: not [line for line in running.processes().values() if "sleep 600" in line], "nothing runs")
    client.delete_task("ended", "t")
    nodes = [str(node.id) for node in client.list_nodes("mpi")]
    wait_until(
        lambda: not any("ended/job-1/t" in str(file.name) for node in nodes for file in files(client, node)),
        "the directories are gone",
    )


def files(client: BatchClient, node: str) -> list[models.BatchNodeFile]:
    """All files of a node."""
    return list(client.list_node_files("mpi", node, recursive=True))


@pytest.mark.documented
def test_a_job_of_a_higher_priority_takes_the_nodes_of_one_that_allows_it(running: RunningServer) -> None:
    """Its task is requeued, without failure or retry, and runs again when the other one is over."""
    client, log = running.client(), running.shared / "preempted"
    low, high = job("low", "mpi"), job("high", "mpi")
    low.priority, low.allow_task_preemption, high.priority = 0, True, 100
    client.create_job(low)
    client.create_job(high)
    assert client.get_job("low").allow_task_preemption is True
    client.create_task("low", multi("t", f"echo low >> {log}; until [ -e {log}.go ]; do sleep 0.05; done", "true"))
    wait_until(log.exists, "the lower one runs")
    client.create_task("high", task("t", f"echo high >> {log}; touch {log}.go"))
    assert completed(client, "high").exit_code == 0
    info = completed(client, "low")
    assert (info.exit_code, info.requeue_count, info.retry_count, info.failure_info) == (0, 1, 0, None)
    assert info.last_requeue_time is not None
    assert log.read_text().split() == ["low", "high", "low"]
    told = running.cli("story", "low/t").stdout
    assert "being stopped (requeue) to make room for task high/t, whose job has priority 100" in told


@pytest.mark.documented
def test_pre_emption_is_allowed_later(running: RunningServer) -> None:
    """By a PATCH; a PUT without it takes it back."""
    client, log = running.client(), running.shared / "later"
    client.create_job(job("calm", "mpi"))
    client.create_task("calm", multi("t", f"echo calm >> {log}; until [ -e {log}.go ]; do sleep 0.05; done", "true"))
    wait_until(log.exists, "it runs")
    urgent = job("urgent", "mpi")
    urgent.priority = 1
    client.create_job(urgent)
    client.create_task("urgent", task("t", f"echo urgent >> {log}; touch {log}.go"))
    assert client.get_task("urgent", "t").state == "active"
    client.update_job("calm", models.BatchJobUpdateOptions(allow_task_preemption=True))
    assert completed(client, "urgent").exit_code == 0
    assert completed(client, "calm").exit_code == 0
    assert log.read_text().split() == ["calm", "urgent", "calm"]
    client.replace_job("calm", models.BatchJob(pool_info=models.BatchPoolInfo(pool_id="mpi")))
    assert client.get_job("calm").allow_task_preemption is False
