"""What a blob request addresses, read from the bytes of its target. Path style only: /account/container/blob."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from batchite.blob.errors import StorageError

ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
CONTAINER = re.compile(r"\$root|\$logs|\$web|(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """One request as the gateway judges it.

    `path` is the encoded path as sent, `query` the decoded pairs in the order sent (each name once),
    `headers` have lower-case names. `container` and `blob` are empty at the levels above them.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    account: str
    container: str
    blob: str
    client: str  # address of the caller

    @property
    def level(self) -> str:
        """What the path addresses: "service", "container" or "blob"."""
        if self.blob:
            return "blob"
        return "container" if self.container else "service"

    @property
    def encoded_query(self) -> str:
        """The query in one canonical encoding."""
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.query.items())


def parse(scope: Mapping[str, Any]) -> BlobRequest:
    """Read an ASGI scope. Raises StorageError for what two readers could understand in two ways."""
    try:
        path = scope["raw_path"].decode("ascii")
        parts = unquote(path, errors="strict").removeprefix("/").split("/", 2)
        query = _unique(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise StorageError("InvalidUri") from None
    account, container, blob = [*parts, "", ""][:3]
    _check_path(path, account, container)
    client = scope.get("client") or ("", 0)
    return BlobRequest(scope["method"], path, query, _headers(scope["headers"]), account, container, blob, client[0])


def _check_path(path: str, account: str, container: str) -> None:
    """Account and container must stand unencoded in the path, and no segment may move it."""
    if not ACCOUNT.fullmatch(account):
        raise StorageError("ResourceNotFound")
    if container and not CONTAINER.fullmatch(container):
        raise StorageError("InvalidResourceName")
    if not path.startswith(f"/{account}/{container}" if container else f"/{account}") or "#" in path:
        raise StorageError("InvalidUri")
    if {".", ".."} & set(re.split(r"[/\\]", unquote(path))):
        raise StorageError("InvalidUri", detail="The path has a segment of dots.")


def _unique(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The query's names, each once; brackets would make a list of a value, and names are not matched without case."""
    names = [name.lower() for name, _ in pairs]
    if len(set(names)) < len(names) or any("[" in name for name in names):
        raise StorageError("InvalidQueryParameterValue", detail="A parameter was given twice.")
    if any(name != name.lower() and name.lower() in {"comp", "restype"} for name, _ in pairs):
        raise StorageError("InvalidQueryParameterValue", detail="comp and restype are written in lower case.")
    return dict(pairs)


def _headers(pairs: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers and name in {"authorization", "content-length", "host"}:
            raise StorageError("InvalidHeaderValue", detail=f"The header {name} was given twice.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
