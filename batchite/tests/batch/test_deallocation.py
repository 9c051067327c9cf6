"""Nodes deallocated and started, over HTTP and by the SDK."""

from typing import Any

import pytest
from azure.batch import BatchClient, models
from batch.harness import Account, wait_until
from batch.sdk import finish

pytestmark = pytest.mark.documented  # REST reference: Nodes - Deallocate Node, Nodes - Start Node

OPTION: Any = {"nodeDeallocateOption": "requeue"}  # without one the client raises ValueError before any request


def test_a_node_is_deallocated_and_started(working: BatchClient) -> None:
    """The client's pollers end; counts say so; tasks run on the other node meanwhile, and on it later."""
    first, second = working.list_nodes("Pool")
    working.begin_deallocate_node("Pool", first.id, OPTION, polling_interval=0).result()
    seen = working.get_node("Pool", first.id)
    assert seen.state == "deallocated"
    (counts,) = working.list_pool_node_counts()
    assert counts.dedicated is not None
    assert (counts.dedicated.deallocated, counts.dedicated.idle, counts.dedicated.total) == (1, 1, 2)
    pool = working.get_pool("Pool")
    assert (pool.current_dedicated_nodes, pool.allocation_state) == (2, "steady")
    working.create_task("Job", models.BatchTaskCreateOptions(id="a", command_line="true"))
    info = finish(working, "a").node_info
    assert info is not None
    assert info.node_id == second.id
    working.begin_start_node("Pool", first.id, polling_interval=0).result()
    wait_until(lambda: working.get_node("Pool", first.id).state == "idle", "the node is up again")


@pytest.mark.parametrize("body", [None, {}, {"nodeDeallocateOption": "terminate"}])
def test_a_node_is_deallocating_when_the_request_is_answered(account: Account, body: Any) -> None:
    """202 without a body; its task ends as asked."""
    account.pool(nodes=1)
    account.job("hold")
    (node,) = account.get("/pools/pool/nodes").json["value"]
    account.wait_for_running()
    path = f"/pools/pool/nodes/{node['id']}"
    answer = account.post(f"{path}/deallocate", body)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["dataserviceid"].endswith(f"{path}/deallocate")
    assert account.get(path).json["state"] in {"deallocating", "deallocated"}
    wait_until(lambda: account.get(path).json["state"] == "deallocated", "the node has no machine")
    assert account.get("/jobs/job/tasks/t0").json["state"] == ("completed" if body else "active")


def test_what_is_wrong_is_named(account: Account) -> None:
    """The option, the state, the node, the pool."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    path = f"/pools/pool/nodes/{node['id']}"
    answer = account.post(f"{path}/deallocate", {"nodeDeallocateOption": "now"})
    assert (answer.status, answer.values["PropertyName"]) == (400, "nodeDeallocateOption")
    answer = account.post(f"{path}/start")
    assert (answer.status, answer.code) == (409, "OperationInvalidForCurrentState")
    assert account.post("/pools/pool/nodes/none/deallocate").code == "NodeNotFound"
    assert account.post("/pools/none/nodes/none/start").code == "PoolNotFound"
