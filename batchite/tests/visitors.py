"""People who log in to nodes: by the system's OpenSSH where there is one, by asyncssh everywhere."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
from azure.batch import BatchClient
from servers import RunningServer, pool, wait_until

T = TypeVar("T")
SECONDS = 30


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str = ""


@dataclass(frozen=True)
class Visitor:
    """Someone with a key at one node."""

    folder: Path
    host: str
    port: int
    name: str = "ann"

    @property
    def options(self) -> list[str]:
        """What OpenSSH must know, and nothing from its user's own files."""
        known = self.folder / "known_hosts"
        settings = {
            "LogLevel": "ERROR",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "UserKnownHostsFile": known,
            "StrictHostKeyChecking": "accept-new",
        }
        said = [f"-o{name}={value}" for name, value in settings.items()]
        return ["-F", "none", "-i", str(self.folder / "key"), *said]

    def run(self, command: str, given: str = "") -> Ran:
        """Run a command on the node, by OpenSSH if there is one."""
        if shutil.which("ssh"):
            words = ["ssh", *self.options, "-p", str(self.port), f"{self.name}@{self.host}", command]
            done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
            return Ran(done.returncode, done.stdout, done.stderr)

        async def work(connection: asyncssh.SSHClientConnection) -> Ran:
            ran = await connection.run(command, input=given)
            return Ran(ran.returncode if ran.returncode is not None else 255, str(ran.stdout), str(ran.stderr))

        return self.visit(work)

    def copy(self, source: Path | str, target: Path | str) -> None:
        """Copy a file; the end on the node is a text."""
        if shutil.which("scp"):
            ends = [f"{self.name}@{self.host}:{end}" if isinstance(end, str) else str(end) for end in (source, target)]
            command = ["scp", *self.options, "-P", str(self.port), *ends]
            subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)
            return

        async def work(connection: asyncssh.SSHClientConnection) -> None:
            async with connection.start_sftp_client() as client:
                await (client.put if isinstance(source, Path) else client.get)(str(source), str(target))

        self.visit(work)

    def visit(self, work: Callable[[asyncssh.SSHClientConnection], Awaitable[T]], **credentials: Any) -> T:
        """Do something with a connection of asyncssh's, opened with the key or as said."""
        keys = credentials or {"client_keys": [str(self.folder / "key")]}

        async def connected() -> T:
            fixed = {"known_hosts": None, "config": None, "agent_path": None, "client_keys": None}
            async with asyncssh.connect(self.host, self.port, username=self.name, **(fixed | keys)) as connection:
                return await work(connection)

        async def limited() -> T:
            return await asyncio.wait_for(connected(), SECONDS)

        return asyncio.run(limited())


def node_of(client: BatchClient, name: str) -> str:
    """The idle node of the pool of that name, which is made if need be."""
    if name not in {found.id for found in client.list_pools()}:
        client.create_pool(pool(name, dedicated=1))
    return str(wait_until(lambda: next((n.id for n in client.list_nodes(name) if n.state == "idle"), ""), "it is up"))


def new_key(folder: Path) -> str:
    """A key in the folder; its public part."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    with os.fdopen(os.open(folder / "key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key.export_private_key())
    (folder / "key.pub").write_bytes(key.export_public_key())
    return key.export_public_key().decode()


def visitor(running: RunningServer, name: str, node: str, folder: Path, **user: Any) -> Visitor:
    """A new user of a node, with a key."""
    client = running.client()
    new: Any = {"name": "ann", "sshPublicKey": new_key(folder)} | user
    client.create_node_user(name, node, new)
    settings = client.get_node_remote_login_settings(name, node)
    return Visitor(folder, str(settings.remote_login_ip_address), int(settings.remote_login_port or 0))
