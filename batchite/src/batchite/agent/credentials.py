"""Starting a process as another user without copying the server.

To start a process as another user Python forks, which copies the page tables of the whole server: several milliseconds
of processor time for every task. A process that has its parent's user needs no copy (vfork). The kernel keeps users per
thread, while the C library's own calls change them for all threads; so the thread that starts a task asks the kernel
itself and has the task's user for that moment only (setresuid(2), "C library/kernel differences"; credentials(7)).

Root stays the thread's saved user: it can come back, and the task's user may neither trace it nor read its memory
(ptrace(2), "Ptrace access mode checking"). For that moment a task may send it signals, as one may at any time to a
server that is not root. What is executed has the user alone: exec replaces the saved one, and takes all capabilities.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from batchite.agent import spawn
from batchite.agent.spawn import Child
from batchite.agent.users import TaskUser

_NUMBERS = {"x86_64": (116, 117, 119), "aarch64": (159, 147, 149)}
"""setgroups, setresuid, setresgid in the kernel's tables of system calls, by machine."""


def per_thread() -> bool:
    """Whether this is a root's process on a system where one thread may have a user of its own."""
    return sys.platform == "linux" and platform.machine() in _NUMBERS and os.geteuid() == 0


def popen(command: list[str], user: TaskUser, **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen` as that user, in the cheapest way there is."""
    if user.uid is None or user.gid is None:
        return subprocess.Popen(command, **options)
    if not per_thread():
        return subprocess.Popen(command, user=user.uid, group=user.gid, extra_groups=[], **options)
    with of_user(user.uid, user.gid):
        return subprocess.Popen(command, **options)


@contextmanager
def acting(user: TaskUser) -> Iterator[None]:
    """This thread is that user where it can be, until the end of the block."""
    if user.uid is None or user.gid is None or not per_thread():
        yield
    else:
        with of_user(user.uid, user.gid):
            yield


def start(command: list[str], user: TaskUser, cwd: Path, env: dict[str, str], outputs: tuple[int, int]) -> Child:
    """Start a command as that user, the leader of a session of its own, with an empty input. Raises as `spawn` does."""
    changes = user.uid is not None and user.gid is not None
    if not spawn.available() or (changes and not per_thread()):
        out, err = outputs
        options = {"cwd": cwd, "env": env, "stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
        return popen(command, user, **options, start_new_session=True)
    with of_user(user.uid or 0, user.gid or 0) if changes else nullcontext():
        return spawn.spawn(command, cwd, env, outputs)


@contextmanager
def of_user(uid: int, gid: int) -> Iterator[None]:
    """This thread is that user, without further groups, until the end of the block. Only where `per_thread`.

    Raises OSError when the kernel refuses.
    """
    setgroups, setresuid, setresgid = _NUMBERS[platform.machine()]
    groups = os.getgroups()
    back = (ctypes.c_uint32 * len(groups))(*groups)
    try:
        _call(setgroups, 0, 0)
        _call(setresgid, gid, gid, 0)
        _call(setresuid, uid, uid, 0)
        yield
    finally:
        _call(setresuid, 0, 0, 0)
        _call(setresgid, 0, 0, 0)
        _call(setgroups, len(groups), ctypes.addressof(back))


_libc = ctypes.CDLL(None, use_errno=True)


def _call(*numbers: int) -> None:
    """A system call: its number, then its arguments."""
    if _libc.syscall(*map(ctypes.c_long, numbers)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
