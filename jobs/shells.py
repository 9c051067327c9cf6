"""A shell on a node: a user for this visit only, with a key of its own, and the system's `ssh`."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.errors import UsageError
from jobs.ports import Batch
from jobs.target import Json

LIFETIME = timedelta(days=1)
"""For which the node lets the user in should its deletion fail; Linux nodes know whole days only."""


@dataclass(frozen=True)
class Place:
    """A node of a pool."""

    pool: str
    node: str


def find(batch: Batch, pools: Iterable[str], wanted: str) -> Place:
    """The node of the pools whose id is or begins as wanted. Raises UsageError naming those there are."""
    nodes = [Place(pool, node["id"]) for pool in pools for node in batch.nodes(pool)]
    found = [place for place in nodes if place.node == wanted] or [p for p in nodes if p.node.startswith(wanted)]
    if len(found) != 1:
        listed = "".join(f"\n  {place.node} ({place.pool})" for place in found or nodes)
        what = "several nodes begin so" if found else "no node begins so"
        raise UsageError(f"{wanted}: {what}; nodes:{listed or ' none'}")
    return found[0]


def visit(batch: Batch, place: Place, command: Sequence[str], out: int | None, *, admin: bool) -> int:
    """Let the user work on the node, or run a command there; the exit code of `ssh`. Raises JobsError."""
    ssh = shutil.which("ssh")
    if not ssh or not shutil.which("ssh-keygen"):
        raise UsageError("ssh and ssh-keygen were not found; install the OpenSSH client")
    with tempfile.TemporaryDirectory(prefix="jobs-ssh-") as text, _user(batch, place, Path(text), admin=admin) as name:
        door = batch.remote_login(place.pool, place.node)
        where = ["-p", str(door["remoteLoginPort"]), f"{name}@{door['remoteLoginIPAddress']}"]
        return subprocess.run([ssh, *_options(Path(text)), *where, *command], stdout=out, check=False).returncode


@contextmanager
def _user(batch: Batch, place: Place, folder: Path, *, admin: bool) -> Iterator[str]:
    """A user with a new key in the folder, deleted at the end."""
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / "key")]
    subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    name = f"jobs-{secrets.token_hex(4)}"
    document: Json = {
        "name": name,
        "isAdmin": admin,
        "expiryTime": (datetime.now(UTC) + LIFETIME).isoformat(),
        "sshPublicKey": (folder / "key.pub").read_text().strip(),
    }
    batch.add_node_user(place.pool, place.node, document)
    try:
        yield name
    finally:
        batch.remove_node_user(place.pool, place.node, name)


def _options(folder: Path) -> list[str]:
    """Nothing of this visit is left in the files of the user: a node's key is not known before, nor the node after."""
    settings = {
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": folder / "known_hosts",
    }
    return ["-i", str(folder / "key"), *(f"-o{name}={value}" for name, value in settings.items())]
