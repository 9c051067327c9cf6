"""Preparation, release and job manager tasks through the unmodified client."""

from datetime import timedelta
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from batch.harness import Account, Server, wait_until
from batch.sdk import code_of

from batchite.scheduler.model import JobKey, TaskKey

pytestmark = pytest.mark.documented

OVER: Any = {"terminateReason": "over"}
PREPARATION = {"commandLine": "exit 0"}


def create(client: BatchClient, prepare: str = "exit 0", release: str | None = "exit 0", **more: Any) -> None:
    """A job `Own` with a preparation task and a release task."""
    after = None if release is None else models.BatchJobReleaseTask(command_line=release)
    options = models.BatchJobCreateOptions(
        id="Own",
        pool_info=models.BatchPoolInfo(pool_id="Pool"),
        job_preparation_task=models.BatchJobPreparationTask(command_line=prepare, **more),
        job_release_task=after,
    )
    client.create_job(options)


def add(client: BatchClient, task: str, command: str = "exit 0") -> None:
    """A task of it."""
    client.create_task("Own", models.BatchTaskCreateOptions(id=task, command_line=command))


def completes(client: BatchClient, task: str) -> None:
    """Until the task has completed."""
    wait_until(lambda: client.get_task("Own", task).state == "completed", f"{task} is completed")


def rows(client: BatchClient, **options: Any) -> list[models.BatchJobPreparationAndReleaseTaskStatus]:
    """What both tasks have done on the nodes."""
    return list(client.list_job_preparation_and_release_task_status("Own", **options))


def test_the_defaults_of_both_tasks_are_shown(working: BatchClient) -> None:
    """Ids, waiting, rerunning, limits."""
    create(working)
    job = working.get_job("Own")
    before, after = job.job_preparation_task, job.job_release_task
    assert before is not None
    assert after is not None
    assert (before.id, before.wait_for_success, before.rerun_on_node_reboot_after_success) == (
        "jobpreparation",
        True,
        True,
    )
    assert before.constraints is not None
    assert (before.constraints.max_task_retry_count, before.constraints.retention_time) == (0, timedelta(days=7))
    assert (after.id, after.max_wall_clock_time, after.retention_time) == (
        "jobrelease",
        timedelta(minutes=15),
        timedelta(days=7),
    )


def test_preparation_and_release_run_on_the_nodes_of_the_job(working: BatchClient) -> None:
    """One row a node: the preparation before the first task, the release when the job is terminated."""
    create(working)
    assert rows(working) == []
    add(working, "t")
    completes(working, "t")
    (row,) = rows(working)
    before = row.job_preparation_task_execution_info
    assert before is not None
    assert (row.pool_id, before.state, before.exit_code, before.result) == ("Pool", "completed", 0, "success")
    assert before.task_root_directory == "workitems/own/job-1/jobpreparation"
    assert before.task_root_directory_url == f"{row.node_url}/files/{before.task_root_directory}"
    assert row.job_release_task_execution_info is None
    working.begin_terminate_job("Own", OVER, polling_interval=0).result()
    (row,) = rows(working)
    after = row.job_release_task_execution_info
    assert after is not None
    assert (after.state, after.exit_code, after.result) == ("completed", 0, "success")
    assert working.get_job("Own").state == "completed"


def test_a_task_is_preparing_while_its_node_is_prepared(working: BatchClient) -> None:
    """And the row says that the preparation runs; ending the job stops it."""
    create(working, prepare="hold")
    add(working, "t")
    assert working.get_task("Own", "t").state == "preparing"
    (row,) = rows(working, filter="jobPreparationTaskExecutionInfo/state eq 'running'", select=["nodeId"])
    assert row.as_dict().keys() == {"nodeId"}
    working.begin_terminate_job("Own", OVER, polling_interval=0).result()
    assert working.get_job("Own").state == "completed"
    assert working.get_task("Own", "t").state == "completed"


def test_a_failed_preparation_leaves_the_task_active(working: BatchClient) -> None:
    """On every node there is; the rows say why. The job has to be ended by its client."""
    create(working, prepare="exit 7", release=None, constraints=models.BatchTaskConstraints(max_task_retry_count=2))
    add(working, "t")
    wait_until(lambda: len(rows(working)) == 2, "both nodes were tried")
    found = wait_until(
        lambda: [one for row in rows(working) if (one := row.job_preparation_task_execution_info)], "there are rows"
    )
    wait_until(lambda: working.get_task("Own", "t").state == "active", "the task is active again")
    found = [row.job_preparation_task_execution_info for row in rows(working)]
    assert {(one.exit_code, one.retry_count, one.result) for one in found if one} == {(7, 2, "failure")}
    assert {one.failure_info.code for one in found if one and one.failure_info} == {"FailureExitCode"}
    assert working.get_job_task_counts("Own").task_counts.active == 1


def test_the_job_terminates_while_its_release_runs(working: BatchClient, account: Account, server: Server) -> None:
    """Terminating until the release has ended on every node, which it does when the node goes."""
    create(working, release="hold")
    add(working, "t")
    completes(working, "t")
    working.begin_terminate_job("Own", OVER, polling_interval=5)
    assert working.get_job("Own").state == "terminating"
    (row,) = rows(working)
    assert row.job_release_task_execution_info is not None
    assert row.job_release_task_execution_info.state == "running"
    launch = next(
        one
        for key, one in server.agent.job_launches.items()
        if key.job == JobKey(account.name, "own") and key.kind == "release"
    )
    assert launch.wall_clock == 900.0
    working.begin_delete_pool("Pool", polling_interval=0).result()
    wait_until(lambda: working.get_job("Own").state == "completed", "the job has ended")


def test_a_deleted_job_runs_its_release_first(working: BatchClient) -> None:
    """Deleting until then, then gone."""
    create(working)
    add(working, "t")
    completes(working, "t")
    working.begin_delete_job("Own", polling_interval=0).result()
    with pytest.raises(HttpResponseError):
        working.get_job("Own")


def test_force_does_not_wait_for_the_release(working: BatchClient) -> None:
    """Neither for one that runs."""
    create(working, release="hold")
    add(working, "t")
    completes(working, "t")
    poller = working.begin_terminate_job("Own", OVER, polling_interval=1)
    assert working.get_job("Own").state == "terminating"
    working.begin_delete_job("Own", force=True, polling_interval=1).result()
    poller.result()
    with pytest.raises(HttpResponseError):
        working.get_job("Own")


def test_a_job_without_preparation_has_no_status(working: BatchClient) -> None:
    """409 JobPreparationTaskNotSpecified."""
    with pytest.raises(ResourceExistsError) as caught:
        list(working.list_job_preparation_and_release_task_status("Job"))
    assert code_of(caught.value) == "JobPreparationTaskNotSpecified"


@pytest.mark.parametrize(
    ("name", "code"),
    [("JobPreparation", "TaskIdSameAsJobPreparationTask"), ("jobrelease", "TaskIdSameAsJobReleaseTask")],
)
def test_the_ids_of_both_tasks_are_taken(working: BatchClient, name: str, code: str) -> None:
    """409, for a task alone and in a collection."""
    create(working)
    with pytest.raises(ResourceExistsError) as caught:
        add(working, name)
    assert code_of(caught.value) == code
    group = models.BatchTaskGroup(task_values=[models.BatchTaskCreateOptions(id=name, command_line="exit 0")])
    results = working.create_task_collection("Own", group).result_values or []
    assert [result.error.code for result in results if result.error] == [code]


@pytest.mark.parametrize(
    ("body", "code", "name"),
    [
        ({"jobReleaseTask": {"commandLine": "x"}}, "InvalidPropertyValue", "jobReleaseTask"),
        (
            {"jobPreparationTask": PREPARATION, "jobReleaseTask": {"commandLine": "x", "maxWallClockTime": "PT16M"}},
            "OutOfRangeInput",
            "jobReleaseTask.maxWallClockTime",
        ),
        ({"jobPreparationTask": {}}, "MissingRequiredProperty", "jobPreparationTask.commandLine"),
        (
            {"jobPreparationTask": PREPARATION, "jobReleaseTask": {"id": "JOBPREPARATION", "commandLine": "x"}},
            "InvalidPropertyValue",
            "jobReleaseTask.id",
        ),
        ({"jobManagerTask": {"commandLine": "x"}}, "MissingRequiredProperty", "jobManagerTask.id"),
        (
            {"jobManagerTask": {"id": "m", "commandLine": "x", "userIdentity": {"username": "nobody"}}},
            "InvalidPropertyValue",
            "jobManagerTask.userIdentity.username",
        ),
    ],
)
def test_bad_tasks_of_jobs_name_the_property(account: Account, body: dict[str, Any], code: str, name: str) -> None:
    """Also in a job schedule, whose jobs bring the same tasks."""
    account.pool()
    answer = account.post("/jobs", {"id": "j", "poolInfo": {"poolId": "pool"}} | body)
    assert (answer.status, answer.code, answer.values["PropertyName"]) == (400, code, name)
    schedule = {"id": "s", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "pool"}} | body}
    answer = account.post("/jobschedules", schedule)
    assert (answer.status, answer.code) == (400, code)
    assert answer.values["PropertyName"].endswith(name)


def manager(command: str = "hold", **more: Any) -> models.BatchJobCreateOptions:
    """A job `Own` with a job manager task."""
    task = models.BatchJobManagerTask(id="Manager", command_line=command, **more)
    options: models.BatchJobCreateOptions = models.BatchJobCreateOptions(
        id="Own", pool_info=models.BatchPoolInfo(pool_id="Pool"), job_manager_task=task
    )
    return options


def test_a_job_manager_runs_as_a_task_of_its_job(working: BatchClient) -> None:
    """It is listed, shown with its own constraints, and alone on its node; its settings stay with the job."""
    working.create_job(manager(constraints=models.BatchTaskConstraints(max_task_retry_count=4)))
    (task,) = working.list_tasks("Own")
    assert (task.id, task.command_line) == ("Manager", "hold")
    assert task.constraints is not None
    assert task.constraints.max_task_retry_count == 4
    assert "killJobOnCompletion" not in working.get_task("Own", "manager").as_dict()
    job = working.get_job("Own")
    assert job.job_manager_task is not None
    assert (job.job_manager_task.kill_job_on_completion, job.job_manager_task.run_exclusive) == (True, True)
    working.delete_task("Own", "manager")
    working.begin_delete_job("Own", polling_interval=0).result()


def test_the_end_of_a_job_manager_ends_its_job(working: BatchClient) -> None:
    """With the reason JMComplete, and whatever its exit code."""
    working.create_job(manager("exit 3"))
    wait_until(lambda: working.get_job("Own").state == "completed", "the job has ended")
    info = working.get_job("Own").execution_info
    assert info is not None
    assert info.termination_reason == "JMComplete"
    assert working.get_task("Own", "Manager").state == "completed"


def test_a_job_outlives_its_manager_if_it_wants_to(working: BatchClient) -> None:
    """KillJobOnCompletion false; then onAllTasksComplete may end it."""
    options = manager("exit 0", kill_job_on_completion=False)
    options.all_tasks_complete_mode = "terminatejob"
    working.create_job(options)
    wait_until(lambda: working.get_job("Own").state == "completed", "the job has ended")
    info = working.get_job("Own").execution_info
    assert info is not None
    assert info.termination_reason == "AllTasksComplete"


def test_jobs_of_a_schedule_bring_their_tasks(working: BatchClient, account: Account, server: Server) -> None:
    """The manager of a schedule's job is there with the job, with a document of its own."""
    own = {"jobManagerTask": {"id": "M", "commandLine": "hold"}, "jobPreparationTask": PREPARATION}
    schedule = {"id": "s", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "pool"}} | own}
    assert account.post("/jobschedules", schedule).status == 201
    job = "s:job-1"
    wait_until(lambda: working.get_task(job, "m").state == "running", "the manager runs")
    assert working.get_task(job, "m").command_line == "hold"
    launch = server.agent.launches[TaskKey(account.name, job, "m")]
    prepared = f"{launch.node_root}/workitems/s/job-1/jobpreparation"
    assert launch.environment["AZ_BATCH_JOB_PREP_DIR"] == prepared
    assert launch.environment["AZ_BATCH_JOB_PREP_WORKING_DIR"] == f"{prepared}/wd"
    (status,) = working.list_job_preparation_and_release_task_status(job)
    assert status.node_id == launch.node_root.name
