"""Blobs and secrets as the node's identity, with the standard library alone: it works before anything is installed.

    blob.py put FILE URL        upload
    blob.py get URL FILE        download; exit code 3 when there is no such blob
    blob.py secret URL          print a secret of a key vault, https://VAULT.vault.azure.net/secrets/NAME[/VERSION]
    blob.py token RESOURCE      print a token of the node's identity

The token comes from the instance metadata service at run time ($AZURE_POD_IDENTITY_AUTHORITY_HOST, else Azure's own
address), for the identity $AZURE_CLIENT_ID where the node has several. It is written to no file and goes only to
Azure's own hosts and to those that the deployment names in $START_TASK_LOGS and $WHEEL_CACHE. Needs Python 3.8.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

METADATA = "http://169.254.169.254"
STORAGE = "https://storage.azure.com/"
STORAGE_VERSION, VAULT_VERSION = "2023-11-03", "7.4"
BLOB_HOSTS = (
    ".blob.core.windows.net",
    ".blob.storage.azure.net",
    ".blob.core.usgovcloudapi.net",
    ".blob.core.chinacloudapi.cn",
)
VAULT_HOSTS = (".vault.azure.net", ".vault.usgovcloudapi.net", ".vault.azure.cn")
BLOCK = 32 * 2**20
"""Bytes that are sent at once and kept in memory; a blob of 50,000 blocks may have 1.5 TiB."""
TRIES = 5
PAUSE = float(os.environ.get("START_TASK_PAUSE", "1"))
"""Seconds before the second try; each further one waits twice as long."""
TIMEOUT = 60
"""Seconds in which the other side must send something."""
NOT_FOUND = 3

Answer = TypeVar("Answer")


class RefusedError(OSError):
    """An answer that is no success; `code` is its status. The text holds nothing of what was sent but the address."""

    def __init__(self, error: urllib.error.HTTPError) -> None:
        self.code = error.code
        reason = error.headers.get("x-ms-error-code") or _description(error) or error.reason
        hint = {401: "; has the node the identity?", 403: "; has the node's identity a role there?"}.get(error.code, "")
        super().__init__(f"{error.code} {reason} from {_plain(error.url)}{hint}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token must not follow to another host: a redirect is an answer like any other."""

    def redirect_request(self, *_: object) -> None:
        return None


def token(resource: str) -> str:
    """A token of the node's identity for a resource."""
    query = {"api-version": "2018-02-01", "resource": resource}
    if os.environ.get("AZURE_CLIENT_ID"):
        query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    host = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", METADATA).rstrip("/")
    url = f"{host}/metadata/identity/oauth2/token?{urllib.parse.urlencode(query)}"
    direct = urllib.request.ProxyHandler({})  # Metadata is never behind a proxy.
    passing = {404, 410}  # As its documentation says.
    answer = _patiently(lambda: _open(_content, "GET", url, {"Metadata": "true"}, handlers=(direct,)), also=passing)
    return str(json.loads(answer)["access_token"])


def secret(url: str) -> str:
    """A secret of a key vault."""
    host = _checked(url, VAULT_HOSTS)
    vault = next(name for name in VAULT_HOSTS if host.endswith(name))
    headers = {"Authorization": f"Bearer {token(f'https://{vault[1:]}')}"}
    answer = _patiently(lambda: _open(_content, "GET", f"{url}?api-version={VAULT_VERSION}", headers))
    return str(json.loads(answer)["value"])


def put(path: Path, url: str) -> None:
    """Upload a file as a block blob, whatever was there before."""
    upload = uuid.uuid4().hex
    blocks: list[str] = []
    with path.open("rb") as file:
        content = file.read(BLOCK)
        if len(content) < BLOCK:
            _storage("PUT", url, content, {"x-ms-blob-type": "BlockBlob"})
            return
        while content:
            blocks.append(base64.b64encode(f"{upload}-{len(blocks):05}".encode()).decode())
            _storage("PUT", url, content, {}, comp="block", blockid=blocks[-1])
            content = file.read(BLOCK)
    listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
    _storage("PUT", url, f"<?xml version='1.0'?><BlockList>{listed}</BlockList>".encode(), {}, comp="blocklist")


def append(content: bytes, url: str) -> None:
    """Add to the end of an append blob, which is made if need be. A broken connection may add it twice."""
    try:
        _storage("PUT", url, content, {}, comp="appendblock")
        return
    except FileNotFoundError:
        pass
    try:
        _storage("PUT", url, b"", {"x-ms-blob-type": "AppendBlob", "If-None-Match": "*"})
    except RefusedError as error:
        if error.code != http.client.CONFLICT:
            raise
    _storage("PUT", url, content, {}, comp="appendblock")


def get(url: str, path: Path) -> None:
    """Download a blob; the file is there whole or not at all. Raises FileNotFoundError when there is no such blob."""
    part = path.with_name(f"{path.name}.part")

    def save(answer: http.client.HTTPResponse) -> None:
        expected = answer.length
        with part.open("wb") as file:
            while content := answer.read(2**20):
                file.write(content)
        if expected not in (None, part.stat().st_size):  # http.client does not tell when it reads in pieces.
            raise ConnectionError(f"{_plain(url)} broke off after {part.stat().st_size} of {expected} bytes")

    try:
        _storage("GET", url, None, {}, read=save)
        part.replace(path)
    finally:
        if part.exists():
            part.unlink()


def _storage(
    method: str,
    url: str,
    content: bytes | None,
    headers: dict[str, str],
    *,
    read: Callable[[http.client.HTTPResponse], object] | None = None,
    **query: str,
) -> None:
    """A call of the blob service. Raises FileNotFoundError when there is no such blob or container, else OSError."""
    _checked(url, BLOB_HOSTS)
    full = f"{url}?{urllib.parse.urlencode(query)}" if query else url
    signed = {
        **headers,
        "Authorization": f"Bearer {token(STORAGE)}",
        "Content-Type": "application/octet-stream",
        "x-ms-version": STORAGE_VERSION,
    }
    try:
        _patiently(lambda: _open(read or _content, method, full, signed, content))
    except RefusedError as error:
        if error.code != http.client.NOT_FOUND:
            raise
        raise FileNotFoundError(str(error)) from None


def _checked(url: str, hosts: tuple[str, ...]) -> str:
    """The host of an address that the node's token may go to. Raises ValueError for any other."""
    parts = urllib.parse.urlsplit(url)
    named = {urllib.parse.urlsplit(os.environ.get(name, "")).netloc for name in ("START_TASK_LOGS", "WHEEL_CACHE")}
    if parts.scheme != "https" or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{_plain(url)} must be an https address without user, query or signature")
    if not (parts.hostname or "").endswith(hosts) and not (hosts is BLOB_HOSTS and parts.netloc in named - {""}):
        allowed = ", ".join(f"*{host}" for host in hosts)
        raise ValueError(f"{_plain(url)} is at another host than {allowed}: it does not get the node's token")
    return parts.hostname or ""


def _open(
    read: Callable[[http.client.HTTPResponse], Answer],
    method: str,
    url: str,
    headers: dict[str, str],
    content: bytes | None = None,
    *,
    handlers: tuple[urllib.request.BaseHandler, ...] = (),
) -> Answer:
    """One try. A request is made anew for each: urllib changes one that has gone through a proxy, for good."""
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - _checked, or the node's own
    opener = urllib.request.build_opener(_NoRedirect, *handlers)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return read(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(error) from None


def _content(answer: http.client.HTTPResponse) -> bytes:
    return answer.read()


def _patiently(call: Callable[[], Answer], *, also: set[int] | None = None) -> Answer:
    """Make the call, again after what may pass: no connection, throttling, errors of the service."""
    for attempt in range(TRIES):
        try:
            return call()
        except (OSError, http.client.HTTPException) as error:
            if attempt == TRIES - 1 or not _passes(error, {408, 429} | (also or set())):
                raise
        time.sleep(PAUSE * 2**attempt)
    raise AssertionError("the last try returns or raises")


def _passes(error: Exception, codes: set[int]) -> bool:
    if isinstance(error, RefusedError):
        return error.code in codes or error.code >= 500
    return not isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)


def _description(error: urllib.error.HTTPError) -> str:
    """What the metadata service says about a refusal."""
    try:
        return str(json.loads(error.read(10_000))["error_description"])[:200]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _plain(url: str) -> str:
    """An address as it may be shown: without user and query, where secrets may stand."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _commands(arguments: list[str]) -> Callable[[], object] | None:
    name, operands = "".join(arguments[:1]), arguments[1:]
    table: dict[tuple[str, int], Callable[[], object]] = {
        ("put", 2): lambda: put(Path(operands[0]), operands[1]),
        ("get", 2): lambda: get(operands[0], Path(operands[1])),
        ("secret", 1): lambda: print(secret(operands[0])),
        ("token", 1): lambda: print(token(operands[0])),
    }
    return table.get((name, len(operands)))


def main(arguments: list[str]) -> int:
    """Do one of them; a failure is one line."""
    command = _commands(arguments)
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        command()
    except FileNotFoundError as error:
        print(f"blob.py: {arguments[0]}: {error}", file=sys.stderr)
        return NOT_FOUND
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        print(f"blob.py: {arguments[0]} failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
