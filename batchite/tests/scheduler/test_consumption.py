"""What tasks use, summed over attempts, jobs and schedules."""

from typing import Any

import orjson
import pytest
from scheduler.worlds import FAILED, JOB, SCHEDULE, Driver, job, pool, schedule, task

from batchite.records import decoder, encode
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.commands import Record
from batchite.scheduler.consumption import Consumption, of_job
from batchite.scheduler.core import Scheduler
from batchite.scheduler.model import JobKey, PoolKey, TaskKey

pytestmark = pytest.mark.documented  # REST reference: BatchTaskStatistics, BatchJobStatistics

USED = Consumption(user=2_000_000, kernel=500_000, reads=4, writes=3, read_bytes=100, written_bytes=50)


@pytest.fixture
def driver() -> Driver:
    """A pool of one node with a job."""
    made = Driver()
    made.send(e.CreatePool(pool(dedicated=1)))
    made.boot()
    made.send(e.CreateJob(job()))
    return made


def run(driver: Driver, seconds: float, exit_code: int = 0) -> None:
    """The attempt that is due starts, and ends after so many seconds."""
    found = driver.runs()[0]
    driver.send(e.TaskStarted(found.task, found.attempt))
    driver.at += seconds
    failure = FAILED if exit_code else None
    driver.send(e.TaskEnded(found.task, found.attempt, exit_code, failure, retryable=bool(exit_code), used=USED))


def used(driver: Driver, name: str = "t") -> Consumption | None:
    """What a task has used."""
    found = driver.core.world.task(TaskKey(*JOB, name))
    assert found is not None
    return found.used


def test_wall_clock_time_adds_up_over_retries_and_the_wait_is_that_of_the_last_attempt(driver: Driver) -> None:
    """A retry counts as one; times and counters of all attempts are in the sum."""
    driver.send(e.AddTasks(JOB, (task("t", max_retries=1),)))
    run(driver, 10.0, exit_code=1)
    run(driver, 5.0)
    found = used(driver)
    assert found == Consumption(4_000_000, 1_000_000, 8, 6, 200, 100, 15_000_000, 10_000_000, 1, driver.at)
    tally = of_job(driver.core.world, driver.core.world.jobs[JOB])
    assert (tally.used, tally.succeeded, tally.failed) == (found, 1, 0)


def test_a_task_that_never_ran_has_used_nothing(driver: Driver) -> None:
    """A pre-processing failure is no run: the task fails, and nothing is measured."""
    driver.send(e.AddTasks(JOB, (task("t"),)))
    attempt = driver.runs()[0]
    driver.send(e.TaskEnded(attempt.task, attempt.attempt, None, FAILED))
    assert used(driver) is None
    assert of_job(driver.core.world, driver.core.world.jobs[JOB]).failed == 1


def test_what_deleted_tasks_have_used_stays_with_their_job(driver: Driver) -> None:
    """Also across a restart from the records."""
    driver.send(e.AddTasks(JOB, (task("t"), task("u"))))
    run(driver, 10.0)
    run(driver, 1.0, exit_code=1)
    world = driver.core.world
    before = of_job(world, world.jobs[JOB])
    driver.send(e.DeleteTask(TaskKey(*JOB, "t")))
    assert of_job(world, world.jobs[JOB]) == before
    assert (before.used.user, before.succeeded, before.failed) == (4_000_000, 1, 1)
    again, kept = Scheduler(), list[Record]([*world.pools.values(), *world.nodes.values(), *world.jobs.values()])
    kept += world.tasks[JOB].values()
    again.load(decoder(type(record))(_parsed(record)) for record in kept)
    assert of_job(again.world, again.world.jobs[JOB]) == before


def test_an_attempt_that_is_requeued_counts_too(driver: Driver) -> None:
    """What it used until then is not lost."""
    driver.send(e.AddTasks(JOB, (task("t"),)))
    attempt = driver.runs()[0]
    driver.send(e.TaskStarted(attempt.task, attempt.attempt))
    driver.at += 3.0
    driver.send(e.DisableJob(JOB, "requeue"))
    driver.send(e.TaskEnded(attempt.task, attempt.attempt, None, FAILED, used=USED))
    found = driver.core.world.task(TaskKey(*JOB, "t"))
    assert found is not None
    assert found.used is not None
    assert (found.state, found.requeue_count, found.used.wall) == ("active", 1, 3_000_000)


def test_an_attempt_on_a_preempted_node_counts_too() -> None:
    """The task is requeued once the node has gone, with what the attempt had used."""
    driver = Driver()
    driver.send(e.CreatePool(pool(spot=1)))
    driver.boot()
    driver.send(e.CreateJob(job()))
    driver.send(e.AddTasks(JOB, (task("t"),)))
    attempt = driver.runs()[0]
    driver.send(e.TaskStarted(attempt.task, attempt.attempt))
    driver.at += 3.0
    driver.send(e.Preempt(attempt_pool(attempt)))
    driver.send(e.TaskEnded(attempt.task, attempt.attempt, None, FAILED, used=USED))
    driver.answer_nodes()
    found = driver.core.world.task(TaskKey(*JOB, "t"))
    assert found is not None
    assert found.used is not None
    assert (found.requeue_count, found.used.wall, found.used.user) == (1, 3_000_000, 2_000_000)


def test_a_schedule_keeps_what_the_tasks_of_its_deleted_jobs_have_used() -> None:
    """The job goes, the sum stays."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated=1)))
    driver.boot()
    driver.send(e.CreateSchedule(schedule()))
    made = JobKey("acct", "nightly:job-1")
    driver.send(e.AddTasks(made, (task("t", "nightly:job-1"),)))
    run(driver, 2.0)
    before = of_job(driver.core.world, driver.core.world.jobs[made])
    driver.send(e.DeleteJob(made))
    assert driver.core.world.schedules[SCHEDULE].past == before
    assert before.used.wall == 2_000_000


def attempt_pool(attempt: c.RunTask) -> PoolKey:
    """The pool of an attempt's node."""
    return PoolKey(attempt.node.account, attempt.node.pool)


def _parsed(record: Record) -> Any:
    return orjson.loads(encode(record))
