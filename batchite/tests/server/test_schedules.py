"""Job schedules of a real server."""

from datetime import timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from servers import pool, server, task, wait_until

pytestmark = pytest.mark.ours


def jobs(client: BatchClient) -> dict[Any, Any]:
    """The states of the schedule's jobs by id."""
    return {found.id: found.state for found in client.list_jobs_from_schedule("hourly")}


def finish(client: BatchClient, number: int) -> None:
    """A client ends a job of the schedule."""
    reason: Any = {"terminateReason": "done"}
    client.begin_terminate_job(f"hourly:job-{number}", reason, polling_interval=0).result()


def test_a_schedule_goes_on_after_a_kill() -> None:
    """Schedule, jobs and tasks are there; jobs follow each other by the service's own time, an hour of 3 seconds."""
    with server("--time-scale=1200") as running:
        client = running.client()
        client.create_pool(pool("pool", dedicated=1))
        specification = models.BatchJobSpecification(
            pool_info=models.BatchPoolInfo(pool_id="pool"),
            priority=5,
            display_name="an hour",
            common_environment_settings=[models.EnvironmentSetting(name="GREETING", value="hello")],
        )
        times = models.BatchJobScheduleConfiguration(recurrence_interval=timedelta(hours=1))
        options: Any = {"id": "hourly", "schedule": times, "jobSpecification": specification}
        client.create_job_schedule(options)
        running.kill()
        running.start()
        client = running.client()
        found = client.get_job("hourly:job-1")
        assert (found.state, found.priority, found.display_name) == ("active", 5, "an hour")
        client.create_task("hourly:job-1", task("t", "echo $GREETING from $AZ_BATCH_JOB_ID"))
        wait_until(lambda: client.get_task("hourly:job-1", "t").state == "completed", "the task has run")
        text = b"".join(client.download_task_file("hourly:job-1", "t", "stdout.txt"))
        assert text == b"hello from hourly:job-1\n"
        finish(client, 1)
        wait_until(lambda: jobs(client) == {"hourly:job-1": "completed", "hourly:job-2": "active"}, "the next hour")
        running.kill()
        running.start()
        client = running.client()
        assert jobs(client) == {"hourly:job-1": "completed", "hourly:job-2": "active"}
        client.begin_delete_job_schedule("hourly", polling_interval=0).result()
        running.kill()
        running.start()
        assert not list(running.client().list_jobs())
        assert not list(running.client().list_job_schedules())
