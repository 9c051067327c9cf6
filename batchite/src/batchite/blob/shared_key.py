"""Shared Key of the Blob service: canonical form and signature ("Authorize with Shared Key", REST reference)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def authorization(
    account: str, key: str, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
) -> str:
    """The Authorization header of a request whose headers (names in lower case) go out exactly as given."""
    text = string_to_sign(account, method, path, query, headers)
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"


def string_to_sign(
    account: str, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
) -> str:
    """The string to sign of versions 2015-02-21 and later.

    `path` is the encoded path as sent; path style makes it start with the account, which then stands twice.
    `query` holds decoded names and values.
    """
    standard = [_signed_value(name, headers) for name in SIGNED_HEADERS]
    return "\n".join((method, *standard, *_canonical_headers(headers), _canonical_resource(account, path, query)))


def _signed_value(name: str, headers: Mapping[str, str]) -> str:
    value = headers.get(name, "")
    return "" if name == "content-length" and value == "0" else value


def _canonical_headers(headers: Mapping[str, str]) -> list[str]:
    names = sorted((name for name in headers if name.startswith("x-ms-")), key=_collation)
    return [f"{name}:{headers[name].strip()}" for name in names]


def _collation(name: str) -> str:
    """The verifier sorts by Unicode collation, where of all characters of a header name `_` comes before all others."""
    return name.replace("_", " ")


def _canonical_resource(account: str, path: str, query: Iterable[tuple[str, str]]) -> str:
    lines = sorted((name.lower(), value) for name, value in query)
    return "\n".join([f"/{account}{path}", *(f"{name}:{value}" for name, value in lines)])
