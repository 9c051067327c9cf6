"""Changes of a pool under the real engine: what previews say of them, and that none cuts running work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from azure.batch import BatchClient
from azure.batch.models import BatchJobCreateOptions, BatchPoolInfo, BatchTask, BatchTaskCreateOptions

from tests.e2e.azure_clients import batch_client
from tests.e2e.checkout import COMMAND_SECONDS, Checkout, Json, wait_for
from tests.e2e.stacks import UP, Stack

pytestmark = [pytest.mark.ours, pytest.mark.timeout(300)]

POOL: Json = {"vmSize": "standard_d2s_v3", "maxDedicated": 1, "minDedicated": 1, "startTask": {"scripts": []}}
CONFIG: Json = {
    "azure-batch:location": "westeurope",
    "azure-batch:publicAccess": {"allow": "anyone"},
    "azure-batch:deployerPrincipalType": "ServicePrincipal",
    "azure-batch:pools": {"main": POOL},
}
WORK_SECONDS = 8
"""How long a task runs while its pool is replaced: longer than the engine needs to come to the old pool."""


@pytest.fixture(scope="module")
def stack(local: Checkout) -> Iterator[Stack]:
    """A small stack of one pool that keeps a node."""
    made = Stack("replacement", local)
    made.make(CONFIG)
    with made.deployed():
        yield made


@pytest.fixture
def batch(stack: Stack) -> BatchClient:
    """The data plane of its account, as the developer."""
    return batch_client(stack.checkout, stack.outputs)


def configure(stack: Stack, **pools: Json) -> None:
    """Give the stack these pools, and no others."""
    document = yaml.safe_load(stack.file.read_text())
    document["config"]["azure-batch:pools"] = pools
    stack.file.write_text(yaml.safe_dump(document))


def running(batch: BatchClient, pool: str, job: str, seconds: float) -> None:
    """Run a task on the pool, and return when it runs."""
    batch.create_job(BatchJobCreateOptions(id=job, pool_info=BatchPoolInfo(pool_id=pool)))
    batch.create_task(job, BatchTaskCreateOptions(id="work", command_line=f"sleep {seconds}"))
    wait_for(lambda: batch.get_task(job, "work").state == "running", "the task runs")


def done(batch: BatchClient, job: str) -> BatchTask:
    """The task, when it is over."""
    return wait_for(lambda: (task := batch.get_task(job, "work")).state == "completed" and task, "the task is over")


def test_a_preview_says_what_changes_in_place(stack: Stack) -> None:
    """Also that nodes that run keep their start task; the pool stays."""
    configure(stack, main={**POOL, "metadata": {"team": "weather"}, "startTask": {"scripts": [], "retries": 2}})
    assert "changes in place: metadata" in stack.pulumi("preview").stdout
    script = {"scripts": [{"script": "start_tasks/monitoring_tools.sh"}]}
    configure(stack, main={**POOL, "startTask": script})
    planned = stack.pulumi("preview").stdout
    assert "changes in place: startTask" in planned
    assert "nodes that run keep the start task they have had until they are rebooted or reimaged" in planned
    assert "is replaced by" not in planned


def test_running_work_is_not_cut(stack: Stack, batch: BatchClient) -> None:
    """The preview says what is replaced; the old pool goes after its task has ended by itself, at the first attempt."""
    old = stack.outputs["pools"]["main"]["id"]
    configure(stack, main={**POOL, "taskSlotsPerNode": 4})
    planned = stack.pulumi("preview").stdout
    assert f"pool {old} is replaced by main-" in planned
    assert "taskSlotsPerNode can't change in place" in planned
    running(batch, old, "replaced", WORK_SECONDS)
    stack.pulumi(*UP)
    task = done(batch, "replaced")
    assert task.execution_info is not None
    assert (task.execution_info.result, task.execution_info.requeue_count) == ("success", 0)
    assert [pool.id for pool in batch.list_pools()] == [stack.outputs["pools"]["main"]["id"]] != [old]
    stack.pulumi("preview", "--expect-no-changes")


def test_whoever_destroys_waits_for_nothing(stack: Stack, batch: BatchClient) -> None:
    """A pool that is taken out of the configuration has no successor: it goes, whatever runs on it."""
    main = {**POOL, "taskSlotsPerNode": 4}
    configure(stack, main=main, other=POOL)
    stack.pulumi(*UP)
    running(batch, stack.outputs["pools"]["other"]["id"], "destroyed", 2 * COMMAND_SECONDS)
    configure(stack, main=main)
    stack.pulumi(*UP)
    assert [pool.id for pool in batch.list_pools()] == [stack.outputs["pools"]["main"]["id"]]


def test_a_lock_goes_before_the_pools_it_holds(stack: Stack) -> None:
    """Taken out of the configuration together with a pool, it is deleted first; the pool follows."""
    configure(stack, main=POOL, other={**POOL, "minDedicated": 0})
    stack.pulumi(*UP)
    stack.configure("account", lock=True)
    stack.pulumi(*UP)
    assert kinds(stack) == ["ManagementLockByScope", "Pool", "Pool"]
    configure(stack, main=POOL)
    stack.configure("account", lock=False)
    stack.pulumi(*UP)
    assert kinds(stack) == ["Pool"]


def kinds(stack: Stack) -> list[str]:
    """The pools and locks of the stack."""
    every = sorted(one["type"].rpartition(":")[2] for one in stack.resources)
    return [kind for kind in every if kind in {"ManagementLockByScope", "Pool"}]
