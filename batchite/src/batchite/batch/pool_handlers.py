"""Handlers of the pool operations."""

from __future__ import annotations

from functools import partial
from typing import cast

from batchite import autoscale
from batchite.batch import documents, machine, pools, render, statistics
from batchite.batch.answers import address, created, done, entity, one, own_url
from batchite.batch.applications import check_references
from batchite.batch.bodies import read_body
from batchite.batch.conditions import check_conditions
from batchite.batch.context import POOL, Context, document_key, stored, version
from batchite.batch.images import SUPPORTED_IMAGES
from batchite.batch.options import list_page
from batchite.batch.resources import IMAGE, NODE_COUNTS
from batchite.batch.resources import POOL as POOLS
from batchite.batch.versions import TARGET_MODE
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
from batchite.scheduler.autoscaling import to_run
from batchite.scheduler.events import ResizePool, SetAutoScale, StopResize
from batchite.scheduler.model import PoolKey, PoolState
from batchite.service import Document


async def create_pool(context: Context, request: Request) -> Response:
    """POST /pools."""
    body = read_body(request, documents.POOL)
    _check_packages(context, request, body)
    account = context.accounts.find(request.account)
    key = await pools.create_pool(
        context.service,
        request.account,
        body,
        cause=request.cause,
        quota=account.core_quota if account else None,
        most=account.pool_quota if account else None,
    )
    return created(address(request, "pools", body["id"]), version(context.service, POOL, key))


async def list_pools(context: Context, request: Request) -> Response:
    """GET /pools, in the order of their ids."""
    keys = sorted(key for key in context.service.pools if key.account == request.account)
    rows = ((key.pool, partial(_render, context, request, key)) for key in keys)
    return Response(200, list_page(request, POOLS, rows))


async def get_pool(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}."""
    state = _pool(context, request)
    item = _render(context, request, state.key)
    return one(request, POOLS, item, version(context.service, POOL, state.key))


async def pool_exists(context: Context, request: Request) -> Response:
    """HEAD /pools/{poolId}."""
    state = _checked(context, request)
    return _done(context, request, state, 200)


async def delete_pool(context: Context, request: Request) -> Response:
    """DELETE /pools/{poolId}: deleting when this answers."""
    state = _checked(context, request)
    await pools.delete_pool(context.service, state.key, cause=request.cause)
    return done(202, request)


async def update_pool(context: Context, request: Request) -> Response:
    """PATCH /pools/{poolId}: what is absent or null stays."""
    state = _checked(context, request)
    body = read_body(request, documents.POOL_PATCH)
    _check_packages(context, request, body)
    await pools.update_pool(context.service, state.key, body, cause=request.cause)
    return _done(context, request, state, 200)


async def replace_pool_properties(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/updateproperties: an absent start task is removed."""
    state = _pool(context, request)
    body = read_body(request, documents.POOL_PROPERTIES)
    _check_packages(context, request, body)
    lists = {name: body[name] or None for name in ("metadata", "applicationPackageReferences")}
    mode = {name: body[name] for name in (TARGET_MODE,) if name in body}
    changes = {"startTask": body.get("startTask"), **lists, **mode}
    await pools.update_pool(context.service, state.key, changes, cause=request.cause)
    return _done(context, request, state, 204)


async def enable_pool_auto_scale(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/enableautoscale; on an autoscale pool one of the two properties may be left out."""
    state = _checked(context, request)
    body = read_body(request, documents.ENABLE_AUTOSCALE)
    if state.autoscale is None and state.allocation != "steady":
        raise ServiceError("PoolBeingResized")
    event = pools.autoscale_event(state.key, state.autoscale, body, request.cause)
    await context.service.apply(event, _same_document(context, state))
    return _done(context, request, state, 200)


async def disable_pool_auto_scale(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/disableautoscale: the nodes stay."""
    state = _pool(context, request)
    await context.service.apply(SetAutoScale(state.key, None, request.cause), _same_document(context, state))
    return _done(context, request, state, 200)


async def evaluate_pool_auto_scale(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/evaluateautoscale: the result, nothing changes; the pool must have autoscale enabled."""
    state = _pool(context, request)
    formula = read_body(request, documents.EVALUATE_AUTOSCALE)["autoScaleFormula"]
    if state.autoscale is None:
        raise ServiceError("OperationInvalidForCurrentState", "Autoscale is not enabled on the pool.")
    pools.check_formula(formula)
    evaluation: autoscale.Evaluation = context.service.evaluate(state.key, formula)
    run = render.autoscale_run(to_run(evaluation, context.service.now().wire))
    return Response(200, {"odata.metadata": entity(request, "AutoScaleRun")} | run, {"dataserviceid": own_url(request)})


async def resize_pool(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/resize: resizing when this answers."""
    state = _checked(context, request)
    event: ResizePool = pools.resize_event(state.key, read_body(request, documents.RESIZE), request.cause)
    await context.service.apply(event)
    return _done(context, request, state, 202)


async def remove_nodes(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/removenodes: the pool is resizing when this answers."""
    state = _checked(context, request)
    body = read_body(request, documents.REMOVE_NODES)
    await context.service.apply(pools.removal_event(state.key, body, request.cause))
    return _done(context, request, state, 202)


async def stop_pool_resize(context: Context, request: Request) -> Response:
    """POST /pools/{poolId}/stopresize: the pool is stopping when this answers, until its nodes have settled."""
    state = _checked(context, request)
    await context.service.apply(StopResize(state.key, request.cause))
    return _done(context, request, state, 202)


async def list_pool_node_counts(context: Context, request: Request) -> Response:
    """GET /nodecounts: one row for each pool."""
    service = context.service
    states = sorted(
        (state for key, state in service.pools.items() if key.account == request.account), key=lambda state: state.key
    )
    rows = (
        (state.key.pool, lambda state=state: render.node_counts(state.id, service.nodes_of(state.key)))
        for state in states
    )
    return Response(200, list_page(request, NODE_COUNTS, rows))


async def list_supported_images(_: Context, request: Request) -> Response:
    """GET /supportedimages."""
    rows = (
        (f"{index:04d}", lambda image=image: cast("dict[str, Json]", dict(image)))
        for index, image in enumerate(SUPPORTED_IMAGES)
    )
    return Response(200, list_page(request, IMAGE, rows))


def _render(context: Context, request: Request, key: PoolKey) -> dict[str, Json]:
    item = pools.render_pool(context.service, key, request.base_url)
    item |= {"virtualMachineConfiguration": machine.shown(item["virtualMachineConfiguration"])}
    return statistics.with_pool(request, item, context.service, context.service.pools[key])


def _check_packages(context: Context, request: Request, body: dict[str, Json]) -> None:
    check_references(context.applications, request.account, body.get("applicationPackageReferences") or ())


def _pool(context: Context, request: Request) -> PoolState:
    return pools.existing(context.service, request.account, request.params["poolId"])


def _checked(context: Context, request: Request) -> PoolState:
    """The pool, once the conditional headers fit it."""
    state = _pool(context, request)
    check_conditions(request, *version(context.service, POOL, state.key))
    return state


def _same_document(context: Context, state: PoolState) -> Document:
    """The pool's document again: saving it gives the pool a new ETag."""
    return Document(POOL, document_key(state.key), stored(context.service, POOL, state.key))


def _done(context: Context, request: Request, state: PoolState, status: int) -> Response:
    return done(status, request, version(context.service, POOL, state.key))
