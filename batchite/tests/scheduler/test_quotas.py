"""How many pools, active jobs and job schedules an account may have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import POOL, Driver, job, pool, schedule

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.capacity import MOST_NODES
from batchite.scheduler.model import JobKey, PoolKey, ScheduleKey


@pytest.mark.documented
def test_an_account_has_as_many_pools_as_its_quota() -> None:
    """One that is being deleted counts until it is gone; other accounts do not."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1), quota=1))
    second = replace(pool(), key=PoolKey("acct", "second"))
    with pytest.raises(ServiceError, match="PoolQuotaReached"):
        driver.send(e.CreatePool(second, quota=1))
    driver.send(e.CreatePool(replace(pool(), key=PoolKey("other", "second")), quota=1))
    driver.send(e.DeletePool(POOL))
    with pytest.raises(ServiceError, match="PoolQuotaReached"):
        driver.send(e.CreatePool(second, quota=1))
    driver.answer_nodes()
    driver.send(e.CreatePool(second, quota=1))


@pytest.mark.documented
def test_an_account_has_as_many_active_jobs_as_its_quota() -> None:
    """A completed job counts no longer; without a quota there is no limit."""
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.CreateJob(job("a"), quota=1))
    with pytest.raises(ServiceError, match="ActiveJobAndScheduleQuotaReached"):
        driver.send(e.CreateJob(job("b"), quota=1))
    driver.send(e.TerminateJob(JobKey("acct", "a"), "done"))
    driver.send(e.CreateJob(job("b"), quota=1))
    driver.send(e.CreateJob(job("c")))


@pytest.mark.documented
def test_schedules_count_beside_their_jobs_and_wait_for_room() -> None:
    """A schedule takes a place; its job is made when there is another one."""
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.CreateJob(job("a")))
    driver.send(e.CreateSchedule(schedule(interval=600, quota=2)))
    with pytest.raises(ServiceError, match="ActiveJobAndScheduleQuotaReached"):
        driver.send(e.CreateJob(job("b"), quota=2))
    with pytest.raises(ServiceError, match="ActiveJobAndScheduleQuotaReached"):
        driver.send(e.CreateSchedule(replace(schedule(quota=2), key=ScheduleKey("acct", "weekly"))))
    assert set(driver.core.world.jobs) == {JobKey("acct", "a")}
    driver.advance(10)
    driver.send(e.TerminateJob(JobKey("acct", "a"), "done"))
    assert driver.core.world.jobs[JobKey("acct", "nightly:job-1")].state == "active"


@pytest.mark.ours
@pytest.mark.parametrize(("dedicated", "spot"), [(10**6, 0), (0, 10**6), (600, 600)])
def test_a_machine_plays_so_many_nodes_of_a_pool(dedicated: int, spot: int) -> None:
    """A mistyped target of a million is steady with what there can be, and says so."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated, spot)))
    assert len(driver.nodes()) == MOST_NODES
    assert [error.code for error in driver.core.world.pools[POOL].resize_errors] == ["AllocationFailed"]
    driver.send(e.DeletePool(POOL))
    assert {node.state for node in driver.nodes()} == {"leavingpool"}
