"""Handlers of the node operations."""

from __future__ import annotations

from functools import partial

from batchite.batch import pools, render
from batchite.batch.answers import one
from batchite.batch.context import POOL, Context, stored
from batchite.batch.options import list_page
from batchite.batch.resources import NODE
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
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
    return render.node(document, state, slots) | {"url": f"{base_url}/pools/{pool.id}/nodes/{state.key.node}"}
