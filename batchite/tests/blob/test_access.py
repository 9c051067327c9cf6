"""Who is let in at the gateway, and what the others are told."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from ssl import create_default_context
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from batchite.blob.operations import ADD, DELEGATE, READ, WRITE
from batchite.blob.signatures import Target

pytestmark = pytest.mark.documented

VERSION = {"x-ms-version": "2025-11-05"}


def ask(
    server: Any, method: str, target: str, headers: Mapping[str, str] | None = None, body: Any = None
) -> tuple[int, dict[str, str], bytes]:
    """One raw request: status, headers with lower-case names, body."""
    context = create_default_context(cafile=server.certificates.ca)
    connection = HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)
    connection.request(method, target, body, {**VERSION, **(headers or {})})
    answer = connection.getresponse()
    names, content = {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return answer.status, names, content


def refusal(error: HttpResponseError) -> tuple[int | None, str]:
    """Status and error code, as the SDK read them."""
    return error.status_code, getattr(error, "error_code", "")


def as_writer(**headers: str) -> dict[str, str]:
    """Headers of a caller that may do everything."""
    return {"Authorization": "Bearer writer", **headers}


@pytest.fixture
def keyed(server: Any, request: pytest.FixtureRequest) -> ContainerClient:
    """A container with one blob in the account that allows keys."""
    name = "k" + str(abs(hash(request.node.name)))
    server.run(server.service.create_container("keyed", name))
    client: ContainerClient = server.client("keyed", KEY).get_container_client(name)
    client.upload_blob("blob", b"content")
    return client


KEY = base64.b64encode(b"first key").decode()
SECOND = base64.b64encode(b"second key").decode()


def expiry() -> datetime:
    """An hour from now."""
    return datetime.now(UTC) + timedelta(hours=1)


def test_anonymous_is_challenged(server: Any, container: str) -> None:
    """A request without a credential is told where tokens come from."""
    status, headers, body = ask(server, "GET", f"/shop/{container}/blob")
    assert (status, headers["x-ms-error-code"]) == (401, "NoAuthenticationInformation")
    assert headers["www-authenticate"] == (
        "Bearer authorization_uri=https://127.0.0.1:10011/adfs/oauth2/authorize resource_id=https://storage.azure.com"
    )
    assert b"<Code>NoAuthenticationInformation</Code>" in body
    assert headers["x-ms-request-id"].encode() in body


def test_unknown_token(server: Any) -> None:
    """A token that does not verify is 401, for the SDK an authentication error."""
    with pytest.raises(ClientAuthenticationError) as caught:
        list(server.client("shop", server.caller("stranger")).list_containers())
    assert refusal(caught.value) == (401, "InvalidAuthenticationInfo")


def test_role_is_enforced(server: Any, writer: BlobServiceClient, container: str) -> None:
    """A reader reads and lists, and is refused what its role does not hold."""
    writer.get_blob_client(container, "b").upload_blob(b"1")
    server.policy.roles["reader", container] = (READ,)
    reader = server.client("shop", server.caller("reader")).get_container_client(container)
    assert [blob.name for blob in reader.list_blobs()] == ["b"]
    assert reader.download_blob("b").readall() == b"1"
    for refused in (lambda: reader.upload_blob("c", b""), lambda: reader.delete_blob("b"), reader.delete_container):
        with pytest.raises(HttpResponseError) as caught:
            refused()
        assert refusal(caught.value) == (403, "AuthorizationPermissionMismatch")


def test_role_on_one_container(server: Any, container: str) -> None:
    """A role on a container opens no other container and not the list of containers."""
    server.run(server.service.create_container("shop", f"{container}b"))
    server.policy.roles["reader", container] = (READ,)
    reader = server.client("shop", server.caller("reader"))
    assert list(reader.get_container_client(container).list_blobs()) == []
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        list(reader.get_container_client(f"{container}b").list_blobs())
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        list(reader.list_containers())


def test_add_permission_creates_only(server: Any, container: str) -> None:
    """blobs/add/action is enough for a new blob and never for an existing one."""
    server.policy.roles["adder", container] = (ADD,)
    blob = server.client("shop", server.caller("adder")).get_blob_client(container, "new")
    blob.upload_blob(b"1")
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        blob.upload_blob(b"2", overwrite=True)


def test_refused_upload_is_drained(server: Any, container: str) -> None:
    """A refusal reaches a client that is still sending a large body."""
    server.policy.roles["reader", container] = (READ,)
    status, headers, _ = ask(
        server,
        "PUT",
        f"/shop/{container}/big",
        {"Authorization": "Bearer reader", "x-ms-blob-type": "BlockBlob"},
        bytes(20 * 2**20),
    )
    assert (status, headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")


def test_key_is_refused_where_the_account_forbids_it(server: Any, container: str) -> None:
    """With allowSharedKeyAccess false neither a key nor a SAS made with it is accepted."""
    with pytest.raises(HttpResponseError) as caught:
        list(server.client("shop", KEY).list_containers())
    assert refusal(caught.value) == (403, "KeyBasedAuthenticationNotPermitted")
    signature = generate_container_sas(
        "shop", container, account_key=KEY, permission=ContainerSasPermissions(list=True), expiry=expiry()
    )
    with pytest.raises(HttpResponseError, match="KeyBasedAuthenticationNotPermitted"):
        list(server.client("shop", signature).get_container_client(container).list_blobs())


def test_key_is_verified_where_the_account_allows_it(server: Any, keyed: Any) -> None:
    """Both keys of the account sign; another key does not."""
    assert keyed.download_blob("blob").readall() == b"content"
    second = server.client("keyed", SECOND).get_container_client(keyed.container_name)
    assert second.download_blob("blob").readall() == b"content"
    wrong = server.client("keyed", base64.b64encode(b"other").decode()).get_container_client(keyed.container_name)
    with pytest.raises(HttpResponseError) as caught:
        wrong.download_blob("blob")
    assert caught.value.status_code == 403


@pytest.mark.parametrize("extra", [{}, {"protocol": "https"}, {"ip": "127.0.0.1"}, {"ip": "127.0.0.0-127.0.0.9"}])
def test_signature_is_verified(server: Any, keyed: Any, extra: dict[str, Any]) -> None:
    """A SAS opens what it names, also when it asks for https or for the caller's own address."""
    blob = keyed.get_blob_client("blob")
    signature = generate_blob_sas(
        "keyed",
        keyed.container_name,
        "blob",
        account_key=KEY,
        permission=BlobSasPermissions(read=True),
        expiry=expiry(),
        **extra,
    )
    options: Any = {"connection_verify": str(server.certificates.ca)}
    with BlobClient.from_blob_url(f"{blob.url}?{signature}", **options) as by_signature:
        assert by_signature.download_blob().readall() == b"content"
        with pytest.raises(HttpResponseError):
            by_signature.delete_blob()


def test_signature_for_another_address(server: Any, keyed: Any) -> None:
    """A SAS bound to another address is refused."""
    signature = generate_blob_sas(
        "keyed",
        keyed.container_name,
        "blob",
        account_key=KEY,
        permission=BlobSasPermissions(read=True),
        expiry=expiry(),
        ip="10.0.0.1",
    )
    status, headers, _ = ask(server, "GET", f"/keyed/{keyed.container_name}/blob?{signature}")
    assert (status, headers["x-ms-error-code"]) == (403, "AuthorizationSourceIPMismatch")


def test_a_delegation_key_signs_for_its_owner(server: Any, container: str) -> None:
    """With allowSharedKeyAccess false a SAS made with a user delegation key opens what it names, and no more."""
    server.policy.roles["delegator", "*"] = (DELEGATE, READ, WRITE)
    account = server.client("shop", server.caller("delegator"))
    account.get_blob_client(container, "a/b c.txt").upload_blob(b"content")
    key = account.get_user_delegation_key(datetime.now(UTC) - timedelta(minutes=5), expiry())
    signature = generate_blob_sas(
        "shop",
        container,
        "a/b c.txt",
        user_delegation_key=key,
        permission=BlobSasPermissions(read=True),
        expiry=expiry(),
    )
    blob = by_signature(server, f"{container}/a/b%20c.txt?{signature}")
    assert blob.download_blob().readall() == b"content"
    for refused in (lambda: blob.upload_blob(b"2", overwrite=True), blob.delete_blob):
        with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
            refused()
    with pytest.raises(HttpResponseError, match="AuthenticationFailed"):
        by_signature(server, f"{container}/other?{signature}").download_blob()


def test_a_delegation_is_no_more_than_its_owner_may(server: Any, container: str) -> None:
    """The roles of the identity decide when the SAS is used: once they are gone, it opens nothing."""
    server.policy.roles["delegator", "*"] = (DELEGATE, READ, WRITE)
    account = server.client("shop", server.caller("delegator"))
    key = account.get_user_delegation_key(datetime.now(UTC) - timedelta(minutes=5), expiry())
    signature = generate_container_sas(
        "shop",
        container,
        user_delegation_key=key,
        permission=ContainerSasPermissions(read=True, create=True, list=True),
        expiry=expiry(),
    )
    folder = ContainerClient.from_container_url(
        f"{server.url('shop')}/{container}?{signature}", connection_verify=str(server.certificates.ca)
    )
    folder.upload_blob("new", b"1")
    assert [blob.name for blob in folder.list_blobs()] == ["new"]
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        folder.upload_blob("new", b"2", overwrite=True)
    server.policy.roles["delegator", "*"] = (DELEGATE,)
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        list(folder.list_blobs())
    folder.close()


def test_the_service_signs_for_an_identity(server: Any, container: str) -> None:
    """What the blob store signs itself (storageUrl of application packages) is valid until it expires."""
    now = datetime.now(UTC).timestamp()
    target = Target("shop", container, "v1.0", "rw", now - 300, now + 60)
    blob = by_signature(server, f"{container}/v1.0?{server.service.signature(target, 'writer')}")
    blob.upload_blob(b"zip", overwrite=True)
    assert blob.download_blob().readall() == b"zip"
    late = replace(target, start=now - 300, expiry=now - 1)
    with pytest.raises(HttpResponseError, match="AuthenticationFailed"):
        by_signature(server, f"{container}/v1.0?{server.service.signature(late, 'writer')}").download_blob()
    server.run(server.service.delete_blob("shop", container, "v1.0"))
    assert server.run(server.service.find_blob("shop", container, "v1.0")) is None


def test_the_service_signs_with_the_key(server: Any, keyed: Any) -> None:
    """Where the account takes keys, Azurite verifies what the blob store has signed."""
    now = datetime.now(UTC).timestamp()
    target = Target("keyed", keyed.container_name, "blob", "rw", now - 300, now + 60)
    signature = server.service.signature(target)
    status, _, body = ask(server, "GET", f"/keyed/{keyed.container_name}/blob?{signature}")
    assert (status, body) == (200, b"content")


def test_forged_delegations_open_nothing(server: Any, keyed: Any) -> None:
    """Azurite's published seed signs nothing here, in whatever case the parameters are written."""
    key = base64.b64encode(hmac.new(b"azurite-user-delegation-signing-seed-v1", b"", hashlib.sha256).digest()).decode()
    window = "st=2020-01-01T00:00:00Z&se=2099-01-01T00:00:00Z&skt=2020-01-01T00:00:00Z&ske=2099-01-01T00:00:00Z"
    for name in ("skoid", "SKOID"):
        forged = f"sv=2021-12-02&sr=b&sp=rw&{name}=writer&sktid=y&sks=b&skv=2021-12-02&{window}&sig={quote(key)}"
        status, headers, _ = ask(server, "GET", f"/keyed/{keyed.container_name}/blob?{forged}")
        assert (status, headers["x-ms-error-code"]) == (403, "AuthenticationFailed"), name


@pytest.mark.parametrize(
    "body", [b"no xml", b"<KeyInfo/>", b"<KeyInfo><Expiry>2099-01-01T00:00:00Z</Expiry></KeyInfo>"]
)
def test_a_delegation_key_needs_a_window_of_seven_days_at_most(server: Any, body: bytes) -> None:
    """A body without a possible time is a bad request."""
    server.policy.roles["delegator", "*"] = (DELEGATE,)
    headers = {"Authorization": "Bearer delegator", "Content-Length": str(len(body))}
    target = "/shop?restype=service&comp=userdelegationkey"
    status, names, _ = ask(server, "POST", target, headers, body)
    assert (status, names["x-ms-error-code"]) in {(400, "InvalidXmlDocument"), (400, "InvalidXmlNodeValue")}


def by_signature(server: Any, path: str) -> BlobClient:
    """A client of a blob that has nothing but the signature in its address; closed with the server."""
    options: Any = {"connection_verify": str(server.certificates.ca), "retry_total": 0}
    client: Any = BlobClient.from_blob_url(f"{server.url('shop')}/{path}", **options)
    server.clients.append(client)
    found: BlobClient = client
    return found


def test_no_public_containers(writer: BlobServiceClient, container: str) -> None:
    """Public access to a container is refused as on an account that does not permit it."""
    with pytest.raises(HttpResponseError) as caught:
        writer.create_container(f"{container}p", public_access="blob")
    assert refusal(caught.value) == (409, "PublicAccessNotPermitted")


@pytest.mark.parametrize(
    ("method", "target", "headers", "named"),
    [
        ("POST", "/shop/?comp=batch", {}, b"Blob Batch"),
        ("PUT", "/shop/?restype=service&comp=properties", {}, b"Set Blob Service Properties"),
        ("PUT", "/shop/con/blob", {"x-ms-copy-source": "https://127.0.0.1/shop/a/b"}, b"Copy Blob"),
        ("PUT", "/shop/con/blob?comp=undelete", {}, b"Undelete"),
        ("GET", "/shop/con/blob?versionid=1", {}, b"blob versions"),
        ("GET", "/shop/con?restype=container&comp=list&include=versions", {}, b"listing of versions"),
        ("OPTIONS", "/shop/con/blob", {"Origin": "https://example.org"}, b"Preflight"),
        ("GET", "/shop/con/blob", {"X-HTTP-Method": "DELETE"}, b"method override"),
        ("GET", "/shop/con/blob?comp=rubbish", {}, b"comp=rubbish"),
    ],
)
def test_what_is_not_built_is_named(
    server: Any, method: str, target: str, headers: dict[str, str], named: bytes
) -> None:
    """Operations and options that are not built answer 501 with their name."""
    status, answered, body = ask(server, method, target, as_writer(**headers))
    assert status == 501
    assert named in body
    assert not [name for name in answered if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/shop/con/../other/blob", 400),
        ("/shop/con/%2e%2e/other/blob", 400),
        ("/shop%2Fcon/blob", 400),
        ("/shop/c%6fn/blob", 400),
        ("/shop/Con/blob", 400),
        ("/shop/con/blob?comp=metadata&comp=tags", 400),
        ("/shop/con/blob?comp[]=tags", 400),
        ("/shop/con/blob?COMP=tags", 400),
        ("/nobody/con/blob", 404),
        ("/", 404),
    ],
)
def test_ambiguous_targets(server: Any, target: str, status: int) -> None:
    """A target that two readers could understand in two ways is refused before any role is looked up."""
    assert ask(server, "GET", target, as_writer())[0] == status


@pytest.mark.parametrize("host", ["evil.example:10012", "127.0.0.1.evil.example", "10.0.0.1", "", "[::2]:1"])
def test_foreign_host(server: Any, host: str) -> None:
    """Only loopback names are answered, so no web page can reach the endpoint by DNS rebinding."""
    status, headers, _ = ask(server, "GET", "/shop/?comp=list", as_writer(Host=host))
    assert (status, headers["x-ms-error-code"]) == (403, "HostNotAllowed")


@pytest.mark.parametrize("host", ["localhost:1", "[::1]:1", "127.0.0.1"])
def test_own_hosts(server: Any, host: str) -> None:
    """The loopback names are answered with any port."""
    assert ask(server, "GET", "/shop/?comp=list", as_writer(Host=host))[0] == 200


def test_head_errors_have_no_body(writer: BlobServiceClient, container: str) -> None:
    """HEAD of an absent blob is 404 with the code in a header, and the connection goes on."""
    with pytest.raises(ResourceNotFoundError) as caught:
        writer.get_blob_client(container, "absent").get_blob_properties()
    assert refusal(caught.value) == (404, "BlobNotFound")


def test_bearer_needs_a_version(server: Any) -> None:
    """Without x-ms-version a bearer token is refused, as by the service's oldest version."""
    status, headers, _ = ask(server, "GET", "/shop/?comp=list", as_writer(**{"x-ms-version": ""}))
    assert (status, headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


def test_put_needs_a_length(server: Any, container: str) -> None:
    """A chunked body without Content-Length is 411."""
    headers = as_writer(**{"x-ms-blob-type": "BlockBlob", "Transfer-Encoding": "chunked"})
    assert ask(server, "PUT", f"/shop/{container}/chunked", headers, iter([b"0\r\n\r\n"]))[0] == 411


def test_azurite_is_told_to_no_one(server: Any) -> None:
    """Answers name neither Azurite nor its port."""
    _, headers, body = ask(server, "GET", "/shop/?comp=list", as_writer())
    assert "azurite" not in str(headers).lower()
    assert b"zurite" not in body
