"""The token endpoint's refusals and documents, and the metadata service's, over HTTPS."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from identity.server import Running
from identity.test_clients import FIRST, SCOPE, fetch

from batchite.identity.authenticators import data_action
from batchite.identity.authority import authority_paths
from batchite.identity.well_known import DEVELOPER_CLIENT_ID, TENANT_ID
from batchite.scheduler.model import NodeKey


def ask(running: Running, headers: dict[str, str] | None = None, **changes: str) -> Any:
    """A token request with some of its fields changed; an empty value leaves the field out."""
    form = {
        "grant_type": "client_credentials",
        "client_id": DEVELOPER_CLIENT_ID,
        "client_secret": running.keys.client_secret,
        "scope": SCOPE,
        **changes,
    }
    tenant = form.pop("tenant", TENANT_ID)
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    return fetch(running, f"{running.https}/{tenant}/oauth2/v2.0/token", headers, body)


@pytest.mark.documented
def test_a_token_answer_has_the_fields_clients_read(running: Running) -> None:
    """Type, lifetime and token."""
    status, body = ask(running)
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
    assert body["access_token"].count(".") == 2


@pytest.mark.documented
def test_the_first_protocol_names_a_resource(running: Running) -> None:
    """`resource=` in place of `scope=`, and its value in the answer."""
    status, body = ask(running, scope="", resource="https://management.core.windows.net/")
    assert (status, body["resource"]) == (200, "https://management.core.windows.net/")


@pytest.mark.documented
def test_the_secret_may_come_in_the_authorization_header(running: Running) -> None:
    """HTTP Basic, as RFC 6749 prefers it."""
    pair = f"{DEVELOPER_CLIENT_ID}:{running.keys.client_secret}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    assert ask(running, headers=headers, client_id="", client_secret="")[0] == 200
    assert ask(running, headers={"Authorization": "Basic ?"})[1]["error"] == "invalid_client"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": TENANT_ID}, 400, "unauthorized_client", 700016),
        ({"client_id": ""}, 400, "invalid_request", 900144),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"scope": "https://batch.core.windows.net/user_impersonation"}, 400, "invalid_scope", 1002012),
        ({"scope": f"{SCOPE} https://storage.azure.com/.default"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_resource", 500011),
        ({"tenant": "contoso.onmicrosoft.com"}, 400, "invalid_request", 90002),
    ],
)
def test_refusals_have_entras_codes(
    running: Running, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    """OAuth's error, Entra's number, the trace lines."""
    answered, body = ask(running, None, **changes)
    assert (answered, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert f"Trace ID: {body['trace_id']}" in body["error_description"]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "token_path"),
    [
        ("/adfs/.well-known/openid-configuration", "/adfs/oauth2/token"),
        (f"/{TENANT_ID}/v2.0/.well-known/openid-configuration", f"/{TENANT_ID}/oauth2/v2.0/token"),
    ],
)
def test_discovery_names_this_server(running: Running, path: str, token_path: str) -> None:
    """Every URL of the document is where the client already is, and its key set is there."""
    status, document = fetch(running, running.https + path)
    assert (status, document["token_endpoint"]) == (200, running.https + token_path)
    assert document["authorization_endpoint"].startswith(running.https)
    assert fetch(running, document["jwks_uri"])[1]["keys"][0]["kty"] == "RSA"


@pytest.mark.documented
def test_instance_discovery_knows_this_host_only(running: Running) -> None:
    """MSAL's instance metadata."""
    document = fetch(running, f"{running.https}/common/discovery/instance?api-version=1.1")[1]
    assert document["metadata"][0]["preferred_network"] == running.https.removeprefix("https://")
    assert document["tenant_discovery_endpoint"].startswith(f"{running.https}/common/v2.0/")


@pytest.mark.ours
@pytest.mark.parametrize("path", ["/pools/oauth2/nodes", "/jobs/discovery/tasks", "/batch/a.b/jobs", "/adfs/jobs"])
def test_the_authority_takes_no_path_of_batch(path: str) -> None:
    """A pool may be called `oauth2`."""
    assert authority_paths(path) is None


@pytest.mark.documented
@pytest.mark.parametrize(
    ("query", "headers", "text"),
    [
        ("?api-version=2018-02-01&resource=https://storage.azure.com", {}, "metadata header"),
        (
            "?api-version=2018-02-01&resource=https://storage.azure.com",
            {"Metadata": "true", "X-Forwarded-For": "1.2.3.4"},
            "metadata header",
        ),
        ("?resource=https://storage.azure.com", {"Metadata": "true"}, "api-version"),
        ("?api-version=2018-02-01", {"Metadata": "true"}, "resource"),
        ("?api-version=2018-02-01&resource=https://graph.microsoft.com", {"Metadata": "true"}, "not found"),
        (f"?api-version=2018-02-01&resource=x&client_id={TENANT_ID}", {"Metadata": "true"}, "Identity not found"),
    ],
)
def test_metadata_refuses_in_its_own_words(running: Running, query: str, headers: dict[str, str], text: str) -> None:
    """400 invalid_request, which credentials do not retry."""
    base = running.nodes.register(NodeKey("batchite", "pool", "refusing"), {FIRST: ("object-1", "/identities/one")})
    status, body = fetch(running, f"{running.https}{base}/metadata/identity/oauth2/token{query}", headers)
    assert (status, body["error"]) == (400, "invalid_request")
    assert text in body["error_description"]


@pytest.mark.ours
def test_a_guessed_node_path_gives_nothing(running: Running) -> None:
    """403 before anything is looked at."""
    status, body = fetch(
        running, f"{running.https}/nodes/{'0' * 40}/metadata/identity/oauth2/token", {"Metadata": "true"}
    )
    assert (status, body["error"]) == (403, "access_denied")


@pytest.mark.ours
def test_the_server_gets_tokens_of_a_nodes_identities(running: Running) -> None:
    """For downloads and uploads of the node's tasks; not for identities of other pools."""
    node = NodeKey("batchite", "pool", "serving")
    running.nodes.register(node, {FIRST: ("object-1", "/identities/one")})
    assert running.nodes.token(node, FIRST, "https://storage.azure.com/").count(".") == 2


@pytest.mark.documented
@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/jobs/j/tasks", "jobs/read"),
        ("POST", "/jobs/j/addtaskcollection", "jobs/write"),
        ("DELETE", "/JobSchedules/s", "jobSchedules/delete"),
        ("HEAD", "/pools/p", "pools/read"),
        ("POST", "/pools/p/resize", "pools/write"),
        ("GET", "/nodecounts", "pools/read"),
        ("GET", "/supportedimages", "read"),
    ],
)
def test_actions_are_those_of_role_definitions(method: str, path: str, action: str) -> None:
    """Azure's provider operations of Microsoft.Batch."""
    assert data_action(method, path) == f"Microsoft.Batch/batchAccounts/{action}"
