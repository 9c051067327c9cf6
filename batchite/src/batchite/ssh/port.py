"""What the SSH servers ask of the rest of Batchite. Called in their own thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batchite.agent.users import TaskUser
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import NodeKey


@dataclass(frozen=True, slots=True)
class Login:
    """Someone at a node: where, as whom, with which environment, and where leaders of sessions are noted."""

    directory: Path
    user: TaskUser
    environment: Mapping[str, str]
    started: Callable[[int], None]


class Access(Protocol):
    """Who may enter a node, and what they find there."""

    async def users(self, node: NodeKey) -> tuple[NodeUser, ...]:
        """Who may log in now: nobody where the node is not up."""

    def matches(self, password: str, stored: str) -> bool:
        """Whether it is the password that was hashed."""

    def host_seed(self, node: NodeKey) -> bytes:
        """32 secret bytes, always the same, that make the node's host key."""

    async def login(self, node: NodeKey, user: NodeUser) -> Login:
        """What someone who was let in finds. Raises LookupError when the node has gone."""
