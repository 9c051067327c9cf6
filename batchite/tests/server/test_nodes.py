"""What clients did to nodes outlasts a kill of the server."""

from typing import Any

import pytest
from servers import pool, server, wait_until

pytestmark = pytest.mark.ours


def test_nodes_come_back_from_a_kill_as_they_were() -> None:
    """One that was disabled is offline, one that was deallocated is so and can be started; users are there."""
    disabled: Any = {"nodeDisableSchedulingOption": "requeue"}
    given_back: Any = {"nodeDeallocateOption": "requeue"}
    user: Any = {"name": "ann", "password": "of this test"}
    with server("--time-scale=600") as running:
        client = running.client()
        client.create_pool(pool("pool", dedicated=3))
        up = ["idle"] * 3
        wait_until(lambda: [node.state for node in client.list_nodes("pool")] == up, "the nodes are up")
        off, gone, _ = (node.id for node in client.list_nodes("pool"))
        client.disable_node_scheduling("pool", off, disabled)
        client.begin_deallocate_node("pool", gone, given_back, polling_interval=0).result()
        left = next(node.id for node in client.list_nodes("pool") if node.state == "idle")
        client.create_node_user("pool", left, user)
        running.kill()
        running.start()
        client = running.client()
        seen = {node.id: (node.state, node.scheduling_state) for node in client.list_nodes("pool")}
        assert seen == {off: ("offline", "disabled"), gone: ("deallocated", "enabled"), left: ("idle", "enabled")}
        client.delete_node_user("pool", left, "ann")
        client.begin_start_node("pool", gone, polling_interval=0).result()
        wait_until(lambda: client.get_node("pool", gone).state == "idle", "the node is up again")
