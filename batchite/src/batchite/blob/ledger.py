"""Output files reported as uploaded, kept until a kill can no longer lose them.

Azurite saves its metadata every 100 ms; what it acknowledged after its last save is gone when it is killed. The ledger
knows which blobs those may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import orjson

from batchite.blob.service import BlobVersion
from batchite.storage.port import Store

KIND = "ledger"
KEPT_SECONDS = 300.0  # far beyond Azurite's saves and the operating system's own write-back
CLOCK_SLACK_SECONDS = 2.0  # Last-Modified has whole seconds

Find = Callable[[str, str, str], Awaitable[BlobVersion | None]]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A blob reported as uploaded: its ETag as the upload's answer gave it, and when (seconds since 1970)."""

    account: str
    container: str
    name: str
    etag: str
    recorded: float


class Ledger:
    """The blobs reported uploaded of late, in the store. The caller commits: with the event that reports them."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def record(self, account: str, container: str, name: str, etag: str) -> None:
        """Note an upload, before it is reported to anyone; forget those old enough to be safe."""
        entry = LedgerEntry(account, container, name, etag, self._now())
        self._forget_old()
        self._store.put(KIND, f"{entry.recorded:017.6f}/{account}/{container}/{name}", orjson.dumps(asdict(entry)))

    async def lost(self, find: Find, serves: Callable[[str], bool]) -> list[LedgerEntry]:
        """The recorded blobs that are gone; for use after an unclean stop. Empties the ledger.

        Blobs of an account that is not served any more went with it and are not lost.
        """
        recorded = [LedgerEntry(**orjson.loads(value)) for _, value in self._store.scan(KIND)]
        entries = [entry for entry in recorded if serves(entry.account)]
        versions = await asyncio.gather(*(find(entry.account, entry.container, entry.name) for entry in entries))
        self._store.delete_prefix(KIND, "")
        return [entry for entry, version in zip(entries, versions, strict=True) if is_lost(entry, version)]

    def _forget_old(self) -> None:
        """Keys start with the time, so the old ones come at the beginning."""
        oldest = f"{self._now() - KEPT_SECONDS:017.6f}"
        for key, _ in list(self._store.scan(KIND, limit=100)):
            if key >= oldest:
                return
            self._store.delete(KIND, key)


def is_lost(entry: LedgerEntry, version: BlobVersion | None) -> bool:
    """Whether a recorded upload is gone: no blob, or an older one in its place; a newer one was written since."""
    if version is None:
        return True
    return version.etag != entry.etag and version.modified < entry.recorded - CLOCK_SLACK_SECONDS
