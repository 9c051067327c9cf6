"""What an account may have: pools, active jobs and job schedules, and nodes of a pool by its core quotas and kind.

Nodes that a pool does not get show as a resize error while it is steady with fewer than its target, as in the service.
"""

from __future__ import annotations

from batchite.errors import ServiceError
from batchite.scheduler.model import PoolState, ResizeError
from batchite.scheduler.world import World

MOST_COMMUNICATING = 100
"""Nodes of a pool with inter-node communication. Source: "Batch service quotas and limits"."""

MOST_NODES = 1000
"""Nodes of any pool here: each is directories and records of one machine, and a mistyped target must not end it."""

DEDICATED = ResizeError("AccountCoreQuotaReached", "The specified account has reached core quota")
SPOT = ResizeError("AccountLowPriorityCoreQuotaReached", "The specified account has reached low priority core quota")
COMMUNICATING = ResizeError(
    "CommunicationEnabledPoolReachedMaxVMCount",
    f"A pool with inter-node communication has at most {MOST_COMMUNICATING} nodes",
)
TOO_MANY = ResizeError("AllocationFailed", f"This machine plays at most {MOST_NODES} nodes of a pool")
NO_DEDICATED = ResizeError("AllocationFailed", "Desired number of dedicated nodes could not be allocated")
NO_SPOT = ResizeError("AllocationFailed", "Desired number of low priority nodes could not be allocated")
LIMITS = (DEDICATED, SPOT, COMMUNICATING, TOO_MANY, NO_DEDICATED, NO_SPOT)


def granted(world: World, pool: PoolState, wanted: int, *, spot: bool) -> tuple[int, tuple[ResizeError, ...]]:
    """How many of the wanted new nodes the pool gets, and the errors that say why not all of them."""
    if wanted <= 0:
        return 0, ()
    quota = pool.quota.of(spot=spot) if pool.quota and pool.cores else None
    rooms = [] if quota is None else [(SPOT if spot else DEDICATED, _cores_room(world, pool, quota, spot=spot))]
    present = len(world.nodes_of[pool.key])
    if pool.inter_node:
        rooms.append((COMMUNICATING, MOST_COMMUNICATING - present))
    rooms.append((TOO_MANY, MOST_NODES - present))
    region = region_room(world, pool, spot=spot)
    if region is not None:
        rooms.append((NO_SPOT if spot else NO_DEDICATED, region))
    short = tuple(error for error, room in rooms if room < wanted)
    return max(0, min([wanted, *(room for _, room in rooms)])), short


def region_room(world: World, pool: PoolState, *, spot: bool) -> int | None:
    """How many more machines the region has for the pool; None = enough. Those that leave still have one."""
    limit = pool.region.of(spot=spot) if pool.region else None
    if limit is None:
        return None
    machines = (node for node in world.pool_nodes(pool.key) if node.state not in {"preempted", "deallocated"})
    return limit - sum(node.spot == spot for node in machines)


def cores_in_use(world: World, account: str, *, spot: bool) -> int:
    """The vCPUs that the account's nodes of one kind hold, those on their way out included."""
    return sum(
        pool.cores * sum(node.spot == spot for node in world.pool_nodes(pool.key))
        for pool in world.pools.values()
        if pool.key.account == account
    )


def check_pools(world: World, account: str, quota: int | None) -> None:
    """Raise PoolQuotaReached unless the account may have another pool; those being deleted count."""
    if quota is not None and sum(key.account == account for key in world.pools) >= quota:
        raise ServiceError("PoolQuotaReached")


def room_for_job(world: World, account: str, quota: int | None) -> bool:
    """Whether the account may have another active job or job schedule; what has completed does not count."""
    return quota is None or world.active[account] < quota


def check_jobs(world: World, account: str, quota: int | None) -> None:
    """Raise ActiveJobAndScheduleQuotaReached unless the account may have another active job or job schedule."""
    if not room_for_job(world, account, quota):
        raise ServiceError("ActiveJobAndScheduleQuotaReached")


def _cores_room(world: World, pool: PoolState, quota: int, *, spot: bool) -> int:
    return (quota - cores_in_use(world, pool.key.account, spot=spot)) // pool.cores
