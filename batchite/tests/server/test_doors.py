import http.client
import ssl
from urllib.parse import urlencode, urlsplit

import pytest
from servers import RunningServer

pytestmark = pytest.mark.ours

VERSION = "api-version=2025-06-01"


@pytest.mark.parametrize("name", ["http", "https", "blob"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254", ""])
def test_another_host_is_refused_on_every_port(running: RunningServer, name: str, host: str) -> None:
    """A web page must not reach the server under a name of its own."""
    address = urlsplit(running.ready[name])
    context = ssl.create_default_context(cafile=str(running.data / "ca/ca.pem"))
    connection = (
        http.client.HTTPConnection(address.netloc)
        if name == "http"
        else http.client.HTTPSConnection(address.netloc, context=context)
    )
    connection.putrequest("GET", f"/jobs?{VERSION}", skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in {400, 403, 421}
    assert "Access-Control-Allow-Origin" not in answer.headers
    connection.close()


@pytest.mark.parametrize(
    "path",
    [
        f"/jobs?{VERSION}",
        f"/batch/batchite/pools?{VERSION}",
        "/subscriptions/0b4c417e-0000-4000-8000-000000000001/resourcegroups?api-version=2024-03-01",
        "/batchite/status",
        "/batchite/story/jobs/j/tasks/t",
        "/anything",
    ],
)
@pytest.mark.parametrize("header", ["", "Bearer x.y.z", "SharedKey batchite:AAAA", "Basic YTpi"])
def test_who_cannot_say_who_they_are_is_refused(running: RunningServer, path: str, header: str) -> None:
    """On every plane, over both ports; also a POST with a body."""
    headers = {"Authorization": header} if header else {}
    for base in (running.ready["http"], running.ready["https"]):
        assert running.answer(base + path, headers)[0] in {400, 401, 403}
    for drill in ("preempt", "throttle", "off"):
        assert running.answer(f"{base}/batchite/chaos/{drill}", headers, "POST", b"{}")[0] in {401, 403}


def test_blobs_are_refused_to_strangers(running: RunningServer) -> None:
    """Reading and writing; with no header, with a token that is none, with another key."""
    for header in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "SharedKey batchite:AAAA"}):
        headers = {**header, "x-ms-version": "2021-12-02", "x-ms-blob-type": "BlockBlob"}
        assert running.answer(f"{running.ready['blob']}/batchite/container/blob", headers)[0] in {401, 403}
        assert running.answer(f"{running.ready['blob']}/batchite/container/blob", headers, "PUT", b"x")[0] in {401, 403}


def test_no_token_without_the_secret(running: RunningServer) -> None:
    """And none from a node's metadata for one who does not know its address."""
    form = {"grant_type": "client_credentials", "client_secret": "wrong", "resource": "https://management.azure.com/"}
    form["client_id"] = running.environment["AZURE_CLIENT_ID"]
    token = f"{running.ready['https']}/adfs/oauth2/token"
    content = {"Content-Type": "application/x-www-form-urlencoded"}
    assert running.answer(token, content, "POST", urlencode(form).encode())[0] in {400, 401}
    guess = f"{running.ready['http']}/nodes/guess/metadata/identity/oauth2/token?{VERSION}&resource=x"
    assert running.answer(guess, {"Metadata": "true"})[0] in {403, 404}
