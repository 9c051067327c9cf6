"""The doors of nodes as the data plane sees them: which ports they may have, where they are noted, what is shown."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch.context import NODE, Context, Logins, document_key, stored
from batchite.errors import ServiceError
from batchite.http.types import Json
from batchite.scheduler.model import NodeKey, NodeState
from batchite.scheduler.reboots import UNDER_WAY
from batchite.service import BatchService, Document

ADDRESS, HOST = "127.0.0.1", "localhost"
SSH_PORT = 22
WITHOUT_MACHINE = frozenset({"creating", "preempted", "deallocating", "deallocated", "leavingpool"})


async def door(context: Context, pool_document: Mapping[str, Json], node: NodeState) -> int:
    """The port of the node's door, opened and noted if need be. Raises a 409 when it can have none."""
    require_machine(node)
    known = context.logins.port(node.key)
    if known is not None:
        return known
    try:
        port = context.logins.open(node.key, ports(context.service, pool_document, node.key))
    except LookupError:
        text = "None of the ports of the pool's inbound NAT pool for port 22 is free on this machine."
        raise ServiceError("OperationInvalidForCurrentState", text) from None
    await context.service.save(Document(NODE, document_key(node.key), {"sshPort": port}))
    return port


def require_machine(node: NodeState) -> None:
    """Raise a 409 for a node that has no machine."""
    if node.state in WITHOUT_MACHINE:
        code = UNDER_WAY.get(node.state, "OperationInvalidForCurrentState")
        raise ServiceError(code, f"The node is {node.state}: it has no machine.")


def ports(service: BatchService, pool_document: Mapping[str, Json], node: NodeKey) -> list[int]:
    """Which ports the node's door may have: the one it had, then those of the pool's NAT pool for SSH, or any."""
    noted = stored(service, NODE, node).get("sshPort")
    nat = _nat_pool(pool_document)
    free = range(nat["frontendPortRangeStart"], nat["frontendPortRangeEnd"] + 1) if nat else (0,)
    return [*([noted] if noted else []), *free]


def reopen(service: BatchService, logins: Logins) -> list[NodeKey]:
    """Open the doors of an earlier run at their ports; those nodes whose port somebody else has taken."""
    taken = []
    for node in service.nodes:
        noted = stored(service, NODE, node).get("sshPort")
        if noted:
            try:
                logins.open(node, [noted])
            except LookupError:
                taken.append(node)
    return taken


def endpoints(pool_document: Mapping[str, Json], port: int | None) -> dict[str, Json]:
    """`endpointConfiguration` of a node: its door, once it has one."""
    if port is None:
        return {}
    name = (_nat_pool(pool_document) or {"name": "SSHRule"})["name"]
    endpoint = {
        "name": name,
        "protocol": "tcp",
        "publicIPAddress": ADDRESS,
        "publicFQDN": HOST,
        "frontendPort": port,
        "backendPort": SSH_PORT,
    }
    return {"endpointConfiguration": {"inboundEndpoints": [endpoint]}}


def _nat_pool(pool_document: Mapping[str, Json]) -> Mapping[str, Json] | None:
    network = pool_document.get("networkConfiguration") or {}
    pools = (network.get("endpointConfiguration") or {}).get("inboundNATPools") or []
    return next((pool for pool in pools if pool["backendPort"] == SSH_PORT and pool["protocol"] == "tcp"), None)
