"""Pools that live as long as a job or a job schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scheduler.worlds import JOB, SCHEDULE, Driver, job, pool, schedule

from batchite.errors import ServiceError
from batchite.scheduler import events as e
from batchite.scheduler.model import AutoPool, Failure, JobKey, JobState, PoolKey

pytestmark = pytest.mark.documented

NOWHERE: dict[str, Any] = {"pool": PoolKey("acct", ""), "pool_id": ""}
INVALID = Failure("usererror", "InvalidAutoPoolSettings", "no")


def auto(lifetime: str = "job", keep_alive: bool = False, **more: Any) -> AutoPool:
    """A pool of one node."""
    return AutoPool("pre", lifetime, keep_alive, **{"pattern": pool(1), **more})


def with_job(auto_pool: AutoPool) -> Driver:
    """A core with a job that has asked for the pool."""
    driver = Driver()
    driver.send(e.CreateJob(replace(job(auto_pool=auto_pool), **NOWHERE)))
    return driver


def with_schedule(auto_pool: AutoPool) -> Driver:
    """A core with a schedule whose jobs ask for the pool."""
    driver, new = Driver(), schedule(interval=600, auto_pool=auto_pool)
    driver.send(e.CreateSchedule(replace(new, pattern=replace(new.pattern, **NOWHERE))))
    return driver


def pools(driver: Driver) -> list[str]:
    """The states of all pools."""
    return [found.state for found in driver.core.world.pools.values()]


def scheduled_job(driver: Driver, number: int) -> JobState:
    """A job of the schedule."""
    return driver.core.world.jobs[JobKey("acct", f"nightly:job-{number}")]


@pytest.mark.parametrize("event", [e.TerminateJob(JOB, "done"), e.DeleteJob(JOB)])
def test_the_pool_lives_as_long_as_its_job(event: e.Event) -> None:
    """It is made with the job, its id is the prefix and a GUID, and it is deleted when the job completes or goes."""
    driver = with_job(auto())
    (made,) = driver.core.world.pools.values()
    assert made.id.startswith("pre")
    assert made.id[3:] == made.id[3:].upper()
    assert len(made.id) == 3 + 36
    assert (driver.core.world.jobs[JOB].pool, driver.core.world.jobs[JOB].pool_id) == (made.key, made.id)
    driver.boot()
    assert [node.state for node in driver.core.world.nodes.values()] == ["idle"]
    driver.send(event)
    assert pools(driver) == ["deleting"]
    driver.answer_nodes()
    assert pools(driver) == []


def test_a_pool_may_be_kept_alive() -> None:
    """With keepAlive it stays; that may be changed for the pool of a job, not for others."""
    driver = with_job(auto())
    driver.send(e.UpdateJob(JOB, keep_alive=True))
    driver.send(e.TerminateJob(JOB, "done"))
    assert pools(driver) == ["active"]
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.CreateJob(job()))
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.UpdateJob(JOB, keep_alive=True))


def test_a_job_stays_in_its_auto_pool() -> None:
    """Another pool is refused."""
    driver = with_job(auto())
    driver.send(e.CreatePool(pool()))
    with pytest.raises(ServiceError, match="OperationInvalidForCurrentState"):
        driver.send(e.UpdateJob(JOB, pool=PoolKey("acct", "pool")))


@pytest.mark.parametrize(
    ("auto_pool", "code"),
    [
        (auto(quota=0), "AutoPoolCreationFailedWithQuotaReached"),
        (auto(pattern=None, failure=INVALID), "InvalidAutoPoolSettings"),
    ],
)
def test_a_job_whose_pool_cannot_be_made_completes(auto_pool: AutoPool, code: str) -> None:
    """The scheduling error says why; there is no pool."""
    driver = with_job(auto_pool)
    ended = driver.core.world.jobs[JOB]
    assert (ended.state, ended.pool_id) == ("completed", "")
    assert ended.scheduling_error is not None
    assert ended.scheduling_error.code == code
    assert pools(driver) == []


def test_every_job_of_a_schedule_may_have_a_pool() -> None:
    """With the lifetime `job` each one comes with a pool of its own."""
    driver = with_schedule(auto("job"))
    first = scheduled_job(driver, 1).pool
    driver.send(e.TerminateJob(scheduled_job(driver, 1).key, "done"))
    assert driver.core.world.pools[first].state == "deleting"
    driver.advance(600)
    assert scheduled_job(driver, 2).pool != first


@pytest.mark.parametrize("event", [e.TerminateSchedule(SCHEDULE), e.DeleteSchedule(SCHEDULE)])
def test_the_jobs_of_a_schedule_may_share_a_pool(event: e.Event) -> None:
    """With the lifetime `jobschedule` it comes with the first job and goes with the schedule, also after an update."""
    driver = with_schedule(auto("jobschedule"))
    first = scheduled_job(driver, 1)
    driver.send(e.UpdateSchedule(SCHEDULE, pattern=replace(job("", auto_pool=auto("jobschedule")), **NOWHERE)))
    driver.send(e.TerminateJob(first.key, "done"))
    assert pools(driver) == ["active"]
    driver.advance(600)
    assert scheduled_job(driver, 2).pool == first.pool
    driver.send(event)
    assert pools(driver) == ["deleting"]


def test_a_shared_pool_may_outlive_its_schedule() -> None:
    """With keepAlive."""
    driver = with_schedule(auto("jobschedule", keep_alive=True))
    driver.send(e.TerminateSchedule(SCHEDULE))
    assert pools(driver) == ["active"]
