"""Jobs whose pool comes later, and the network that a job asks for."""

from typing import Any

import pytest
from batch.harness import POOL, Account, wait_until

SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
NETWORK = {"subnetId": SUBNET, "skipWithdrawFromVNet": True}


@pytest.mark.documented
def test_a_job_waits_for_its_pool(account: Account) -> None:
    """The service does not reject the job; its tasks run once a pool of that id is there."""
    assert account.post("/jobs", {"id": "early", "poolInfo": {"poolId": "Pool"}}).status == 201
    assert account.get("/jobs/early").json["executionInfo"]["poolId"] == "Pool"
    assert account.post("/jobs/early/tasks", {"id": "t", "commandLine": "exit 0"}).status == 201
    assert account.get("/jobs/early/tasks/t").json["state"] == "active"
    assert account.post("/pools", POOL | {"targetDedicatedNodes": 1}).status == 201
    wait_until(lambda: account.get("/jobs/early/tasks/t").json["state"] == "completed", "the task has run")


@pytest.mark.documented
def test_a_schedule_waits_for_its_pool(account: Account) -> None:
    """Its job is made and waits."""
    body = {"id": "plan", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "later"}}}
    assert account.post("/jobschedules", body).status == 201
    wait_until(lambda: account.get("/jobs/plan:job-1").status == 200, "the schedule has made its job")


@pytest.mark.documented
def test_a_disabled_job_moves_to_a_pool_that_comes_later(account: Account) -> None:
    """The new pool need not be there yet."""
    account.pool()
    account.job()
    assert account.post("/jobs/job/disable", {"disableTasks": "wait"}).status == 202
    assert account.call("PATCH", "/jobs/job", {"poolInfo": {"poolId": "Later"}}).status == 200
    assert account.get("/jobs/job").json["poolInfo"] == {"poolId": "Later"}


@pytest.mark.documented
@pytest.mark.parametrize("change", [{}, {"jobPreparationTask": {"commandLine": "x"}}])
def test_a_job_keeps_its_network(account: Account, change: dict[str, Any]) -> None:
    """It is given back as it was sent, and can be changed."""
    account.pool()
    body = {"id": "j", "poolInfo": {"poolId": "pool"}, "networkConfiguration": NETWORK}
    assert account.post("/jobs", body | change).status == 201
    assert account.get("/jobs/j").json["networkConfiguration"] == NETWORK
    other = {"subnetId": SUBNET + "2", "skipWithdrawFromVNet": False}
    assert account.call("PATCH", "/jobs/j", {"networkConfiguration": other}).status == 200
    assert account.get("/jobs/j").json["networkConfiguration"] == other


@pytest.mark.documented
@pytest.mark.parametrize(
    ("network", "code", "name"),
    [
        ({"subnetId": "subnet", "skipWithdrawFromVNet": True}, "InvalidPropertyValue", "networkConfiguration.subnetId"),
        ({"subnetId": SUBNET}, "MissingRequiredProperty", "networkConfiguration.skipWithdrawFromVNet"),
        ({"skipWithdrawFromVNet": True}, "MissingRequiredProperty", "networkConfiguration.subnetId"),
    ],
)
def test_a_network_of_the_wrong_form_is_refused(
    account: Account, network: dict[str, Any], code: str, name: str
) -> None:
    """Both properties are required, and the subnet is an ARM id."""
    account.pool()
    answer = account.post("/jobs", {"id": "j", "poolInfo": {"poolId": "pool"}, "networkConfiguration": network})
    assert (answer.status, answer.code, answer.values["PropertyName"]) == (400, code, name)
    assert account.get("/jobs/j").status == 404
