"""The log of a node, stored in a real container."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from servers import RunningServer, job, task, wait_until
from visitors import node_of

pytestmark = pytest.mark.ours


def test_the_log_tells_what_happened_on_the_node(running: RunningServer) -> None:
    """Its boot and its tasks with their exit codes, but not what they ran; a container that is not there is named."""
    client = running.client()
    node = node_of(client, "logged")
    client.create_job(job("logged", "logged"))
    client.create_task("logged", task("fails", "exit 3 # a-word-of-the-command"))
    wait_until(lambda: client.get_task("logged", "fails").state == "completed", "the task has ended")
    blobs = BlobServiceClient.from_connection_string(
        running.environment["AZURE_STORAGE_CONNECTION_STRING"],
        connection_verify=running.environment["REQUESTS_CA_BUNDLE"],
    )
    container = blobs.create_container("node-logs")
    signature = generate_container_sas(
        str(blobs.account_name),
        "node-logs",
        account_key=blobs.credential.account_key,
        permission=ContainerSasPermissions(write=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    start = datetime.now(UTC) - timedelta(hours=1)
    options = models.UploadBatchServiceLogsOptions(container_url=f"{container.url}?{signature}", start_time=start)
    found = client.upload_node_logs("logged", node, options)
    names = [blob.name for blob in container.list_blobs(found.virtual_directory_name)]
    assert len(names) == found.number_of_files_uploaded >= 1
    text = "".join(container.download_blob(name).readall().decode() for name in names)
    assert "ready" in text
    assert "batchite/logged/fails attempt 1: ended with exit code 3, FailureExitCode" in text
    assert "a-word-of-the-command" not in text
    later = models.UploadBatchServiceLogsOptions(
        container_url=options.container_url, start_time=datetime.now(UTC) + timedelta(hours=1)
    )
    assert client.upload_node_logs("logged", node, later).number_of_files_uploaded == 0
    absent = options.container_url.replace("node-logs", "no-such")
    wrong = models.UploadBatchServiceLogsOptions(container_url=absent, start_time=start)
    with pytest.raises(HttpResponseError, match="InvalidPropertyValue"):
        client.upload_node_logs("logged", node, wrong)
