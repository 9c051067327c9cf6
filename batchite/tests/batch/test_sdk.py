"""The unmodified azure-batch client against the data plane, with its own shared-key signatures."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.batch.aio import BatchClient as AsyncBatchClient
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from batch.harness import KEY, Account, wait_until
from batch.sdk import code_of, finish, pool_options

pytestmark = pytest.mark.documented


def test_pool_round_trip(client: BatchClient, account: Account) -> None:
    """A pool that was created is read back with defaults, nodes and an ETag, under its id in any case."""
    client.create_pool(pool_options(target_dedicated_nodes=1, target_low_priority_nodes=1))
    account.wait_for_nodes(2)
    pool = client.get_pool("pOOL")
    assert (pool.id, pool.state, pool.task_slots_per_node) == ("Pool", "active", 1)
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (1, 1)
    assert pool.resize_timeout == timedelta(minutes=15)
    assert pool.etag.startswith("0x8D")
    assert pool.resize_errors is None
    assert client.pool_exists("Pool")
    assert {node.state for node in client.list_nodes("Pool")} == {"idle"}
    counts = next(iter(client.list_pool_node_counts()))
    assert counts.dedicated is not None
    assert counts.dedicated.idle == 1


def test_pool_errors(client: BatchClient) -> None:
    """A second creation is a conflict, an unknown pool is not found, with the service's own texts."""
    client.create_pool(pool_options())
    with pytest.raises(ResourceExistsError) as exists:
        client.create_pool(pool_options())
    assert code_of(exists.value) == "PoolExists"
    with pytest.raises(ResourceNotFoundError) as missing:
        client.get_pool("other")
    assert str(missing.value).startswith("(PoolNotFound) The specified pool does not exist.")


def test_pool_resize_and_delete(client: BatchClient, account: Account) -> None:
    """The pollers of resize and delete end when the pool is steady, and when it is gone."""
    client.create_pool(pool_options())
    client.begin_resize_pool(
        "Pool", models.BatchPoolResizeOptions(target_dedicated_nodes=2), polling_interval=0
    ).result()
    account.wait_for_nodes(2)
    client.begin_delete_pool("Pool", polling_interval=0).result()
    with pytest.raises(ResourceNotFoundError):
        client.get_pool("Pool")


def test_pool_autoscale(client: BatchClient, account: Account) -> None:
    """A formula can be enabled, evaluated without effect, and disabled."""
    client.create_pool(pool_options())
    options = models.BatchPoolEnableAutoScaleOptions(
        auto_scale_formula="$TargetDedicatedNodes = 1;", auto_scale_evaluation_interval=timedelta(minutes=5)
    )
    client.enable_pool_auto_scale("Pool", options)
    account.wait_for_nodes(1)
    pool = client.get_pool("Pool")
    assert (pool.enable_auto_scale, pool.target_dedicated_nodes) == (True, 1)
    assert pool.auto_scale_run is not None
    run = client.evaluate_pool_auto_scale(
        "Pool", models.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="$TargetDedicatedNodes = 7;")
    )
    assert "$TargetDedicatedNodes=7" in (run.results or "")
    client.disable_pool_auto_scale("Pool")
    assert client.get_pool("Pool").enable_auto_scale is False
    with pytest.raises(HttpResponseError) as refused:
        client.enable_pool_auto_scale("Pool", models.BatchPoolEnableAutoScaleOptions(auto_scale_formula="$x = ;"))
    assert code_of(refused.value) == "AutoScalingFormulaSyntaxError"


def test_pool_update(client: BatchClient) -> None:
    """A patch keeps what it does not name; replacing the properties removes an absent start task."""
    client.create_pool(pool_options(start_task=models.BatchStartTask(command_line="exit 0")))
    client.update_pool("Pool", models.BatchPoolUpdateOptions(metadata=[models.BatchMetadataItem(name="a", value="b")]))
    pool = client.get_pool("Pool")
    assert pool.start_task is not None
    assert pool.start_task.wait_for_success is True
    assert pool.metadata is not None
    assert pool.metadata[0].value == "b"
    client.replace_pool_properties(
        "Pool", models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    )
    assert client.get_pool("Pool").start_task is None


def test_conditional_headers(client: BatchClient) -> None:
    """A stale ETag is refused, the present one is taken."""
    client.create_pool(pool_options())
    pool = client.get_pool("Pool")
    change = models.BatchPoolUpdateOptions(metadata=[])
    client.update_pool("Pool", change, etag=pool.etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        client.update_pool("Pool", change, etag=pool.etag, match_condition=MatchConditions.IfNotModified)


def test_supported_images(client: BatchClient) -> None:
    """Verified images are found by filter, with their publisher in lower case."""
    images = list(client.list_supported_images(filter="verificationType eq 'verified' and osType eq 'linux'"))
    assert "canonical" in {image.image_reference.publisher for image in images}
    assert all(image.os_type == "linux" for image in images)


def test_task_runs(working: BatchClient) -> None:
    """A task runs to success and shows where; its job counts it."""
    working.create_task("Job", models.BatchTaskCreateOptions(id="One", command_line="exit 0"))
    task = finish(working, "one")
    assert task.id == "One"
    assert task.execution_info is not None
    assert (task.execution_info.exit_code, task.execution_info.result) == (0, "success")
    assert task.node_info is not None
    assert task.node_info.task_root_directory == "workitems/job/job-1/one"
    assert task.constraints is not None
    assert task.constraints.retention_time == timedelta(days=7)
    counts = working.get_job_task_counts("Job")
    assert (counts.task_counts.succeeded, counts.task_slot_counts.completed) == (1, 1)


def test_task_fails_after_retries(working: BatchClient) -> None:
    """A task that exits with another code than 0 is retried as its job says, then failed with the reason."""
    working.update_job(
        "Job", models.BatchJobUpdateOptions(constraints=models.BatchJobConstraints(max_task_retry_count=2))
    )
    working.create_task("Job", models.BatchTaskCreateOptions(id="bad", command_line="exit 3"))
    info = finish(working, "bad").execution_info
    assert info is not None
    assert (info.exit_code, info.retry_count, info.result) == (3, 2, "failure")
    assert info.failure_info is not None
    assert info.failure_info.code == "FailureExitCode"


def test_task_dependencies(working: BatchClient) -> None:
    """A task that depends on others by id and by range runs after them."""
    depends = models.BatchTaskDependencies(task_ids=["a"], task_id_ranges=[models.BatchTaskIdRange(start=1, end=2)])
    working.create_task("Job", models.BatchTaskCreateOptions(id="last", command_line="exit 0", depends_on=depends))
    assert working.get_task("Job", "last").state == "active"
    for name in ("a", "1", "2"):
        working.create_task("Job", models.BatchTaskCreateOptions(id=name, command_line="exit 0"))
    finish(working, "last")


def test_create_tasks_in_bulk(working: BatchClient) -> None:
    """The client's bulk call adds 250 tasks in several requests, and listing follows the pages."""
    working.create_tasks(
        "Job", [models.BatchTaskCreateOptions(id=f"t{n}", command_line="exit 0") for n in range(250)], max_concurrency=2
    )
    listed = list(working.list_tasks("Job", max_results=40, select=["id", "state"]))
    assert len({task.id for task in listed}) == 250
    assert listed[0].as_dict().keys() == {"id", "state"}
    wait_until(lambda: working.get_job_task_counts("Job").task_counts.succeeded == 250, "all have succeeded")
    failed = working.list_tasks("Job", filter="state eq 'completed' and executionInfo/exitCode ne 0")
    assert list(failed) == []


def test_create_tasks_larger_than_a_request(working: BatchClient) -> None:
    """Tasks that together exceed the limit of a request are added in smaller requests by the client."""
    setting = models.EnvironmentSetting(name="LONG", value="x" * 20_000)
    tasks = [
        models.BatchTaskCreateOptions(id=f"t{n}", command_line="exit 0", environment_settings=[setting])
        for n in range(100)
    ]
    working.create_tasks("Job", tasks)
    wait_until(lambda: working.get_job_task_counts("Job").task_counts.succeeded == 100, "all have succeeded")


def test_async_client(working: BatchClient, account: Account) -> None:
    """The asynchronous client signs, filters with quotes and downloads alike."""

    async def main() -> tuple[list[str], bytes]:
        async with AsyncBatchClient(account.endpoint, AzureNamedKeyCredential(account.name, KEY)) as client:
            await client.create_task("Job", models.BatchTaskCreateOptions(id="t", command_line="exit 0"))
            finish(working, "t")
            listed = [task.id async for task in client.list_tasks("Job", filter="startswith(id,'T')")]
            chunks = await client.download_task_file("Job", "t", "wd/ein Bericht ä.txt")
            return listed, b"".join([chunk async for chunk in chunks])

    assert asyncio.run(main()) == (["t"], b"hello")


def test_collection_reports_each_task(working: BatchClient) -> None:
    """Each task of a collection succeeds or fails by itself, in order."""
    tasks = [
        models.BatchTaskCreateOptions(id="good", command_line="exit 0"),
        models.BatchTaskCreateOptions(id="bad id", command_line="exit 0"),
        models.BatchTaskCreateOptions(id="good", command_line="exit 0"),
    ]
    result = working.create_task_collection("Job", models.BatchTaskGroup(task_values=tasks))
    assert result.result_values is not None
    assert [item.status for item in result.result_values] == ["success", "clienterror", "clienterror"]
    assert [item.error.code for item in result.result_values if item.error] == ["InvalidPropertyValue", "TaskExists"]


def test_files_of_a_task(working: BatchClient) -> None:
    """Files are listed, described and downloaded whole or in part, with blanks and letters beyond ASCII in names."""
    working.create_task("Job", models.BatchTaskCreateOptions(id="t", command_line="exit 0"))
    finish(working, "t")
    names = {item.name for item in working.list_task_files("Job", "t", recursive=True)}
    assert names == {"stdout.txt", "wd", "wd/ein Bericht ä.txt"}
    properties = working.get_task_file_properties("Job", "t", "wd/ein Bericht ä.txt")
    assert properties.content_length == 5
    whole = b"".join(working.download_task_file("Job", "t", "wd/ein Bericht ä.txt"))
    part = b"".join(working.download_task_file("Job", "t", "stdout.txt", ocp_range="bytes=2-4"))
    assert (whole, part) == (b"hello", b"234")


def test_files_of_a_node(working: BatchClient) -> None:
    """The same for a node, from its root."""
    node = next(iter(working.list_nodes("Pool"))).id
    assert [item.name for item in working.list_node_files("Pool", node)] == ["shared"]
    assert b"".join(working.download_node_file("Pool", node, "shared/made.txt")) == b"by the agent"
    assert working.get_node_file_properties("Pool", node, "shared/made.txt").content_length == 12


def test_replace_a_fetched_job(working: BatchClient) -> None:
    """A job can be fetched, changed and put back."""
    job = working.get_job("Job")
    job.priority = 7
    working.replace_job("Job", job)
    assert working.get_job("Job").priority == 7


def test_terminate_and_delete_a_job(working: BatchClient) -> None:
    """Termination stops what runs and keeps the reason; deletion removes the job."""
    working.create_task("Job", models.BatchTaskCreateOptions(id="long", command_line="hold"))
    wait_until(lambda: working.get_task("Job", "long").state == "running", "it runs")
    reason: Any = {"terminateReason": "enough"}  # the option class is not public, the bare call raises in the client
    working.begin_terminate_job("Job", reason, polling_interval=0).result()
    job = working.get_job("Job")
    assert job.execution_info is not None
    assert (job.state, job.execution_info.termination_reason) == ("completed", "enough")
    assert finish(working, "long").execution_info is not None
    working.begin_delete_job("Job", polling_interval=0).result()
    with pytest.raises(ResourceNotFoundError):
        working.get_job("Job")


def test_terminate_and_delete_a_task(working: BatchClient) -> None:
    """A terminated task is completed with TaskEnded; a deleted one is gone."""
    working.create_task("Job", models.BatchTaskCreateOptions(id="long", command_line="hold"))
    working.terminate_task("Job", "long")
    info = finish(working, "long").execution_info
    assert info is not None
    assert info.failure_info is not None
    assert info.failure_info.code == "TaskEnded"
    working.delete_task("Job", "long")
    assert list(working.list_tasks("Job")) == []


def test_applications_are_listed(client: BatchClient) -> None:
    """What a reference may name: id, name and active versions; another id is 404."""
    (found,) = client.list_applications()
    assert (found.id, found.display_name, list(found.versions)) == ("Tool", "A tool", ["1.0", "2.0"])
    assert client.get_application("tool").id == "Tool"
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_application("other")
    assert code_of(caught.value) == "ApplicationNotFound"


def reference(version: str | None = None, application: str = "tool") -> models.BatchApplicationPackageReference:
    """A reference to an application package."""
    made: models.BatchApplicationPackageReference = models.BatchApplicationPackageReference(
        application_id=application, version=version
    )
    return made


def test_pools_and_tasks_refer_to_packages(client: BatchClient) -> None:
    """References are kept and given back, changed, and removed by an empty list."""
    client.create_pool(pool_options(application_package_references=[reference("1.0")]))
    found = client.get_pool("Pool").application_package_references
    assert [(one.application_id, one.version) for one in found or ()] == [("tool", "1.0")]
    client.update_pool("Pool", models.BatchPoolUpdateOptions(application_package_references=[reference()]))
    found = client.get_pool("Pool").application_package_references
    assert [(one.application_id, one.version) for one in found or ()] == [("tool", None)]
    client.replace_pool_properties(
        "Pool", models.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    )
    assert client.get_pool("Pool").application_package_references is None
    client.create_job(models.BatchJobCreateOptions(id="Job", pool_info=models.BatchPoolInfo(pool_id="Pool")))
    task = models.BatchTaskCreateOptions(
        id="t", command_line="hold", application_package_references=[reference("2.0", "TOOL")]
    )
    client.create_task("Job", task)
    kept = client.get_task("Job", "t").application_package_references
    assert [(one.application_id, one.version) for one in kept or ()] == [("TOOL", "2.0")]


@pytest.mark.parametrize(("application", "version"), [("tool", "9"), ("other", None)])
def test_references_that_cannot_be_satisfied(client: BatchClient, application: str, version: str | None) -> None:
    """The documented code, for pools, their changes and tasks; a task of a collection fails by itself."""
    wrong = reference(version, application)
    with pytest.raises(ResourceExistsError) as caught:
        client.create_pool(pool_options(application_package_references=[wrong]))
    assert code_of(caught.value) == "InvalidApplicationPackageReferences"
    client.create_pool(pool_options())
    with pytest.raises(ResourceExistsError):
        client.update_pool("Pool", models.BatchPoolUpdateOptions(application_package_references=[wrong]))
    client.create_job(models.BatchJobCreateOptions(id="Job", pool_info=models.BatchPoolInfo(pool_id="Pool")))
    tasks = [
        models.BatchTaskCreateOptions(id="bad", command_line="hold", application_package_references=[wrong]),
        models.BatchTaskCreateOptions(id="good", command_line="hold"),
    ]
    results = client.create_task_collection("Job", models.BatchTaskGroup(task_values=tasks)).result_values or ()
    assert {result.task_id: result.error.code if result.error else None for result in results} == {
        "bad": "InvalidApplicationPackageReferences",
        "good": None,
    }
