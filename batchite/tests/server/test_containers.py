"""Tasks in containers with the unmodified client and a real server, its engine a stand-in or podman."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.engines import IMAGE, fake_engine, real_engine
from azure.batch import models
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours

INSIDE = models.BatchTaskContainerSettings(image_name=IMAGE)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where podman keeps the image of these tests."""
    return tmp_path_factory.mktemp("podman")


@pytest.fixture(params=["docker", "podman"])
def running(
    request: pytest.FixtureRequest, storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningServer]:
    """A server with that engine and a pool of one node whose image is there before its start task."""
    if request.param == "podman":
        real_engine(storage, monkeypatch)
    else:
        fake_engine(tmp_path, monkeypatch)
    with server("--time-scale=600", f"--container-engine={request.param}") as started:
        started.client().create_pool(container_pool())
        started.client().create_job(container_job())
        yield started


def container_pool() -> models.BatchPoolCreateOptions:
    """A pool that prefetches the image; its start task runs in it."""
    options = pool("pool", dedicated=1, slots=2)
    machine = options.virtual_machine_configuration
    assert machine is not None
    machine.container_configuration = models.BatchContainerConfiguration(
        type="dockerCompatible", container_image_names=[IMAGE]
    )
    script = "/bin/sh -c 'echo started > $AZ_BATCH_NODE_SHARED_DIR/start'"
    options.start_task = models.BatchStartTask(command_line=script, container_settings=INSIDE, wait_for_success=True)
    return options


def container_job() -> models.BatchJobCreateOptions:
    """A job that prepares its nodes in a container and releases them outside of one."""
    options = job("job", "pool")
    script = "/bin/sh -c 'echo prepared > $AZ_BATCH_NODE_SHARED_DIR/prep'"
    options.job_preparation_task = models.BatchJobPreparationTask(command_line=script, container_settings=INSIDE)
    options.job_release_task = models.BatchJobReleaseTask(command_line="/bin/true")
    return options


def contained(name: str, script: str, **settings: Any) -> models.BatchTaskCreateOptions:
    """A task in a container."""
    found = task(name, script)
    found.container_settings = models.BatchTaskContainerSettings(image_name=IMAGE, **settings)
    return found


def finished(running: RunningServer, name: str) -> models.BatchTask:
    """The task once it has completed."""
    client = running.client()
    wait_until(lambda: client.get_task("job", name).state == "completed", f"{name} completes")
    return client.get_task("job", name)


def text(running: RunningServer, name: str, file: str = "stdout.txt") -> str:
    """A file of a task."""
    return b"".join(running.client().download_task_file("job", name, file)).decode()


def test_all_kinds_of_tasks_run_in_containers(running: RunningServer) -> None:
    """Start and preparation task, a task with its output and containerInfo, one that may not run, one that is ended."""
    client = running.client()
    script = (
        "cat $AZ_BATCH_NODE_SHARED_DIR/start $AZ_BATCH_NODE_SHARED_DIR/prep; pwd; echo ${SECRET_OF_THE_SERVER}; exit 4"
    )
    client.create_task("job", contained("t", script))
    done = finished(running, "t")
    info = done.execution_info
    assert info is not None
    assert (info.exit_code, info.result) == (4, "failure")
    assert info.container_info is not None
    assert info.container_info.container_id
    assert info.container_info.state == "exited"
    assert text(running, "t").splitlines()[:2] == ["started", "prepared"]
    assert text(running, "t").splitlines()[2].endswith("/workitems/job/job-1/t/wd")
    assert "no-task-may-see" not in text(running, "t")
    node = client.get_node("pool", next(iter(client.list_nodes("pool"))).id)
    assert node.start_task_info is not None
    assert node.start_task_info.container_info is not None
    status = next(iter(client.list_job_preparation_and_release_task_status("job")))
    assert status.job_preparation_task_execution_info is not None
    assert status.job_preparation_task_execution_info.container_info is not None
    client.create_task("job", contained("bold", "true", container_run_options="--privileged"))
    refused = finished(running, "bold").execution_info
    assert refused is not None
    assert refused.failure_info is not None
    assert refused.failure_info.code == "ContainerInvalidSettings"
    client.create_task("job", task("outside", "true"))
    outside = finished(running, "outside").execution_info
    assert outside is not None
    assert outside.failure_info is not None
    assert outside.failure_info.code == "ContainerTaskSettingsNotFound"
    client.create_task("job", contained("long", "echo begun; sleep 1000"))
    wait_until(
        lambda: client.get_task("job", "long").state == "running" and "begun" in text(running, "long"), "it runs"
    )
    client.terminate_task("job", "long")
    assert finished(running, "long").execution_info.failure_info.code == "TaskEnded"  # type: ignore[union-attr]


def test_after_a_kill_of_the_server_no_two_attempts_overlap(running: RunningServer) -> None:
    """The container of the dead server is gone before the task runs again."""
    client = running.client()
    log = running.shared / "log"
    loop = "while true; do echo $ME >> $AZ_BATCH_NODE_SHARED_DIR/beats; sleep 0.1; done"
    client.create_task("job", contained("t", f"ME=$$-$(date +%s%N); {loop}"))
    root = wait_until(lambda: list((running.data / "nodes").glob("batchite/pool/*/shared/beats")), "it beats")[0]
    before = root.read_text().split()[0]
    running.kill()
    running.start()
    client = running.client()
    wait_until(lambda: client.get_task("job", "t").state == "running", "it runs again")
    again = wait_until(
        lambda: [file for file in (running.data / "nodes").glob("batchite/pool/*/shared/beats") if file.read_text()],
        "it beats again",
    )[0]
    wait_until(lambda: before not in again.read_text().split()[-1:], "the new attempt beats")
    seen = again.read_text().split()
    wait_until(lambda: len(again.read_text().split()) > len(seen) + 5, "it goes on beating")
    assert set(again.read_text().split()[len(seen) :]) == {seen[-1]}
    assert not log.exists()
    assert client.get_task("job", "t").execution_info.requeue_count == 1  # type: ignore[union-attr]
    client.terminate_task("job", "t")
    finished(running, "t")


def test_without_an_engine_the_reason_is_with_the_nodes() -> None:
    """Unusable, and it says what is missing; status shows that there is none."""
    with server("--in-memory", "--time-scale=600", "--container-engine=none") as running:
        client = running.client()
        client.create_pool(container_pool())
        wait_until(lambda: [one.state for one in client.list_nodes("pool")] == ["unusable"], "the node is unusable")
        errors = next(iter(client.list_nodes("pool"))).errors
        assert errors
        assert errors[0].code == "ContainerEngineMissing"
        assert "--container-engine" in str(errors[0].message)
        assert json.loads(running.cli("status").stdout)["containerEngine"] is None
