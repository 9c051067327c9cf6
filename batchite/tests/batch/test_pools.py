"""Scale settings and changes of a pool, as the control plane asks for them."""

from typing import Any

import pytest
from batch.harness import POOL, Account, wait_until

from batchite.batch import pools
from batchite.errors import ServiceError
from batchite.scheduler.events import ResizePool, SetAutoScale
from batchite.scheduler.model import AutoScale, PoolKey, PoolState

FORMULA = AutoScale("$TargetDedicatedNodes = 1;", 300.0)


def state(*, autoscale: AutoScale | None = None, allocation: str = "steady") -> PoolState:
    """A pool with two dedicated nodes as target."""
    return PoolState(PoolKey("a", "p"), "p", 0, "active", 0, allocation, 0, 2, 0, 1, "spread", 900, autoscale=autoscale)


@pytest.mark.ours
@pytest.mark.parametrize(
    ("present", "changes", "expected"),
    [
        (state(), {"metadata": []}, []),
        (state(), {"targetDedicatedNodes": 2, "targetLowPriorityNodes": 0}, []),
        (state(), {"targetDedicatedNodes": 3}, [ResizePool(PoolKey("a", "p"), 3, None, cause="c")]),
        (
            state(),
            {"enableAutoScale": True, "autoScaleFormula": FORMULA.formula, "autoScaleEvaluationInterval": "PT5M"},
            [SetAutoScale(PoolKey("a", "p"), FORMULA, "c")],
        ),
        (state(autoscale=FORMULA), {"autoScaleFormula": FORMULA.formula}, []),
        (
            state(autoscale=FORMULA),
            {"autoScaleFormula": "$TargetDedicatedNodes = 2;"},
            [SetAutoScale(PoolKey("a", "p"), AutoScale("$TargetDedicatedNodes = 2;", 300.0), "c")],
        ),
        (
            state(autoscale=FORMULA),
            {"enableAutoScale": False, "targetDedicatedNodes": 0},
            [SetAutoScale(PoolKey("a", "p"), None, "c"), ResizePool(PoolKey("a", "p"), 0, None, cause="c")],
        ),
    ],
)
def test_scale_events(present: PoolState, changes: dict[str, Any], expected: list[Any]) -> None:
    """Only what differs from the present settings becomes an event."""
    assert pools.scale_events(present, changes, "c") == expected


@pytest.mark.documented
def test_no_resize_while_resizing() -> None:
    """Fixed targets cannot be changed while the pool resizes; nothing is applied by half."""
    busy = state(autoscale=FORMULA, allocation="resizing")
    with pytest.raises(ServiceError) as refused:
        pools.scale_events(busy, {"enableAutoScale": False, "targetDedicatedNodes": 0}, "c")
    assert refused.value.code == "PoolBeingResized"


@pytest.mark.documented
def test_fixed_properties_cannot_be_updated(account: Account) -> None:
    """A property that is fixed for the pool's life is named in the refusal."""
    account.pool()
    service = account.server.service
    with pytest.raises(ServiceError) as refused:
        account.server.run(
            lambda: pools.update_pool(service, PoolKey(account.name, "pool"), {"vmSize": "other"}, cause="c")
        )
    assert (refused.value.code, refused.value.values["PropertyName"]) == ("PropertyCannotBeUpdated", "vmSize")


@pytest.mark.documented
def test_start_task_can_be_changed_and_removed(account: Account) -> None:
    """The start task is replaced, then removed by None, and shown with its defaults."""
    account.pool()
    key, service = PoolKey(account.name, "pool"), account.server.service
    new = {"startTask": {"commandLine": "exit 0"}}
    account.server.run(lambda: pools.update_pool(service, key, new, cause="c"))
    assert account.get("/pools/pool").json["startTask"]["waitForSuccess"] is True
    account.server.run(lambda: pools.update_pool(service, key, {"startTask": None}, cause="c"))
    assert "startTask" not in account.get("/pools/pool").json


@pytest.mark.documented
def test_failed_start_task_is_shown_on_the_node(account: Account) -> None:
    """A node whose start task fails says so, with exit code and reason, and stays out of work."""
    account.post("/pools", POOL | {"targetDedicatedNodes": 1, "startTask": {"commandLine": "exit 9"}})
    node = wait_until(
        lambda: account.get("/pools/pool/nodes?$filter=state%20eq%20'starttaskfailed'").json["value"],
        "the start task has failed",
    )[0]
    info = node["startTaskInfo"]
    assert (info["exitCode"], info["result"], info["failureInfo"]["code"]) == (9, "failure", "FailureExitCode")
    assert account.get("/nodecounts").json["value"][0]["dedicated"]["startTaskFailed"] == 1


@pytest.mark.documented
def test_autoscale_pool_cannot_be_resized_by_hand(account: Account) -> None:
    """A manual resize of an autoscale pool is a conflict."""
    account.post("/pools", POOL | {"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes = 0;"})
    answer = account.post("/pools/pool/resize", {"targetDedicatedNodes": 1})
    assert (answer.status, answer.code) == (409, "OperationInvalidForCurrentState")
    pool = account.get("/pools/pool").json
    assert (pool["enableAutoScale"], pool["autoScaleEvaluationInterval"]) == (True, "PT15M")
