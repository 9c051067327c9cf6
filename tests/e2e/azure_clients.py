"""The unmodified clients of Azure against a checkout's deployment, as the developer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from azure.batch import BatchClient
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient

from tests.e2e.checkout import Checkout, Json

MANAGEMENT = "https://management.azure.com/.default"
STREAMS = ("stdout.txt", "stderr.txt")


def developer(checkout: Checkout) -> ClientSecretCredential:
    """Who `batchite env` says one is."""
    env = checkout.env
    return ClientSecretCredential(
        env["AZURE_TENANT_ID"], env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"],
        authority=env["AZURE_AUTHORITY_HOST"], connection_verify=env["REQUESTS_CA_BUNDLE"],
    )  # fmt: skip


def batch_client(checkout: Checkout, outputs: Json) -> BatchClient:
    """The data plane of the account that a stack's outputs name, as the developer."""
    endpoint, bundle = outputs["batch"]["endpoint"], checkout.env["REQUESTS_CA_BUNDLE"]
    return BatchClient(endpoint, developer(checkout), connection_verify=bundle)


@dataclass(frozen=True)
class Clients:
    """Batch, Blob storage and ARM."""

    batch: BatchClient
    blobs: BlobServiceClient
    arm: PipelineClient[HttpRequest, HttpResponse]
    containers: Mapping[str, str]

    @classmethod
    def connect(cls, checkout: Checkout) -> Clients:
        """Log in with what `batchite env` says and use the endpoints of the stack's outputs."""
        env, outputs = checkout.env, checkout.outputs
        bundle = env["REQUESTS_CA_BUNDLE"]
        credential = developer(checkout)
        return cls(
            batch_client(checkout, outputs),
            BlobServiceClient(outputs["storage"]["blobEndpoint"], credential, connection_verify=bundle),
            PipelineClient(
                f"https://{env['ARM_METADATA_HOSTNAME']}", connection_verify=bundle,
                per_retry_policies=[BearerTokenCredentialPolicy(credential, MANAGEMENT)],
            ),
            outputs["storage"]["containers"],
        )  # fmt: skip

    def arm_get(self, path: str, version: str) -> Json:
        """What ARM answers to a GET."""
        response = self.arm.send_request(HttpRequest("GET", self.arm.format_url(path), params={"api-version": version}))
        response.raise_for_status()
        found: Json = response.json()
        return found

    def arm_put(self, path: str, version: str, body: Json) -> None:
        """PUT a resource."""
        url = self.arm.format_url(path)
        response = self.arm.send_request(HttpRequest("PUT", url, params={"api-version": version}, json=body))
        response.raise_for_status()

    def arm_delete(self, path: str, version: str) -> None:
        """DELETE a resource."""
        url = self.arm.format_url(path)
        self.arm.send_request(HttpRequest("DELETE", url, params={"api-version": version})).raise_for_status()

    def names(self, container: str, prefix: str) -> set[str]:
        """Names of the blobs in one of the deployment's containers (input, output, logs), without the prefix."""
        client = self.blobs.get_container_client(self.containers[container])
        return {name.removeprefix(prefix) for name in client.list_blob_names(name_starts_with=prefix)}

    def text(self, container: str, name: str) -> str:
        """Content of a blob."""
        client = self.blobs.get_blob_client(self.containers[container], name)
        return client.download_blob().readall().decode()

    def streams(self, job: str, task: str) -> tuple[str, ...]:
        """The final attempt's stdout and stderr of a task, as they are in Blob storage."""
        return tuple(self.text("logs", f"{job}/{task}/{name}") for name in STREAMS)
