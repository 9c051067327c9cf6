"""Azure Resource Manager as the deployer, for what the azure-native provider has no resource for.

Which cloud it is says ARM_METADATA_HOSTNAME, as it does for that provider; without it, the public one. Does not own
what is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from components.sdk import credential, sdk

PUBLIC = ("https://management.azure.com", "https://management.azure.com/")
"""The public cloud: address, and whom tokens are for."""
METADATA_VERSION = "2022-09-01"
BATCH_VERSION = "2024-07-01"
TIMEOUT = 30.0  # seconds


class ResourceManager:
    """Requests to resources by their ids. Throttling, server errors and lost connections are repeated.

    Raises azure.core.exceptions.HttpResponseError for what is refused.
    """

    def __init__(self, send: Callable[[str, str, Mapping[str, Any] | None], dict[str, Any] | None]) -> None:
        self._send = send

    def get(self, resource_id: str) -> dict[str, Any] | None:
        """A resource; None when it is not there."""
        return self._send("GET", _url(resource_id), None)

    def put(self, resource_id: str) -> dict[str, Any]:
        """Make a resource that has no properties of its own."""
        return self._send("PUT", _url(resource_id), {}) or {}

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """An action on a resource."""
        self._send("POST", _url(path), body)

    def delete(self, resource_id: str) -> None:
        """Delete a resource; one that is gone is no error."""
        self._send("DELETE", _url(resource_id), None)

    def list(self, collection: str) -> list[dict[str, Any]]:
        """All resources of a collection; of one that is gone, none."""
        found: list[dict[str, Any]] = []
        link = _url(collection)
        while link:
            page = self._send("GET", link, None) or {}
            found += page.get("value", ())
            link = page.get("nextLink") or ""
        return found


def connect() -> ResourceManager:
    """Signed in as DefaultAzureCredential finds."""
    parts = sdk()
    endpoint, audience = cloud(os.environ.get("ARM_METADATA_HOSTNAME", ""))
    token = parts.BearerTokenCredentialPolicy(credential(), f"{audience.rstrip('/')}/.default")
    client = parts.PipelineClient(endpoint, policies=[parts.RetryPolicy(), token])

    def send(method: str, url: str, body: Mapping[str, Any] | None) -> dict[str, Any] | None:
        request = parts.HttpRequest(method, client.format_url(url), json=body)
        response = client.send_request(request, connection_timeout=TIMEOUT)
        if response.status_code == 404 and method in ("GET", "DELETE"):
            return None
        if response.status_code >= 400:
            raise parts.HttpResponseError(response=response)
        return response.json() if response.content else None

    return ResourceManager(send)


def cloud(metadata_host: str) -> tuple[str, str]:
    """The address of Resource Manager and the audience of its tokens, as the cloud's metadata give them."""
    if not metadata_host:
        return PUBLIC
    found = metadata(metadata_host if "://" in metadata_host else f"https://{metadata_host}")
    return found["resourceManager"].rstrip("/"), found["authentication"]["audiences"][0]


def metadata(host: str) -> dict[str, Any]:
    """What a cloud says about itself; anyone may ask."""
    client = sdk().PipelineClient(host, policies=[sdk().RetryPolicy()])
    request = sdk().HttpRequest("GET", f"{host}/metadata/endpoints?api-version={METADATA_VERSION}")
    response = client.send_request(request, connection_timeout=TIMEOUT)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


def _url(resource_id: str) -> str:
    return f"{resource_id}?api-version={BATCH_VERSION}"
