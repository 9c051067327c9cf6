"""Quotas of an account through the unmodified client."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceExistsError
from batch.harness import KEY, Account, Server
from batch.sdk import code_of, pool_options

pytestmark = pytest.mark.documented

_NUMBERS = count(1)


@pytest.fixture
def limited(server: Server) -> Iterator[BatchClient]:
    """A client of an account that may have two pools, and two active jobs and job schedules."""
    account = Account(server, f"limited{next(_NUMBERS)}")
    with BatchClient(account.endpoint, AzureNamedKeyCredential(account.name, KEY)) as found:
        yield found


def create_job(client: BatchClient, name: str) -> None:
    """A job."""
    client.create_job(models.BatchJobCreateOptions(id=name, pool_info=models.BatchPoolInfo(pool_id="Pool")))


def create_schedule(client: BatchClient, name: str) -> None:
    """A schedule that makes no job yet."""
    client.create_job_schedule(
        models.BatchJobScheduleCreateOptions(
            id=name,
            schedule=models.BatchJobScheduleConfiguration(do_not_run_until=datetime(2100, 1, 1, tzinfo=UTC)),
            job_specification=models.BatchJobSpecification(pool_info=models.BatchPoolInfo(pool_id="Pool")),
        )
    )


def test_active_jobs_and_schedules_share_a_quota(limited: BatchClient) -> None:
    """409 ActiveJobAndScheduleQuotaReached for both; what has completed makes room, and nothing was made."""
    limited.create_pool(pool_options())
    create_job(limited, "a")
    create_schedule(limited, "s")
    with pytest.raises(ResourceExistsError) as full:
        create_job(limited, "b")
    assert code_of(full.value) == "ActiveJobAndScheduleQuotaReached"
    with pytest.raises(ResourceExistsError) as full:
        create_schedule(limited, "t")
    assert code_of(full.value) == "ActiveJobAndScheduleQuotaReached"
    assert [job.id for job in limited.list_jobs()] == ["a"]
    assert [schedule.id for schedule in limited.list_job_schedules()] == ["s"]
    reason: Any = {"terminateReason": "done"}
    limited.begin_terminate_job("a", reason, polling_interval=0).result()
    create_job(limited, "b")


def test_pools_have_a_quota(limited: BatchClient) -> None:
    """409 PoolQuotaReached; a deleted pool makes room."""
    for name in ("a", "b"):
        limited.create_pool(pool_options(id=name))
    with pytest.raises(ResourceExistsError) as full:
        limited.create_pool(pool_options(id="c"))
    assert code_of(full.value) == "PoolQuotaReached"
    limited.begin_delete_pool("a", polling_interval=0).result()
    limited.create_pool(pool_options(id="c"))
    assert [pool.id for pool in limited.list_pools()] == ["b", "c"]
