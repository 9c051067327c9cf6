"""The logs of nodes, over HTTP and by the SDK."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.batch import BatchClient, models
from batch.harness import IDENTITY, Account

SAS = "https://127.0.0.1/account/logs?sig=of-this-test"
START = "2026-01-01T00:00:00Z"


@pytest.mark.documented
def test_what_was_uploaded_is_said(working: BatchClient) -> None:
    """The number of files, and the folder in the container: pool, node and an id of the upload."""
    node = next(iter(working.list_nodes("Pool"))).id
    options = models.UploadBatchServiceLogsOptions(container_url=SAS, start_time=datetime(2026, 1, 1, tzinfo=UTC))
    found = working.upload_node_logs("Pool", node, options)
    assert found.number_of_files_uploaded == 3
    assert found.virtual_directory_name.startswith(f"Pool/{node}/")


@pytest.mark.documented
def test_the_identity_and_the_times_are_used(account: Account) -> None:
    """Without an end all messages since the start are meant."""
    account.identity_pool()
    (node,) = account.get("/pools/pool/nodes").json["value"]
    path = f"/pools/pool/nodes/{node['id']}/uploadbatchservicelogs"
    body = {"containerUrl": "https://h/account/logs", "startTime": START, "identityReference": {"resourceId": IDENTITY}}
    assert account.post(path, body).status == 200
    assert account.post(path, body | {"endTime": "2026-01-02T00:00:00Z"}).status == 200
    (_, since, first), (_, between, _) = account.server.uploads.seen[-2:]
    start = datetime.fromisoformat(START).timestamp()
    assert (since[0], between) == (start, (start, start + 86400))
    assert since[1] > start + 86400
    assert (first.client_id, first.container_url) == ("client", "https://h/account/logs")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"containerUrl": "https://127.0.0.1/account/logs"}, "containerUrl"),
        ({"containerUrl": "logs"}, "containerUrl"),
        ({"startTime": None}, "startTime"),
        ({"startTime": "yesterday"}, "startTime"),
        ({"endTime": "2025-01-01T00:00:00Z"}, "endTime"),
        ({"identityReference": {"resourceId": "/another"}}, "identityReference.resourceId"),
        ({"containerUrl": "https://127.0.0.1/account/refused?sig=of-this-test"}, "containerUrl"),
    ],
)
def test_what_is_wrong_with_an_upload_is_named(account: Account, changes: dict[str, Any], name: str) -> None:
    """400 with the property; a container that takes nothing is one; no signature is repeated."""
    account.pool(nodes=1)
    (node,) = account.get("/pools/pool/nodes").json["value"]
    path = f"/pools/pool/nodes/{node['id']}/uploadbatchservicelogs"
    answer = account.post(path, {"containerUrl": SAS, "startTime": START} | changes)
    assert (answer.status, answer.values["PropertyName"]) == (400, name)
    assert b"of-this-test" not in answer.body
    assert account.post("/pools/pool/nodes/none/uploadbatchservicelogs", {}).code == "NodeNotFound"
