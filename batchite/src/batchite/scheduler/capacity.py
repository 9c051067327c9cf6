"""How many nodes a pool may get: the account's core quotas, and the size of pools whose nodes talk to each other.

What is not given shows as a resize error while the pool is steady with fewer nodes than its target, as in the service.
"""

from __future__ import annotations

from batchite.scheduler.model import PoolState, ResizeError
from batchite.scheduler.world import World

MOST_COMMUNICATING = 100
"""Nodes of a pool with inter-node communication. Source: "Batch service quotas and limits"."""

DEDICATED = ResizeError("AccountCoreQuotaReached", "The specified account has reached core quota")
SPOT = ResizeError("AccountLowPriorityCoreQuotaReached", "The specified account has reached low priority core quota")
COMMUNICATING = ResizeError(
    "CommunicationEnabledPoolReachedMaxVMCount",
    f"A pool with inter-node communication has at most {MOST_COMMUNICATING} nodes",
)
LIMITS = (DEDICATED, SPOT, COMMUNICATING)


def granted(world: World, pool: PoolState, wanted: int, *, spot: bool) -> tuple[int, tuple[ResizeError, ...]]:
    """How many of the wanted new nodes the pool gets, and the errors that say why not all of them."""
    if wanted <= 0:
        return 0, ()
    rooms = [(SPOT if spot else DEDICATED, _cores_room(world, pool, spot=spot))] if pool.quota and pool.cores else []
    if pool.inter_node:
        rooms.append((COMMUNICATING, MOST_COMMUNICATING - len(world.nodes_of[pool.key])))
    short = tuple(error for error, room in rooms if room < wanted)
    return max(0, min([wanted, *(room for _, room in rooms)])), short


def cores_in_use(world: World, account: str, *, spot: bool) -> int:
    """The vCPUs that the account's nodes of one kind hold, those on their way out included."""
    return sum(
        pool.cores * sum(node.spot == spot for node in world.pool_nodes(pool.key))
        for pool in world.pools.values()
        if pool.key.account == account
    )


def _cores_room(world: World, pool: PoolState, *, spot: bool) -> int:
    assert pool.quota is not None
    quota = pool.quota.spot if spot else pool.quota.dedicated
    return (quota - cores_in_use(world, pool.key.account, spot=spot)) // pool.cores
