"""What the real azure-native provider asks, in its order: cloud, authority, token, resource, operation, resource.

Source: the provider's configuration with a metadata host, and the Azure SDK for Go it is built with: it sends these
requests, trusts these fields, and polls as long as the answers say.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from arm.worlds import SUBSCRIPTION
from provider.local_azure import LocalAzure, local_azure

pytestmark = pytest.mark.documented

TENANT = "0b4c417e-0000-4000-8000-0000000000aa"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/native"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """One server for the module."""
    with local_azure(Path(tmp_path_factory.mktemp("azure"))) as running:
        yield running


class Caller:
    """An HTTP client that trusts what SSL_CERT_FILE would name."""

    def __init__(self, server: LocalAzure) -> None:
        self.url = server.url
        self._http = urllib3.PoolManager(ca_certs=str(server.ca))
        self._secrets = dict(line.split("=", 1) for line in server.credentials.read_text().splitlines())
        self.token = ""

    def ask(
        self, method: str, url: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers of an answer."""
        named = {name.replace("_", "-"): one for name, one in headers.items()}
        answer = self._http.request(method, url, body=body, headers=named)
        assert answer.status < 400, answer.data
        return answer.status, json.loads(answer.data) if answer.data else None, answer.headers

    def sign_in(self) -> Any:
        """The claims of the cloud, then a token for its audience, as MSAL gets it for a client with a secret."""
        _, cloud, _ = self.ask("GET", f"{self.url}/metadata/endpoints?api-version=2022-09-01")
        login = cloud["authentication"]["loginEndpoint"]
        _, authority, _ = self.ask("GET", f"{login}{TENANT}/v2.0/.well-known/openid-configuration")
        form = {
            "grant_type": "client_credentials",
            "client_id": self._secrets["AZURE_CLIENT_ID"].strip("'"),
            "client_secret": self._secrets["AZURE_CLIENT_SECRET"].strip("'"),
            "scope": f"{cloud['authentication']['audiences'][0]}/.default openid offline_access profile",
        }
        kind = "application/x-www-form-urlencoded"
        _, answer, _ = self.ask("POST", authority["token_endpoint"], urlencode(form).encode(), content_type=kind)
        self.token = answer["access_token"]
        return cloud

    def arm(self, method: str, path: str, version: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        """A request to ARM."""
        url = path if path.startswith("https://") else f"{self.url}{path}?api-version={version}"
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.token}", "content_type": "application/json"}
        return self.ask(method, url, content, **headers)

    def poll(self, url: str, headers: Mapping[str, str]) -> str:
        """The last status of an operation, asked as often as the answers allow."""
        for _ in range(100):
            time.sleep(int(headers["x-ms-retry-after-ms"]) / 1000)  # what the server says, not a wait for luck
            _, answer, headers = self.arm("GET", url, "")
            if answer["status"] != "InProgress":
                return str(answer["status"])
        raise AssertionError("the operation does not end")


def test_the_cloud_says_what_the_provider_needs(server: LocalAzure) -> None:
    """Name, endpoints, audiences and suffixes are there without a token, on the server's own address."""
    cloud = Caller(server).sign_in()
    assert cloud["resourceManager"].rstrip("/") == server.url
    assert cloud["authentication"]["identityProvider"] == "AAD"
    assert cloud["authentication"]["audiences"]
    assert cloud["microsoftGraphResourceId"]
    assert cloud["suffixes"].keys() >= {"storage", "keyVaultDns"}


def test_a_long_create_and_delete_are_polled_in_milliseconds(server: LocalAzure) -> None:
    """202 with Azure-AsyncOperation, its status, the resource; the same for the deletion."""
    caller = Caller(server)
    caller.sign_in()
    caller.arm("PUT", GROUP, "2024-03-01", {"location": "westeurope"})
    account = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/native1"
    status, body, headers = caller.arm("PUT", account, "2024-07-01", {"location": "westeurope"})
    assert (status, body) == (202, None)
    assert int(headers["x-ms-retry-after-ms"]) <= 1000
    assert caller.poll(headers["azure-asyncoperation"], headers) == "Succeeded"
    _, made, _ = caller.arm("GET", account, "2024-07-01")
    assert made["properties"]["provisioningState"] == "Succeeded"
    status, _, headers = caller.arm("DELETE", account, "2024-07-01")
    assert status == 202
    assert headers["location"].startswith(server.url)
    assert caller.poll(headers["azure-asyncoperation"], headers) == "Succeeded"


def test_a_network_is_shown_at_once_and_polled_too(server: LocalAzure) -> None:
    """201 with the resource and Azure-AsyncOperation."""
    caller = Caller(server)
    caller.sign_in()
    caller.arm("PUT", GROUP, "2024-03-01", {"location": "westeurope"})
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/main"
    body = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    status, made, headers = caller.arm("PUT", network, "2024-05-01", body)
    assert (status, made["name"]) == (201, "main")
    assert caller.poll(headers["azure-asyncoperation"], headers) == "Succeeded"


@pytest.mark.parametrize("namespace", ["Microsoft.Network", "Microsoft.KeyVault", "Microsoft.Insights"])
def test_every_provider_is_registered(server: LocalAzure, namespace: str) -> None:
    """A client that registers what it needs finds it done, and its types listed."""
    caller = Caller(server)
    caller.sign_in()
    path = f"/subscriptions/{SUBSCRIPTION}/providers/{namespace}"
    _, answer, _ = caller.arm("POST", f"{path}/register", "2019-05-01")
    assert answer["registrationState"] == "Registered"
    assert answer["resourceTypes"]
