"""Statistics of real tasks, through the unmodified client."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from azure.batch import models
from servers import RunningServer, job, pool, server, task, wait_until

pytestmark = pytest.mark.documented  # REST reference: BatchTaskStatistics, BatchJobStatistics, BatchPoolStatistics

WORK = (
    "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; head -c 3000000 /dev/zero > big; cat big > /dev/null; exit $CODE"
)


@pytest.fixture(scope="module")
def done() -> Iterator[RunningServer]:
    """A durable server that has run a task which succeeds, and one that fails in both of its attempts."""
    with server("--time-scale=600") as started:
        client = started.client()
        client.create_pool(pool("pool", dedicated=1))
        client.create_job(job("Job", "pool"))
        client.create_task("Job", task("Good", WORK.replace("$CODE", "0")))
        bad = task("Bad", WORK.replace("$CODE", "1"))
        bad.constraints = models.BatchTaskConstraints(max_task_retry_count=1)
        client.create_task("Job", bad)
        wait_until(lambda: client.get_job_task_counts("Job").task_counts.completed == 2, "both tasks are completed")
        yield started


def of_task(running: RunningServer, name: str) -> models.BatchTaskStatistics:
    """A task's statistics."""
    found = running.client().get_task("Job", name, expand=["stats"]).task_statistics
    assert found is not None
    return found


def of_job(running: RunningServer) -> models.BatchJobStatistics:
    """The job's statistics."""
    found = running.client().get_job("Job", expand=["stats"]).job_statistics
    assert found is not None
    return found


def test_what_a_task_has_used_is_measured(done: RunningServer) -> None:
    """Processor time, and what it wrote and read, with the children it waited for; wall-clock time of all attempts."""
    good, bad = of_task(done, "Good"), of_task(done, "Bad")
    cpu = good.user_cpu_time + good.kernel_cpu_time
    assert timedelta() < cpu
    assert good.wall_clock_time > timedelta()
    assert good.read_io_gib * 2**30 >= 3_000_000
    assert good.write_io_gib * 2**30 >= 3_000_000
    assert good.read_iops > 0
    assert good.write_iops > 0
    assert good.wait_time > timedelta()
    assert good.url.endswith("/jobs/Job/tasks/Good/stats")
    assert good.start_time <= good.last_update_time
    assert bad.write_io_gib * 2**30 >= 6_000_000, "both attempts"


def test_a_job_adds_up_its_tasks(done: RunningServer) -> None:
    """Every sum is exact; successes, failures and retries are counted."""
    tasks, found = [of_task(done, name) for name in ("Good", "Bad")], of_job(done)
    assert (found.succeeded_tasks_count, found.failed_tasks_count, found.task_retries_count) == (1, 1, 1)
    assert found.write_iops == sum(one.write_iops for one in tasks)
    assert found.user_cpu_time == sum((one.user_cpu_time for one in tasks), timedelta())
    assert found.last_update_time == max(one.last_update_time for one in tasks)


def test_statistics_come_only_when_they_are_asked_for(done: RunningServer) -> None:
    """`$expand=stats` and a `$select` that does not leave them out, also in lists."""
    client = done.client()
    assert client.get_task("Job", "Good").task_statistics is None
    assert client.get_task("Job", "Good", expand=["stats"], select=["id"]).task_statistics is None
    listed = list(client.list_tasks("Job", expand=["stats"], select=["id", "stats"]))
    assert [one.id for one in listed if one.task_statistics is not None] == ["Good", "Bad"]
    assert not any(one.state for one in listed)
    assert [one.job_statistics is not None for one in client.list_jobs(expand=["stats"])] == [True]


def test_a_pool_counts_the_core_time_of_its_dedicated_nodes(done: RunningServer) -> None:
    """Its size has two cores."""
    found = done.client().get_pool("pool", expand=["stats"]).pool_statistics
    assert found is not None
    assert found.usage_statistics is not None
    span = found.last_update_time - found.start_time + timedelta(milliseconds=1)  # both are cut to microseconds
    assert timedelta() < found.usage_statistics.dedicated_core_time <= 2 * span


def test_a_pool_shows_what_its_nodes_use(done: RunningServer) -> None:
    """Samples of the processes that run, and what those that have ended read and wrote."""
    client = done.client()
    client.create_task("Job", task("Busy", "while :; do :; done"))

    def sampled() -> models.BatchPoolResourceStatistics | None:
        found = client.get_pool("pool", expand=["stats"]).pool_statistics
        resources = found.resource_statistics if found else None
        seen = resources is not None and resources.avg_cpu_percentage and resources.peak_memory_gib
        return resources if seen else None

    seen = wait_until(sampled, "the node was sampled while its task ran")
    assert 0 < seen.avg_cpu_percentage <= 100
    assert 0 < seen.avg_memory_gib <= seen.peak_memory_gib
    assert 0 < seen.avg_disk_gib <= seen.peak_disk_gib
    assert seen.start_time < seen.last_update_time
    assert seen.disk_write_iops > 0
    assert seen.disk_write_gib * 2**30 >= 9_000_000, "three attempts"
    client.delete_task("Job", "Busy")
    wait_until(lambda: len(list(client.list_tasks("Job"))) == 2, "nothing of it runs any more")


def test_statistics_survive_a_kill(done: RunningServer) -> None:
    """Those of a deleted task stay with its job, too."""
    done.client().delete_task("Job", "Bad")
    before, pool_before = of_job(done), done.client().get_pool("pool", expand=["stats"]).pool_statistics
    done.kill()
    done.start()
    after = of_job(done)
    after.url = before.url  # the port is another one
    assert after == before
    assert before.failed_tasks_count == 1
    pool_after = done.client().get_pool("pool", expand=["stats"]).pool_statistics
    assert pool_before is not None
    assert pool_before.resource_statistics is not None
    assert pool_after is not None
    assert pool_after.resource_statistics is not None
    assert pool_after.resource_statistics.disk_write_iops >= pool_before.resource_statistics.disk_write_iops
    assert of_task(done, "Good").write_io_gib > 0


def test_a_schedule_adds_up_its_jobs(done: RunningServer) -> None:
    """The job that it makes has a task that runs."""
    client = done.client()
    manager = models.BatchJobManagerTask(id="m", command_line="/bin/sh -c 'echo x > f'")
    specification = models.BatchJobSpecification(
        pool_info=models.BatchPoolInfo(pool_id="pool"), job_manager_task=manager
    )
    schedule = models.BatchJobScheduleConfiguration()
    client.create_job_schedule(
        models.BatchJobScheduleCreateOptions(id="Daily", schedule=schedule, job_specification=specification)
    )
    found = wait_until(
        lambda: client.get_job_schedule("Daily", expand=["stats"]).job_schedule_statistics, "its task has run"
    )
    assert (found.succeeded_tasks_count, found.failed_tasks_count) == (1, 0)
    assert found.write_iops > 0
