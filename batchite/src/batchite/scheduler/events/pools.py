"""What a client asks of a pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from batchite.scheduler.model import AutoScale, PoolKey, PoolState, StartTaskPolicy


@dataclass(frozen=True, slots=True)
class CreatePool:
    """Add a pool; the record's times are filled in by the core. An autoscale formula is evaluated at once.

    `quota`: pools that the account may have, None = without limit.
    """

    pool: PoolState
    cause: str = ""
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class UpdatePool:
    """Change what may change in place. None keeps the value; `clear_start_task` removes the start task."""

    key: PoolKey
    start_task: StartTaskPolicy | None = None
    clear_start_task: bool = False
    resize_timeout: float | None = None  # service seconds, for the next resize
    cause: str = ""


@dataclass(frozen=True, slots=True)
class SetAutoScale:
    """Enable autoscale, or change formula or interval; evaluated at once. None disables it."""

    key: PoolKey
    autoscale: AutoScale | None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ResizePool:
    """A manual resize. PoolBeingResized when not steady; refused for an autoscale pool."""

    key: PoolKey
    dedicated: int | None
    spot: int | None
    deallocation: str = "requeue"
    resize_timeout: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class RemoveNodes:
    """Let these nodes leave, by their ids, and lower the targets by their number. PoolBeingResized when not steady."""

    key: PoolKey
    nodes: tuple[str, ...]
    deallocation: str = "requeue"
    resize_timeout: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class StopResize:
    """Change no more nodes: the targets stay, the nodes that are not allocated yet are not awaited."""

    key: PoolKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Mark deleting; the pool goes when its last node has gone."""

    key: PoolKey
    cause: str = ""


PoolEvent: TypeAlias = CreatePool | UpdatePool | SetAutoScale | ResizePool | RemoveNodes | StopResize | DeletePool
