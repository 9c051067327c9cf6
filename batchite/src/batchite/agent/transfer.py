"""Blobs to the node before a process, and from the node after it, authorised by the pool's identity.

A download that the store cannot serve just now (503, a broken connection) is tried again with growing pauses; every
other refusal becomes the documented failure code at once.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import urllib3

from batchite.agent import directories, patterns
from batchite.agent.launch import OutputFile, ResourceFile
from batchite.scheduler.model import Detail, Failure

STORAGE = "https://storage.azure.com/"
API_VERSION = "2021-12-02"
ATTEMPTS = 5
FIRST_PAUSE = 0.5
CHUNK = 1 << 18
TIMEOUT = urllib3.Timeout(connect=10, read=20)
BUSY = frozenset({408, 429, 500, 502, 503, 504})
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
LARGEST_UPLOAD = 5000 << 20
"""Bytes that one Put Blob may carry (documented for this API version)."""

T = TypeVar("T")
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


class _BusyError(TransferError):
    """The store cannot serve this just now."""


class Transfer:
    """Downloads and uploads over kept-alive connections; safe to use from several threads.

    Each call ends soon after its `stop` is set: before the next request, pause or chunk.
    """

    def __init__(self, ca_bundle: Path, token: Token, first_pause: float = FIRST_PAUSE) -> None:
        context = ssl.create_default_context(cafile=str(ca_bundle))
        self._http = urllib3.PoolManager(ssl_context=context, maxsize=16, retries=False, timeout=TIMEOUT)
        self._token = token
        self._first_pause = first_pause

    def download(self, file: ResourceFile, directory: Path, stop: threading.Event) -> list[Path]:
        """Fetch a resource file, or every blob of a container, below `directory`; returns the files made.

        Raises TransferError.
        """
        if file.url:
            return [self._fetch(file, file.url, _below(directory, file.path), stop)]
        return [
            self._fetch(file, _with_path(file.container_url, name), _below(directory, f"{file.path}/{name}"), stop)
            for name in self._list(file, stop)
        ]

    def upload(self, output: OutputFile, task_directory: Path, stop: threading.Event) -> list[Uploaded]:
        """Store every file that matches. Raises TransferError."""
        stored = []
        for path, rest in patterns.matches(output.pattern, task_directory):
            wildcard = patterns.has_wildcard(output.pattern)
            name = "/".join(filter(None, (output.path, rest if wildcard or not output.path else "")))
            stored.append(self._store(output, path, _with_path(output.container_url, name), stop))
        return stored

    def _fetch(self, file: ResourceFile, url: str, target: Path, stop: threading.Event) -> Path:
        def once() -> Path:
            headers = self._authorisation(file.client_id)
            response = self._http.request("GET", url, headers=headers, preload_content=False)
            try:
                _check(response.status, 200, _download_failure(response.status, url, file.path))
                _write(response, target, file.mode, stop)
            finally:
                response.close()
            return target

        return _repeat(once, stop, self._first_pause, lambda error: _broken("BlobDownload", error, url))

    def _list(self, file: ResourceFile, stop: threading.Event) -> Iterator[str]:
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": file.prefix, "marker": marker}
            url = _with_query(file.container_url, {name: value for name, value in query.items() if value})
            listing = self._list_page(file, url, stop)
            yield from (name.text or "" for name in listing.iterfind("Blobs/Blob/Name"))
            marker = listing.findtext("NextMarker") or ""
            if not marker:
                return

    def _list_page(self, file: ResourceFile, url: str, stop: threading.Event) -> ET.Element:
        def once() -> ET.Element:
            response = self._http.request("GET", url, headers=self._authorisation(file.client_id))
            _check(response.status, 200, _list_failure(response.status, url))
            try:
                return ET.fromstring(response.data)  # noqa: S314  # expat of this century bounds entity expansion
            except ET.ParseError:
                raise TransferError(_failure("ResourceContainerListMiscError", "The listing is no XML", url)) from None

        return _repeat(once, stop, self._first_pause, lambda error: _broken("ResourceContainerList", error, url))

    def _store(self, output: OutputFile, path: Path, url: str, stop: threading.Event) -> Uploaded:
        def once() -> Uploaded:
            try:
                with directories.read(path) as body:
                    return self._put(output, body, path.name, url, stop)
            except OSError as error:
                text = f"The output file {path.name} cannot be read: {error.strerror}"
                raise TransferError(_failure("FileUploadMiscError", text, url)) from error

        return _repeat(once, stop, self._first_pause, lambda error: _broken("FileUpload", error, url))

    def _put(self, output: OutputFile, body: BinaryIO, name: str, url: str, stop: threading.Event) -> Uploaded:
        size = os.fstat(body.fileno()).st_size
        if size > LARGEST_UPLOAD:
            text = f"{name} is larger than {LARGEST_UPLOAD} bytes"
            raise TransferError(_failure("FileUploadMiscError", text, url))
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(size), **output.headers}
        response = self._http.request(
            "PUT", url, body=_chunks(body, stop), headers={**self._authorisation(output.client_id), **headers}
        )
        _check(response.status, 201, _upload_failure(response.status, url, name))
        return Uploaded(without_query(url), response.headers.get("ETag", ""))

    def _authorisation(self, client_id: str) -> dict[str, str]:
        version = {"x-ms-version": API_VERSION}
        if not client_id:
            return version
        try:
            return {**version, "Authorization": f"Bearer {self._token(client_id, STORAGE)}"}
        except LookupError:
            text = "The pool does not have the identity that the file refers to"
            raise TransferError(_failure("BlobAccessDenied", text, client_id)) from None


def _chunks(file: BinaryIO, stop: threading.Event) -> Iterator[bytes]:
    """The bytes of a file being uploaded, until the attempt is being stopped. Raises TransferError then."""
    while chunk := file.read(CHUNK):
        _go_on(stop)
        yield chunk


def _repeat(
    once: Callable[[], T], stop: threading.Event, first_pause: float, broken: Callable[[Exception], Failure]
) -> T:
    """What `once` gives, tried again while the store is busy or the connection breaks. Raises TransferError."""
    pauses = [first_pause * 2**attempt for attempt in range(ATTEMPTS - 1)]
    while True:
        _go_on(stop)
        try:
            return once()
        except _BusyError as error:
            failure = error.failure
        except urllib3.exceptions.HTTPError as error:
            failure = broken(error)
        if not pauses:
            raise TransferError(failure)
        stop.wait(pauses.pop(0))


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise TransferError(STOPPED)


def _check(status: int, wanted: int, failure: Failure) -> None:
    if status in BUSY:
        raise _BusyError(failure)
    if status != wanted:
        raise TransferError(failure)


def without_query(url: str) -> str:
    """The URL or path as it may be shown: a SAS is a secret, and so is what stands before the host."""
    shown, _, _ = url.partition("?")
    return re.sub(r"//[^/@]*@", "//", shown)


def _below(directory: Path, relative: str) -> Path:
    """A path inside the directory. Raises TransferError when `..` or a link would lead out."""
    target = (directory / relative.lstrip("/")).resolve()
    if not target.is_relative_to(directory.resolve()):
        raise TransferError(
            _failure("ResourceFileCreateFailed", "The file path leads out of the task directory", relative)
        )
    return target


def _write(response: urllib3.BaseHTTPResponse, target: Path, mode: str, stop: threading.Event) -> None:
    try:
        with directories.create(target) as file:
            for chunk in response.stream(CHUNK, decode_content=False):
                _go_on(stop)
                file.write(chunk)
            os.fchmod(file.fileno(), int(mode or "0770", 8))
    except OSError as error:
        code = "DiskFull" if error.errno in NO_SPACE else "ResourceFileWriteFailed"
        raise TransferError(_failure(code, f"Cannot write the resource file: {error.strerror}", target.name)) from error


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
    codes = {
        404: "FileUploadContainerNotFound",
        401: "FileUploadAccessDenied",
        403: "FileUploadAccessDenied",
        409: "FileUploadConflict",  # a snapshot, another kind of blob, or a lease that somebody has
        412: "FileUploadConflict",
    }
    return _failure(
        codes.get(status, "FileUploadMiscError"), f"The output file {name} could not be uploaded (HTTP {status})", url
    )


def _broken(family: str, error: Exception, url: str) -> Failure:
    """No answer, or only a part of one. `family` is the first part of the failure code."""
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # to urllib3 a kind of timeout
    kind = "TimedOut" if isinstance(error, urllib3.exceptions.TimeoutError) and not refused else "MiscError"
    return _failure(family + kind, "The blob store cannot be reached or broke off", url)


def _failure(code: str, message: str, where: str) -> Failure:
    return Failure("usererror", code, message, (Detail("FilePath", without_query(where)),))


STOPPED = Failure("usererror", "TaskEnded", "The transfer was ended together with its task")
