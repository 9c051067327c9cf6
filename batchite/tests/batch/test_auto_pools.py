"""Auto pools through the unmodified client."""

from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from batch.harness import POOL, wait_until
from batch.sdk import code_of

REASON: Any = {"terminateReason": "done"}


def specification(lifetime: str = "job", keep_alive: bool | None = None, **pool: Any) -> dict[str, Any]:
    """The auto pool's specification; the rest are properties of the pool."""
    machine = {name: value for name, value in POOL.items() if name != "id"}
    found = {"autoPoolIdPrefix": "auto-", "poolLifetimeOption": lifetime, "pool": machine | pool}
    return found | ({} if keep_alive is None else {"keepAlive": keep_alive})


def create(client: BatchClient, auto_pool: dict[str, Any]) -> models.BatchJob:
    """A job with the pool."""
    options: Any = {"id": "Job", "poolInfo": {"autoPoolSpecification": auto_pool}}
    client.create_job(options)
    found: models.BatchJob = client.get_job("Job")
    return found


def pool_of(job: models.BatchJob) -> str:
    """The id of the job's pool."""
    assert job.execution_info is not None
    assert job.execution_info.pool_id is not None
    return job.execution_info.pool_id


@pytest.mark.documented
def test_a_job_runs_in_a_pool_of_its_own(client: BatchClient) -> None:
    """The pool is as specified; it runs the job's tasks, and goes when the job completes."""
    job = create(client, specification(targetDedicatedNodes=1, displayName="for a job"))
    pool = client.get_pool(pool_of(job))
    assert pool.id is not None
    assert pool.id.startswith("auto-")
    assert (pool.display_name, pool.target_dedicated_nodes) == ("for a job", 1)
    assert job.pool_info is not None
    assert job.pool_info.auto_pool_specification is not None
    assert job.pool_info.auto_pool_specification.pool is not None
    assert job.pool_info.auto_pool_specification.pool.target_dedicated_nodes == 1
    client.create_task("Job", models.BatchTaskCreateOptions(id="t", command_line="exit 0"))
    wait_until(lambda: client.get_task("Job", "t").state == "completed", "the task is completed")
    client.begin_terminate_job("Job", REASON, polling_interval=0).result()
    wait_until(lambda: not list(client.list_pools()), "the pool is gone")


@pytest.mark.documented
def test_the_pool_is_kept_alive_on_demand(client: BatchClient) -> None:
    """A PATCH may set keepAlive and nothing else of an auto pool; a fetched job can be sent back."""
    job = create(client, specification())
    for change in ({"autoPoolIdPrefix": "other"}, {"pool": specification(vmSize="standard_d4s_v5")["pool"]}):
        wrong: Any = {"poolInfo": {"autoPoolSpecification": change}}
        with pytest.raises(HttpResponseError) as refused:
            client.update_job("Job", wrong)
        assert code_of(refused.value) == "InvalidPropertyValue"
    client.replace_job("Job", job)
    kept: Any = {"poolInfo": {"autoPoolSpecification": {"poolLifetimeOption": "job", "keepAlive": True}}}
    client.update_job("Job", kept)
    shown = client.get_job("Job").pool_info
    assert shown is not None
    assert shown.auto_pool_specification is not None
    assert (shown.auto_pool_specification.keep_alive, shown.auto_pool_specification.auto_pool_id_prefix) == (
        True,
        "auto-",
    )
    client.begin_delete_job("Job", polling_interval=0).result()
    assert [pool.state for pool in client.list_pools()] == ["active"]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("auto_pool", "name", "code"),
    [
        (specification("jobschedule"), "poolLifetimeOption", "InvalidPropertyValue"),
        (specification("week"), "poolLifetimeOption", "InvalidPropertyValue"),
        (specification(taskSlotsPerNode=0), "pool.taskSlotsPerNode", "OutOfRangeInput"),
        ({"poolLifetimeOption": "job"}, "pool", "MissingRequiredProperty"),
        ({**specification(), "autoPoolIdPrefix": "x" * 21}, "autoPoolIdPrefix", "OutOfRangeInput"),
    ],
)
def test_a_specification_is_checked(client: BatchClient, auto_pool: dict[str, Any], name: str, code: str) -> None:
    """400 names the property; no job is made."""
    with pytest.raises(HttpResponseError) as wrong:
        create(client, auto_pool)
    assert (wrong.value.status_code, code_of(wrong.value)) == (400, code)
    model: Any = wrong.value.model
    assert {detail.key: detail.value for detail in model.error_values}["PropertyName"] == (
        f"poolInfo.autoPoolSpecification.{name}"
    )
    assert not list(client.list_jobs())


@pytest.mark.documented
@pytest.mark.parametrize(
    ("pool", "code"),
    [
        ({"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes ="}, "InvalidAutoScaleFormulaInAutoPool"),
        (
            {"applicationPackageReferences": [{"applicationId": "none"}]},
            "InvalidApplicationPackageReferencesInAutoPool",
        ),
        ({"autoScaleFormula": "$TargetDedicatedNodes = 1;"}, "InvalidAutoPoolSettings"),
    ],
)
def test_a_job_without_its_pool_completes_with_a_scheduling_error(
    client: BatchClient, pool: dict[str, Any], code: str
) -> None:
    """The job is accepted and has completed; the error says why there is no pool."""
    job = create(client, specification(**pool))
    assert job.state == "completed"
    assert job.execution_info is not None
    error = job.execution_info.scheduling_error
    assert error is not None
    assert (error.category, error.code) == ("usererror", code)
    assert error.message
    assert job.execution_info.pool_id is None
    assert not list(client.list_pools())


@pytest.mark.documented
def test_the_jobs_of_a_schedule_share_a_pool(client: BatchClient) -> None:
    """It comes with the first job and goes with the schedule."""
    options: Any = {
        "id": "Nightly",
        "schedule": {"recurrenceInterval": "PT1M"},
        "jobSpecification": {"poolInfo": {"autoPoolSpecification": specification("jobschedule")}},
    }
    client.create_job_schedule(options)
    client.begin_terminate_job("Nightly:job-1", REASON, polling_interval=0).result()
    wait_until(lambda: len(list(client.list_jobs_from_schedule("Nightly"))) == 2, "the second job is there")
    first, second = client.list_jobs_from_schedule("Nightly")
    assert pool_of(first) == pool_of(second)
    client.begin_delete_job_schedule("Nightly", polling_interval=0).result()
    wait_until(lambda: not list(client.list_pools()), "the pool is gone")
    with pytest.raises(ResourceNotFoundError):
        client.get_job("Nightly:job-1")


@pytest.mark.ours
def test_passwords_of_an_auto_pool_are_not_shown(client: BatchClient) -> None:
    """Neither in the job nor in the pool."""
    accounts = [{"name": "worker", "password": "s3cret-Word", "elevationLevel": "nonadmin"}]
    job = create(client, specification(userAccounts=accounts))
    for shown in (job, client.get_pool(pool_of(job))):
        assert "worker" in str(shown.as_dict())
        assert "s3cret" not in str(shown.as_dict())
