"""Pools that live as long as a job or a job schedule. Source: REST reference, BatchAutoPoolSpecification."""

from __future__ import annotations

from dataclasses import replace

from batchite import ids
from batchite.errors import ServiceError
from batchite.scheduler import pools
from batchite.scheduler.commands import Derived
from batchite.scheduler.events import CreatePool, DeletePool
from batchite.scheduler.model import AutoPool, Failure, JobState, PoolKey
from batchite.scheduler.turn import Turn

JOB, SCHEDULE = "job", "jobschedule"
DOCUMENT = ("poolInfo", "autoPoolSpecification", "pool")
QUOTA = Failure("usererror", "AutoPoolCreationFailedWithQuotaReached", "The pool quota for the account is reached.")
"""Source: "Batch status and error codes", job scheduling error codes."""


def provide(turn: Turn, job: JobState) -> JobState:
    """The job in its auto pool, made now unless its schedule has it already, or with the reason why there is none.

    The id is the prefix and a GUID (documented); it follows from the job, so that the same events give the same ids.
    """
    auto = job.auto_pool
    if auto is None or job.pool_id:
        return job
    if auto.pattern is None:
        return replace(job, scheduling_error=auto.failure)
    pool_id = auto.prefix + ids.guid(job.key.account, job.key.job, turn.now.wire)
    pattern = replace(auto.pattern, key=PoolKey(job.key.account, pool_id.lower()), id=pool_id)
    try:
        pools.create(turn, CreatePool(pattern, turn.cause, auto.quota))
    except ServiceError:
        return replace(job, scheduling_error=QUOTA)
    turn.derive(Derived(job.key, DOCUMENT, pattern.key, pool_id))
    return replace(job, pool=pattern.key, pool_id=pool_id)


def retire(turn: Turn, job: JobState, lifetime: str) -> None:
    """Delete the auto pool whose lifetime is over, unless it is to be kept alive."""
    auto, pool = job.auto_pool, turn.world.pools.get(job.pool)
    over = auto is not None and auto.lifetime == lifetime and not auto.keep_alive
    if over and pool is not None and pool.state == "active":
        pools.delete(turn, DeletePool(pool.key, turn.cause))


def kept_alive(auto: AutoPool | None, keep_alive: bool) -> AutoPool:
    """The auto pool with another keepAlive, which may change for the pool of one job only (documented)."""
    if auto is None or auto.lifetime != JOB:
        raise ServiceError("OperationInvalidForCurrentState", "keepAlive can change for the auto pool of a job only.")
    return replace(auto, keep_alive=keep_alive)
