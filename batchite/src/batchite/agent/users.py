"""As whom tasks run: a node never changes the host, so not as root when that can be helped."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

log = logging.getLogger(__name__)

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


PROBE = "import ensurepip, os, sys; os.chdir(sys.argv[1]); sys.exit(sys.version_info < (3, 11))"


@dataclass(frozen=True, slots=True)
class TaskUser:
    """The user of the tasks and their PATH. `uid` None = the server's own; `warning` is what one must know of it."""

    path: str
    uid: int | None = None
    gid: int | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class TaskUsers:
    """As whom tasks run, and as whom those that ask for elevation level admin."""

    plain: TaskUser
    admin: TaskUser

    def of(self, *, admin: bool) -> TaskUser:
        """The user of a task that asks for that level."""
        return self.admin if admin else self.plain

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the log must say at start."""
        return tuple(dict.fromkeys(user.warning for user in (self.plain, self.admin) if user.warning))


def task_users(node_root: Path, *, allow_host_changes: bool) -> TaskUsers:
    """The users of both levels for a node root, made if it is not there; the log says what one must know of them."""
    node_root.mkdir(parents=True, exist_ok=True)
    users = choose_users(node_root, allow_host_changes=allow_host_changes)
    for warning in users.warnings:
        log.warning("%s", warning)
    return users


def choose_users(node_root: Path, *, allow_host_changes: bool) -> TaskUsers:
    """The users of both levels: admin gives more rights only where the host may be changed and the server is root."""
    plain = choose_user(node_root)
    if not allow_host_changes:
        return TaskUsers(plain, plain)
    if os.geteuid() == 0:
        warning = "tasks of elevation level admin run as root and may change this machine (--allow-host-changes)"
        return TaskUsers(plain, TaskUser(plain.path, warning=warning))
    return TaskUsers(plain, replace(plain, warning="--allow-host-changes gives no rights: the server is not root"))


def choose_user(node_root: Path) -> TaskUser:
    """The user tasks run as: the server's, or, when that is root, an unprivileged one who can reach what tasks need.

    A task needs the node's directory and a Python: the server's own, else the system's.
    """
    own = f"{Path(sys.base_prefix) / 'bin'}:{SYSTEM_PATH}"
    if os.geteuid() != 0:
        return TaskUser(own)
    candidate = _unprivileged()
    if candidate is None:
        return TaskUser(own, warning="tasks run as root: this system has no unprivileged user")
    for path in (own, SYSTEM_PATH):
        if _can_work(candidate, path, node_root):
            return TaskUser(path, candidate.pw_uid, candidate.pw_gid)
    return TaskUser(
        own, warning=f"tasks run as root: user {candidate.pw_name} cannot reach {node_root} or a Python 3.11 or newer"
    )


def _unprivileged() -> pwd.struct_passwd | None:
    """The user behind sudo, else nobody."""
    behind_sudo = os.environ.get("SUDO_UID", "")
    if behind_sudo.isdigit() and int(behind_sudo) != 0:
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(int(behind_sudo))
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody")
    return None


def _can_work(user: pwd.struct_passwd, path: str, node_root: Path) -> bool:
    """Whether the user can enter the node root and run a Python of that PATH; tried, not guessed from modes."""
    try:
        done = subprocess.run(
            ["/usr/bin/env", "python3", "-I", "-c", PROBE, str(node_root)],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            env={"PATH": path},
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
