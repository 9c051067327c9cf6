"""Where one logs in to a node, over HTTP and by the SDK."""

import socket
from typing import Any

import pytest
from azure.batch import BatchClient
from batch.harness import Account, wait_until

RANGE = 100


def nat_pool(**fields: Any) -> dict[str, Any]:
    """A network with an inbound NAT pool for SSH."""
    nat = {"name": "ssh", "protocol": "tcp", "backendPort": 22, **fields}
    return {"networkConfiguration": {"endpointConfiguration": {"inboundNATPools": [nat]}}}


@pytest.mark.documented
def test_a_node_has_a_port_to_log_in_at(working: BatchClient) -> None:
    """The same at every call; the node shows it as an endpoint, from then on."""
    first, second = working.list_nodes("Pool")
    assert working.get_node("Pool", first.id).endpoint_configuration is None
    settings = working.get_node_remote_login_settings("Pool", first.id)
    assert (settings.remote_login_ip_address, settings.ipv6_remote_login_ip_address) == ("127.0.0.1", None)
    assert working.get_node_remote_login_settings("Pool", first.id).remote_login_port == settings.remote_login_port
    assert working.get_node_remote_login_settings("Pool", second.id).remote_login_port != settings.remote_login_port
    found = working.get_node("Pool", first.id).endpoint_configuration
    assert found is not None
    (endpoint,) = found.inbound_endpoints
    assert (endpoint.protocol, endpoint.backend_port) == ("tcp", 22)
    assert endpoint.frontend_port == settings.remote_login_port


@pytest.mark.documented
def test_the_port_is_one_of_the_pools_nat_pool(account: Account) -> None:
    """Its name shows at the node."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        start = min(taken.getsockname()[1], 49000)
        account.pool(nodes=1, **nat_pool(frontendPortRangeStart=start, frontendPortRangeEnd=start + RANGE))
        (node,) = account.get("/pools/pool/nodes").json["value"]
        path = f"/pools/pool/nodes/{node['id']}"
        port = account.get(f"{path}/remoteloginsettings").json["remoteLoginPort"]
        assert start <= port <= start + RANGE
        assert port != taken.getsockname()[1]
    (endpoint,) = account.get(f"{path}?$select=endpointConfiguration").json["endpointConfiguration"]["inboundEndpoints"]
    assert (endpoint["name"], endpoint["frontendPort"]) == ("ssh", port)


@pytest.mark.ours
def test_a_node_without_a_machine_has_no_port(account: Account) -> None:
    """409 that names its state."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    path = f"/pools/pool/nodes/{node['id']}"
    account.post(f"{path}/deallocate")
    wait_until(lambda: account.get(path).json["state"] == "deallocated", "it has no machine")
    answer = account.get(f"{path}/remoteloginsettings")
    assert (answer.status, answer.code) == (409, "OperationInvalidForCurrentState")
    assert account.get("/pools/pool/nodes/none/remoteloginsettings").code == "NodeNotFound"
