"""Shared-key signatures of the Batch service: what is signed, and the check.

The rule is the REST reference's "Authenticate requests to the Azure Batch service", read as the clients apply it:
Python signs query names as sent, the reference lower-cases them; Python signs `Content-Length: 0` of a bodyless DELETE
or PUT, JavaScript an empty one. Either form of each is accepted.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from batchite.errors import ServiceError
from batchite.http.types import Principal, Request

MAX_SKEW: Final = 15 * 60  # seconds between the request's date and the server's clock
_SIGNED_HEADERS: Final = (
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


def verify(request: Request, account: str, keys: Iterable[str], now: float) -> Principal:
    """Who signed the request: the account, with one of its keys. `now` in seconds since 1970.

    Raises InvalidAuthenticationInfo or AuthenticationFailed, whose values tell the reason, never a signature or a key.
    """
    name, signature = _credential(request)
    if name.lower() != account:
        raise refused("The account in the Authorization header is not the account of the URL.")
    _check_date(request.headers, now)
    texts = list(strings_to_sign(request.method, name, request.raw_path, request.headers, request.query))
    if not sum(_matches(key, text, signature) for key in keys for text in texts):  # a sum has no early end to time
        raise refused("The MAC signature found in the HTTP request is not the same as any computed signature.")
    return Principal(account=account)


def strings_to_sign(
    method: str, account: str, raw_path: str, headers: Mapping[str, str], query: Mapping[str, str]
) -> Iterator[str]:
    """The texts a client may have signed, header names in lower case. They differ only where clients do."""
    lengths = dict.fromkeys(["", "0"]) if headers.get("content-length", "0") == "0" else [headers["content-length"]]
    queries = dict.fromkeys([_canonical_query(query), _canonical_query({k.lower(): v for k, v in query.items()})])
    custom = "".join(f"{k}:{v}\n" for k, v in sorted(headers.items()) if k.startswith("ocp-") and v)
    for length in lengths:
        standard = "\n".join(length if k == "content-length" else headers.get(k, "") for k in _SIGNED_HEADERS)
        for pairs in queries:
            yield f"{method}\n{standard}\n{custom}/{account}{_path(raw_path)}{pairs}"


def sign(key: str, text: str) -> str:
    """The signature of a text with a base64 key. Raises binascii.Error when the key is no base64."""
    return base64.b64encode(hmac.digest(base64.b64decode(key, validate=True), text.encode(), "sha256")).decode()


def refused(reason: str) -> ServiceError:
    """AuthenticationFailed with the detail under the name the service uses for it."""
    return ServiceError("AuthenticationFailed", values={"AuthenticationErrorDetail": reason})


def malformed(reason: str) -> ServiceError:
    """InvalidAuthenticationInfo: an Authorization header that is none."""
    return ServiceError("InvalidAuthenticationInfo", values={"AuthenticationErrorDetail": reason})


def _credential(request: Request) -> tuple[str, str]:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    name, colon, signature = credential.strip().partition(":")
    if scheme.lower() != "sharedkey" or not (name and colon and signature):
        raise malformed("The Authorization header must be 'SharedKey <account>:<signature>'.")
    return name, signature


def _check_date(headers: Mapping[str, str], now: float) -> None:
    text = headers.get("ocp-date") or headers.get("date")
    if not text:
        raise refused("The request must carry an ocp-date or Date header.")
    try:
        skew = abs(_seconds(text) - now)
    except ValueError:
        raise refused("The date of the request is not in RFC 1123 form.") from None
    if skew > MAX_SKEW:
        raise refused(
            f"The date of the request differs from the server's clock by {skew:.0f} s, more than {MAX_SKEW} s."
        )


@lru_cache(64)
def _seconds(date: str) -> float:
    """Seconds since 1970; all requests of a second carry the same text. Raises ValueError."""
    sent = parsedate_to_datetime(date)
    return (sent if sent.tzinfo else sent.replace(tzinfo=UTC)).timestamp()


def _path(target: str) -> str:
    """The path of a request target as it was sent; the target may be a whole URL (RFC 9112 section 3.2.2)."""
    path = target.partition("?")[0]
    return path if path.startswith("/") else "/" + path.partition("://")[2].partition("/")[2]


def _canonical_query(query: Mapping[str, str]) -> str:
    return "".join(f"\n{name}:{value}" for name, value in sorted(query.items()) if value)


def _matches(key: str, text: str, signature: str) -> bool:
    try:
        return hmac.compare_digest(sign(key, text).encode(), signature.encode())
    except binascii.Error:
        raise ValueError("an account key is not base64") from None
