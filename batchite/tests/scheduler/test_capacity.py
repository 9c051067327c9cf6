"""Core quotas of an account, and the limit of pools whose nodes talk to each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import POOL, Driver, pool

from batchite.scheduler import events as e
from batchite.scheduler.model import AutoScale, CoreQuota, PoolKey, PoolState

pytestmark = pytest.mark.documented  # "Batch service quotas and limits"; ResizeError codes of the service

OTHER = PoolKey("acct", "other")


def limited(dedicated: int = 0, spot: int = 0, cores: int = 4) -> PoolState:
    """A pool of nodes with four vCPUs in an account that has 10 dedicated and 6 Spot ones."""
    return replace(pool(dedicated, spot), cores=cores, quota=CoreQuota(10, 6))


def codes(driver: Driver, key: PoolKey = POOL) -> list[str]:
    """The codes of the pool's resize errors."""
    return [error.code for error in driver.core.world.pools[key].resize_errors]


def test_a_pool_gets_the_nodes_that_the_quotas_leave() -> None:
    """It is steady with fewer nodes than its targets and says why, for each kind; the targets stay."""
    driver = Driver()
    driver.send(e.CreatePool(limited(dedicated=3, spot=2)))
    driver.boot()
    state = driver.core.world.pools[POOL]
    assert [node.spot for node in driver.nodes()] == [False, False, True]
    assert (state.allocation, state.target_dedicated, state.target_spot) == ("steady", 3, 2)
    assert codes(driver) == ["AccountCoreQuotaReached", "AccountLowPriorityCoreQuotaReached"]


def test_a_resize_that_fits_clears_the_errors() -> None:
    """They belong to the resize before."""
    driver = Driver()
    driver.send(e.CreatePool(limited(dedicated=3)))
    driver.boot()
    driver.send(e.ResizePool(POOL, dedicated=2, spot=None))
    assert codes(driver) == []


def test_pools_of_an_account_share_its_quota() -> None:
    """What one has is missing for the other, until its nodes have gone."""
    driver = Driver()
    driver.send(e.CreatePool(limited(dedicated=2)))
    driver.send(e.CreatePool(replace(limited(dedicated=1), key=OTHER)))
    driver.boot()
    assert driver.core.world.pool_nodes(OTHER) == []
    assert codes(driver, OTHER) == ["AccountCoreQuotaReached"]
    driver.send(e.DeletePool(POOL))
    driver.answer_nodes()
    driver.send(e.ResizePool(OTHER, dedicated=2, spot=None))
    assert len(driver.core.world.pool_nodes(OTHER)) == 2


def test_a_formula_tries_again_at_every_evaluation() -> None:
    """The pool grows once there is room."""
    driver = Driver()
    driver.send(e.CreatePool(limited(dedicated=2)))
    scale = AutoScale("$TargetDedicatedNodes = 1;", 300.0)
    driver.send(e.CreatePool(replace(limited(), key=OTHER, autoscale=scale)))
    assert codes(driver, OTHER) == ["AccountCoreQuotaReached"]
    driver.boot()
    driver.send(e.ResizePool(POOL, dedicated=0, spot=None))
    driver.answer_nodes()
    driver.advance(300)
    assert len(driver.core.world.pool_nodes(OTHER)) == 1
    assert codes(driver, OTHER) == []


def test_nodes_that_talk_to_each_other_are_at_most_a_hundred() -> None:
    """Whatever the quota."""
    driver = Driver()
    driver.send(e.CreatePool(replace(pool(dedicated=101), inter_node=True)))
    assert len(driver.nodes()) == 100
    assert codes(driver) == ["CommunicationEnabledPoolReachedMaxVMCount"]


def test_a_size_that_tells_nothing_is_not_counted() -> None:
    """Nor is an account without a quota."""
    driver = Driver()
    driver.send(e.CreatePool(limited(dedicated=20, cores=0)))
    assert len(driver.nodes()) == 20
    unlimited = PoolKey("another", "pool")
    driver.send(e.CreatePool(replace(limited(dedicated=20), key=unlimited, quota=None)))
    assert len(driver.core.world.pool_nodes(unlimited)) == 20
