"""Files, usage and list options with the unmodified azure-batch client, sync and async."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import BatchClient, models
from azure.batch.aio import BatchClient as AsyncBatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from batch.harness import KEY, Account
from batch.sdk import code_of, finish

pytestmark = pytest.mark.documented


@pytest.fixture
def done(working: BatchClient) -> BatchClient:
    """A client whose task has run."""
    working.create_task("Job", models.BatchTaskCreateOptions(id="Task", command_line="exit 0"))
    finish(working, "Task")
    return working


def test_files_are_read_and_deleted(done: BatchClient) -> None:
    """A file is listed, its properties and a part of it are read, it is deleted, and then it is not found."""
    listed = {file.name: file for file in done.list_task_files("Job", "Task", recursive=True)}
    assert {"stdout.txt", "wd", "wd/ein Bericht ä.txt"} == listed.keys()
    assert listed["stdout.txt"].properties is not None
    assert listed["stdout.txt"].properties.content_type == "text/plain"
    assert done.get_task_file_properties("Job", "Task", "wd/ein Bericht ä.txt").content_length == 5
    part = done.download_task_file("Job", "Task", "stdout.txt", ocp_range="bytes=3-5")
    assert b"".join(part) == b"345"
    done.delete_task_file("Job", "Task", "stdout.txt")
    with pytest.raises(ResourceNotFoundError):
        done.download_task_file("Job", "Task", "stdout.txt")
    with pytest.raises(HttpResponseError) as kept:
        done.delete_task_file("Job", "Task", "wd")
    assert code_of(kept.value) == "IOError"
    done.delete_task_file("Job", "Task", "wd", recursive=True)
    assert list(done.list_task_files("Job", "Task")) == []


def test_files_of_a_node(done: BatchClient) -> None:
    """The same tree is seen from its node, filtered by the beginning of the name, page by page."""
    node = done.get_task("Job", "Task").node_info
    assert node is not None
    assert node.node_id is not None
    options = {"recursive": True, "max_results": 1, "filter": "startswith(name,'workitems/job/job-1/task/wd')"}
    names = [str(file.name) for file in done.list_node_files("Pool", node.node_id, **options)]  # type: ignore[arg-type]  # mixed
    assert names == ["workitems/job/job-1/task/wd", "workitems/job/job-1/task/wd/ein Bericht ä.txt"]
    done.delete_node_file("Pool", node.node_id, names[1])
    assert [file.name for file in done.list_task_files("Job", "Task", recursive=True)] == ["stdout.txt", "wd"]


def test_usage_and_statistics(done: BatchClient) -> None:
    """Usage is listed for the last interval and for a time; statistics may be asked for with any list."""
    assert list(done.list_pool_usage_metrics()) == []
    early = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=1)
    assert list(done.list_pool_usage_metrics(start_time=early, end_time=early + timedelta(hours=1))) == []
    assert [pool.id for pool in done.list_pools(expand=["stats"], select=["id"])] == ["Pool"]
    found = done.get_job("Job", expand=["stats"]).job_statistics
    assert found is not None
    assert (found.succeeded_tasks_count, found.failed_tasks_count) == (1, 0)


@pytest.mark.usefixtures("done")
def test_files_with_the_async_client(account: Account) -> None:
    """The async client lists, reads and deletes the same way."""

    async def story() -> tuple[list[str], bytes]:
        async with AsyncBatchClient(account.endpoint, AzureNamedKeyCredential(account.name, KEY)) as client:
            whole = await client.download_task_file("Job", "Task", "stdout.txt")
            text = b"".join([chunk async for chunk in whole])
            await client.delete_task_file("Job", "Task", "stdout.txt")
            return [str(file.name) async for file in client.list_task_files("Job", "Task")], text

    assert asyncio.run(story()) == (["wd"], b"0123456789")
