"""Unmodified Azure clients against the authority, the metadata service and an authenticated Batch plane."""

import asyncio
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch.models import BatchJobCreateOptions, BatchPoolInfo
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from identity.server import Running

from batchite.identity.tokens import TokenIssuer, TokenVerifier, create_keys
from batchite.identity.well_known import (
    ARM_AUDIENCES,
    BATCH_AUDIENCES,
    DEVELOPER_CLIENT_ID,
    DEVELOPER_OBJECT_ID,
    TENANT_ID,
)
from batchite.scheduler.model import NodeKey

pytestmark = pytest.mark.documented
SCOPE = "https://batch.core.windows.net//.default"
FIRST = "0b4c417e-0000-4000-8000-000000000f01"
SECOND = "0b4c417e-0000-4000-8000-000000000f02"


def fetch(running: Running, url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Any:
    """Status and JSON of a plain HTTPS request that trusts the server's bundle."""
    request = urllib.request.Request(url, body, headers or {})  # noqa: S310 - a URL of the test's own server
    context = ssl.create_default_context(cafile=str(running.certificates.bundle))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def secret_credential(running: Running, tenant: str = "adfs", secret: str | None = None) -> ClientSecretCredential:
    """The developer's credential, asking this server alone."""
    return ClientSecretCredential(
        tenant,
        DEVELOPER_CLIENT_ID,
        secret or running.keys.client_secret,
        authority=running.https,
        disable_instance_discovery=True,
    )


@pytest.mark.usefixtures("developer")
def test_default_credential_gets_a_token_for_batch(issuer: TokenIssuer) -> None:
    """With the variables of `batchite env` and no argument at all."""
    with DefaultAzureCredential() as credential:
        token = credential.get_token(SCOPE).token
    principal = TokenVerifier(issuer.public_key).verify(token, BATCH_AUDIENCES)
    assert principal.object_id == DEVELOPER_OBJECT_ID


@pytest.mark.parametrize("tenant", ["adfs", TENANT_ID])
def test_client_secret_credential(developer: Running, issuer: TokenIssuer, tenant: str) -> None:
    """Both protocol versions: `adfs` asks the first, a GUID the second."""
    with secret_credential(developer, tenant) as credential:
        token = credential.get_token("https://management.azure.com/.default").token
    assert TokenVerifier(issuer.public_key).verify(token, ARM_AUDIENCES).object_id == DEVELOPER_OBJECT_ID


GET_TOKEN = """
import asyncio, sys
from azure.identity.aio import ClientSecretCredential
async def token():
    async with ClientSecretCredential(*sys.argv[1:4], authority=sys.argv[4]) as credential:
        print((await credential.get_token(sys.argv[5])).token)
asyncio.run(token())
"""
GET_JOB = """
import asyncio, sys
from azure.batch.aio import BatchClient
from azure.identity.aio import ClientSecretCredential
async def caller():
    async with ClientSecretCredential(*sys.argv[1:4], authority=sys.argv[4]) as credential:
        async with BatchClient(sys.argv[5], credential) as client:
            print((await client.get_job("nightly")).display_name)
asyncio.run(caller())
"""


def asynchronously(script: str, developer: Running, last: str) -> str:
    """What a script prints in a process of its own: asynchronous clients take up SSL_CERT_FILE when they are loaded."""
    arguments = (TENANT_ID, DEVELOPER_CLIENT_ID, developer.keys.client_secret, developer.https, last)
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.replace(developer.keys.client_secret, "(secret)")
    return done.stdout.strip()


def test_async_client_secret_credential(developer: Running, issuer: TokenIssuer) -> None:
    """The asynchronous client trusts SSL_CERT_FILE and does no discovery."""
    token = asynchronously(GET_TOKEN, developer, SCOPE)
    assert TokenVerifier(issuer.public_key).verify(token, BATCH_AUDIENCES).object_id == DEVELOPER_OBJECT_ID


def test_a_wrong_secret_is_told_in_entras_words(developer: Running) -> None:
    """AADSTS7000215, and never the secret itself."""
    with (
        secret_credential(developer, secret="wrong-one") as credential,
        pytest.raises(ClientAuthenticationError) as caught,
    ):
        credential.get_token(SCOPE)
    assert "AADSTS7000215" in str(caught.value)
    assert "wrong-one" not in str(caught.value)


@pytest.fixture
def batch_credential(developer: Running) -> TokenCredential:
    """The developer's credential within the environment of `batchite env`."""
    return secret_credential(developer)


def test_batch_client_with_a_token_over_https(developer: Running, batch_credential: TokenCredential) -> None:
    """The account's endpoint by path; the caller is the developer."""
    with BatchClient(f"{developer.https}/batch/batchite", batch_credential) as client:
        assert client.get_job("nightly").display_name == DEVELOPER_OBJECT_ID


def test_async_batch_client_with_a_token_over_https(developer: Running) -> None:
    """The same with the asynchronous client."""
    assert asynchronously(GET_JOB, developer, f"{developer.https}/batch/entraonly") == DEVELOPER_OBJECT_ID


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("prefix", ["/batch/batchite", "", "/batch/batchite/"])
def test_batch_client_with_a_key_over_http(running: Running, number: int, prefix: str) -> None:
    """Either key, the account addressed by path or at the root, verbs with and without a body."""
    credential = AzureNamedKeyCredential("batchite", running.keys.account[number])
    with BatchClient(running.http + prefix, credential) as client:
        assert client.get_job("a job/with%everything", select=["id", "state"]).id == "a job/with%everything"
        client.create_job(BatchJobCreateOptions(id="j", pool_info=BatchPoolInfo(pool_id="p")))
        client._delete_job_internal("j")


def test_a_wrong_key_is_refused(running: Running) -> None:
    """403 AuthenticationFailed with the reason in the values."""
    credential = AzureNamedKeyCredential("batchite", running.keys.storage[0])
    with (
        BatchClient(f"{running.http}/batch/batchite", credential) as client,
        pytest.raises(HttpResponseError) as caught,
    ):
        client.get_job("j")
    error = caught.value.error
    assert error is not None
    assert (caught.value.status_code, error.code) == (403, "AuthenticationFailed")
    assert "AuthenticationErrorDetail" in [detail.code for detail in error.details]


def test_an_entra_only_account_refuses_its_own_key(running: Running) -> None:
    """The mode is checked before the signature."""
    credential = AzureNamedKeyCredential("entraonly", running.keys.account[0])
    with (
        BatchClient(f"{running.http}/batch/entraonly", credential) as client,
        pytest.raises(HttpResponseError) as caught,
    ):
        client.get_job("j")
    error = caught.value.error
    assert error is not None
    assert (caught.value.status_code, error.code) == (403, "AuthenticationFailed")
    assert "SharedKey is not allowed" in str(error.details[0].message)


def test_a_token_of_an_identity_without_a_role_is_refused(running: Running, issuer: TokenIssuer) -> None:
    """403 AuthorizationFailed that names the action and the scope."""
    token = issuer.issue("https://batch.core.windows.net/", "stranger", "client")
    status, body = fetch(running, f"{running.https}/batch/batchite/jobs/j", {"Authorization": f"Bearer {token}"})
    assert (status, body["code"]) == (403, "AuthorizationFailed")
    assert "Microsoft.Batch/batchAccounts/jobs/read" in body["message"]["value"]


def test_a_token_for_another_service_is_refused(running: Running, issuer: TokenIssuer) -> None:
    """An ARM token opens no Batch account, and the answer does not repeat it."""
    token = issuer.issue("https://management.azure.com/", DEVELOPER_OBJECT_ID, "client")
    status, body = fetch(running, f"{running.https}/batch/batchite/jobs/j", {"Authorization": f"Bearer {token}"})
    assert (status, body["code"]) == (401, "AuthenticationFailed")
    assert token not in json.dumps(body)


@pytest.mark.parametrize(
    "header", ["Bearer", "SharedKey batchite", "SharedKey batchite:", "Basic YTpi", "Negotiate x", "SharedKey :sig"]
)
def test_a_header_that_is_no_credential_is_told_apart(running: Running, header: str) -> None:
    """400 InvalidAuthenticationInfo, not a failed check."""
    status, body = fetch(running, f"{running.https}/batch/batchite/jobs/j", {"Authorization": header})
    assert (status, body["code"]) == (400, "InvalidAuthenticationInfo")
    assert [value["key"] for value in body["values"]] == ["AuthenticationErrorDetail"]


@pytest.mark.parametrize("change", ["tampered", "expired", "unsigned", "another authority's", "no token"])
def test_a_token_that_is_no_good_says_what_is_wrong(running: Running, issuer: TokenIssuer, change: str) -> None:
    """401 AuthenticationFailed with a challenge and the reason; the token is in no answer."""
    good = issuer.issue("https://batch.core.windows.net/", DEVELOPER_OBJECT_ID, "client")
    head, claims, signature = good.split(".")
    old = TokenIssuer(running.keys.token_key, clock=lambda: 0.0)
    foreign = TokenIssuer(create_keys().token_key)
    token = {
        "tampered": f"{head}.{claims[:-4]}AAAA.{signature}",
        "expired": old.issue("https://batch.core.windows.net/", DEVELOPER_OBJECT_ID, "client"),
        "unsigned": f"{head}.{claims}.",
        "another authority's": foreign.issue("https://batch.core.windows.net/", DEVELOPER_OBJECT_ID, "client"),
        "no token": "text",
    }[change]
    status, body = fetch(running, f"{running.https}/batch/batchite/jobs/j", {"Authorization": f"Bearer {token}"})
    assert (status, body["code"]) == (401, "AuthenticationFailed")
    assert body["message"]["value"].splitlines()[0].endswith("Authorization header is formed correctly.")
    assert body["values"][0]["key"] == "AuthenticationErrorDetail"
    assert ("expired" in body["values"][0]["value"]) == (change == "expired")
    assert signature not in json.dumps(body)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/batch/nobody/jobs/j", (404, "AccountNotFound")), ("/jobs/j", (401, "AuthenticationFailed"))],
)
def test_batch_refuses_who_brings_nothing(running: Running, path: str, expected: tuple[int, str]) -> None:
    """No credential, or no such account."""
    status, body = fetch(running, running.https + path)
    assert (status, body["code"]) == expected


def test_arm_wants_a_token_for_arm_or_for_this_server(running: Running, issuer: TokenIssuer) -> None:
    """The audience of `/metadata/endpoints` is the server's own base URL."""
    for resource in ("https://management.core.windows.net/", f"{running.https}/"):
        token = issuer.issue(resource, DEVELOPER_OBJECT_ID, "client")
        headers = {"Authorization": f"Bearer {token}"}
        assert fetch(running, f"{running.https}/subscriptions", headers)[1]["caller"] == DEVELOPER_OBJECT_ID
    status, body = fetch(running, f"{running.https}/subscriptions")
    assert (status, body["error"]["code"]) == (401, "AuthenticationRequired")


def test_managed_identity_of_a_node(running: Running, issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unmodified credential, over the node's own base path; the node forgotten, nothing is given."""
    node = NodeKey("batchite", "pool", "node-1")
    base = running.nodes.register(
        node, {FIRST: ("object-1", "/identities/one"), SECOND: ("object-2", "/identities/two")}
    )
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", running.http + base)
    verifier = TokenVerifier(issuer.public_key)
    by_client = ManagedIdentityCredential(client_id=SECOND).get_token(SCOPE).token
    by_resource = ManagedIdentityCredential(identity_config={"resource_id": "/identities/one"}).get_token(SCOPE).token
    assert verifier.verify(by_client, BATCH_AUDIENCES).object_id == "object-2"
    assert verifier.verify(by_resource, BATCH_AUDIENCES).object_id == "object-1"
    with pytest.raises(ClientAuthenticationError, match="Multiple user assigned identities"):
        ManagedIdentityCredential().get_token(SCOPE)
    running.nodes.forget(node)
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential(client_id=SECOND).get_token(SCOPE)


def test_default_credential_on_a_node(running: Running, issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task's `DefaultAzureCredential()` with the node's two variables gets the pool's identity, sync and async."""
    base = running.nodes.register(NodeKey("batchite", "pool", "node-2"), {FIRST: ("object-1", "/identities/one")})
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", running.http + base)
    monkeypatch.setenv("AZURE_CLIENT_ID", FIRST)

    async def token() -> str:
        async with AsyncManagedIdentityCredential(client_id=FIRST) as credential:
            return str((await credential.get_token("https://storage.azure.com/.default")).token)

    verifier = TokenVerifier(issuer.public_key)
    assert verifier.verify(asyncio.run(token()), {"https://storage.azure.com"}).object_id == "object-1"
    with DefaultAzureCredential(exclude_environment_credential=True) as credential:
        given = credential.get_token("https://storage.azure.com/.default").token
    assert verifier.verify(given, {"https://storage.azure.com"}).object_id == "object-1"
