"""The real services: azure-batch and azure-storage-blob behind the ports, as the identity that is logged in.

Bulk calls go through `BatchClient.send_request` with plain dicts: the SDK's own pipeline (login, retries) without the
cost of its models.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from azure.batch import BatchClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from jobs.errors import ServiceError
from jobs.ports import Blob, Services
from jobs.target import Json, Target

LOG_IN = "Next: log in (`az login`), or see that the stack's environment file is right."
API_VERSION = "2025-06-01"
JSON_TYPE = "application/json; odata=minimalmetadata"
RETRIES = 5  # with the SDK's back-off about 25 s, enough for a service that restarts
PATIENT = {"retry_total": RETRIES, "retry_status": RETRIES}  # of itself the SDK takes three errors of the server
Result = TypeVar("Result")
SAFE_TO_REPEAT = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH")  # every call below, see each


def connect(target: Target) -> Services:
    """Clients for a deployment, logged in as whatever DefaultAzureCredential finds."""
    logging.getLogger("azure").setLevel(logging.ERROR)  # A failing call says what is wrong; warnings only double it.
    credential = DefaultAzureCredential()
    return Services(AzureBatch(target, credential), AzureBlobs(target, credential))


def called(what: str, call: Callable[[], Result]) -> Result:
    """Make a call; every failure of the SDK becomes a ServiceError that says what was tried."""
    try:
        return call()
    except AzureError as error:
        raise service_error(what, error) from error


def service_error(what: str, error: AzureError) -> ServiceError:
    """Translate an error of the SDK: first line of the service's text, its code."""
    detail = getattr(error, "error", None)
    code = getattr(detail, "code", None) or getattr(error, "error_code", None) or ""
    text = getattr(detail, "message", None) or error.message or type(error).__name__
    status = f", HTTP {error.status_code}" if isinstance(error, HttpResponseError) and error.status_code else ""
    if isinstance(error, ClientAuthenticationError) and not code:
        return ServiceError(f"{what}: {str(text).splitlines()[0]} {LOG_IN}")
    return ServiceError(f"{what}: {str(text).splitlines()[0]} ({code or type(error).__name__}{status})", str(code))


class AzureBatch:
    """Implements `ports.Batch`."""

    def __init__(self, target: Target, credential: TokenCredential) -> None:
        self.client = BatchClient(target.batch_endpoint, credential, **PATIENT)

    def send(self, method: str, path: str, body: Any = None, **query: str) -> HttpResponse:
        """Make one request. All of them may be repeated: a second creation answers JobExists or TaskExists."""
        request = HttpRequest(
            method,
            path if path.startswith("https://") else quote(path),
            params={} if path.startswith("https://") else {"api-version": API_VERSION, **query},
            headers={"Accept": "application/json"} | ({"Content-Type": JSON_TYPE} if body is not None else {}),
            content=None if body is None else json.dumps(body),
        )
        return self.client.send_request(request, retry_on_methods=SAFE_TO_REPEAT)

    def ask(self, what: str, method: str, path: str, body: Any = None, **query: str) -> Json:
        """Make one request whose answer is a JSON object, or nothing."""
        response = called(what, lambda: self.send(method, path, body, **query))
        return dict(response.json()) if response.content else {}

    def pages(self, what: str, path: str, **query: str) -> Iterator[Json]:
        """All entries of a list, page by page."""
        page = self.ask(what, "GET", path, **query)
        yield from page["value"]
        while link := page.get("odata.nextLink"):
            page = self.ask(what, "GET", link)
            yield from page["value"]

    def create_job(self, document: Json) -> None:
        """See ports.Batch."""
        try:
            self.ask(f"creating job {document['id']}", "POST", "/jobs", document)
        except ServiceError as error:
            if error.code != "JobExists":
                raise

    def add_tasks(self, job: str, tasks: Sequence[Json]) -> list[Json]:
        """See ports.Batch."""
        answer = self.ask(f"adding tasks to {job}", "POST", f"/jobs/{job}/addtaskcollection", {"value": tasks})
        return list(answer["value"])

    def update_job(self, job: str, changes: Json) -> None:
        """See ports.Batch."""
        self.ask(f"updating job {job}", "PATCH", f"/jobs/{job}", changes)

    def terminate_job(self, job: str, reason: str) -> None:
        """See ports.Batch."""
        self.ask(f"terminating job {job}", "POST", f"/jobs/{job}/terminate", {"terminateReason": reason})

    def job(self, job: str) -> Json:
        """See ports.Batch."""
        return self.ask(f"reading job {job}", "GET", f"/jobs/{job}")

    def tasks(self, job: str, select: str, since: str = "") -> Iterator[Json]:
        """See ports.Batch."""
        query = {"$select": select} | ({"$filter": f"stateTransitionTime ge DateTime'{since}'"} if since else {})
        return self.pages(f"listing the tasks of {job}", f"/jobs/{job}/tasks", **query)

    def task(self, job: str, task: str) -> Json:
        """See ports.Batch."""
        return self.ask(f"reading task {task} of {job}", "GET", f"/jobs/{job}/tasks/{task}")

    def task_counts(self, job: str) -> Json:
        """See ports.Batch."""
        return dict(self.ask(f"counting the tasks of {job}", "GET", f"/jobs/{job}/taskcounts")["taskCounts"])

    def pool(self, pool: str) -> Json:
        """See ports.Batch."""
        return self.ask(f"reading pool {pool}", "GET", f"/pools/{pool}")

    def nodes(self, pool: str) -> list[Json]:
        """See ports.Batch."""
        return list(self.pages(f"listing the nodes of {pool}", f"/pools/{pool}/nodes"))

    def task_file(self, job: str, task: str, path: str) -> bytes:
        """See ports.Batch."""
        what = f"reading {path} of task {task} from its node"
        return called(what, lambda: b"".join(self.client.download_task_file(job, task, path)))

    def remote_login(self, pool: str, node: str) -> Json:
        """See ports.Batch."""
        return self.ask(f"asking where to log in to {node}", "GET", f"/pools/{pool}/nodes/{node}/remoteloginsettings")

    def add_node_user(self, pool: str, node: str, document: Json) -> None:
        """See ports.Batch."""
        try:
            self.ask(f"creating a user of {node}", "POST", f"/pools/{pool}/nodes/{node}/users", document)
        except ServiceError as error:
            if error.code != "NodeUserExists":  # a request that was repeated: the name is a new one
                raise

    def remove_node_user(self, pool: str, node: str, user: str) -> None:
        """See ports.Batch."""
        try:
            self.ask(f"deleting the user of {node}", "DELETE", f"/pools/{pool}/nodes/{node}/users/{user}")
        except ServiceError as error:
            if error.code not in {"NodeUserNotFound", "NodeNotFound", "PoolNotFound"}:
                raise

    def node_file(self, pool: str, node: str, path: str) -> bytes:
        """See ports.Batch."""
        return called(f"reading {path} of {node}", lambda: b"".join(self.client.download_node_file(pool, node, path)))


class AzureBlobs:
    """Implements `ports.Blobs`."""

    def __init__(self, target: Target, credential: TokenCredential) -> None:
        self.client = BlobServiceClient(target.blob_endpoint, credential, retry_total=RETRIES)

    def size(self, container: str, name: str) -> int | None:
        """See ports.Blobs."""
        blob = self.client.get_blob_client(container, name)
        try:
            return int(called(f"looking for blob {container}/{name}", blob.get_blob_properties).size)
        except ServiceError as error:
            if isinstance(error.__cause__, ResourceNotFoundError):
                return None
            raise

    def write(self, container: str, name: str, data: bytes) -> None:
        """See ports.Blobs."""
        blob = self.client.get_blob_client(container, name)
        called(f"writing blob {container}/{name}", lambda: blob.upload_blob(data, overwrite=True))

    def read(self, container: str, name: str) -> bytes:
        """See ports.Blobs."""
        blob = self.client.get_blob_client(container, name)
        return called(f"reading blob {container}/{name}", lambda: blob.download_blob().readall())

    def blobs(self, container: str, prefix: str) -> list[Blob]:
        """See ports.Blobs."""
        client = self.client.get_container_client(container)
        found = called(f"listing blobs {container}/{prefix}", lambda: list(client.list_blobs(name_starts_with=prefix)))
        return [Blob(blob.name, blob.size) for blob in found]
