"""Blobs to the node before a process, and from the node after it, authorised by the pool's identity.

A download that the store cannot serve just now (503, a broken connection) is tried again with growing pauses; every
other refusal becomes the documented failure code at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import urllib3

from batchite.agent import patterns
from batchite.agent.launch import OutputFile, ResourceFile
from batchite.scheduler.model import Detail, Failure

STORAGE = "https://storage.azure.com/"
API_VERSION = "2021-12-02"
ATTEMPTS = 5
FIRST_PAUSE = 0.5
CHUNK = 1 << 20
LARGEST_UPLOAD = 5000 << 20
"""Bytes that one Put Blob may carry (documented for this API version)."""

Token = Callable[[str, str], str]
"""(client id of an identity, resource) -> access token; LookupError for an identity that no node has."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A blob the store has acknowledged."""

    url: str
    etag: str


class TransferError(Exception):
    """A transfer that failed for good, as the failure a task shows."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Transfer:
    """Downloads and uploads over kept-alive connections; safe to use from several threads."""

    def __init__(self, ca_bundle: Path, token: Token, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = urllib3.PoolManager(ca_certs=str(ca_bundle), maxsize=16, retries=False)
        self._token = token
        self._sleep = sleep

    def download(self, file: ResourceFile, directory: Path) -> list[Path]:
        """Fetch a resource file, or every blob of a container, below `directory`; returns the files made.

        Raises TransferError.
        """
        if file.url:
            return [self._fetch(file, file.url, _below(directory, file.path))]
        return [
            self._fetch(file, _with_path(file.container_url, name), _below(directory, f"{file.path}/{name}"))
            for name in self._list(file)
        ]

    def upload(self, output: OutputFile, task_directory: Path) -> list[Uploaded]:
        """Store every file that matches. Raises TransferError."""
        stored = []
        for path, rest in patterns.matches(output.pattern, task_directory):
            wildcard = patterns.has_wildcard(output.pattern)
            name = "/".join(filter(None, (output.path, rest if wildcard or not output.path else "")))
            stored.append(self._store(output, path, _with_path(output.container_url, name)))
        return stored

    def _fetch(self, file: ResourceFile, url: str, target: Path) -> Path:
        response = self._call("GET", url, file.client_id, preload_content=False)
        try:
            if response.status != 200:
                raise TransferError(_download_failure(response.status, url, file.path))
            _write(response, target, file.mode)
        finally:
            response.release_conn()
        return target

    def _list(self, file: ResourceFile) -> Iterator[str]:
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": file.prefix, "marker": marker}
            url = _with_query(file.container_url, {name: value for name, value in query.items() if value})
            response = self._call("GET", url, file.client_id)
            if response.status != 200:
                raise TransferError(_list_failure(response.status, file.container_url))
            listing = ET.fromstring(response.data)  # noqa: S314  # the listing comes from our own blob store
            yield from (name.text or "" for name in listing.iterfind("Blobs/Blob/Name"))
            marker = listing.findtext("NextMarker") or ""
            if not marker:
                return

    def _store(self, output: OutputFile, path: Path, url: str) -> Uploaded:
        size = path.stat().st_size
        if size > LARGEST_UPLOAD:
            raise TransferError(
                _failure("FileUploadMiscError", f"{path.name} is larger than {LARGEST_UPLOAD} bytes", url)
            )
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(size), **output.headers}
        with path.open("rb") as body:
            response = self._call("PUT", url, output.client_id, headers, body)
        if response.status != 201:
            raise TransferError(_upload_failure(response.status, url, path.name))
        return Uploaded(url, response.headers.get("ETag", ""))

    def _call(
        self,
        method: str,
        url: str,
        client_id: str,
        headers: Mapping[str, str] | None = None,
        body: BinaryIO | None = None,
        *,
        preload_content: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """One request, repeated while the store says it is busy or the connection breaks."""
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                all_headers = {**self._authorisation(client_id), **(headers or {})}
                response = self._http.request(
                    method, url, body=body, headers=all_headers, preload_content=preload_content
                )
                if response.status not in {408, 429, 500, 503} or attempt == ATTEMPTS:
                    return response
            if attempt < ATTEMPTS:
                self._sleep(pause)
                pause *= 2
                if body is not None:
                    body.seek(0)
        raise TransferError(_unreachable(method, url))

    def _authorisation(self, client_id: str) -> dict[str, str]:
        version = {"x-ms-version": API_VERSION}
        if not client_id:
            return version
        try:
            return {**version, "Authorization": f"Bearer {self._token(client_id, STORAGE)}"}
        except LookupError:
            text = "The pool does not have the identity that the file refers to"
            raise TransferError(_failure("BlobAccessDenied", text, client_id)) from None


def without_query(url: str) -> str:
    """The URL as it may be shown: a SAS is a secret."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _below(directory: Path, relative: str) -> Path:
    """A path inside the directory. Raises TransferError when `..` or a link would lead out."""
    target = (directory / relative.lstrip("/")).resolve()
    if not target.is_relative_to(directory.resolve()):
        raise TransferError(
            _failure("ResourceFileCreateFailed", "The file path leads out of the task directory", relative)
        )
    return target


def _write(response: urllib3.BaseHTTPResponse, target: Path, mode: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in response.stream(CHUNK, decode_content=False):
                file.write(chunk)
        target.chmod(int(mode or "0770", 8))
    except OSError as error:
        code = "DiskFull" if error.errno == 28 else "ResourceFileWriteFailed"
        raise TransferError(_failure(code, f"Cannot write the resource file: {error.strerror}", target.name)) from error
    except urllib3.exceptions.HTTPError as error:
        raise TransferError(_failure("BlobDownloadMiscError", "The download broke off", target.name)) from error


def _with_path(container_url: str, name: str) -> str:
    parts = urlsplit(container_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def _with_query(url: str, query: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *query.items()])))


def _download_failure(status: int, url: str, path: str) -> Failure:
    code = {404: "BlobNotFound", 401: "BlobAccessDenied", 403: "BlobAccessDenied"}.get(status, "BlobDownloadMiscError")
    return _failure(code, f"The resource file {path} could not be downloaded (HTTP {status})", url)


def _list_failure(status: int, url: str) -> Failure:
    codes = {
        404: "ResourceContainerNotFound",
        401: "ResourceContainerAccessDenied",
        403: "ResourceContainerAccessDenied",
    }
    return _failure(
        codes.get(status, "ResourceContainerListMiscError"), f"The container cannot be listed (HTTP {status})", url
    )


def _upload_failure(status: int, url: str, name: str) -> Failure:
    codes = {404: "FileUploadContainerNotFound", 401: "FileUploadAccessDenied", 403: "FileUploadAccessDenied"}
    return _failure(
        codes.get(status, "FileUploadMiscError"), f"The output file {name} could not be uploaded (HTTP {status})", url
    )


def _unreachable(method: str, url: str) -> Failure:
    code = "FileUploadMiscError" if method == "PUT" else "BlobDownloadMiscError"
    return _failure(code, "The blob store cannot be reached", url)


def _failure(code: str, message: str, where: str) -> Failure:
    return Failure("usererror", code, message, (Detail("FilePath", without_query(where)),))
