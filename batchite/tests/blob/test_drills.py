"""What a drill makes of requests that the gateway would let in."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from batchite.blob.errors import StorageError

pytestmark = pytest.mark.ours


def test_outage(server: Any, writer: BlobServiceClient, container: str) -> None:
    """During an outage every call answers 503 ServerBusy."""
    server.policy.outage = True
    with pytest.raises(HttpResponseError) as caught:
        writer.get_container_client(container).exists()
    assert caught.value.status_code == 503


def test_an_error_after_the_effect(server: Any, writer: BlobServiceClient, container: str) -> None:
    """A blob may have been stored although the answer is an error."""
    blob = writer.get_blob_client(container, "told-500")
    server.policy.afterwards = StorageError("InternalError")
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_blob(b"stored", retry_total=0)
    assert caught.value.status_code == 500
    server.policy.afterwards = None
    assert blob.download_blob().readall() == b"stored"
