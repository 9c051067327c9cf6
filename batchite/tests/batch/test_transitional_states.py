"""What a poller asks: right after the 202 the state is the transitional one, or already what follows it.

All 14 operations for which the client has a poller, and what it reads. An agent that never answers keeps the state.
"""

from dataclasses import dataclass

import pytest
from batch.harness import Account, Server, wait_until

pytestmark = pytest.mark.documented  # REST reference: states of pools, nodes, jobs and job schedules

JOB, SCHEDULE, POOL, NODE = "/jobs/job", "/jobschedules/schedule", "/pools/pool", "/pools/pool/nodes/{node}"

SLOWLY = {"targetDedicatedNodes": 0, "nodeDeallocationOption": "taskcompletion"}


@dataclass(frozen=True, slots=True)
class Row:
    """An operation on `thing`, asked for by `action`, after the actions `before`; `states` may be seen after it."""

    action: str
    thing: str
    states: str
    body: object = None
    before: tuple[tuple[str, object], ...] = ()
    field: str = "state"


ROWS = (
    Row("DELETE", JOB, "deleting"),
    Row("terminate", JOB, "terminating", {"terminateReason": "enough"}),
    Row("disable", JOB, "disabling", {"disableTasks": "terminate"}),
    Row("enable", JOB, "enabling active", before=(("disable", {"disableTasks": "requeue"}),)),
    Row("DELETE", SCHEDULE, "deleting"),
    Row("terminate", SCHEDULE, "terminating"),
    Row("DELETE", POOL, "deleting"),
    Row("resize", POOL, "resizing", {"targetDedicatedNodes": 3}, field="allocationState"),
    Row("stopresize", POOL, "stopping steady", None, (("resize", SLOWLY),), "allocationState"),
    Row("removenodes", POOL, "resizing", {"nodeList": ["{node}"]}, field="allocationState"),
    Row("reboot", NODE, "rebooting", {"nodeRebootOption": "requeue"}),
    Row("reimage", NODE, "reimaging", {"nodeReimageOption": "requeue"}),
    Row("deallocate", NODE, "deallocating", {"nodeDeallocateOption": "requeue"}),
    Row("start", NODE, "starting", before=(("deallocate", {"nodeDeallocateOption": "requeue"}),)),
)


@pytest.fixture
def node(account: Account) -> str:
    """The node of a pool, with a job and a job schedule at work on it."""
    account.pool(nodes=1, taskSlotsPerNode=2, virtualMachineConfiguration=ephemeral())
    account.job("hold")
    account.wait_for_running()
    manager = {"id": "manager", "commandLine": "hold", "runExclusive": False}
    jobs = {"jobManagerTask": manager, "poolInfo": {"poolId": "pool"}}
    assert account.post("/jobschedules", {"id": "schedule", "schedule": {}, "jobSpecification": jobs}).status == 201
    task = "/jobs/schedule:job-1/tasks/manager"
    wait_until(lambda: account.get(task).json["state"] == "running", "the job manager runs")
    return str(account.get("/pools/pool/nodes").json["value"][0]["id"])


def ephemeral() -> dict[str, object]:
    """A machine that can be reimaged."""
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
    disk = {"ephemeralOSDiskSettings": {"placement": "cachedisk"}}
    return {"imageReference": image, "nodeAgentSKUId": "batch.node.ubuntu 24.04", "osDisk": disk}


def ask(account: Account, row: Row, action: str, body: object, node: str) -> int:
    """The status of the answer."""
    target = row.thing.format(node=node)
    if action == "DELETE":
        return account.call("DELETE", target).status
    sent = {"nodeList": [node]} if action == "removenodes" else body
    return account.post(f"{target}/{action}", sent).status


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.thing.split('/')[-1].strip('{}')} {row.action.lower()}")
def test_the_state_is_there_with_the_202(
    account: Account, server: Server, node: str, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    """With a later time of transition, and of jobs and schedules the state before it."""
    thing = row.thing.format(node=node)
    for action, body in row.before:
        assert ask(account, row, action, body, node) == 202
        if action != "resize":
            wait_until(lambda: account.get(thing).json["state"] in {"disabled", "deallocated"}, "it is settled")
    was = account.get(thing).json
    for name in ("stop_task", "remove_node", "prepare_node"):
        monkeypatch.setattr(server.agent, name, lambda *_, **__: None)
    assert ask(account, row, row.action, row.body, node) == 202
    seen = account.get(thing).json
    moved = f"{row.field}TransitionTime"
    assert seen[row.field] in row.states.split()
    assert seen[moved] > was[moved]
    if row.thing in {JOB, SCHEDULE} and " " not in row.states:
        assert (seen["previousState"], seen["previousStateTransitionTime"]) == (was["state"], was[moved])
