"""What a platform does that has only so many machines, and of which some fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from batchite.scheduler.model import Failure, NodeKey, PoolKey
from batchite.scheduler.shortages import RegionLimit


@dataclass(frozen=True, slots=True)
class Preempt:
    """Spot nodes are taken: one by name, or every Spot node of the pool."""

    pool: PoolKey
    nodes: tuple[str, ...] = field(default_factory=tuple)
    cause: str = "chaos"


@dataclass(frozen=True, slots=True)
class LimitRegion:
    """The region gives the pool only so many nodes, None = as many as it wants. Spot nodes above are taken."""

    pool: PoolKey
    limit: RegionLimit | None
    cause: str = "chaos"


@dataclass(frozen=True, slots=True)
class FailNode:
    """The service loses a node that is up: its tasks are requeued. `failure`: what its `errors` tell, None = nothing.

    `recovers`: service seconds after which the service has it back, None = never.
    """

    node: NodeKey
    drill: str
    failure: Failure | None = None
    recovers: float | None = None
    cause: str = "chaos"


@dataclass(frozen=True, slots=True)
class RecoverNode:
    """A node that was made to fail comes back as soon as it can."""

    node: NodeKey
    cause: str = "chaos"


PlatformEvent: TypeAlias = Preempt | LimitRegion | FailNode | RecoverNode
