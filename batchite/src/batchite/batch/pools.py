"""Pools: from documents to events, shared by the data plane and ARM.

A pool's document holds what never changes by itself; targets, formula and states live in the core's record.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite import autoscale
from batchite.batch import documents, render, start_tasks
from batchite.batch.context import POOL, document_key, stored, version
from batchite.batch.durations import parse_duration
from batchite.batch.mounts import check_mounts
from batchite.batch.pool_rules import check_pool, check_start_task
from batchite.batch.rules import record, refuse, without_nulls
from batchite.batch.sizes import vcpus
from batchite.batch.user_accounts import without_secrets
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Json
from batchite.scheduler.events import CreatePool, DeletePool, Event, RemoveNodes, ResizePool, SetAutoScale, UpdatePool
from batchite.scheduler.model import AutoScale, CoreQuota, PoolKey, PoolState
from batchite.service import BatchService, Document

_SCALE = frozenset(documents.SCALE)
_OPTION = "nodeDeallocationOption"
_OF_ARM = ("identity", _OPTION)
_IN_DOCUMENT = frozenset(
    {"startTask", "metadata", "applicationPackageReferences", "targetNodeCommunicationMode", "resourceTags"}
)
_CHANGEABLE = _SCALE | _IN_DOCUMENT | {_OPTION}
_DEFAULT_INTERVAL = "PT15M"
_DEFAULT_TIMEOUT = "PT15M"


def pool_key(account: str, pool_id: str) -> PoolKey:
    """The key of a pool; ids do not differ by case."""
    return PoolKey(account.lower(), pool_id.lower())


def existing(service: BatchService, account: str, pool_id: str) -> PoolState:
    """The pool's record. Raises PoolNotFound."""
    found = service.pools.get(pool_key(account, pool_id))
    if found is None:
        raise ServiceError("PoolNotFound")
    return found


async def create_pool(
    service: BatchService,
    account: str,
    document: dict[str, Json],
    *,
    cause: str,
    quota: CoreQuota | None = None,
    most: int | None = None,
) -> PoolKey:
    """Create a pool from its data-plane document.

    Two properties are set by ARM only: `identity` ({type, userAssignedIdentities: [{resourceId, clientId,
    principalId}]}), kept as given, and `nodeDeallocationOption`, how nodes leave. `quota` limits its nodes, `most` the
    number of the account's pools. Raises ServiceError: 400 naming the property, 501 for what is not built, PoolExists,
    PoolQuotaReached.
    """
    document = without_nulls(document)
    body = {name: value for name, value in document.items() if name not in _OF_ARM}
    documents.POOL("", body)
    check_pool(body)
    check_mounts(document)
    state = new_state(pool_key(account, body["id"]), document, quota)
    kept = {name: value for name, value in document.items() if name not in _SCALE | {_OPTION}}
    if "userAccounts" in kept:
        kept["userAccounts"] = without_secrets(kept["userAccounts"])
    await service.apply(CreatePool(state, cause, most), Document(POOL, document_key(state.key), kept))
    return state.key


async def update_pool(service: BatchService, key: PoolKey, changes: dict[str, Json], *, cause: str) -> None:
    """Change what may change in place, by the data plane's names; None removes start task, metadata or packages.

    Scale settings: `enableAutoScale` with `autoScaleFormula` and `autoScaleEvaluationInterval`, or targets (a resize,
    with `resizeTimeout` and `nodeDeallocationOption`). Raises PropertyCannotBeUpdated for anything else.
    """
    state = existing(service, *key)
    for name in changes:
        if name not in _CHANGEABLE:
            raise invalid_property(name, "", "The property is fixed for the pool's life.", "PropertyCannotBeUpdated")
    if changes.get("startTask") is not None:
        documents.START_TASK("startTask", changes["startTask"])
        check_start_task(changes["startTask"], stored(service, POOL, key))
    await _scale(service, state, changes, cause)
    old = stored(service, POOL, key)
    new = old | {name: value for name, value in changes.items() if name in _IN_DOCUMENT}
    new = {name: value for name, value in new.items() if value is not None}
    document = start_tasks.revised(old, new, service.nodes_of(key))
    policy = start_tasks.policy(document)
    timeout = parse_duration(changes["resizeTimeout"]) if changes.get("resizeTimeout") else None
    event = UpdatePool(key, policy, clear_start_task=policy is None, resize_timeout=timeout, cause=cause)
    await service.apply(event, Document(POOL, document_key(key), document))


async def delete_pool(service: BatchService, key: PoolKey, *, cause: str) -> None:
    """Delete a pool: it is `deleting` until its last node has gone."""
    await service.apply(DeletePool(key, cause))


def render_pool(service: BatchService, key: PoolKey, base_url: str) -> dict[str, Json]:
    """A pool in the data plane's shape."""
    state = existing(service, *key)
    item = render.pool(stored(service, POOL, key), state, service.nodes_of(key), version(service, POOL, key))
    return item | {"url": f"{base_url}/pools/{state.id}"}


def autoscale_event(key: PoolKey, present: AutoScale | None, body: Mapping[str, Json], cause: str) -> SetAutoScale:
    """Enable autoscale or change it; what is not given keeps its present value. Raises for a missing or bad formula."""
    formula = body.get("autoScaleFormula") or (present.formula if present else None)
    if not formula:
        raise ServiceError("InvalidAutoScalingSettings", "A formula is required to enable autoscale.")
    check_formula(formula)
    text = body.get("autoScaleEvaluationInterval")
    interval = parse_duration(text) if text else (present.interval if present else parse_duration(_DEFAULT_INTERVAL))
    return SetAutoScale(key, AutoScale(formula, interval), cause)


def check_formula(formula: str) -> None:
    """Raise AutoScalingFormulaSyntaxError (or AutoScaleFormulaTooLong) with line and column unless it parses."""
    try:
        autoscale.parse(formula)
    except autoscale.FormulaError as error:
        values = {"PropertyName": "autoScaleFormula", "Reason": str(error)}
        raise ServiceError(error.code, str(error), values) from None


def resize_event(key: PoolKey, body: Mapping[str, Json], cause: str) -> ResizePool:
    """A manual resize from its request body."""
    if body.get("targetDedicatedNodes") is None and body.get("targetLowPriorityNodes") is None:
        raise ServiceError(
            "MissingRequiredProperty", values={"PropertyName": "targetDedicatedNodes", "Reason": "No target is given."}
        )
    timeout = body.get("resizeTimeout")
    return ResizePool(
        key,
        dedicated=body.get("targetDedicatedNodes"),
        spot=body.get("targetLowPriorityNodes"),
        deallocation=body.get(_OPTION, "requeue"),
        resize_timeout=parse_duration(timeout) if timeout else None,
        cause=cause,
    )


def removal_event(key: PoolKey, body: Mapping[str, Json], cause: str) -> RemoveNodes:
    """A removal of nodes from its request body, which names one at least."""
    if not body["nodeList"]:
        raise refuse("nodeList", body["nodeList"], "The list must name a node.")
    timeout = body.get("resizeTimeout")
    return RemoveNodes(
        key,
        nodes=tuple(name.lower() for name in body["nodeList"]),
        deallocation=body.get(_OPTION, "requeue"),
        resize_timeout=parse_duration(timeout) if timeout else None,
        cause=cause,
    )


async def _scale(service: BatchService, state: PoolState, changes: Mapping[str, Json], cause: str) -> None:
    """Apply the scale settings among the changes, one event at a time, nothing when they are the present ones."""
    for event in scale_events(state, changes, cause):
        await service.apply(event)


def scale_events(state: PoolState, changes: Mapping[str, Json], cause: str) -> list[Event]:
    """The events that lead from the present scale settings to the wanted ones."""
    if not _SCALE & changes.keys():
        return []
    record(optional=documents.SCALE, strict=False)("", dict(changes))
    wanted = changes.get("enableAutoScale", state.autoscale is not None)
    if wanted:
        event = autoscale_event(state.key, state.autoscale, changes, cause)
        return [] if event.autoscale == state.autoscale else [event]
    off: list[Event] = [SetAutoScale(state.key, None, cause)] if state.autoscale else []
    targets = {"targetDedicatedNodes": state.target_dedicated, "targetLowPriorityNodes": state.target_spot}
    moved = any(changes.get(name) not in (None, present) for name, present in targets.items())
    if moved and state.allocation != "steady":
        raise ServiceError("PoolBeingResized")
    return off + ([resize_event(state.key, changes, cause)] if moved else [])


def new_state(key: PoolKey, body: Mapping[str, Json], quota: CoreQuota | None) -> PoolState:
    """The core's view of a new pool; the core fills in the times."""
    scaled = body.get("enableAutoScale")
    return PoolState(
        key=key,
        id=body["id"],
        created_at=0.0,
        state="active",
        state_at=0.0,
        allocation="steady",
        allocation_at=0.0,
        target_dedicated=body.get("targetDedicatedNodes", 0),
        target_spot=body.get("targetLowPriorityNodes", 0),
        slots_per_node=body.get("taskSlotsPerNode", 1),
        fill=body.get("taskSchedulingPolicy", {}).get("nodeFillType", "spread"),
        job_order=body.get("taskSchedulingPolicy", {}).get("jobDefaultOrder", "none"),
        resize_timeout=parse_duration(body.get("resizeTimeout", _DEFAULT_TIMEOUT)),
        deallocation=body.get(_OPTION, "requeue"),
        autoscale=autoscale_event(key, None, body, "").autoscale if scaled else None,
        start_task=start_tasks.policy(body),
        cores=vcpus(body["vmSize"]),
        quota=quota,
        inter_node=body.get("enableInterNodeCommunication", False),
    )
