"""The gateway's decisions that need no server: what a target addresses, how it is signed, which action it needs."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from batchite.blob.errors import StorageError, not_implemented, render
from batchite.blob.ledger import LedgerEntry, is_lost
from batchite.blob.locate import ToolMissingError, locate
from batchite.blob.operations import ADD, OPERATIONS, READ_TAGS, WRITE, WRITE_CONTAINER, is_data_action, resolve
from batchite.blob.request import BlobRequest, parse
from batchite.blob.service import BlobVersion
from batchite.blob.shared_key import authorization, string_to_sign


def request(method: str, target: str, **headers: str) -> BlobRequest:
    """A request as the ASGI server gives it."""
    path, _, query = target.partition("?")
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse(
        {
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
            "client": ("127.0.0.1", 1),
        }
    )


@pytest.mark.documented
def test_string_to_sign() -> None:
    """The canonical form of Get Container Metadata in "Authorize with Shared Key", in path style."""
    headers = {
        "x-ms-version": "2015-02-21",
        "x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT",
        "content-length": "0",
        "accept": "*/*",
    }
    query = [("restype", "container"), ("comp", "metadata"), ("Timeout", "20")]
    assert string_to_sign("myaccount", "GET", "/myaccount/mycontainer", query, headers) == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


@pytest.mark.documented
def test_signature() -> None:
    """The signature is HMAC-SHA256 of the string under the decoded key, in base64."""
    key = base64.b64encode(b"secret").decode()
    text = string_to_sign("acc", "PUT", "/acc/c/b", [], {"content-length": "3", "range": "bytes=0-1"})
    assert text.split("\n")[3] == "3"
    digest = base64.b64encode(hmac.new(b"secret", text.encode(), hashlib.sha256).digest()).decode()
    signed = authorization("acc", key, "PUT", "/acc/c/b", [], {"content-length": "3", "range": "bytes=0-1"})
    assert signed == f"SharedKey acc:{digest}"


@pytest.mark.documented
@pytest.mark.parametrize(
    ("target", "account", "container", "blob"),
    [
        ("/shop", "shop", "", ""),
        ("/shop/?comp=list", "shop", "", ""),
        ("/shop/con", "shop", "con", ""),
        ("/shop/con/a%2Fb/c%20d", "shop", "con", "a/b/c d"),
        ("/shop/$root/x", "shop", "$root", "x"),
    ],
)
def test_target(target: str, account: str, container: str, blob: str) -> None:
    """Account, container and blob are the segments of the path."""
    found = request("GET", target)
    assert (found.account, found.container, found.blob) == (account, container, blob)


@pytest.mark.documented
@pytest.mark.parametrize("name", ["ab", "a--b", "-ab", "ab-", "A-b", "a" * 64])
def test_container_names(name: str) -> None:
    """Container names outside the rules are refused."""
    with pytest.raises(StorageError, match="InvalidResourceName"):
        request("GET", f"/shop/{name}/blob")


@pytest.mark.ours
def test_headers_given_twice() -> None:
    """Two Authorization headers are refused: who reads which is anyone's guess."""
    twice: Any = [(b"authorization", b"Bearer a"), (b"authorization", b"SharedKey b:c")]
    scope = {"method": "GET", "raw_path": b"/shop/con/x", "query_string": b"", "headers": twice}
    with pytest.raises(StorageError, match="InvalidHeaderValue"):
        parse(scope)


@pytest.mark.documented
def test_every_operation_is_reached() -> None:
    """Each row of the table is what a request of its method, path and query asks for."""
    paths = {"service": "/shop/", "container": "/shop/con", "blob": "/shop/con/x"}
    for (level, method, restype, comp), operation in OPERATIONS.items():
        query = "&".join(f"{name}={value}" for name, value in (("restype", restype), ("comp", comp)) if value)
        assert resolve(request(method, f"{paths[level]}?{query}")) is operation


@pytest.mark.documented
def test_put_blob_actions() -> None:
    """Put Blob needs write; add/action is its permission to create."""
    operation = resolve(request("PUT", "/shop/con/x", x_ms_blob_type="BlockBlob"))
    assert (operation.actions, operation.to_create) == ((WRITE,), ADD)


@pytest.mark.documented
def test_data_actions() -> None:
    """Built-in roles grant blobs through dataActions and containers through actions."""
    assert is_data_action(WRITE)
    assert is_data_action(READ_TAGS)
    assert not is_data_action(WRITE_CONTAINER)


@pytest.mark.documented
def test_error_body() -> None:
    """An error is the storage service's XML, its text escaped."""
    body = render(not_implemented("<this>"), "id-1").decode()
    assert body.startswith('<?xml version="1.0" encoding="utf-8"?><Error><Code>NotImplemented</Code><Message>')
    assert "&lt;this&gt;" in body
    assert "\nRequestId:id-1\nTime:" in body


@pytest.mark.ours
@pytest.mark.parametrize(
    ("version", "lost"),
    [
        (None, True),
        (BlobVersion('"1"', 1000.0), False),
        (BlobVersion('"0"', 900.0), True),
        (BlobVersion('"2"', 1100.0), False),
    ],
)
def test_what_is_lost(version: BlobVersion | None, lost: bool) -> None:
    """Gone or fallen back to an older version is lost; overwritten since is not."""
    assert is_lost(LedgerEntry("shop", "out", "x", '"1"', 1000.0), version) is lost


@pytest.mark.ours
def test_locate(tmp_path: Any) -> None:
    """Missing tools are an error that names the next step; variables name other places."""
    with pytest.raises(ToolMissingError, match="make setup"):
        locate({"PATH": ""}, tmp_path)
    node = tmp_path / "node"
    node.touch()
    with pytest.raises(ToolMissingError, match="Azurite is missing"):
        locate({"BATCHITE_NODE": str(node)}, tmp_path)
    (tmp_path / "azurite").mkdir()
    (tmp_path / "azurite" / "package.json").touch()
    found = locate({"BATCHITE_NODE": str(node), "BATCHITE_AZURITE": str(tmp_path)}, tmp_path)
    assert (found.node, found.azurite) == (node, tmp_path)
