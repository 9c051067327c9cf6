"""What happens to a node, and what a client asks of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import Failure, NodeKey


@dataclass(frozen=True, slots=True)
class NodePrepared:
    """The agent made the node's directories."""

    node: NodeKey
    boot: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class NodeUnusable:
    """The agent cannot provide the node; the reason is shown in the node's errors."""

    node: NodeKey
    boot: int
    failure: Failure
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class StartTaskEnded:
    """A start task ended. `failure` is set when it could not start or did not exit with 0."""

    node: NodeKey
    boot: int
    exit_code: int | None
    failure: Failure | None
    container: ContainerInfo | None = None
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """The agent has killed everything on the node and removed its directory."""

    node: NodeKey
    boot: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class RestartNode:
    """Reboot or reimage: `state` is rebooting | reimaging. `option` says what becomes of its tasks, as in a resize."""

    node: NodeKey
    state: str
    option: str = "requeue"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableNode:
    """A node shall take no new task. option: requeue | terminate | taskcompletion, for those that run on it."""

    node: NodeKey
    option: str = "requeue"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableNode:
    """A node whose scheduling was disabled takes tasks again."""

    node: NodeKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeallocateNode:
    """A node shall give its machine back. `option` says what becomes of its tasks, as in a resize."""

    node: NodeKey
    option: str = "requeue"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class StartNode:
    """A deallocated node shall have a machine again."""

    node: NodeKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class PutNodeUser:
    """A new user of a node, or one that `replaces` the user of that name."""

    node: NodeKey
    user: NodeUser
    replaces: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeleteNodeUser:
    """A user of a node shall be no more."""

    node: NodeKey
    name: str
    cause: str = ""


NodeEvent: TypeAlias = (
    NodePrepared
    | NodeUnusable
    | StartTaskEnded
    | NodeRemoved
    | RestartNode
    | DisableNode
    | EnableNode
    | DeallocateNode
    | StartNode
    | PutNodeUser
    | DeleteNodeUser
)
