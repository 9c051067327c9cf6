"""Auto pools: from the specification in a job's document to what the core makes a pool of.

A specification of the wrong shape is refused. One that no pool can be made of is accepted: the job then completes with
a scheduling error (documented); for a schedule's jobs this is decided when the schedule is made or changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.batch import pools
from batchite.batch.applications import check_references
from batchite.batch.context import POOL, Context, stored
from batchite.batch.mounts import check_mounts
from batchite.batch.pool_rules import check_pool
from batchite.batch.rules import refuse
from batchite.batch.user_accounts import without_secrets
from batchite.errors import ServiceError
from batchite.http.types import Json
from batchite.scheduler.auto_pools import JOB, SCHEDULE
from batchite.scheduler.model import AutoPool, Detail, Failure, PoolKey, PoolState
from batchite.service import BatchService

NAME = "autoPoolSpecification"
_CODES = {
    "InvalidApplicationPackageReferences": "InvalidApplicationPackageReferencesInAutoPool",
    "AutoScalingFormulaSyntaxError": "InvalidAutoScaleFormulaInAutoPool",
    "AutoScaleFormulaTooLong": "InvalidAutoScaleFormulaInAutoPool",
    "InvalidAutoScalingSettings": "InvalidAutoScaleFormulaInAutoPool",
}


def auto_pool(context: Context, account: str, pool_info: Mapping[str, Json], *, of_schedule: bool) -> AutoPool | None:
    """The auto pool that poolInfo asks for, None for a pool by its id. The pool of a schedule needs a schedule."""
    given = pool_info.get(NAME)
    if given is None:
        return None
    lifetime, known = given["poolLifetimeOption"], context.accounts.find(account)
    if lifetime == SCHEDULE and not of_schedule:
        path = f"poolInfo.{NAME}.poolLifetimeOption"
        raise refuse(path, lifetime, f"Only jobs of a schedule share its pool; the value must be {JOB}.")
    pattern, failure = _pattern(context, account, given["pool"])
    return AutoPool(
        prefix=given.get("autoPoolIdPrefix", ""),
        lifetime=lifetime,
        keep_alive=given.get("keepAlive", False),
        pattern=pattern,
        failure=failure,
        quota=known.pool_quota if known else None,
    )


def pool_id(pool_info: Mapping[str, Json]) -> str:
    """The pool's id, empty while an auto pool is not made."""
    found: str = pool_info.get("poolId", "")
    return found


def pool_document(service: BatchService, account: str, pool_info: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The document of the pool that poolInfo means, or asks for; None for a pool that may come later."""
    wanted: Mapping[str, Json] | None = pool_info.get(NAME, {}).get("pool")
    key = pools.pool_key(account, pool_id(pool_info))
    return wanted or (stored(service, POOL, key) if key in service.pools else None)


def stored_form(pool_info: Mapping[str, Json]) -> dict[str, Json]:
    """What is kept of poolInfo: secrets of user accounts are not."""
    pool = pool_info.get(NAME, {}).get("pool", {})
    if "userAccounts" not in pool:
        return dict(pool_info)
    kept = {**pool, "userAccounts": without_secrets(pool["userAccounts"])}
    return {NAME: {**pool_info[NAME], "pool": kept}}


def changed(present: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    """The poolInfo of a job after a PATCH or PUT: of an auto pool only keepAlive may differ (documented)."""
    new, old = given.get(NAME), present.get(NAME, {})
    if new is None:
        return dict(given)
    for name, value in stored_form(given)[NAME].items():
        if name != "keepAlive" and value != old.get(name):
            raise refuse(f"poolInfo.{NAME}.{name}", value, "Only keepAlive can change, of a job that has an auto pool.")
    return {NAME: old | {"keepAlive": new.get("keepAlive", False)}}


def _pattern(context: Context, account: str, body: Mapping[str, Json]) -> tuple[PoolState | None, Failure | None]:
    known = context.accounts.find(account)
    try:
        check_pool(body)
        check_mounts(body)
        check_references(context.applications, account, body.get("applicationPackageReferences") or ())
        return pools.new_state(PoolKey(account, ""), {**body, "id": ""}, known.core_quota if known else None), None
    except ServiceError as error:
        details = tuple(Detail(name, value) for name, value in error.values.items())
        return None, Failure("usererror", _CODES.get(error.code, "InvalidAutoPoolSettings"), error.text, details)
