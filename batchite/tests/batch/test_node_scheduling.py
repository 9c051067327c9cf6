"""Scheduling on a node disabled and enabled, over HTTP and by the SDK."""

from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError
from batch.harness import Account, wait_until
from batch.sdk import code_of, finish

pytestmark = pytest.mark.documented  # REST reference: Node - Disable Scheduling, Node - Enable Scheduling

OPTION: Any = {"nodeDisableSchedulingOption": "requeue"}  # without one the client raises ValueError before any request


def test_a_disabled_node_is_offline_and_takes_no_task(working: BatchClient) -> None:
    """Tasks run on the other node; enabled again, it is idle."""
    first, second = working.list_nodes("Pool")
    working.disable_node_scheduling("Pool", first.id, OPTION)
    seen = working.get_node("Pool", first.id)
    assert (seen.state, seen.scheduling_state) == ("offline", "disabled")
    (counts,) = working.list_pool_node_counts()
    assert counts.dedicated is not None
    assert counts.dedicated.offline == 1
    for name in ("a", "b", "c"):
        working.create_task("Job", models.BatchTaskCreateOptions(id=name, command_line="true"))
        info = finish(working, name).node_info
        assert info is not None
        assert info.node_id == second.id
    working.enable_node_scheduling("Pool", first.id)
    seen = working.get_node("Pool", first.id)
    assert (seen.state, seen.scheduling_state) == ("idle", "enabled")


def test_the_running_task_of_a_disabled_node_ends_as_asked(account: Account) -> None:
    """Terminated: TaskEnded, and the node is offline."""
    account.pool(nodes=1)
    account.job("hold")
    (node,) = account.get("/pools/pool/nodes").json["value"]
    account.wait_for_running()
    path = f"/pools/pool/nodes/{node['id']}"
    answer = account.post(f"{path}/disablescheduling", {"nodeDisableSchedulingOption": "terminate"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["dataserviceid"].endswith(f"{path}/disablescheduling")
    assert account.get(path).json["schedulingState"] == "disabled"
    wait_until(lambda: account.get(path).json["state"] == "offline", "the node is offline")
    assert account.finished()["executionInfo"]["failureInfo"]["code"] == "TaskEnded"


def test_what_is_wrong_is_named(working: BatchClient, account: Account) -> None:
    """The present state, the option, the node."""
    node = next(iter(working.list_nodes("Pool")))
    with pytest.raises(HttpResponseError) as caught:
        working.enable_node_scheduling("Pool", node.id)
    assert (caught.value.status_code, code_of(caught.value)) == (409, "NodeAlreadyInTargetSchedulingState")
    path = f"/pools/pool/nodes/{node.id}/disablescheduling"
    answer = account.post(path, {"nodeDisableSchedulingOption": "retaineddata"})
    assert (answer.status, answer.values["PropertyName"]) == (400, "nodeDisableSchedulingOption")
    assert account.post("/pools/pool/nodes/none/disablescheduling").code == "NodeNotFound"
