"""The data plane over plain HTTP: status codes, headers, refusals, paging, conditions."""

import pytest
from batch.harness import POOL, Account, wait_until

from batchite.batch.operations import OPERATIONS
from batchite.batch.routes import BUILT


@pytest.mark.documented
def test_table_is_complete() -> None:
    """The table has the 72 documented operations, each method and template once, and each has its handler."""
    assert len(OPERATIONS) == 72
    assert len({(row.method, row.template) for row in OPERATIONS}) == 72
    assert BUILT.keys() == {row.name for row in OPERATIONS}


@pytest.mark.ours
@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/certificates"), ("GET", "/pools/pool/nodes/node/rdp"), ("GET", "/lifetimepoolstats"), ("POST", "/x")],
)
def test_what_is_no_operation_is_refused_by_name(account: Account, method: str, target: str) -> None:
    """Operations that the service has retired, and what never was one: 501 with method and path."""
    answer = account.call(method, target, None if method == "GET" else b"")
    assert answer.status == 501
    assert f"{method} {target}" in answer.json["message"]["value"]


@pytest.mark.recorded
def test_headers_of_a_creation(account: Account) -> None:
    """A creation has no body, a bare ETag, and the resource's address in Location and DataServiceId."""
    answer = account.post("/pools", POOL)
    url = f"{account.server.url}/open/{account.name}/pools/pool"
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["location"] == answer.headers["dataserviceid"] == url
    assert answer.headers["etag"].startswith("0x8D")
    assert "last-modified" in answer.headers
    got = account.get("/pools/pool")
    assert got.json["eTag"] == answer.headers["etag"] == got.headers["etag"]
    assert got.json["odata.metadata"].endswith("/$metadata#pools/@Element")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/pools?api-version=", "MissingRequiredQueryParameter"),
        ("/pools?api-version=latest", "UnsupportedRequestVersion"),
        ("/pools?colour=red", "UnsupportedQueryParameter"),
        ("/pools?maxresults=0", "InvalidQueryParameterValue"),
        ("/pools?maxresults=1001", "InvalidQueryParameterValue"),
        ("/pools?timeOut=soon", "InvalidQueryParameterValue"),
        ("/pools?$filter=colour%20eq%20'red'", "InvalidQueryParameterValue"),
        ("/pools?$select=colour", "InvalidQueryParameterValue"),
        ("/nodecounts?$select=poolId", "UnsupportedQueryParameter"),
    ],
)
def test_bad_query_options(account: Account, target: str, code: str) -> None:
    """Query options that are unknown or malformed are refused by name."""
    answer = account.get(target)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.recorded
def test_stats_can_be_expanded(account: Account) -> None:
    """Statistics that are not rolled up yet are left out; nothing else can be expanded."""
    account.pool()
    found = account.get("/pools/pool?$select=id,state&$expand=stats").json
    assert {name: found[name] for name in found if not name.startswith("odata")} == {"id": "pool", "state": "active"}
    assert account.get("/pools?$expand=stats").status == 200
    assert account.get("/pools?$expand=nodes").code == "InvalidQueryParameterValue"
    assert account.get("/nodecounts?$expand=stats").code == "UnsupportedQueryParameter"


@pytest.mark.ours
@pytest.mark.parametrize(
    "headers", [{"If_Match": "*"}, {"ocp_range": "bytes=0-1"}, {"ocp_strange": "1"}, {"Range": "bytes=0-1"}]
)
def test_headers_that_are_not_honoured_are_refused(account: Account, headers: dict[str, str]) -> None:
    """A list honours neither conditions nor ranges, and says so."""
    answer = account.get("/pools", **headers)
    assert (answer.status, answer.code) == (400, "UnsupportedHeader")


@pytest.mark.documented
def test_conditions_on_reads_and_writes(account: Account) -> None:
    """A read that is not modified is 304, a write whose condition is not met is 412."""
    account.pool()
    etag = account.get("/pools/pool").headers["etag"]
    assert account.get("/pools/pool", If_None_Match=f'"{etag}"').status == 304
    assert account.get("/pools/pool", If_Match='"0x0"').status == 412
    assert account.get("/pools/pool", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT").status == 304
    assert account.get("/pools/pool", If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 412
    assert account.call("DELETE", "/pools/pool", If_None_Match="*").status == 412
    assert account.get("/pools/pool", If_Modified_Since="yesterday").code == "InvalidHeaderValue"


@pytest.mark.documented
def test_next_link_repeats_the_query(account: Account) -> None:
    """Pages follow by an absolute link that repeats the query; the page size is no limit of the whole."""
    for name in "abcde":
        account.post("/pools", POOL | {"id": name})
    page = account.get("/pools?maxresults=2&$select=id&$filter=id%20ne%20'c'").json
    seen = [item["id"] for item in page["value"]]
    while "odata.nextLink" in page:
        link = page["odata.nextLink"]
        assert "filter" in link
        page = account.get(link.removeprefix(f"{account.server.url}/open/{account.name}")).json
        seen += [item["id"] for item in page["value"]]
    assert seen == ["a", "b", "d", "e"]


@pytest.mark.documented
def test_replace_job_ignores_what_cannot_change(account: Account) -> None:
    """A PUT of a fetched job with its read-only properties is accepted; absent properties get their defaults."""
    account.pool()
    account.job(priority=5, metadata=[{"name": "a", "value": "b"}])
    job = account.get("/jobs/job").json
    del job["priority"], job["metadata"]
    assert account.call("PUT", "/jobs/job", job).status == 200
    found = account.get("/jobs/job").json
    assert (found["priority"], found.get("metadata")) == (0, None)
    assert account.call("PUT", "/jobs/job", job | {"poolInfo": {"poolId": "other"}}).status == 409


@pytest.mark.documented
def test_patch_job_keeps_what_is_absent(account: Account) -> None:
    """A PATCH changes what it names; an unknown property is refused."""
    account.pool()
    account.job(priority=5)
    assert account.call("PATCH", "/jobs/job", {"maxParallelTasks": 3, "priority": None}).status == 200
    found = account.get("/jobs/job").json
    assert (found["priority"], found["maxParallelTasks"]) == (5, 3)
    assert account.call("PATCH", "/jobs/job", {"id": "new"}).code == "InvalidRequestBody"


@pytest.mark.documented
def test_job_completes_when_all_tasks_have(account: Account) -> None:
    """OnAllTasksComplete set by PATCH after the tasks ends the job by itself, with the documented reason."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    account.call("PATCH", "/jobs/job", {"onAllTasksComplete": "terminatejob"})
    job = account.get("/jobs/job").json
    assert (job["state"], job["executionInfo"]["terminateReason"]) == ("completed", "AllTasksComplete")
    late = account.post("/jobs/job/tasks", {"id": "late", "commandLine": "x"})
    assert (late.status, late.code) == (409, "JobCompleted")


@pytest.mark.documented
def test_collection_limits(account: Account) -> None:
    """More than 100 tasks, or more than 1 MB, are refused as too large a body."""
    account.pool()
    account.job()
    tasks = [{"id": f"t{n}", "commandLine": "x"} for n in range(101)]
    assert account.post("/jobs/job/addtaskcollection", {"value": tasks}).code == "RequestBodyTooLarge"
    big = [{"id": "t", "commandLine": "x" * (1 << 20)}]
    assert account.post("/jobs/job/addtaskcollection", {"value": big}).code == "RequestBodyTooLarge"
    assert account.post("/jobs/job/addtaskcollection", {"value": tasks[:100]}).status == 200


@pytest.mark.recorded
def test_etag_of_a_task_does_not_change_with_its_state(account: Account) -> None:
    """A task's ETag is that of its document."""
    account.pool(nodes=1)
    account.job("hold")
    before = account.get("/jobs/job/tasks/t0").json
    account.post("/jobs/job/tasks/t0/terminate")
    assert account.finished()["eTag"] == before["eTag"]


@pytest.mark.ours
def test_windows_nodes_are_unusable_with_the_reason(account: Account) -> None:
    """A Windows image is accepted and its nodes say why they cannot be used."""
    machine = {"imageReference": {"publisher": "microsoftwindowsserver"}, "nodeAgentSKUId": "batch.node.windows amd64"}
    account.post("/pools", POOL | {"virtualMachineConfiguration": machine, "targetDedicatedNodes": 1})
    node = wait_until(
        lambda: [n for n in account.get("/pools/pool/nodes").json["value"] if n["state"] == "unusable"],
        "the node is unusable",
    )[0]
    assert "Windows" in node["errors"][0]["message"]
