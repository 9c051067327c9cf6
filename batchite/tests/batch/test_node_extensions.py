"""Extensions of a node by the SDK and over HTTP: a pool with extensions is refused, so no node has any."""

import pytest
from azure.batch import BatchClient
from azure.core.exceptions import ResourceNotFoundError
from batch.harness import POOL, Account
from batch.sdk import code_of

pytestmark = pytest.mark.ours


def test_no_node_has_an_extension(working: BatchClient) -> None:
    """An empty list; a name is not found, with its code."""
    node = next(iter(working.list_nodes("Pool")))
    assert list(working.list_node_extensions("Pool", node.id, max_results=5, select=["vmExtension"])) == []
    with pytest.raises(ResourceNotFoundError) as caught:
        working.get_node_extension("Pool", node.id, "monitor")
    assert code_of(caught.value) == "ResourceNotFound"


def test_a_pool_with_extensions_is_refused_and_has_no_nodes(account: Account) -> None:
    """501 that names the property: what the list would lack is not accepted silently."""
    wanted = {"name": "monitor", "publisher": "Publisher", "type": "Type"}
    machine = POOL["virtualMachineConfiguration"] | {"extensions": [wanted]}
    answer = account.post("/pools", POOL | {"virtualMachineConfiguration": machine})
    assert answer.status == 501
    assert answer.values["PropertyName"] == "virtualMachineConfiguration.extensions"
    assert account.get("/pools/pool/nodes/any/extensions").code == "PoolNotFound"


def test_the_node_and_the_selection_are_checked(account: Account) -> None:
    """404 and 400."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    assert account.get("/pools/pool/nodes/none/extensions").code == "NodeNotFound"
    assert account.get("/pools/pool/nodes/none/extensions/monitor").code == "NodeNotFound"
    assert account.get(f"/pools/pool/nodes/{node['id']}/extensions?$select=colour").status == 400
