"""Starting a process without holding up the server's other threads.

`subprocess` keeps the interpreter's lock from the fork to the exec of the child, half a millisecond in which nothing
else runs; glibc's posix_spawn, called through ctypes, does the same work with the lock released. It changes directory
and session and closes what is open, as `subprocess` does. Where it is not `available`, `subprocess` is what there is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

SETSIGDEF, SETSIGMASK, SETSID = 0x04, 0x08, 0x80  # <spawn.h> of glibc
ROOM = 1024
"""Bytes for a structure of <spawn.h>, more than any has."""
Room: TypeAlias = "ctypes.Array[ctypes.c_char]"
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})


class Child(Protocol):
    """A process that this one has started: what there is to know of it until it is reaped."""

    pid: int
    returncode: int | None

    def wait(self) -> int:
        """Wait until it has ended and reap it; its exit code, or less than 0 for a signal."""


@dataclass(slots=True)
class Spawned:
    """A child started here."""

    pid: int
    returncode: int | None = None

    def wait(self) -> int:
        """As `Child` says."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def available() -> bool:
    """Whether the C library can do all that is asked of it here (glibc since 2.34)."""
    return sys.platform == "linux" and hasattr(_slow, "posix_spawn_file_actions_addclosefrom_np")


def spawn(command: Sequence[str], cwd: Path, env: Mapping[str, str], outputs: tuple[int, int]) -> Spawned:
    """Start a command as the leader of a session of its own, its input empty; `outputs` are stdout and stderr.

    The program is looked up on the PATH of `env`. Raises OSError with the kernel's reason, ValueError for words that
    no process can be given, IndexError for an empty command.
    """
    if any("=" in name for name in env):
        raise ValueError("illegal environment variable name")
    words, variables = _strings(command), _strings([f"{name}={value}" for name, value in env.items()])
    reason = errno.ENOENT
    with _prepared(cwd, outputs) as (actions, attributes):
        for program in _candidates(command[0], cwd, env):
            pid, path = ctypes.c_int(), os.fsencode(program)
            failed = _slow.posix_spawn(ctypes.byref(pid), path, actions, attributes, words, variables)
            if not failed:
                return Spawned(pid.value)
            reason = reason if failed in ABSENT else failed
    raise OSError(reason, os.strerror(reason), command[0])


def _candidates(program: str, cwd: Path, env: Mapping[str, str]) -> Iterator[str]:
    if "/" in program:
        yield program
        return
    for folder in os.get_exec_path(dict(env)):
        if os.path.exists(cwd / folder / program):  # noqa: PTH110 - no error where this user may not look
            yield f"{folder}/{program}"


@contextmanager
def _prepared(cwd: Path, outputs: tuple[int, int]) -> Iterator[tuple[Room, Room]]:
    """File actions and attributes of one spawn, released at the end of the block."""
    actions, attributes = ctypes.create_string_buffer(ROOM), ctypes.create_string_buffer(ROOM)
    _quick.posix_spawn_file_actions_init(actions)
    _quick.posix_spawnattr_init(attributes)
    try:
        _quick.posix_spawn_file_actions_addopen(actions, 0, b"/dev/null", os.O_RDONLY, 0)
        for number, output in enumerate(outputs, start=1):
            _quick.posix_spawn_file_actions_adddup2(actions, output, number)
        _quick.posix_spawn_file_actions_addclosefrom_np(actions, 3)
        _quick.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(cwd))
        _quick.posix_spawnattr_setflags(attributes, ctypes.c_short(SETSIGDEF | SETSIGMASK | SETSID))
        _quick.posix_spawnattr_setsigdefault(attributes, _IGNORED)
        _quick.posix_spawnattr_setsigmask(attributes, _NONE)
        yield actions, attributes
    finally:
        _quick.posix_spawn_file_actions_destroy(actions)
        _quick.posix_spawnattr_destroy(attributes)


def _strings(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    """The texts as C has them: an array that ends with none. Raises ValueError for a text that C would cut short."""
    encoded = [os.fsencode(text) for text in texts]
    if any(b"\0" in text for text in encoded):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def _signals(*numbers: int) -> Room:
    found = ctypes.create_string_buffer(ROOM)
    _quick.sigemptyset(found)
    for number in numbers:
        _quick.sigaddset(found, number)
    return found


_slow, _quick = ctypes.CDLL(None), ctypes.PyDLL(None)  # the second one keeps the lock: for calls that take no time
_NONE, _IGNORED = _signals(), _signals(signal.SIGPIPE, signal.SIGXFSZ)
