"""Handlers of the node operations."""

from __future__ import annotations

from functools import partial

from batchite.batch import documents, extensions, logins, pools, render
from batchite.batch.answers import done, one
from batchite.batch.bodies import read_body
from batchite.batch.context import POOL, Context, stored
from batchite.batch.options import list_page
from batchite.batch.recent_tasks import recent_tasks
from batchite.batch.resources import EXTENSION, NODE
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
from batchite.scheduler.events import DeallocateNode, DisableNode, EnableNode, RestartNode, StartNode
from batchite.scheduler.model import NodeKey, NodeState, PoolState


async def list_nodes(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes, in the order of their ids."""
    pool = pools.existing(context.service, request.account, request.params["poolId"])
    document = stored(context.service, POOL, pool.key)
    states = sorted(context.service.nodes_of(pool.key), key=lambda state: state.key)
    rows = ((state.key.node, partial(_render, context, document, pool, state, request.base_url)) for state in states)
    return Response(200, list_page(request, NODE, rows))


async def get_node(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}."""
    pool, state = find_node(context, request)
    document = stored(context.service, POOL, pool.key)
    return one(request, NODE, _render(context, document, pool, state, request.base_url))


async def reboot_node(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/reboot: rebooting when this answers; its files stay."""
    _, state = find_node(context, request)
    option = read_body(request, documents.REBOOT, optional=True).get("nodeRebootOption", "requeue")
    return await _restart(context, request, RestartNode(state.key, "rebooting", option, request.cause))


async def reimage_node(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/reimage: reimaging when this answers; its files go.

    Valid for nodes with an ephemeral OS disk. Source: "Use ephemeral OS disk nodes for Azure Batch pools".
    """
    pool, state = find_node(context, request)
    option = read_body(request, documents.REIMAGE, optional=True).get("nodeReimageOption", "requeue")
    machine = stored(context.service, POOL, pool.key).get("virtualMachineConfiguration", {})
    if "ephemeralOSDiskSettings" not in machine.get("osDisk", {}):
        raise ServiceError("OperationNotValidOnNode", "Only a node with an ephemeral OS disk can be reimaged.")
    return await _restart(context, request, RestartNode(state.key, "reimaging", option, request.cause))


async def deallocate_node(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/deallocate: deallocating when this answers; its files go."""
    _, state = find_node(context, request)
    option = read_body(request, documents.DEALLOCATE, optional=True).get("nodeDeallocateOption", "requeue")
    return await _restart(context, request, DeallocateNode(state.key, option, request.request_id))


async def start_node(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/start: a deallocated node is starting when this answers."""
    _, state = find_node(context, request)
    return await _restart(context, request, StartNode(state.key, request.request_id))


async def disable_node_scheduling(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/disablescheduling: no new tasks; offline once it runs none."""
    _, state = find_node(context, request)
    body = read_body(request, documents.DISABLE_SCHEDULING, optional=True)
    option = body.get("nodeDisableSchedulingOption", "requeue")
    await context.service.apply(DisableNode(state.key, option, request.cause))
    return done(200, request)


async def enable_node_scheduling(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/enablescheduling."""
    _, state = find_node(context, request)
    await context.service.apply(EnableNode(state.key, request.cause))
    return done(200, request)


async def list_node_extensions(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}/extensions: those of its pool."""
    found = await _extensions(context, request)
    return Response(200, list_page(request, EXTENSION, ((name, partial(dict, item)) for name, item in found.items())))


async def get_node_extension(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}/extensions/{extensionName}, with what it finds now."""
    found, name = await _extensions(context, request), request.params["extensionName"]
    if name not in found:
        raise ServiceError("ResourceNotFound", f"The node has no extension {name}.")
    return one(request, EXTENSION, found[name])


async def _extensions(context: Context, request: Request) -> dict[str, dict[str, Json]]:
    """Those of the node that the path names, by their names."""
    pool, state = find_node(context, request)
    wanted = stored(context.service, POOL, pool.key).get("virtualMachineConfiguration", {}).get("extensions", ())
    return {given["name"]: await extensions.on_node(given, state.state) for given in wanted}


async def _restart(context: Context, request: Request, event: RestartNode | DeallocateNode | StartNode) -> Response:
    await context.service.apply(event)
    return done(202, request)


def find_node(context: Context, request: Request) -> tuple[PoolState, NodeState]:
    """The pool and the node the path names. Raises PoolNotFound or NodeNotFound."""
    pool = pools.existing(context.service, request.account, request.params["poolId"])
    state = context.service.nodes.get(NodeKey(*pool.key, request.params["nodeId"].lower()))
    if state is None:
        raise ServiceError("NodeNotFound")
    return pool, state


def _render(
    context: Context, document: dict[str, Json], pool: PoolState, state: NodeState, base_url: str
) -> dict[str, Json]:
    slots = tuple(context.service.tasks_on(state.key).values())
    port = context.logins.port(state.key)
    shown = render.node(document, state, slots) | logins.endpoints(document, port)
    url = {"url": f"{base_url}/pools/{pool.id}/nodes/{state.key.node}"}
    return shown | url | recent_tasks(context.service, state.key, base_url)
