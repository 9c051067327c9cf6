"""Every documented property of a node."""

from typing import Any
from urllib.parse import quote

import pytest
from batch.harness import POOL, Account, wait_until

pytestmark = pytest.mark.documented  # REST reference: Nodes - Get Node, BatchNode; "Efficient queries" for the filters

ALWAYS = {
    "id", "url", "state", "schedulingState", "stateTransitionTime", "lastBootTime", "allocationTime", "ipAddress",
    "affinityId", "vmSize", "totalTasksRun", "runningTasksCount", "runningTaskSlotsCount", "totalTasksSucceeded",
    "isDedicated", "nodeAgentInfo", "virtualMachineInfo",
}  # fmt: skip
START = {"commandLine": "exit 0", "waitForSuccess": True, "maxTaskRetryCount": 2}


def first_node(account: Account) -> Any:
    """A node of the pool."""
    return account.get("/pools/pool/nodes").json["value"][0]


def test_a_node_has_all_properties_that_apply(account: Account) -> None:
    """Those of tasks and the start task once there are such; endpoints once it has one; no errors without any."""
    account.pool(nodes=1)
    node = first_node(account)
    assert set(node) == ALWAYS
    assert set(node["nodeAgentInfo"]) == {"version", "lastUpdateTime"}
    assert node["virtualMachineInfo"]["imageReference"] == POOL["virtualMachineConfiguration"]["imageReference"]
    account.job("exit 0")
    account.finished()
    account.get(f"/pools/pool/nodes/{node['id']}/remoteloginsettings")
    node = first_node(account)
    assert set(node) == ALWAYS | {"recentTasks", "endpointConfiguration"}
    assert (node["totalTasksRun"], node["totalTasksSucceeded"], node["runningTasksCount"]) == (1, 1, 0)


@pytest.mark.parametrize(("command", "state"), [("exit 0", "idle"), ("exit 5", "starttaskfailed")])
def test_a_start_task_shows_how_it_went(account: Account, command: str, state: str) -> None:
    """Its retries, its code and why it failed."""
    document = POOL | {"targetDedicatedNodes": 1, "startTask": START | {"commandLine": command}}
    assert account.post("/pools", document).status == 201
    wait_until(
        lambda: (found := account.get("/pools/pool/nodes").json["value"]) and found[0]["state"] == state, "it is"
    )
    info = first_node(account)["startTaskInfo"]
    times = {"startTime", "endTime"}
    if state == "idle":
        assert set(info) == times | {"state", "exitCode", "result", "retryCount"}
        assert (info["state"], info["exitCode"], info["result"], info["retryCount"]) == ("completed", 0, "success", 0)
    else:
        assert set(info) == times | {"state", "exitCode", "result", "retryCount", "lastRetryTime", "failureInfo"}
        assert (info["exitCode"], info["result"], info["retryCount"]) == (5, "failure", 2)
        assert (info["failureInfo"]["category"], info["failureInfo"]["code"]) == ("usererror", "FailureExitCode")


@pytest.mark.parametrize(
    ("filter_", "count"),
    [
        ("state eq 'idle'", 2),
        ("schedulingState eq 'disabled'", 0),
        ("vmSize eq 'standard_d2s_v5' and isDedicated eq true", 2),
        ("totalTasksRun ge 1", 0),
        ("lastBootTime gt DateTime'2020-01-01T00:00:00Z'", 2),
        ("allocationTime lt DateTime'2020-01-01T00:00:00Z'", 0),
        ("startTaskInfo/exitCode eq 0 and startTaskInfo/state eq 'completed'", 2),
        ("startTaskInfo/retryCount gt 0 or startTaskInfo/result eq 'failure'", 0),
    ],
)
def test_nodes_are_filtered_and_selected(account: Account, filter_: str, count: int) -> None:
    """By each kind of property."""
    account.pool(nodes=2, startTask=START)
    found = account.get(f"/pools/pool/nodes?$filter={quote(filter_)}&$select=id,nodeAgentInfo").json["value"]
    assert [set(node) for node in found] == [{"id", "nodeAgentInfo"}] * count
