"""Job schedules: when jobs are made, when not, and how a schedule ends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from scheduler.worlds import POOL, Driver, job, pool, schedule, task
from scheduler.worlds import SCHEDULE as KEY

from batchite.errors import ServiceError
from batchite.records import decoder, encode
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.commands import Derived, Gone, Put, Record
from batchite.scheduler.core import Scheduler
from batchite.scheduler.model import JobKey, JobPreparation, ScheduleState, Timing
from batchite.scheduler.samples import Samples
from batchite.scheduler.timers import Timers
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import World

START = Driver().at


def scheduled(**fields: Any) -> Driver:
    """A pool and a schedule."""
    driver = Driver()
    driver.send(e.CreatePool(pool()))
    driver.send(e.CreateSchedule(schedule(**fields)))
    return driver


def state(driver: Driver) -> ScheduleState:
    """The schedule's record."""
    return driver.core.world.schedules[KEY]


def jobs(driver: Driver) -> dict[str, str]:
    """The states of the schedule's jobs by id."""
    world = driver.core.world
    return {world.jobs[key].id: world.jobs[key].state for key in world.jobs_from[KEY]}


def finish(driver: Driver, number: int) -> None:
    """A client ends a job of the schedule."""
    driver.send(e.TerminateJob(JobKey("acct", f"nightly:job-{number}"), "done"))


@pytest.mark.documented
def test_without_recurrence_there_is_one_job_and_the_schedule_ends_with_it() -> None:
    """The job is made at once; the schedule completes when it does."""
    driver = scheduled()
    assert jobs(driver) == {"Nightly:job-1": "active"}
    assert (state(driver).state, state(driver).next_at) == ("active", None)
    driver.advance(100_000)
    assert len(jobs(driver)) == 1
    finish(driver, 1)
    ended = state(driver)
    assert (ended.state, ended.previous_state, ended.ended_at) == ("completed", "terminating", driver.at)


@pytest.mark.documented
def test_a_job_that_completes_at_once_ends_a_schedule_of_one_job() -> None:
    """An empty job with onAllTasksComplete completes as it is made."""
    driver = scheduled(on_all_complete="terminatejob")
    assert jobs(driver) == {"Nightly:job-1": "completed"}
    assert state(driver).state == "completed"


@pytest.mark.documented
def test_jobs_are_made_at_every_interval() -> None:
    """The interval counts from the start of one job to the start of the next."""
    driver = scheduled(interval=600)
    finish(driver, 1)
    driver.advance(599)
    assert jobs(driver) == {"Nightly:job-1": "completed"}
    driver.advance(1)
    assert jobs(driver) == {"Nightly:job-1": "completed", "Nightly:job-2": "active"}
    assert state(driver).next_at == START + 1200


@pytest.mark.documented
def test_the_next_job_waits_for_the_present_one() -> None:
    """One job at a time: what is due while a job lives is made when it ends, and the interval goes on unmoved."""
    driver = scheduled(interval=600)
    driver.advance(700)
    assert jobs(driver) == {"Nightly:job-1": "active"}
    finish(driver, 1)
    assert jobs(driver)["Nightly:job-2"] == "active"
    assert state(driver).next_at == START + 1200


@pytest.mark.documented
def test_an_opportunity_is_lost_when_its_window_closes() -> None:
    """A job that is still alive then leaves its successor to the next interval."""
    driver = scheduled(interval=600, window=60)
    driver.advance(660)
    assert state(driver).next_at == START + 1200
    finish(driver, 1)
    assert len(jobs(driver)) == 1
    driver.advance(540)
    assert jobs(driver)["Nightly:job-2"] == "active"


@pytest.mark.documented
def test_a_deleted_job_makes_room_for_the_next() -> None:
    """A job that is gone is as good as completed."""
    driver = scheduled(interval=600)
    driver.advance(601)
    driver.send(e.DeleteJob(JobKey("acct", "nightly:job-1")))
    assert jobs(driver) == {"Nightly:job-2": "active"}


@pytest.mark.documented
def test_nothing_is_made_before_its_time() -> None:
    """With doNotRunUntil the first job comes then, and intervals count from there."""
    driver = scheduled(not_before=START + 500, interval=600)
    assert (jobs(driver), state(driver).begun) == ({}, False)
    driver.advance(500)
    assert jobs(driver) == {"Nightly:job-1": "active"}
    assert state(driver).next_at == START + 1100


@pytest.mark.documented
def test_a_schedule_ends_after_its_time() -> None:
    """After doNotRunAfter no job is made; the schedule completes when no job of it is active."""
    driver = scheduled(not_after=START + 900, interval=600)
    driver.advance(900)
    assert state(driver).state == "active"
    finish(driver, 1)
    assert (jobs(driver), state(driver).state) == ({"Nightly:job-1": "completed"}, "completed")
    idle = scheduled(not_after=START + 900, interval=600)
    finish(idle, 1)
    idle.advance(600)
    finish(idle, 2)
    idle.advance(300)
    assert (len(jobs(idle)), state(idle).state) == (2, "completed")


@pytest.mark.documented
def test_a_disabled_schedule_makes_no_jobs() -> None:
    """Its job goes on; enabled again it uses the opportunity that is open."""
    driver = scheduled(interval=600)
    driver.send(e.DisableSchedule(KEY))
    driver.send(e.DisableSchedule(KEY))
    assert (state(driver).state, jobs(driver)) == ("disabled", {"Nightly:job-1": "active"})
    finish(driver, 1)
    driver.advance(1300)
    assert len(jobs(driver)) == 1
    driver.send(e.EnableSchedule(KEY))
    assert (state(driver).state, state(driver).previous_state) == ("active", "disabled")
    assert jobs(driver)["Nightly:job-2"] == "active"
    assert state(driver).next_at == START + 1800


@pytest.mark.documented
def test_terminating_a_schedule_ends_its_job() -> None:
    """With the reason TerminateJobSchedule; what is at its end can be deleted only."""
    driver = scheduled(interval=600)
    driver.send(e.ResizePool(POOL, 1, 0))
    driver.boot()
    key = JobKey("acct", "nightly:job-1")
    driver.send(e.AddTasks(key, (task("a", "nightly:job-1"),)))
    (run,) = driver.runs()
    driver.send(e.TerminateSchedule(KEY))
    assert (state(driver).state, jobs(driver)["Nightly:job-1"]) == ("terminating", "terminating")
    with pytest.raises(ServiceError, match="JobScheduleBeingTerminated"):
        driver.send(e.EnableSchedule(KEY))
    driver.send(e.TaskEnded(run.task, run.attempt, None, None))
    assert driver.core.world.jobs[key].terminate_reason == "TerminateJobSchedule"
    assert (state(driver).state, state(driver).ended_at) == ("completed", driver.at)
    for event in (e.TerminateSchedule(KEY), e.DisableSchedule(KEY), e.UpdateSchedule(KEY)):
        with pytest.raises(ServiceError, match="JobScheduleCompleted"):
            driver.send(event)


@pytest.mark.documented
def test_deleting_a_schedule_deletes_its_jobs() -> None:
    """It is gone once its last job is."""
    driver = scheduled(interval=600)
    driver.send(e.ResizePool(POOL, 1, 0))
    driver.boot()
    driver.send(e.AddTasks(JobKey("acct", "nightly:job-1"), (task("a", "nightly:job-1"),)))
    (run,) = driver.runs()
    driver.send(e.DeleteSchedule(KEY))
    assert (state(driver).state, jobs(driver)) == ("deleting", {"Nightly:job-1": "deleting"})
    for event in (e.DeleteSchedule(KEY), e.CreateSchedule(schedule())):
        with pytest.raises(ServiceError, match="JobScheduleBeingDeleted"):
            driver.send(event)
    driver.send(e.TaskEnded(run.task, run.attempt, None, None))
    assert KEY not in driver.core.world.schedules
    assert not driver.core.world.jobs
    with pytest.raises(ServiceError, match="JobScheduleNotFound"):
        driver.send(e.DeleteSchedule(KEY))


@pytest.mark.documented
def test_jobs_and_schedules_share_their_ids() -> None:
    """Neither may have the id of the other."""
    driver = scheduled()
    with pytest.raises(ServiceError, match="JobScheduleWithSameIdExists"):
        driver.send(e.CreateJob(job("nightly")))
    with pytest.raises(ServiceError, match="JobScheduleExists"):
        driver.send(e.CreateSchedule(schedule()))
    driver.send(e.DeleteSchedule(KEY))
    driver.send(e.CreateJob(job("nightly")))
    with pytest.raises(ServiceError, match="JobWithSameIdExists"):
        driver.send(e.CreateSchedule(schedule()))


@pytest.mark.documented
def test_an_update_changes_the_jobs_to_come() -> None:
    """The present job keeps what it had; another interval counts from the last job."""
    driver = scheduled(interval=600, priority=1)
    driver.send(e.UpdateSchedule(KEY, timing=Timing(interval=100), pattern=job("", priority=2)))
    finish(driver, 1)
    driver.advance(100)
    found = driver.core.world.jobs
    assert [found[JobKey("acct", f"nightly:job-{number}")].priority for number in (1, 2)] == [1, 2]


@pytest.mark.documented
def test_an_update_may_put_the_next_job_off() -> None:
    """A later doNotRunUntil holds back what would be due."""
    driver = scheduled(interval=600)
    finish(driver, 1)
    driver.send(e.UpdateSchedule(KEY, timing=Timing(interval=600, not_before=START + 5000)))
    driver.advance(4999)
    assert len(jobs(driver)) == 1
    driver.advance(1)
    assert len(jobs(driver)) == 2


@pytest.mark.ours
def test_a_job_is_made_while_its_pool_is_missing() -> None:
    """The service does not refuse such a job; its tasks wait for a pool of that id."""
    driver = Driver()
    driver.send(e.CreateSchedule(schedule()))
    assert jobs(driver) == {"Nightly:job-1": "active"}


@pytest.mark.ours
def test_a_restart_goes_on_with_the_schedules() -> None:
    """From the records alone: what was missed is skipped, what is open is used."""
    driver = scheduled(interval=600)
    finish(driver, 1)
    world = driver.core.world
    kept: list[Record] = [*world.pools.values(), *world.jobs.values(), *world.schedules.values()]
    driver.core = Scheduler()
    driver.core.load(decoder(type(record))(orjson.loads(encode(record))) for record in kept)
    driver.at += 1900
    driver.send(e.Restarted())
    assert jobs(driver) == {"Nightly:job-1": "completed", "Nightly:job-2": "active"}
    assert state(driver).next_at == START + 2400


@pytest.mark.ours
def test_a_job_takes_its_document_from_the_schedule() -> None:
    """One outcome holds the schedule, its job and where the job's document comes from, though their ids are alike."""
    driver = Driver()
    now = e.Now(driver.at, driver.at)
    driver.core.handle(e.CreatePool(pool()), now)
    changes = driver.core.handle(e.CreateSchedule(schedule()), now).changes
    source = Derived(KEY, ("jobSpecification",), JobKey("acct", "nightly:job-1"), "Nightly:job-1")
    assert source in changes
    assert {type(change.record).__name__ for change in changes if isinstance(change, Put)} == {
        "ScheduleState",
        "JobState",
    }


@pytest.mark.ours
def test_a_pool_and_a_job_of_one_id_keep_their_own_changes() -> None:
    """Their keys are equal tuples; an event that changes both must not lose one."""
    turn = Turn(World(), Timers(), Samples(), e.Now(0, 0), "test")
    records = (pool(), job("pool"), schedule())
    for record in records:
        turn.put(record)
    assert turn.outcome().changes == tuple(Put(record) for record in records)
    turn.gone(JobKey("acct", "pool"))
    assert turn.outcome().changes[:2] == (Put(records[0]), Gone(JobKey("acct", "pool")))


@pytest.mark.documented
@pytest.mark.parametrize(
    ("event", "again"),
    [(e.TerminateSchedule, "JobScheduleBeingTerminated"), (e.DeleteSchedule, "JobScheduleBeingDeleted")],
)
def test_force_does_not_wait_for_release_tasks(event: type[e.TerminateSchedule | e.DeleteSchedule], again: str) -> None:
    """Also where the schedule is at its end already, which is refused without it."""
    driver = scheduled(interval=600, preparation=JobPreparation("jobpreparation"), release="jobrelease")
    driver.send(e.ResizePool(POOL, 1, 0))
    driver.boot()
    key = JobKey("acct", "nightly:job-1")
    driver.send(e.AddTasks(key, (task("a", "nightly:job-1"),)))
    (prepare,) = [command for command in driver.pending if isinstance(command, c.RunJobTask)]
    driver.send(e.JobTaskEnded(prepare.task, prepare.attempt, 0, None))
    driver.end(driver.runs()[0])
    driver.send(event(KEY))
    with pytest.raises(ServiceError, match=again):
        driver.send(event(KEY))
    assert driver.core.world.jobs[key].state in {"terminating", "deleting"}
    driver.pending.clear()
    driver.send(event(KEY, force=True))
    (stop,) = [command for command in driver.pending if isinstance(command, c.StopJobTask)]
    driver.send(e.JobTaskEnded(stop.task, stop.attempt, None, None))
    assert event is e.DeleteSchedule or state(driver).state == "completed"
    assert (KEY in driver.core.world.schedules) is (event is e.TerminateSchedule)
