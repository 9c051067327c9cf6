"""Reboot and reimage of a node over HTTP and by the SDK."""

from typing import Any

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from batch.harness import KEY, POOL, Account, wait_until

pytestmark = pytest.mark.documented  # REST reference: Node - Reboot, Node - Reimage

EPHEMERAL = POOL["virtualMachineConfiguration"] | {"osDisk": {"ephemeralOSDiskSettings": {"placement": "cachedisk"}}}


def node_of(account: Account) -> Any:
    """The pool's only node."""
    (found,) = account.get("/pools/pool/nodes").json["value"]
    return found


def idle_again(account: Account, before: Any) -> None:
    """The node has booted since, and is idle."""
    wait_until(
        lambda: node_of(account)["state"] == "idle" and node_of(account)["lastBootTime"] != before["lastBootTime"],
        "the node is up again",
    )
    assert node_of(account)["id"] == before["id"]


@pytest.mark.parametrize("body", [None, {}, {"nodeRebootOption": "taskcompletion"}])
def test_a_node_reboots(account: Account, body: Any) -> None:
    """202; it is rebooting when that answers, then comes back under its id."""
    account.pool(nodes=1)
    before = node_of(account)
    answer = account.post(f"/pools/pool/nodes/{before['id']}/reboot", body)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["dataserviceid"].endswith(f"/pools/pool/nodes/{before['id']}/reboot")
    idle_again(account, before)


def test_only_nodes_with_an_ephemeral_disk_are_reimaged(account: Account) -> None:
    """Any other is a conflict that says why."""
    account.pool(nodes=1, virtualMachineConfiguration=EPHEMERAL)
    before = node_of(account)
    assert account.post(f"/pools/pool/nodes/{before['id']}/reimage", {"nodeReimageOption": "requeue"}).status == 202
    idle_again(account, before)
    assert account.post("/pools", POOL | {"id": "plain", "targetDedicatedNodes": 1}).status == 201
    nodes = wait_until(lambda: account.get("/pools/plain/nodes").json["value"], "there is a node")
    answer = account.post(f"/pools/plain/nodes/{nodes[0]['id']}/reimage")
    assert (answer.status, answer.code) == (409, "OperationNotValidOnNode")


def test_what_is_wrong_is_named(account: Account) -> None:
    """The option, the node, the pool."""
    account.pool(nodes=1)
    path = f"/pools/pool/nodes/{node_of(account)['id']}/reboot"
    answer = account.post(path, {"nodeRebootOption": "now"})
    assert (answer.status, answer.values["PropertyName"]) == (400, "nodeRebootOption")
    assert account.post("/pools/pool/nodes/none/reboot").code == "NodeNotFound"
    assert account.post("/pools/none/nodes/none/reboot").code == "PoolNotFound"
    assert node_of(account)["state"] == "idle"


def test_the_client_waits_until_the_reboot_is_over(account: Account) -> None:
    """Its poller ends when the node is rebooting no more."""
    account.pool(nodes=1)
    client = BatchClient(account.endpoint, AzureNamedKeyCredential(account.name, KEY))
    before = node_of(account)
    options: Any = {"nodeRebootOption": "requeue"}
    client.begin_reboot_node("pool", before["id"], options, polling_interval=0).result()
    idle_again(account, before)
