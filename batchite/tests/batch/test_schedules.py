"""Job schedules through the unmodified client. A minute of the service lasts 30 ms here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from batch.harness import wait_until
from batch.sdk import code_of

pytestmark = pytest.mark.documented

Times = models.BatchJobScheduleConfiguration
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def specification(**more: Any) -> models.BatchJobSpecification:
    """What the jobs are like."""
    return models.BatchJobSpecification(pool_info=models.BatchPoolInfo(pool_id="Pool"), **more)


def create(client: BatchClient, name: str = "Nightly", times: Times | None = None, **more: Any) -> None:
    """A schedule; without times it makes one job at once."""
    client.create_job_schedule(
        models.BatchJobScheduleCreateOptions(
            id=name, schedule=times or Times(), job_specification=specification(**more)
        )
    )


def state_of(client: BatchClient, name: str = "Nightly") -> tuple[Any, Any]:
    """The schedule's state and the one before."""
    found = client.get_job_schedule(name)
    assert found.state_transition_time is not None
    return found.state, found.previous_state


def info(client: BatchClient, name: str = "Nightly") -> models.BatchJobScheduleExecutionInfo:
    """What the schedule has done and will do."""
    found: models.BatchJobScheduleExecutionInfo | None = client.get_job_schedule(name).execution_info
    assert found is not None
    return found


def recent_job_is(client: BatchClient, number: int) -> None:
    """Until the schedule has made its job of that number."""

    def made() -> bool:
        recent = info(client).recent_job
        return recent is not None and recent.id == f"Nightly:job-{number}"

    wait_until(made, f"job {number} is there")


def end_job(client: BatchClient, number: int) -> None:
    """A job of the schedule is ended by a client."""
    reason: Any = {"terminateReason": "done"}
    client.begin_terminate_job(f"Nightly:job-{number}", reason, polling_interval=0).result()


def test_create_makes_the_first_job_with_what_the_specification_says(working: BatchClient) -> None:
    """The job has the schedule's name and a number; defaults are those of a job."""
    create(working, priority=7, display_name="a night", common_environment_settings=[{"name": "A", "value": "b"}])
    found = working.get_job_schedule("nightly")
    assert (found.id, found.state, found.display_name) == ("Nightly", "active", None)
    assert found.url is not None
    assert found.url.endswith("/jobschedules/Nightly")
    told = found.job_specification
    assert told is not None
    assert (told.priority, told.max_parallel_tasks, told.uses_task_dependencies) == (7, -1, False)
    assert told.constraints is not None
    assert told.constraints.max_task_retry_count == 0
    recent = info(working).recent_job
    assert recent is not None
    assert recent.id == "Nightly:job-1"
    job = working.get_job("Nightly:job-1")
    assert (job.id, job.priority, job.display_name, job.state) == ("Nightly:job-1", 7, "a night", "active")
    assert job.url == recent.url
    assert job.common_environment_settings is not None
    assert job.common_environment_settings[0].name == "A"


def test_tasks_of_a_schedule_s_job_run(working: BatchClient) -> None:
    """Their directory names the schedule and the number of its job."""
    create(working)
    working.create_task("Nightly:job-1", models.BatchTaskCreateOptions(id="t", command_line="exit 0"))
    task = wait_until(
        lambda: (seen := working.get_task("Nightly:job-1", "t")).state == "completed" and seen, "the task is completed"
    )
    assert task.node_info.task_root_directory == "workitems/nightly/job-1/t"
    assert b"".join(working.download_task_file("Nightly:job-1", "t", "stdout.txt")) == b"0123456789"


def test_create_is_refused(working: BatchClient) -> None:
    """400 names the property; 409 for an id that a schedule or a job has."""
    create(working)
    for name, code in (("NIGHTLY", "JobScheduleExists"), ("job", "JobWithSameIdExists")):
        with pytest.raises(ResourceExistsError) as taken:
            create(working, name)
        assert code_of(taken.value) == code
    job = models.BatchJobCreateOptions(id="nightly", pool_info=models.BatchPoolInfo(pool_id="Pool"))
    with pytest.raises(ResourceExistsError) as taken:
        working.create_job(job)
    assert code_of(taken.value) == "JobScheduleWithSameIdExists"


@pytest.mark.parametrize(
    ("times", "name", "code"),
    [
        ({"recurrenceInterval": "PT59S"}, "schedule.recurrenceInterval", "OutOfRangeInput"),
        ({"startWindow": "PT1S"}, "schedule.startWindow", "OutOfRangeInput"),
        ({"startWindow": "soon"}, "schedule.startWindow", "InvalidPropertyValue"),
        ({"doNotRunUntil": "tomorrow"}, "schedule.doNotRunUntil", "InvalidPropertyValue"),
        (
            {"doNotRunUntil": "2100-01-02T00:00:00Z", "doNotRunAfter": "2100-01-01T00:00:00Z"},
            "schedule.doNotRunAfter",
            "InvalidPropertyValue",
        ),
    ],
)
def test_times_are_checked(client: BatchClient, times: Any, name: str, code: str) -> None:
    """The property, its value and the rule are named."""
    options: Any = {"id": "s", "schedule": times, "jobSpecification": {"poolInfo": {"poolId": "Pool"}}}
    with pytest.raises(HttpResponseError) as wrong:
        client.create_job_schedule(options)
    assert (wrong.value.status_code, code_of(wrong.value)) == (400, code)
    model: Any = wrong.value.model
    values = {detail.key: detail.value for detail in model.error_values}
    assert values["PropertyName"] == name
    assert set(values) == {"PropertyName", "PropertyValue", "Reason"}


@pytest.mark.parametrize("missing", ["id", "schedule", "jobSpecification", "jobSpecification.poolInfo"])
def test_what_a_schedule_needs(client: BatchClient, missing: str) -> None:
    """MissingRequiredProperty names it."""
    options: Any = {"id": "s", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "Pool"}}}
    if "." in missing:
        del options["jobSpecification"]["poolInfo"]
    else:
        del options[missing]
    with pytest.raises(HttpResponseError) as wrong:
        client.create_job_schedule(options)
    assert code_of(wrong.value) == "MissingRequiredProperty"


def test_jobs_recur_one_at_a_time(working: BatchClient) -> None:
    """The next job comes when it is due and the one before has ended."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)))
    end_job(working, 1)
    recent_job_is(working, 2)
    assert info(working).next_run_time is not None
    found = list(working.list_jobs_from_schedule("Nightly"))
    assert [(job.id, job.state) for job in found] == [
        ("Nightly:job-1", "completed"),
        ("Nightly:job-2", "active"),
    ]


def test_a_schedule_waits_for_its_time(working: BatchClient) -> None:
    """DoNotRunUntil is the next run; there is no recent job before it."""
    create(working, times=Times(do_not_run_until=NEVER))
    assert info(working).next_run_time == NEVER
    assert info(working).recent_job is None
    assert not list(working.list_jobs_from_schedule("Nightly"))


def test_a_schedule_completes_with_its_only_job(working: BatchClient) -> None:
    """ExecutionInfo says when; what has completed is neither changed nor ended again."""
    create(working)
    end_job(working, 1)
    assert state_of(working) == ("completed", "terminating")
    assert info(working).end_time is not None
    assert info(working).next_run_time is None
    times = models.BatchJobScheduleUpdateOptions(schedule=Times(recurrence_interval=timedelta(hours=1)))
    for refused in (
        lambda: working.update_job_schedule("Nightly", times),
        lambda: working.enable_job_schedule("Nightly"),
        lambda: working.disable_job_schedule("Nightly"),
        lambda: working.begin_terminate_job_schedule("Nightly"),
    ):
        with pytest.raises(ResourceExistsError) as over:
            refused()
        assert code_of(over.value) == "JobScheduleCompleted"


def test_schedules_are_listed(working: BatchClient) -> None:
    """In the order of their ids, filtered, selected, in pages."""
    for name in ("c", "a", "b"):
        create(working, name, Times(do_not_run_until=NEVER))
    working.disable_job_schedule("b")
    assert [found.id for found in working.list_job_schedules()] == ["a", "b", "c"]
    assert [found.id for found in working.list_job_schedules(max_results=1)] == ["a", "b", "c"]
    active = list(working.list_job_schedules(filter="state eq 'active'", select=["id", "state"]))
    assert [(found.id, found.state) for found in active] == [("a", "active"), ("c", "active")]
    assert not any("jobSpecification" in found for found in active)
    with pytest.raises(HttpResponseError) as wrong:
        list(working.list_job_schedules(filter="priority eq 1"))
    assert code_of(wrong.value) == "InvalidQueryParameterValue"


def test_jobs_of_a_schedule_are_listed_by_their_rules(working: BatchClient) -> None:
    """Filter, selection and pages are those of jobs; an unknown schedule is a 404."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)))
    for number in (1, 2):
        end_job(working, number)
        recent_job_is(working, number + 1)
    done = working.list_jobs_from_schedule("Nightly", filter="state eq 'completed'", select=["id"], max_results=1)
    assert [job.id for job in done] == ["Nightly:job-1", "Nightly:job-2"]
    with pytest.raises(ResourceNotFoundError):
        list(working.list_jobs_from_schedule("other"))


def test_get_selects_and_honours_conditions(working: BatchClient) -> None:
    """A fresh copy is a 304, an unknown schedule a 404, an unknown property a 400."""
    create(working)
    assert working.get_job_schedule("Nightly", select=["id"]).state is None
    etag = working.get_job_schedule("Nightly").etag
    assert etag
    with pytest.raises(ResourceModifiedError):
        working.get_job_schedule("Nightly", etag=etag, match_condition=MatchConditions.IfModified)
    with pytest.raises(ResourceNotFoundError) as missing:
        working.get_job_schedule("other")
    assert code_of(missing.value) == "JobScheduleNotFound"
    with pytest.raises(HttpResponseError) as wrong:
        working.get_job_schedule("Nightly", select=["priority"])
    assert code_of(wrong.value) == "InvalidQueryParameterValue"


def test_a_schedule_exists(working: BatchClient) -> None:
    """HEAD is 200; for no schedule it is a 404, which this client raises."""
    create(working)
    assert working.job_schedule_exists("Nightly") is True
    with pytest.raises(ResourceNotFoundError):
        working.job_schedule_exists("other")
    with pytest.raises(ResourceModifiedError):
        working.job_schedule_exists("Nightly", etag="0x1", match_condition=MatchConditions.IfNotModified)


def test_update_keeps_what_is_absent(working: BatchClient) -> None:
    """The next job is as changed, the present one as it was; the ETag is new."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)), priority=1)
    before = working.get_job_schedule("Nightly")
    working.update_job_schedule(
        "Nightly", models.BatchJobScheduleUpdateOptions(job_specification=specification(priority=2))
    )
    after = working.get_job_schedule("Nightly")
    assert after.etag != before.etag
    assert after.schedule == before.schedule
    assert working.get_job("Nightly:job-1").priority == 1
    end_job(working, 1)
    recent_job_is(working, 2)
    assert working.get_job("Nightly:job-2").priority == 2
    with pytest.raises(ResourceModifiedError):
        working.update_job_schedule(
            "Nightly",
            models.BatchJobScheduleUpdateOptions(metadata=[]),
            etag=before.etag,
            match_condition=MatchConditions.IfNotModified,
        )


def test_replace_gives_defaults_to_what_is_absent(working: BatchClient) -> None:
    """A schedule that was fetched may be sent back; without metadata it has none."""
    working.create_job_schedule(
        models.BatchJobScheduleCreateOptions(
            id="Nightly",
            schedule=Times(do_not_run_until=NEVER),
            job_specification=specification(priority=3),
            metadata=[models.BatchMetadataItem(name="a", value="b")],
        )
    )
    found = working.get_job_schedule("Nightly")
    assert found.metadata is not None
    working.replace_job_schedule("Nightly", found)
    assert working.get_job_schedule("Nightly").metadata == found.metadata
    working.replace_job_schedule("Nightly", models.BatchJobSchedule(job_specification=specification()))
    replaced = working.get_job_schedule("Nightly")
    assert replaced.metadata is None
    assert replaced.job_specification is not None
    assert replaced.job_specification.priority == 0
    assert [job.id for job in working.list_jobs_from_schedule("Nightly")] == ["Nightly:job-1"]
    with pytest.raises(HttpResponseError) as wrong:
        working.replace_job_schedule("Nightly", models.BatchJobSchedule({"metadata": []}))
    assert code_of(wrong.value) == "MissingRequiredProperty"


def test_disable_and_enable(working: BatchClient) -> None:
    """A disabled schedule says when it would run, and makes no job; enabled it goes on."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)))
    working.disable_job_schedule("Nightly")
    assert state_of(working) == ("disabled", "active")
    assert working.get_job("Nightly:job-1").state == "active"
    end_job(working, 1)
    assert info(working).next_run_time is not None
    assert [job.id for job in working.list_jobs_from_schedule("Nightly")] == ["Nightly:job-1"]
    working.enable_job_schedule("Nightly")
    assert state_of(working) == ("active", "disabled")
    recent_job_is(working, 2)
    stale: Any = {"etag": "0x1", "match_condition": MatchConditions.IfNotModified}
    for change in (working.disable_job_schedule, working.enable_job_schedule):
        with pytest.raises(ResourceModifiedError):
            change("Nightly", **stale)
        with pytest.raises(ResourceNotFoundError):
            change("other")


def test_terminate_waits_for_the_job(working: BatchClient) -> None:
    """The job ends with the reason TerminateJobSchedule; the poller ends with the schedule."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)))
    working.create_task("Nightly:job-1", models.BatchTaskCreateOptions(id="t", command_line="hold"))
    wait_until(lambda: working.get_task("Nightly:job-1", "t").state == "running", "the task runs")
    with pytest.raises(ResourceModifiedError):
        working.begin_terminate_job_schedule("Nightly", etag="0x1", match_condition=MatchConditions.IfNotModified)
    working.begin_terminate_job_schedule("Nightly", polling_interval=0).result()
    assert state_of(working) == ("completed", "terminating")
    job = working.get_job("Nightly:job-1")
    assert job.state == "completed"
    assert job.execution_info is not None
    assert job.execution_info.termination_reason == "TerminateJobSchedule"
    with pytest.raises(ResourceNotFoundError):
        working.begin_terminate_job_schedule("other")


def test_delete_takes_the_jobs_along(working: BatchClient) -> None:
    """The poller ends when schedule and jobs are gone; the id is free again."""
    create(working, times=Times(recurrence_interval=timedelta(minutes=1)))
    end_job(working, 1)
    recent_job_is(working, 2)
    with pytest.raises(ResourceModifiedError):
        working.begin_delete_job_schedule("Nightly", etag="0x1", match_condition=MatchConditions.IfNotModified)
    working.begin_delete_job_schedule("Nightly", polling_interval=0).result()
    with pytest.raises(ResourceNotFoundError):
        working.get_job_schedule("Nightly")
    assert [job.id for job in working.list_jobs()] == ["Job"]
    with pytest.raises(ResourceNotFoundError):
        working.begin_delete_job_schedule("Nightly")
    create(working)
