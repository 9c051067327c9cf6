"""Who may log in to nodes, and as whom they come in: what the SSH servers ask, answered by the service's records."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from batchite.agent.node_logs import NodeLogs
from batchite.agent.processes import Journal
from batchite.agent.users import TaskUsers
from batchite.batch.node_users import matches
from batchite.launches import NodeLaunches
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import NodeKey
from batchite.ssh.port import Login

OPEN = frozenset({"idle", "running", "offline", "waitingforstarttask", "starttaskfailed"})
"""States in which a node lets its users in: also where its start task is to be looked at."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoginAccess:
    """Implements `ssh.port.Access`. The service is asked in its own loop, the caller is in another thread."""

    launches: NodeLaunches
    users_of_tasks: TaskUsers
    journal: Journal
    logs: NodeLogs
    secret: bytes  # what the host keys come from
    loop: asyncio.AbstractEventLoop

    async def users(self, node: NodeKey) -> tuple[NodeUser, ...]:
        """Who may log in now."""
        return await self._ask(lambda: self._users(node))

    def matches(self, password: str, stored: str) -> bool:
        """Whether it is the password that was hashed."""
        return matches(password, stored)

    def host_seed(self, node: NodeKey) -> bytes:
        """Derived, so that a node shows the same key after a restart of the server, with nothing stored."""
        return hmac.new(self.secret, "/".join(node).encode(), hashlib.sha256).digest()

    async def login(self, node: NodeKey, user: NodeUser) -> Login:
        """The node's directory, as the user of tasks; a user with rights has those of tasks with elevation."""
        self.logs.write(node, f"session of {user.name} begins")
        directory, environment = await self._ask(lambda: self.launches.login(node, user.name))
        return Login(directory, self.users_of_tasks.of(admin=user.admin), environment, self.journal.started)

    def _users(self, node: NodeKey) -> tuple[NodeUser, ...]:
        service = self.launches.service
        state, now = service.nodes.get(node), service.now().wire
        if state is None or state.state not in OPEN:
            return ()
        return tuple(user for user in state.users if user.expires_at > now)

    async def _ask(self, question: Callable[[], T]) -> T:
        async def answer() -> T:
            return question()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), self.loop))
