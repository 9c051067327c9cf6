"""Nodes removed by name, and a resize that is stopped, over HTTP and by the SDK.

Documented in the REST reference: Pool - Remove Nodes, Pool - Stop Resize.
"""

from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from batch.harness import Account, wait_until
from batch.sdk import code_of


@pytest.mark.ours
def test_the_client_removes_a_node_and_waits_for_it(working: BatchClient) -> None:
    """The other one stays; the target is one lower."""
    first, second = working.list_nodes("Pool")
    options = models.BatchNodeRemoveOptions(node_ids=[first.id], node_deallocation_option="requeue")
    working.begin_remove_nodes("Pool", options, polling_interval=0).result()
    assert [node.id for node in working.list_nodes("Pool")] == [second.id]
    pool = working.get_pool("Pool")
    assert (pool.allocation_state, pool.target_dedicated_nodes, pool.resize_errors) == ("steady", 1, None)


@pytest.mark.documented
def test_conditions_and_names_are_checked_before_anything_is_removed(working: BatchClient) -> None:
    """Another ETag is 412, an unknown node 404."""
    first, _ = working.list_nodes("Pool")
    options = models.BatchNodeRemoveOptions(node_ids=[first.id])
    other: Any = {"etag": '"0x0"', "match_condition": MatchConditions.IfNotModified}
    with pytest.raises(HttpResponseError) as caught:
        working.begin_remove_nodes("Pool", options, **other)
    assert caught.value.status_code == 412
    with pytest.raises(HttpResponseError) as caught:
        working.begin_remove_nodes("Pool", models.BatchNodeRemoveOptions(node_ids=[first.id, "none"]))
    assert (caught.value.status_code, code_of(caught.value)) == (404, "NodeNotFound")
    assert len(list(working.list_nodes("Pool"))) == 2


@pytest.mark.documented
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"nodeList": []}, "nodeList"),
        ({"nodeList": ["n"] * 101}, "nodeList"),
        ({"nodeList": ["n"], "resizeTimeout": "PT1M"}, "resizeTimeout"),
        ({"nodeList": ["n"], "nodeDeallocationOption": "now"}, "nodeDeallocationOption"),
        ({}, "nodeList"),
    ],
)
def test_what_is_wrong_is_named(account: Account, body: Any, name: str) -> None:
    """At most 100 nodes, five minutes at least, a known option."""
    account.pool()
    answer = account.post("/pools/pool/removenodes", body)
    assert (answer.status, answer.values["PropertyName"]) == (400, name)


@pytest.mark.documented
def test_a_resize_is_stopped(account: Account, client: BatchClient) -> None:
    """Stopping until its nodes have settled, then steady, with the reason."""
    account.pool(nodes=1)
    account.job("hold")
    account.wait_for_running()
    waiting = {"targetDedicatedNodes": 0, "nodeDeallocationOption": "taskcompletion"}
    assert account.post("/pools/pool/resize", waiting).status == 202
    poller = client.begin_stop_pool_resize("pool", polling_interval=0)
    pool = client.get_pool("pool")
    assert pool.allocation_state == "stopping"
    assert [error.code for error in pool.resize_errors or ()] == ["ResizeStopped"]
    client.terminate_task("job", "t0")
    poller.result()
    wait_until(lambda: client.get_pool("pool").allocation_state == "steady", "the pool is steady")


@pytest.mark.ours
def test_a_steady_pool_has_no_resize_to_stop(account: Account) -> None:
    """It is a conflict."""
    account.pool(nodes=1)
    answer = account.post("/pools/pool/stopresize")
    assert (answer.status, answer.code) == (409, "OperationInvalidForCurrentState")
