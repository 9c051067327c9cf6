"""API versions: which are taken, and what older ones are told in their own words."""

from typing import Any

import pytest
from batch.harness import POOL, Account

NEWEST = "2025-06-01"
IN_THE_FIELD = [
    NEWEST,
    "2024-07-01.20.0",
    "2024-02-01.19.0",
    "2023-05-01.17.0",
    "2022-10-01.16.0",
    "2022-01-01.15.0",
    "2021-06-01.14.0",
    "2020-09-01.12.0",
    "2020-03-01.11.0",
    "2018-12-01.8.0",
    "2017-05-01.5.0",
    "2016-07-01.3.1",
]


def pool(account: Account, version: str, **more: Any) -> Any:
    """A new pool as the version shows it."""
    answer = account.post(f"/pools?api-version={version}", POOL | more)
    assert answer.status == 201, answer.body
    return account.get(f"/pools/pool?api-version={version}").json


@pytest.mark.documented
@pytest.mark.parametrize("version", [*IN_THE_FIELD, "2026-10-01", "2099-12-31", "2099-12-31.40.1"])
def test_clients_of_any_version_are_served(account: Account, version: str) -> None:
    """A version of the past, of the present and of the future is taken."""
    assert pool(account, version)["id"] == "pool"
    assert [item["id"] for item in account.get(f"/pools?api-version={version}").json["value"]] == ["pool"]


@pytest.mark.documented
@pytest.mark.parametrize(
    "version",
    ["latest", "2024", "2024-13-01", "2024-02-30", "20240201", "2024-02-01.19", "2024-02-01.19.0.1", "1", "%D9%A2"],
)
def test_what_is_no_version_is_refused(account: Account, version: str) -> None:
    """A version is a day, followed by two numbers or none."""
    answer = account.get(f"/pools?api-version={version}")
    assert (answer.status, answer.code) == (400, "UnsupportedRequestVersion")


@pytest.mark.documented
def test_slots_had_another_name(account: Account) -> None:
    """Before 2020-09-01 a pool has maxTasksPerNode, in requests, answers and $select."""
    old = pool(account, "2020-03-01.11.0", maxTasksPerNode=4)
    assert (old["maxTasksPerNode"], "taskSlotsPerNode" in old) == (4, False)
    new = account.get("/pools/pool").json
    assert (new["taskSlotsPerNode"], "maxTasksPerNode" in new) == (4, False)
    selected = account.get("/pools?api-version=2020-03-01.11.0&$select=id,maxTasksPerNode").json["value"]
    assert selected == [{"id": "pool", "maxTasksPerNode": 4}]
    assert account.get("/pools?$select=maxTasksPerNode").status == 400
    assert account.post("/pools", POOL | {"id": "new", "maxTasksPerNode": 4}).code == "InvalidRequestBody"


@pytest.mark.documented
def test_task_counts_were_flat(account: Account) -> None:
    """Before 2020-09-01 the counts of tasks are the body itself."""
    account.pool()
    account.job("exit 0")
    old = account.get("/jobs/job/taskcounts?api-version=2020-03-01.11.0").json
    assert (old["active"], old["running"], "taskCounts" in old) == (1, 0, False)
    new = account.get("/jobs/job/taskcounts?api-version=2020-09-01.12.0").json
    assert (new["taskCounts"]["active"], "active" in new) == (1, False)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("version", "shown"), [("2024-02-01.19.0", "Spread"), ("2023-05-01.17.0", "Spread"), ("2022-10-01.16.0", "Spread")]
)
def test_fill_types_were_capitalised(account: Account, version: str, shown: str) -> None:
    """Recordings of these versions show `Spread`; the newest says `spread`."""
    assert pool(account, version)["taskSchedulingPolicy"]["nodeFillType"] == shown
    assert account.get("/pools/pool").json["taskSchedulingPolicy"]["nodeFillType"] == "spread"


@pytest.mark.ours
def test_capitalised_fill_types_are_taken_from_old_clients(account: Account) -> None:
    """A pool of an old client packs; the newest version takes the documented spelling only."""
    pool(account, "2023-05-01.17.0", taskSchedulingPolicy={"nodeFillType": "Pack"})
    assert account.get("/pools/pool").json["taskSchedulingPolicy"] == {"nodeFillType": "pack"}
    refused = account.post("/pools", POOL | {"id": "new", "taskSchedulingPolicy": {"nodeFillType": "Pack"}})
    assert refused.code == "InvalidPropertyValue"


@pytest.mark.documented
def test_communication_modes_were_there_until_2025(account: Account) -> None:
    """Older versions take and show a target mode, and nodes show the mode in use; the newest knows neither."""
    old = pool(account, "2024-02-01.19.0", targetNodeCommunicationMode="simplified")
    assert (old["targetNodeCommunicationMode"], "currentNodeCommunicationMode" in old) == ("simplified", False)
    assert not {name for name in account.get("/pools/pool").json if "CommunicationMode" in name}
    refused = account.post("/pools", POOL | {"id": "new", "targetNodeCommunicationMode": "simplified"})
    assert (refused.status, refused.values["PropertyName"]) == (400, "targetNodeCommunicationMode")
    wrong = account.post("/pools?api-version=2024-02-01.19.0", POOL | {"targetNodeCommunicationMode": "loud"})
    assert (wrong.code, wrong.values["PropertyName"]) == ("InvalidPropertyValue", "targetNodeCommunicationMode")


@pytest.mark.documented
def test_resource_files_had_a_blob_source(account: Account) -> None:
    """Before 2018-12-01 httpUrl was blobSource, in pools, jobs and tasks."""
    file = {"filePath": "in", "blobSource": "http://127.0.0.1/in"}
    found = pool(account, "2018-08-01.7.0", startTask={"commandLine": "exit 0", "resourceFiles": [file]})
    assert found["startTask"]["resourceFiles"] == [file]
    new = {"filePath": "in", "httpUrl": "http://127.0.0.1/in"}
    assert account.get("/pools/pool").json["startTask"]["resourceFiles"] == [new]
    account.job()
    task = {"id": "t", "commandLine": "exit 0", "resourceFiles": [file]}
    assert account.post("/jobs/job/tasks?api-version=2018-08-01.7.0", task).status == 201
    assert account.get("/jobs/job/tasks/t").json["resourceFiles"] == [new]
    assert account.post("/jobs/job/tasks", task | {"id": "new"}).code == "InvalidRequestBody"


@pytest.mark.documented
def test_dedicated_nodes_were_the_only_ones(account: Account) -> None:
    """Before 2017-05-01 a pool has targetDedicated and currentDedicated."""
    found = pool(account, "2016-07-01.3.1", targetDedicated=0)
    assert (found["targetDedicated"], found["currentDedicated"]) == (0, 0)
    assert "targetDedicatedNodes" not in found
    assert account.post("/pools/pool/resize?api-version=2016-07-01.3.1", {"targetDedicated": 0}).status == 202
    assert account.get("/pools/pool").json["targetDedicatedNodes"] == 0


@pytest.mark.documented
def test_resource_tags_were_there_until_2025(account: Account) -> None:
    """Older versions keep and show tags of a pool's resources; the newest has none."""
    assert pool(account, "2024-02-01.19.0", resourceTags={"a": "b"})["resourceTags"] == {"a": "b"}
    assert "resourceTags" not in account.get("/pools/pool").json
    assert account.post("/pools", POOL | {"id": "new", "resourceTags": {}}).values["PropertyName"] == "resourceTags"


@pytest.mark.documented
def test_what_has_been_retired(account: Account) -> None:
    """Empty lists of it are taken from older clients, whatever asks for it is refused with what to do."""
    retired: dict[str, list[Any]] = {"certificateReferences": [], "applicationLicenses": []}
    assert retired.keys().isdisjoint(pool(account, "2024-02-01.19.0", **retired))
    licensed = POOL | {"id": "new", "applicationLicenses": ["maya"]}
    answer = account.post("/pools?api-version=2024-02-01.19.0", licensed)
    assert (answer.status, "retired" in answer.values["Reason"]) == (501, True)
    cloud = {"id": "new", "vmSize": "small", "cloudServiceConfiguration": {"osFamily": "5"}}
    refused = account.post("/pools?api-version=2022-01-01.15.0", cloud)
    assert (refused.code, refused.values["PropertyName"]) == ("InvalidPropertyValue", "cloudServiceConfiguration")
    assert "virtualMachineConfiguration" in refused.values["Reason"]
