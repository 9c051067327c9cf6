"""Extensions of a node by the SDK and over HTTP: the Application Health extension probes; others are refused."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import ResourceNotFoundError
from batch.harness import POOL, Account, wait_until
from batch.sdk import code_of, pool_options

from batchite.batch.extensions import on_node, probe

HEALTH: Mapping[str, Any] = {
    "name": "health",
    "publisher": "Microsoft.ManagedServices",
    "type": "ApplicationHealthLinux",
    "typeHandlerVersion": "1.0",
    "settings": {"protocol": "tcp", "port": 1},
}
PROPERTY = "virtualMachineConfiguration.extensions"


def pool_with(**changes: Any) -> dict[str, Any]:
    """The document of a pool with the extension, changed."""
    machine = POOL["virtualMachineConfiguration"] | {"extensions": [{**HEALTH, **changes}]}
    return POOL | {"virtualMachineConfiguration": machine}


@pytest.mark.documented
def test_the_client_reads_what_the_extension_finds(client: BatchClient) -> None:
    """The extension works, and says of the application whether it takes connections; by name and in the list."""
    with socket.create_server(("127.0.0.1", 0)) as application:
        options = pool_options(target_dedicated_nodes=1)
        port = application.getsockname()[1]
        given = dict(HEALTH) | {"settings": {"protocol": "tcp", "port": port}}
        assert options.virtual_machine_configuration is not None
        options.virtual_machine_configuration.extensions = [models.VMExtension(given)]
        client.create_pool(options)
        wait_until(lambda: [node.state for node in client.list_nodes("Pool")] == ["idle"], "the node is idle")
        (node,) = client.list_nodes("Pool")
        found = client.get_node_extension("Pool", node.id, "health")
        (listed,) = client.list_node_extensions("Pool", node.id)
        assert {**found.as_dict(), **listed.as_dict()} == found.as_dict()
        assert listed.as_dict()["vmExtension"] == given
        assert statuses(found) == ("ProvisioningState/succeeded", "ComponentStatus/AppHealthStatus/succeeded", "Info")
    closed = client.get_node_extension("Pool", node.id, "health")
    assert statuses(closed) == ("ProvisioningState/succeeded", "ComponentStatus/AppHealthStatus/failed", "Error")
    selected = list(client.list_node_extensions("Pool", node.id, max_results=5, select=["provisioningState"]))
    assert [one.as_dict() for one in selected] == [{"provisioningState": "Succeeded"}]
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_node_extension("Pool", node.id, "monitor")
    assert code_of(caught.value) == "ResourceNotFound"


def statuses(found: models.BatchNodeVMExtension) -> tuple[str | None, str | None, str | None]:
    """The code of the extension, and code and level of its application."""
    assert found.instance_view is not None
    assert found.instance_view.statuses
    assert found.instance_view.sub_statuses
    health = found.instance_view.sub_statuses[0]
    return found.instance_view.statuses[0].code, health.code, health.level


@pytest.mark.documented
@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 200\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        (b"SSH-2.0 200\r\n", False),
        (b"", False),
        (b"x" * 100_000, False),
    ],
)
def test_only_200_is_healthy_over_http(answer: bytes, *, healthy: bool) -> None:
    """Any other answer, and none, is not; the path is asked for with or without its slash."""
    asked: list[bytes] = []

    async def application(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(answer)
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(application, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            for path in ("health", "/health"):
                assert await probe({"protocol": "http", "port": port, "requestPath": path}) is healthy

    asyncio.run(scenario())
    assert asked == [b"GET /health HTTP/1.1\r\n"] * 2


@pytest.mark.ours
def test_a_node_that_starts_says_nothing_of_the_application() -> None:
    """It is being provisioned, as long as the node is not up."""
    found = asyncio.run(on_node(HEALTH, "starting"))
    assert found == {"provisioningState": "Creating", "vmExtension": HEALTH}


@pytest.mark.ours
@pytest.mark.parametrize(
    "changes",
    [
        {"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript"},
        {"type": "ApplicationHealthWindows"},
        {"protectedSettings": {"key": "hidden"}},
    ],
)
def test_other_extensions_are_refused_and_make_no_pool(account: Account, changes: dict[str, Any]) -> None:
    """501 that names the property and what is carried out, and repeats nothing."""
    answer = account.post("/pools", pool_with(**changes))
    assert (answer.status, answer.values["PropertyName"]) == (501, PROPERTY)
    assert "ApplicationHealthLinux" in answer.values["Reason"]
    assert b"hidden" not in answer.body
    assert account.get("/pools/pool/nodes/any/extensions").code == "PoolNotFound"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"protocol": "tcp"}, 400),
        ({"protocol": "tcp", "port": 80, "requestPath": "/"}, 400),
        ({"protocol": "http", "port": 80}, 400),
        ({"protocol": "udp", "port": 80}, 400),
        ({"protocol": "http", "requestPath": "/a b"}, 400),
        ({"protocol": "tcp", "port": 80, "numberOfProbes": 25}, 400),
        ({"protocol": "https", "requestPath": "/"}, 501),
        ({"protocol": "tcp", "port": 80, "numberOfProbes": 3}, 501),
    ],
)
def test_settings_that_do_not_fit_are_refused(account: Account, settings: dict[str, Any], status: int) -> None:
    """A port for tcp and no path, a path for http; what is valid but not honoured is 501."""
    assert account.post("/pools", pool_with(settings=settings)).status == status
    assert account.get("/pools").json["value"] == []


@pytest.mark.documented
def test_a_machine_has_a_type_of_extension_once(account: Account) -> None:
    """A second one is refused, as is another version."""
    machine = POOL["virtualMachineConfiguration"] | {"extensions": [HEALTH, {**HEALTH, "name": "again"}]}
    assert account.post("/pools", POOL | {"virtualMachineConfiguration": machine}).status == 400
    assert account.post("/pools", pool_with(typeHandlerVersion="2.0")).status == 501


@pytest.mark.ours
def test_the_node_and_the_selection_are_checked(account: Account) -> None:
    """404 and 400; a node of a pool without extensions has none."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    assert account.get("/pools/pool/nodes/none/extensions").code == "NodeNotFound"
    assert account.get("/pools/pool/nodes/none/extensions/monitor").code == "NodeNotFound"
    assert account.get(f"/pools/pool/nodes/{node['id']}/extensions").json["value"] == []
    assert account.get(f"/pools/pool/nodes/{node['id']}/extensions?$select=colour").status == 400
