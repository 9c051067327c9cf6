"""The SSH server of one node: who is let in, what may be forwarded, which key shows that it is this node."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from socket import socket

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.model import NodeKey
from batchite.ssh import sessions
from batchite.ssh.port import Access

log = logging.getLogger(__name__)
logging.getLogger("asyncssh").setLevel(logging.WARNING)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where to and from where connections are forwarded: this machine alone, or the server would relay for anyone."""
LOGIN_SECONDS = 60


@dataclass(slots=True)
class NodeServer:
    """Serves the connections to one node."""

    node: NodeKey
    access: Access
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    _options: asyncssh.SSHServerConnectionOptions | None = None

    async def serve(self, accepted: socket) -> None:
        """Serve one connection until it is authenticated or refused; asyncssh keeps it from then on."""
        try:
            await asyncssh.run_server(accepted, config=None, options=self._made())
        except (OSError, asyncssh.Error) as error:
            log.info("a login at node %s did not succeed: %s", self.node.node, type(error).__name__)

    def end(self) -> None:
        """Break every connection off."""
        for connection in list(self.connections):
            connection.abort()

    async def user(self, name: str) -> NodeUser | None:
        """The user of that name, who may log in now."""
        users = await self.access.users(self.node)
        return next((user for user in users if user.name == name), None)

    def _made(self) -> asyncssh.SSHServerConnectionOptions:
        if self._options is None:
            self._options = asyncssh.SSHServerConnectionOptions(
                server_factory=lambda: Visitor(self),
                server_host_keys=[host_key(self.access.host_seed(self.node))],
                encoding=None,
                line_editor=False,
                agent_forwarding=False,
                login_timeout=LOGIN_SECONDS,
            )
        return self._options

    async def session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Serve one session of a visitor."""
        name = str(process.get_extra_info("username"))
        user = await self.user(name)
        if user is None:
            process.exit(1)
            return
        await sessions.run(process, await self.access.login(self.node, user))


class Session(asyncssh.SSHServerProcess[bytes]):
    """A session whose file transfer is a process, as all else: asyncssh's own would have the rights of this server."""

    def __init__(self, server: NodeServer) -> None:
        super().__init__(server.session, None, 0, allow_scp=False)

    def subsystem_requested(self, subsystem: str) -> bool:
        """Which there are, the process says."""
        return True

    def session_started(self) -> None:
        """The process begins."""
        assert self._chan is not None
        assert self._conn is not None
        stdin, stdout = asyncssh.SSHReader(self, self._chan), asyncssh.SSHWriter(self, self._chan)
        stderr = asyncssh.SSHWriter(self, self._chan, asyncssh.EXTENDED_DATA_STDERR)
        work = self._start_process(stdin, stdout, stderr)
        assert work is not None
        self._conn.create_task(work, stdin.logger)


class Visitor(asyncssh.SSHServer):
    """One connection. What a visitor may not, is refused without a reason, as SSH servers do."""

    def __init__(self, server: NodeServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """It can be broken off from now on."""
        self._connection = conn
        self._server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._connection is not None:
            self._server.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        """Nobody gets in without a key or password."""
        return True

    def password_auth_supported(self) -> bool:
        """Passwords are taken."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys are taken."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Whether it is the user's. Hashing takes some 50 ms, apart from the other connections."""
        user = await self._server.user(username)
        if user is None or not user.password:
            return False
        return await asyncio.to_thread(self._server.access.matches, password, user.password)

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether it is the user's."""
        user = await self._server.user(username)
        shown = " ".join(key.export_public_key("openssh").decode().split()[:2])
        return user is not None and user.public_key == shown

    def session_requested(self) -> Session:
        """A shell, a command or a file transfer."""
        return Session(self._server)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """Forwarding to a port of this machine (`ssh -L`)."""
        return dest_host in LOOPBACK

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """Forwarding from a port of this machine (`ssh -R`)."""
        return listen_host in LOOPBACK


def host_key(seed: bytes) -> asyncssh.SSHKey:
    """The key that the seed of 32 bytes stands for."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return asyncssh.import_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
