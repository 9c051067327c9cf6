"""The Application Health extension of a real node, whose application is a task."""

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.batch import BatchClient, models
from servers import RunningServer, job, pool, task, wait_until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of its own that can be killed."""
    tmp_path.chmod(0o711)
    running = RunningServer(tmp_path, "--time-scale=600")
    yield running
    running.kill()


def health(client: BatchClient) -> str:
    """What the only node's extension says of the application: the end of its code."""
    (node,) = client.list_nodes("pool")
    view = client.get_node_extension("pool", node.id, "health").instance_view
    return str(view.sub_statuses[0].code).rpartition("/")[2] if view and view.sub_statuses else "none"


def free_port() -> int:
    """One that nobody listens on, and that no connection gets meanwhile: below those that the system hands out."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


@pytest.mark.documented
def test_the_extension_tells_whether_a_tasks_server_answers(own: RunningServer) -> None:
    """Unhealthy before, healthy while it serves, unhealthy after, and still there after a kill of the server."""
    port, client = free_port(), own.client()
    options = pool("pool", dedicated=1)
    assert options.virtual_machine_configuration is not None
    options.virtual_machine_configuration.extensions = [
        models.VMExtension(
            {
                "name": "health",
                "publisher": "Microsoft.ManagedServices",
                "type": "ApplicationHealthLinux",
                "typeHandlerVersion": "1.0",
                "settings": {"protocol": "http", "port": port, "requestPath": "/"},
            }
        )
    ]
    client.create_pool(options)
    client.create_job(job("job", "pool"))
    wait_until(lambda: [node.state for node in client.list_nodes("pool")] == ["idle"], "the node is idle")
    assert health(client) == "failed"
    client.create_task("job", task("web", f"python3 -m http.server {port} --bind 127.0.0.1"))
    wait_until(lambda: health(client) == "succeeded", "the application answers")
    client.terminate_task("job", "web")
    wait_until(lambda: health(client) == "failed", "the application answers no more")
    own.kill()
    own.start()
    wait_until(lambda: health(own.client()) == "failed", "the node tells of its extension again")
