"""Handlers of the operations that let people into nodes."""

from __future__ import annotations

import asyncio

from batchite.batch import logins, node_users
from batchite.batch.answers import address, created, done, entity, own_url
from batchite.batch.bodies import read_body
from batchite.batch.context import POOL, Context, stored
from batchite.batch.node_handlers import find_node
from batchite.errors import ServiceError
from batchite.http.types import Request, Response
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.events import DeleteNodeUser, PutNodeUser


async def create_node_user(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/nodes/{nodeId}/users."""
    pool, node = find_node(context, request)
    body = read_body(request, node_users.CREATE)
    now = context.service.now().wire
    user = await asyncio.to_thread(node_users.user, body["name"], body, now, admin=body.get("isAdmin", False))
    await context.service.apply(PutNodeUser(node.key, user, cause=request.request_id))
    return created(address(request, "pools", pool.id, "nodes", node.key.node, "users", user.name))


async def replace_node_user(context: Context, request: Request) -> Response:
    """PUT /pools/{poolId}/nodes/{nodeId}/users/{userName}: what is not given gets its default, rights stay."""
    _, node = find_node(context, request)
    known = _known(node.users, request.params["userName"])
    body = read_body(request, node_users.REPLACE)
    now = context.service.now().wire
    user = await asyncio.to_thread(node_users.user, known.name, body, now, admin=known.admin)
    await context.service.apply(PutNodeUser(node.key, user, replaces=True, cause=request.request_id))
    return done(200, request)


async def delete_node_user(context: Context, request: Request) -> Response:
    """DELETE /pools/{poolId}/nodes/{nodeId}/users/{userName}: new logins are refused."""
    _, node = find_node(context, request)
    name = _known(node.users, request.params["userName"]).name
    await context.service.apply(DeleteNodeUser(node.key, name, request.request_id))
    return done(200, request)


async def get_node_remote_login_settings(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}/remoteloginsettings: where users log in; the door opens when first asked."""
    pool, node = find_node(context, request)
    port = await logins.door(context, stored(context.service, POOL, pool.key), node)
    item = {"remoteLoginIPAddress": logins.ADDRESS, "remoteLoginPort": port}
    metadata = {"odata.metadata": entity(request, "RemoteLoginSettings")}
    return Response(200, metadata | item, {"dataserviceid": own_url(request)})


def _known(users: tuple[NodeUser, ...], name: str) -> NodeUser:
    found = next((user for user in users if user.name == name), None)
    if found is None:
        raise ServiceError("NodeUserNotFound")
    return found
