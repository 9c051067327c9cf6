"""HTTP to ARM: bearer token, long-running operations, errors that say what to do next."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from batchite.provider.credentials import Credentials, claims, read_credentials
from batchite.provider.errors import ProviderError, advice
from batchite.provider.values import Properties

_AUDIENCE = "https://management.azure.com/"
_TOKEN_MARGIN = 120.0  # seconds before its end at which a token is renewed
_POLL = 1.0  # seconds between two looks at an operation when the service names no interval
_CONNECTIONS = 64  # one for each worker thread of the gRPC server
_RETRY = urllib3.Retry(
    total=4,
    connect=1,  # a local server that does not listen will not come back by itself
    backoff_factor=0.2,
    status_forcelist=(408, 429, 500, 502, 503, 504),  # the Azure SDKs' own list
    allowed_methods=None,  # PUT and DELETE of ARM are idempotent, its POST actions here only read
    raise_on_status=False,
)


class ArmClient:
    """ARM of one server. Thread-safe: one connection pool, one cached token."""

    def __init__(self, base: str, credentials: Path, ca: Path | None) -> None:
        self._base = base.rstrip("/")
        self._credentials_file = credentials
        self._http = urllib3.PoolManager(maxsize=_CONNECTIONS, ca_certs=str(ca) if ca else None, retries=_RETRY)
        self._lock = threading.Lock()
        self._token = ""
        self._token_end = 0.0

    def get(self, path: str, version: str, query: Mapping[str, str] | None = None) -> Properties | None:
        """The resource, or None when there is none (404)."""
        response = self._request("GET", self._url(path, version, query), path)
        if response.status == 404:
            return None
        return _object(_successful(response, path))

    def put(self, path: str, version: str, body: Mapping[str, Any]) -> urllib3.BaseHTTPResponse:
        """The accepted PUT; `finish` waits for its operation. Raises ProviderError when it is refused."""
        return _successful(self._request("PUT", self._url(path, version), path, body), path)

    def post(self, path: str, version: str, query: Mapping[str, str] | None = None) -> Properties:
        """The answer of an action."""
        return _object(_successful(self._request("POST", self._url(path, version, query), path), path))

    def delete(self, path: str, version: str, timeout: float) -> None:
        """Delete and wait until it is gone; a resource that does not exist is gone already."""
        response = self._request("DELETE", self._url(path, version), path)
        if response.status != 404:
            self.finish(_successful(response, path), path, timeout)

    def finish(self, accepted: urllib3.BaseHTTPResponse, path: str, timeout: float) -> None:
        """Wait for the operation an accepted request started.

        `timeout` is in seconds. Raises ProviderError if the operation fails or takes longer.
        """
        operation = accepted.headers.get("Azure-AsyncOperation")
        location = accepted.headers.get("Location") if accepted.status == 202 else None
        url, end, last = operation or location, time.monotonic() + timeout, accepted
        while url is not None:
            self._pause(last, path, end)
            last = self._request("GET", url, path)
            if _settled(last, path, by_status=operation is None):
                return

    def who(self) -> Mapping[str, Any]:
        """The claims of the token this client signs in with."""
        return claims(self._bearer())

    def _pause(self, response: urllib3.BaseHTTPResponse, path: str, end: float) -> None:
        wait = _interval(response.headers)
        if time.monotonic() + wait > end:
            raise ProviderError("Timeout", "the operation did not end in time", path, advice("Timeout"))
        time.sleep(wait)

    def _url(self, path: str, version: str, query: Mapping[str, str] | None = None) -> str:
        return f"{self._base}{path}?{urlencode({'api-version': version, **(query or {})})}"

    def _request(
        self, method: str, url: str, path: str, body: Mapping[str, Any] | None = None
    ) -> urllib3.BaseHTTPResponse:
        if urlsplit(url).netloc != urlsplit(self._base).netloc:  # a token must go to no other server
            raise ProviderError("InvalidOperationUrl", f"ARM names an operation on another server: {url}", path)
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        try:
            if body is None:
                return self._http.request(method, url, headers=headers)
            return self._http.request(method, url, headers=headers, json=body)
        except urllib3.exceptions.HTTPError as error:
            raise ProviderError("ServerUnreachable", str(error), path, advice("ServerUnreachable")) from error

    def _bearer(self) -> str:
        with self._lock:
            if time.monotonic() >= self._token_end:
                self._token, lifetime = self._sign_in(read_credentials(self._credentials_file))
                self._token_end = time.monotonic() + lifetime - _TOKEN_MARGIN
            return self._token

    def _sign_in(self, credentials: Credentials) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": f"{_AUDIENCE}.default",
        }
        try:
            response = self._http.request("POST", credentials.token_url, fields=form, encode_multipart=False)
        except urllib3.exceptions.HTTPError as error:
            raise ProviderError("ServerUnreachable", str(error), "", advice("ServerUnreachable")) from error
        if response.status != 200:
            raise ProviderError("SignInFailed", _oauth_error(response), "", advice("SignInFailed"))
        answer = response.json()
        return answer["access_token"], float(answer["expires_in"])


def _settled(response: urllib3.BaseHTTPResponse, path: str, *, by_status: bool) -> bool:
    """Whether an operation is over: by its HTTP status (Location) or by its `status` (Azure-AsyncOperation)."""
    if by_status:
        return response.status == 404 or _successful(response, path).status != 202
    answer = _object(_successful(response, path))
    status = answer.get("status", "")
    if status in {"Failed", "Canceled"}:
        raise _error(answer, path, default=f"Operation{status}")
    return bool(status == "Succeeded")


def _interval(headers: Mapping[str, str]) -> float:
    """Seconds to wait: `x-ms-retry-after-ms` and `retry-after-ms` in milliseconds, `Retry-After` in seconds."""
    for name, unit in (("x-ms-retry-after-ms", 0.001), ("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "")
        if value.isdigit():
            return int(value) * unit
    return _POLL


def _successful(response: urllib3.BaseHTTPResponse, path: str) -> urllib3.BaseHTTPResponse:
    if response.status >= 400:
        raise _error(_object(response), path, default=f"HTTP{response.status}")
    return response


def _object(response: urllib3.BaseHTTPResponse) -> Properties:
    try:
        answer = json.loads(response.data or b"{}")
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}


def _error(answer: Mapping[str, Any], path: str, *, default: str) -> ProviderError:
    error = answer.get("error") or {}
    code = error.get("code") or default
    details = [f"{item.get('code', '')}: {item.get('message', '')}" for item in error.get("details") or ()]
    text = "; ".join([error.get("message") or "the service gave no message", *details])
    return ProviderError(code, text, path, advice(code))


def _oauth_error(response: urllib3.BaseHTTPResponse) -> str:
    answer = _object(response)
    return f"{answer.get('error', response.status)}: {answer.get('error_description', 'no description')}"
