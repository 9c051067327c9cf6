"""The context every handler gets, and how documents are found in the service below."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from batchite.agent.launch import OutputFile
from batchite.batch.accounts import AccountDirectory
from batchite.batch.applications import ApplicationDirectory
from batchite.batch.files import NodeFiles
from batchite.http.types import Json
from batchite.scheduler.model import NodeKey
from batchite.service import BatchService

POOL, NODE, JOB, TASK, SCHEDULE = "pool.doc", "node.doc", "job.doc", "task.doc", "schedule.doc"


class Logins(Protocol):
    """The doors of nodes, where people log in."""

    def port(self, node: NodeKey) -> int | None:
        """The port of the node's door, None when it has none."""

    def open(self, node: NodeKey, ports: Iterable[int]) -> int:
        """The port of the node's door; a new one gets the first of the ports that is free. Raises LookupError."""


class LogUploads(Protocol):
    """The logs of nodes."""

    async def upload(self, node: NodeKey, times: tuple[float, float], container: OutputFile) -> int:
        """Store the files with messages of that time; how many they are. Raises TransferError."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the handlers work with. One per server."""

    service: BatchService
    accounts: AccountDirectory
    files: NodeFiles
    applications: ApplicationDirectory
    logins: Logins
    logs: LogUploads


def job_quota(context: Context, account: str) -> int | None:
    """How many active jobs and job schedules the account may have, None for no limit."""
    found = context.accounts.find(account)
    return found.job_quota if found else None


def document_key(key: tuple[str, ...]) -> str:
    """The key of a resource's document."""
    return "/".join(key)


def stored(service: BatchService, kind: str, key: tuple[str, ...]) -> dict[str, Json]:
    """The document of a resource that exists."""
    return service.document(kind, document_key(key)) or {}


def version(service: BatchService, kind: str, key: tuple[str, ...]) -> tuple[str, float]:
    """ETag and last change of a resource that exists."""
    return service.etag(kind, document_key(key)) or ("", 0.0)
