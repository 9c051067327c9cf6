"""Records survive the store unchanged."""

from __future__ import annotations

import pytest

from batchite.records import erase, read_all, write
from batchite.scheduler.commands import Record
from batchite.scheduler.model import (
    AutoScale,
    AutoScaleRun,
    Detail,
    Failure,
    JobKey,
    JobState,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ResizeError,
    StartTaskPolicy,
    StartTaskState,
    TaskKey,
    TaskState,
)
from batchite.storage.memory import MemoryStore

pytestmark = pytest.mark.ours

POOL = PoolState(
    key=PoolKey("a", "p"),
    id="P",
    created_at=1.5,
    state="active",
    state_at=2.5,
    allocation="steady",
    allocation_at=3.5,
    target_dedicated=1,
    target_spot=2,
    slots_per_node=4,
    fill="pack",
    resize_timeout=900.0,
    autoscale=AutoScale("$TargetDedicatedNodes=1;", 300.0),
    autoscale_run=AutoScaleRun(4.5, "r", "code", "text", (Detail("n", "v"),)),
    start_task=StartTaskPolicy(wait_for_success=True, max_retries=-1),
    resize_errors=(ResizeError("AllocationFailed", "why", (Detail("n", "v"),)),),
    generation=7,
)
FAILURE = Failure("usererror", "FailureExitCode", "why", (Detail("Message", "exit code 1"),))
NODE = NodeState(
    key=NodeKey("a", "p", "n"),
    spot=True,
    state="idle",
    state_at=1.5,
    allocated_at=2.5,
    slots=4,
    booted_at=3.5,
    start_task=StartTaskState("completed", 1.5, 1, 2.5, 1, "failure", FAILURE, 2.0),
    ready=True,
    boot=2,
    failure=FAILURE,
)
JOB = JobState(
    key=JobKey("a", "j"),
    id="J",
    pool=POOL.key,
    pool_id="P",
    created_at=1.5,
    state="active",
    state_at=1.5,
    max_wall_clock=60.0,
    sequence=3,
)
TASK = TaskState(
    key=TaskKey("a", "j", "t"),
    id="T",
    created_at=1.5,
    state="completed",
    state_at=2.5,
    sequence=9,
    depends_on=("x", "y"),
    depends_on_ranges=((1, 2), (4, 9)),
    node=NODE.key,
    attempt=3,
    failure=FAILURE,
    result="failure",
)


@pytest.mark.parametrize("record", [POOL, NODE, JOB, TASK], ids=["pool", "node", "job", "task"])
def test_a_record_comes_back_equal(record: Record) -> None:
    """Nested values, keys and optional fields included, and of the same types."""
    store = MemoryStore()
    write(store, record)
    (back,) = read_all(store)
    assert back == record
    assert repr(back) == repr(record)


def test_an_erased_record_takes_its_document_with_it() -> None:
    """Nothing of a deleted pool stays in the store."""
    store = MemoryStore()
    write(store, POOL)
    store.put("pool.doc", "a/p", b"{}")
    erase(store, POOL.key)
    assert (store.get("pool.state", "a/p"), store.get("pool.doc", "a/p")) == (None, None)
