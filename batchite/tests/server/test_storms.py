"""Drills on requests against a server of their own, with the unmodified clients."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.batch import models
from azure.batch.aio import BatchClient as AsyncClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobServiceClient, generate_container_sas
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.ours

PATIENT: dict[str, Any] = {"retry_status": 9}  # of itself a client fails at four errors in a row
NO_RETRY: dict[str, Any] = {"retry_total": 0}


@pytest.fixture(scope="module")
def stormy() -> Iterator[RunningServer]:
    """A server with a job on a pool of two nodes."""
    with server("--time-scale=600") as started:
        started.client().create_pool(pool("p", dedicated=2, slots=4))
        started.client().create_job(job("j", "p"))
        yield started


@pytest.fixture
def storm(stormy: RunningServer) -> Iterator[RunningServer]:
    """The server, calm again after the test."""
    yield stormy
    drill(stormy, "off")


def drill(server: RunningServer, *arguments: str) -> dict[str, Any]:
    """Run a drill; what it answers."""
    done = server.cli("chaos", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def status(server: RunningServer) -> dict[str, Any]:
    """The drills that are on."""
    found: dict[str, Any] = json.loads(server.cli("status").stdout)["chaos"]
    return found


def error(caught: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    """Status and code of an error of the data plane."""
    return caught.value.status_code, caught.value.error.code if caught.value.error else None


def test_throttled_requests_say_when_to_come_back(storm: RunningServer) -> None:
    """429 TooManyRequests with Retry-After and the drill's id; the status shows the drill, `off` ends it."""
    found = drill(storm, "throttle", "1", "--retry-after", "7", "--seed", "3")
    assert status(storm) == {"throttle": found}
    with pytest.raises(HttpResponseError) as caught:
        storm.client().get_job("j", **NO_RETRY)
    assert error(caught) == (429, "TooManyRequests")
    assert caught.value.response is not None
    headers = caught.value.response.headers  # type: ignore[attr-defined]  # its protocol names them not
    assert (headers["retry-after"], headers["x-batchite-drill"]) == ("7", found["id"])
    assert drill(storm, "off", "throttle") == {"ended": [found]}
    assert storm.client().get_job("j").id == "j"
    assert status(storm) == {}


def test_an_add_may_have_happened_although_the_answer_is_500(storm: RunningServer) -> None:
    """After the effect: the client's own retry meets the task that its first try has added."""
    drill(storm, "server-error", "1", "--when", "after", "--code", "InternalError")
    with pytest.raises(HttpResponseError) as caught:
        storm.client().create_task("j", task("told-500", "true"), **NO_RETRY)
    assert error(caught) == (500, "InternalError")
    with pytest.raises(ResourceExistsError):
        storm.client().create_task("j", task("told-500", "true"))
    drill(storm, "off")
    assert storm.client().get_task("j", "told-500").id == "told-500"


def test_an_error_before_the_effect_leaves_nothing(storm: RunningServer) -> None:
    """503 ServerBusy, and no task; a request that is refused anyway is refused as ever."""
    drill(storm, "server-error", "1", "--when", "before", "--code", "ServerBusy")
    with pytest.raises(HttpResponseError) as caught:
        storm.client().create_task("j", task("never", "true"), **NO_RETRY)
    assert error(caught) == (503, "ServerBusy")
    drill(storm, "off")
    assert "never" not in {one.id for one in storm.client().list_tasks("j")}


def test_unmodified_clients_come_through(storm: RunningServer) -> None:
    """Synchronous and asynchronous, in bulk and one by one: every task is there once, in spite of all drills."""
    drill(storm, "throttle", "0.1", "--retry-after", "0", "--seed", "5")
    drill(storm, "server-error", "0.1", "--seed", "6")
    drill(storm, "latency", "5", "--jitter", "5")
    variables = storm.environment
    key = AzureNamedKeyCredential(variables["AZURE_BATCH_ACCOUNT"], variables["AZURE_BATCH_ACCESS_KEY"])
    client = storm.client(**PATIENT)
    client.create_tasks("j", [task(f"bulk-{number}", "true") for number in range(150)], max_concurrency=2)

    async def one_by_one() -> None:
        async with AsyncClient(variables["AZURE_BATCH_ENDPOINT"], key, **PATIENT) as patient:
            await asyncio.gather(*(add(patient, f"single-{number}") for number in range(20)))

    async def add(patient: AsyncClient, name: str) -> None:
        try:
            await patient.create_task("j", task(name, "true"))
        except ResourceExistsError:
            assert (await patient.get_task("j", name)).id == name  # it was added, and the answer was an error

    asyncio.run(one_by_one())
    wanted = {f"bulk-{number}" for number in range(150)} | {f"single-{number}" for number in range(20)}
    names = [str(one.id) for one in client.list_tasks("j")]
    assert wanted <= set(names)
    assert len(names) == len(set(names))


def test_the_control_plane_has_its_own_words(storm: RunningServer) -> None:
    """Azure Resource Manager is disturbed when it is named, the data plane is not then."""
    found = drill(storm, "server-error", "1", "--plane", "arm", "--code", "ServerBusy")
    assert found["planes"] == ["arm"]
    assert storm.client().get_job("j").id == "j"
    url = f"{storm.ready['https']}/subscriptions?api-version=2022-12-01"
    assert storm.answer(url, {})[0] == 401  # nobody is disturbed who would not be let in


def test_the_blob_endpoint_is_out_until_its_time_is_over(storm: RunningServer) -> None:
    """503 ServerBusy or a reset connection; without retries a client sees it, with them it does not; it ends itself."""
    variables = storm.environment
    connection = variables["AZURE_STORAGE_CONNECTION_STRING"]
    trust = variables["REQUESTS_CA_BUNDLE"]
    hasty = BlobServiceClient.from_connection_string(connection, connection_verify=trust, retry_total=0)
    drill(storm, "blob-outage", "600")
    with pytest.raises(HttpResponseError) as caught:
        hasty.get_container_client("outage").exists()
    assert caught.value.status_code == 503
    drill(storm, "blob-outage", "600", "--reset")
    with pytest.raises(Exception, match=r"(?i)connection|eof|reset"):
        hasty.get_container_client("outage").exists()
    drill(storm, "blob-outage", "0.2")
    wait_until(lambda: status(storm) == {}, "the outage has ended by itself")
    assert not hasty.get_container_client("outage").exists()


@pytest.fixture
def container(storm: RunningServer) -> str:
    """The URL, with a signature, of a container that holds the blob `input`."""
    variables = storm.environment
    trust = variables["REQUESTS_CA_BUNDLE"]
    blobs = BlobServiceClient.from_connection_string(
        variables["AZURE_STORAGE_CONNECTION_STRING"], connection_verify=trust
    )
    found = blobs.get_container_client(f"outage-{uuid4().hex}")
    found.create_container()
    found.upload_blob("input", b"content")
    key = blobs.credential.account_key
    until = datetime.now(UTC) + timedelta(hours=1)
    signature = generate_container_sas(
        str(found.account_name), found.container_name, account_key=key, permission="rwl", expiry=until
    )
    return f"{found.url}?{signature}"


def transfers(container: str, name: str, script: str) -> models.BatchTaskCreateOptions:
    """A task that downloads the blob `input`, runs a script and uploads its stdout."""
    new = task(name, script)
    base, _, signature = container.partition("?")
    new.resource_files = [models.ResourceFile(http_url=f"{base}/input?{signature}", file_path="input")]
    to = models.OutputFileBlobContainerDestination(container_url=container, path=name)
    options = models.OutputFileUploadConfiguration(upload_condition="taskcompletion")
    destination = models.OutputFileDestination(container=to)
    new.output_files = [
        models.OutputFile(file_pattern="../stdout.txt", destination=destination, upload_options=options)
    ]
    return new


def test_transfers_of_tasks_bear_a_short_outage_and_fail_in_a_long_one(storm: RunningServer, container: str) -> None:
    """The code is that of the transfer that could not be made; what was tried again in time leaves no trace."""
    client = storm.client()
    drill(storm, "blob-outage", "1")
    client.create_task("j", transfers(container, "short", "cat input"))
    failures = {"short": None, "down": "BlobDownloadMiscError", "up": "FileUploadMiscError"}
    wait_until(lambda: client.get_task("j", "short").state == "completed", "the outage is over for the task")
    client.create_task("j", transfers(container, "up", f"until [ -e {storm.shared}/out ]; do sleep 0.1; done"))
    wait_until(lambda: client.get_task("j", "up").state == "running", "its input is there")
    drill(storm, "blob-outage", "600")
    (storm.shared / "out").touch()
    client.create_task("j", transfers(container, "down", "cat input"))
    names = list(failures)
    wait_until(lambda: {client.get_task("j", name).state for name in names} == {"completed"}, "all complete")
    infos = {name: client.get_task("j", name).execution_info for name in names}
    assert {name: info.failure_info.code if info and info.failure_info else None for name, info in infos.items()} == (
        failures
    )


def test_drills_last_over_a_kill(stormy: RunningServer) -> None:
    """What was asked for is on again after kill -9, and off stays off."""
    found = drill(stormy, "latency", "1", "--plane", "all")
    stormy.kill()
    stormy.start()
    assert status(stormy) == {"latency": found}
    drill(stormy, "off")
    stormy.kill()
    stormy.start()
    assert status(stormy) == {}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("throttle", "2"), "no number from 0 to 1"),
        (("throttle", "0"), "chaos off"),
        (("throttle", "0.5", "--plane", "mars"), "batch"),
        (("server-error", "0.5", "--code", "Teapot"), "InternalError"),
        (("latency", "-1"), "from 0 to 60000"),
        (("blob-outage", "much"), "from 0 to 86400"),
        (("fail-start-task", "p", "--exit-code", "0"), "from 1 to 255"),
        (("off", "everything"), "throttle"),
    ],
)
def test_a_wrong_argument_says_what_is_allowed(storm: RunningServer, arguments: tuple[str, ...], text: str) -> None:
    """Usage errors exit with 2 and reach no server."""
    done = storm.cli("chaos", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_a_region_without_machines(storm: RunningServer) -> None:
    """A resize ends with AllocationFailed for either kind; a Spot node above the limit is preempted, and comes back."""
    client = storm.client()
    client.create_pool(pool("scarce", spot=2))
    wait_until(lambda: [one.state for one in client.list_nodes("scarce")] == ["idle"] * 2, "two Spot nodes")
    found = drill(storm, "capacity", "scarce", "--dedicated", "1", "--spot", "1")
    assert status(storm) == {"capacity batchite/scarce": found}
    wait_until(lambda: [one.state for one in client.list_nodes("scarce")].count("preempted") == 1, "one is taken")
    targets = models.BatchPoolResizeOptions(target_dedicated_nodes=2, target_low_priority_nodes=3)
    client.begin_resize_pool("scarce", targets).result()
    errors = client.get_pool("scarce").resize_errors or []
    assert [(one.code, "low priority" in str(one.message)) for one in errors] == [
        ("AllocationFailed", False),
        ("AllocationFailed", True),
    ]
    assert drill(storm, "off", "capacity")["ended"] == [found]
    wait_until(lambda: [one.state for one in client.list_nodes("scarce")] == ["idle"] * 3, "the Spot node is back")


def test_a_failed_node_gives_its_tasks_away(storm: RunningServer) -> None:
    """It is unusable with the error; its task runs again elsewhere, with one requeue; `off` has the node back."""
    client = storm.client()
    client.create_pool(pool("frail", dedicated=2))
    client.create_job(job("frail", "frail"))
    gate = storm.shared / "gate"
    client.create_task("frail", task("t", f"until [ -e {gate} ]; do sleep 0.1; done"))
    running = wait_until(lambda: (one := client.get_task("frail", "t")).state == "running" and one, "the task runs")
    found = drill(storm, "fail-node", "frail", "--error", "DiskFull")
    assert found["nodes"] == [running.node_info.node_id]
    assert status(storm)[f"fail-node batchite/frail/{found['nodes'][0]}"]["id"] == found["id"]
    node = client.get_node("frail", found["nodes"][0])
    assert (node.state, [one.code for one in node.errors or []]) == ("unusable", ["DiskFull"])
    wait_until(lambda: client.get_task("frail", "t").state == "running", "the task runs again")
    again = client.get_task("frail", "t")
    assert again.node_info is not None
    assert again.node_info.node_id != node.id
    assert again.execution_info is not None
    assert again.execution_info.requeue_count == 1
    assert client.get_node("frail", node.id).state == "unusable"
    drill(storm, "off", "fail-node")
    wait_until(lambda: client.get_node("frail", node.id).state == "idle", "the node is back")
    gate.touch()


def test_a_pool_without_start_task_has_none_that_fails(storm: RunningServer) -> None:
    """Refused with the reason; so is a pool that is not there."""
    done = storm.cli("chaos", "fail-start-task", "p")
    assert (done.returncode, "no start task" in done.stderr) == (1, True)
    assert "PoolNotFound" in storm.cli("chaos", "fail-start-task", "nowhere").stderr


def test_start_tasks_fail_as_often_as_asked(storm: RunningServer) -> None:
    """The node shows starttaskfailed with exit code and reason; its reboot, with the drill used up, makes it idle."""
    client = storm.client()
    options = pool("fragile")
    options.start_task = {"commandLine": "true", "waitForSuccess": True, "maxTaskRetryCount": 1}  # type: ignore[assignment]
    client.create_pool(options)
    drill(storm, "fail-start-task", "fragile", "--exit-code", "3", "--times", "2")
    client.begin_resize_pool("fragile", {"targetDedicatedNodes": 1})  # type: ignore[arg-type]
    node = wait_until(
        lambda: next((one for one in client.list_nodes("fragile") if one.state == "starttaskfailed"), None),
        "the start task has failed, and its retry",
    )
    assert node.start_task_info is not None
    info = node.start_task_info
    assert (info.exit_code, info.result, info.retry_count) == (3, "failure", 1)
    assert info.failure_info is not None
    assert info.failure_info.code == "FailureExitCode"
    stream = b"".join(client.download_node_file("fragile", node.id, "startup/stderr.txt"))
    assert b"chaos fail-start-task-" in stream
    assert status(storm) == {}
    client.begin_reboot_node("fragile", node.id, {"nodeRebootOption": "requeue"})  # type: ignore[arg-type]
    wait_until(lambda: client.get_node("fragile", node.id).state == "idle", "the node is up")
