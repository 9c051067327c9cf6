"""What the control plane needs of the rest of the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from batchite.blob.service import BlobVersion
from batchite.blob.signatures import Target
from batchite.scheduler.events import Event, Now
from batchite.scheduler.model import CoreQuota, JobKey, JobState, PoolKey, PoolState, ScheduleKey, ScheduleState


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> Now:
        """The present moment."""


class Service(Protocol):
    """The part of `service.BatchService` that the control plane uses."""

    @property
    def pools(self) -> Mapping[PoolKey, PoolState]:
        """Every pool, deleting ones included."""

    @property
    def jobs(self) -> Mapping[JobKey, JobState]:
        """Every job."""

    @property
    def schedules(self) -> Mapping[ScheduleKey, ScheduleState]:
        """Every job schedule."""

    def now(self) -> Now:
        """The present moment."""

    async def apply(self, event: Event) -> None:
        """Handle the event and return once its changes are durable."""

    def document(self, kind: str, key: str) -> dict[str, Any] | None:
        """What the client sent for a pool, job or task."""

    def etag(self, kind: str, key: str) -> tuple[str, float] | None:
        """ETag and last modification (wire time) of a document."""


class Pools(Protocol):
    """The data plane's operations on pools; the module `batch.pools` is one."""

    async def create_pool(
        self, service: Any, account: str, document: dict[str, Any], *, cause: str, quota: CoreQuota | None = None
    ) -> PoolKey:
        """Create the pool that the data-plane document describes, within the account's quota of cores."""

    async def update_pool(self, service: Any, key: PoolKey, changes: dict[str, Any], *, cause: str) -> None:
        """Change what may change in place; None removes a property."""

    async def delete_pool(self, service: Any, key: PoolKey, *, cause: str) -> None:
        """Begin to delete the pool."""

    def render_pool(self, service: Any, key: PoolKey, base_url: str) -> dict[str, Any]:
        """The pool in the data plane's shape."""


class BlobAccounts(Protocol):
    """The blob store behind the storage accounts."""

    async def ensure(self, account: str, keys: tuple[str, str]) -> None:
        """Serve the account with these keys."""

    async def remove(self, account: str) -> None:
        """Stop serving the account and drop its blobs."""

    async def create_container(self, account: str, name: str) -> None:
        """Create the container; one that exists is kept."""

    async def delete_container(self, account: str, name: str) -> None:
        """Delete the container and its blobs."""

    async def container_exists(self, account: str, name: str) -> bool:
        """Whether the container is there."""

    async def find_blob(self, account: str, container: str, name: str) -> BlobVersion | None:
        """The blob's present version, None when it is not there."""

    async def delete_blob(self, account: str, container: str, name: str) -> None:
        """Delete the blob; an absent one is no error."""

    def signature(self, target: Target, object_id: str = "") -> str:
        """The query of a SAS for one blob: an identity signs when one is named, else the account's key."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The fixed identifiers: subscription, tenant, and who the developer is."""

    subscription: str
    tenant: str
    developer: str  # object id: Owner of the subscription


@dataclass(slots=True)
class Endpoints:
    """Where the server listens, known once its ports are bound. Rendered on read, never stored."""

    https: str = field(default="")  # "https://127.0.0.1:10011"
    blob: str = field(default="")  # "https://127.0.0.1:10012"
