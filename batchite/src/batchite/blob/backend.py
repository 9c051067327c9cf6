"""The way from Batchite to Azurite: one pool of kept-alive loopback connections."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from email.utils import formatdate

from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from batchite.blob.shared_key import authorization

API_VERSION = "2026-06-06"  # the newest that Azurite knows
IDLE_SECONDS = 30.0  # less than the launcher's, so that no request meets a connection being closed
CONNECT_SECONDS = 5.0
AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")  # none is added that was not signed


class Backend:
    """Sends requests to Azurite at the address it has at the moment. Used from one event loop."""

    def __init__(self, address: Callable[[], Awaitable[str]]) -> None:
        self._address = address
        self._session: ClientSession | None = None

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: AsyncIterable[bytes] | None = None
    ) -> ClientResponse:
        """Send one request and give the answer as soon as its headers are there; the caller releases it.

        `target` is the encoded path and query, sent as it is. Raises BlobStoreError, aiohttp.ClientError.
        """
        url = URL(await self._address() + target, encoded=True)
        return await self._open().request(
            method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=AUTOMATIC_HEADERS
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def _open(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def signed(
    account: str, key: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, str]:
    """The headers (names in lower case) with a date of now and the account's signature."""
    kept = {name: value for name, value in headers.items() if name not in {"authorization", "date"}}
    kept = {"x-ms-version": API_VERSION} | kept | {"x-ms-date": formatdate(usegmt=True)}
    return kept | {"authorization": authorization(account, key, method, path, query.items(), kept)}
