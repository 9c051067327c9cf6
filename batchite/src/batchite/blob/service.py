"""The blob store as the rest of Batchite sees it: accounts, containers, and whether a blob is there."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from batchite.blob.backend import Backend, signed
from batchite.blob.locate import Tools
from batchite.blob.process import AzuriteProcess, BlobStoreError
from batchite.blob.request import ACCOUNT, CONTAINER
from batchite.blob.signatures import DelegationKeys, Target, delegation_sas, service_sas
from batchite.identity.well_known import TENANT_ID

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A short answer of Azurite, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: str  # x-ms-error-code


@dataclass(frozen=True, slots=True)
class BlobVersion:
    """What a HEAD says of a blob: its ETag (quoted, as sent) and its last modification in seconds since 1970."""

    etag: str
    modified: float


async def nothing() -> None:
    """What follows a restart of Azurite when nothing is to be done."""


class BlobService:
    """Azurite with its accounts. The caller keeps the accounts: it calls `ensure` for each again at every start.

    `on_restart` is awaited after Azurite died and was started again: blobs it acknowledged in its last 100 ms may be
    lost. `delegation` signs for identities; without it, signatures of identities end with this object. Used from one
    event loop. Raises BlobStoreError where Azurite does not do what it is asked.
    """

    def __init__(
        self,
        directory: Path,
        log_file: Path,
        tools: Tools,
        on_restart: Callable[[], Awaitable[None]] = nothing,
        delegation: DelegationKeys | None = None,
    ) -> None:
        self._accounts: dict[str, tuple[str, str]] = {}
        self.delegation = delegation or DelegationKeys(secrets.token_bytes(32))
        self.process = AzuriteProcess(directory, log_file, tools, on_restart)
        self.backend = Backend(self.process.address)

    @property
    def unclean(self) -> bool:
        """Whether the run before this one ended without an orderly stop: then check the ledger."""
        return self.process.unclean

    async def start(self) -> None:
        """Start Azurite with the accounts known so far. Raises DirectoryInUseError, BlobStoreError."""
        await self.process.start(self._accounts)

    async def stop(self) -> None:
        """Stop Azurite; it saves first."""
        await self.backend.close()
        await self.process.stop()

    def serves(self, account: str) -> bool:
        """Whether there is such an account."""
        return account in self._accounts

    def key(self, account: str) -> str | None:
        """The account's first key, None for an unknown account."""
        keys = self._accounts.get(account)
        return keys[0] if keys else None

    async def ensure(self, account: str, keys: tuple[str, str]) -> None:
        """Make the account usable with these keys, at once and without a restart. Raises ValueError."""
        if not ACCOUNT.fullmatch(account):
            raise ValueError(f"{account!r} is no storage account name: 3 to 24 lower-case letters and digits.")
        for key in keys:
            _check_key(key)
        if self._accounts.get(account) != keys:
            self._accounts[account] = keys
            await self.process.set_accounts(self._accounts)

    async def remove(self, account: str) -> None:
        """Delete the account with its containers; an unknown one is no error."""
        if account not in self._accounts:
            return
        for name in await self.list_containers(account):
            await self.delete_container(account, name)
        del self._accounts[account]
        await self.process.set_accounts(self._accounts)

    async def create_container(self, account: str, name: str) -> None:
        """Create a container; one that exists is no error. Raises ValueError for a name outside the rules."""
        if not CONTAINER.fullmatch(name):
            raise ValueError(f"{name!r} is no container name: 3 to 63 lower-case letters, digits and single hyphens.")
        answer = await self._call("PUT", account, name, {"restype": "container"})
        _expect(answer, {201}, but="ContainerAlreadyExists")

    async def delete_container(self, account: str, name: str) -> None:
        """Delete a container and its blobs; an absent one is no error."""
        answer = await self._call("DELETE", account, name, {"restype": "container"})
        _expect(answer, {202}, but="ContainerNotFound")

    async def container_exists(self, account: str, name: str) -> bool:
        """Whether the container is there."""
        answer = await self._call("HEAD", account, name, {"restype": "container"})
        return _expect(answer, {200}, but="ContainerNotFound")

    async def list_containers(self, account: str) -> list[str]:
        """The names of the account's containers, in order."""
        names: list[str] = []
        marker = ""
        while True:
            answer = await self._call("GET", account, "", {"comp": "list", "marker": marker})
            _expect(answer, {200})
            page = ET.fromstring(answer.body)  # noqa: S314 - written by our own Azurite, names by rule plain
            names += [element.text or "" for element in page.iterfind("Containers/Container/Name")]
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return names

    async def find_blob(self, account: str, container: str, name: str) -> BlobVersion | None:
        """The blob's present version, None when it is not there."""
        answer = await self._call("HEAD", account, f"{container}/{quote(name, safe='/')}", {})
        if answer.status == 404:
            return None
        _expect(answer, {200})
        modified = parsedate_to_datetime(answer.headers["last-modified"]).timestamp()
        return BlobVersion(answer.headers["etag"], modified)

    async def delete_blob(self, account: str, container: str, name: str) -> None:
        """Delete a blob; an absent one is no error."""
        answer = await self._call("DELETE", account, f"{container}/{quote(name, safe='/')}", {})
        if answer.status != 404:
            _expect(answer, {202})

    def signature(self, target: Target, object_id: str = "") -> str:
        """The query of a SAS for one blob: by the identity's authority when one is named, else by the account's key.

        Raises BlobStoreError for an account that is not served.
        """
        if object_id:
            return delegation_sas(self.delegation, object_id, TENANT_ID, target)
        key = self.key(target.account)
        if key is None:
            raise BlobStoreError(f"There is no storage account {target.account}.")
        return service_sas(key, target)

    async def _call(self, method: str, account: str, inner_path: str, query: Mapping[str, str]) -> Answer:
        key = self.key(account)
        if key is None:
            raise BlobStoreError(f"There is no storage account {account}.")
        path = f"/{account}/{inner_path}" if inner_path else f"/{account}"
        headers = signed(account, key, method, path, query, {})
        async with await self.backend.send(method, f"{path}?{urlencode(query)}", headers) as answer:
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, names, await answer.read(), names.get("x-ms-error-code", ""))


def _expect(answer: Answer, statuses: set[int], but: str = "") -> bool:
    """True for an expected status, False for the expected error. Raises BlobStoreError for anything else."""
    if answer.status in statuses:
        return True
    if but and answer.error == but:
        return False
    raise BlobStoreError(f"Azurite answered {answer.status} {answer.error}.")


def _check_key(key: str) -> None:
    """Azurite falls back to its published account when it cannot read a key, so none gets there."""
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("An account key is not base64.") from None
