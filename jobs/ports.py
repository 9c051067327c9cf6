"""The two services as `jobs` sees them. `jobs.client` speaks to the real ones, tests put their own behind these.

Every method raises ServiceError when the service refuses or does not answer; `code` is the service's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.target import Json


class Batch(Protocol):
    """The Batch data plane; documents are plain dicts as on the wire."""

    def create_job(self, document: Json) -> None:
        """Create a job; one that exists already counts as created, because job ids are unique."""
        ...

    def add_tasks(self, job: str, tasks: Sequence[Json]) -> list[Json]:
        """Add up to 100 tasks in one request; one result {taskId, status, error} for each."""
        ...

    def update_job(self, job: str, changes: Json) -> None:
        """Change some properties of a job."""
        ...

    def terminate_job(self, job: str, reason: str) -> None:
        """End a job and its running tasks."""
        ...

    def job(self, job: str) -> Json:
        """A job."""
        ...

    def tasks(self, job: str, select: str, since: str = "") -> Iterator[Json]:
        """A job's tasks with the selected properties; `since` leaves only those that changed state at or after it."""
        ...

    def task(self, job: str, task: str) -> Json:
        """A task with all its properties."""
        ...

    def task_counts(self, job: str) -> Json:
        """Numbers of a job's tasks: active, running, completed, succeeded, failed."""
        ...

    def pool(self, pool: str) -> Json:
        """A pool."""
        ...

    def nodes(self, pool: str) -> list[Json]:
        """A pool's nodes."""
        ...

    def task_file(self, job: str, task: str, path: str) -> bytes:
        """A file of a task, read from its node."""
        ...

    def remote_login(self, pool: str, node: str) -> Json:
        """Where one logs in to a node."""
        ...

    def add_node_user(self, pool: str, node: str, document: Json) -> None:
        """Create a user of a node."""
        ...

    def remove_node_user(self, pool: str, node: str, user: str) -> None:
        """Delete a user of a node."""
        ...

    def node_file(self, pool: str, node: str, path: str) -> bytes:
        """A file of a node."""
        ...


@dataclass(frozen=True)
class Blob:
    """A blob's name and its size in bytes."""

    name: str
    size: int


class Blobs(Protocol):
    """The deployment's storage account."""

    def size(self, container: str, name: str) -> int | None:
        """Size of a blob in bytes, None if there is none."""
        ...

    def write(self, container: str, name: str, data: bytes) -> None:
        """Create or replace a blob."""
        ...

    def read(self, container: str, name: str) -> bytes:
        """A whole blob."""
        ...

    def blobs(self, container: str, prefix: str) -> list[Blob]:
        """Blobs whose names begin with the prefix."""
        ...


@dataclass(frozen=True)
class Services:
    """Both together."""

    batch: Batch
    blobs: Blobs
