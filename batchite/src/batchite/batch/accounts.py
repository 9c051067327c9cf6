"""What the data plane must know of a Batch account; the ARM plane (or a fixed table) provides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from batchite.scheduler.model import CoreQuota

SHARED_KEY = "SharedKey"
ENTRA = "AAD"


@dataclass(frozen=True, slots=True, repr=False)
class BatchAccount:
    """A Batch account. `modes` are its allowedAuthenticationModes; `keys` are base64 and secret.

    `auto_storage_url` is the blob endpoint of the linked storage account, empty when none is linked;
    `auto_storage_identity` is the resource id of the identity with which nodes reach it, empty for none.
    `core_quota` limits the nodes of its pools, `pool_quota` their number, `job_quota` active jobs and schedules; None
    for no limit.
    """

    name: str
    resource_id: str = ""
    keys: tuple[str, str] = ("", "")
    modes: frozenset[str] = frozenset({SHARED_KEY, ENTRA})
    auto_storage_account: str = ""
    auto_storage_url: str = ""
    auto_storage_identity: str = ""
    core_quota: CoreQuota | None = None
    pool_quota: int | None = None
    job_quota: int | None = None

    def __repr__(self) -> str:
        """The name; keys are never shown."""
        return f"BatchAccount({self.name!r})"


class AccountDirectory(Protocol):
    """Finds accounts by name, without regard to case."""

    def find(self, account: str) -> BatchAccount | None:
        """The account, or None."""
