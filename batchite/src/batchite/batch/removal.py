"""Opening and removing below a directory that tasks write to: no link is followed, and depth costs nothing."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path, PurePath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


def open_inside(root: Path, inside: PurePath, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a path below `root`, opened component by component without following any link.

    O_NONBLOCK, so that a pipe cannot hold the server. Raises OSError.
    """
    at = os.open(root, _FOLDER)
    for left in range(len(inside.parts), 0, -1):
        wanted = flags | os.O_NONBLOCK if left == 1 else _FOLDER
        try:
            below = os.open(inside.parts[-left], wanted | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def remove(root: Path, inside: PurePath, *, recursive: bool) -> None:
    """Remove the entry `inside` below `root`; a link goes itself, not what it points to. Raises OSError.

    A directory must be empty unless `recursive`; then it is out of the way at once, whatever still writes in it.
    """
    folder, top = open_inside(root, inside.parent, _FOLDER), os.open(root, _FOLDER)
    try:
        if not stat.S_ISDIR(os.stat(inside.name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.unlink(inside.name, dir_fd=folder)
        elif not recursive:
            os.rmdir(inside.name, dir_fd=folder)
        else:
            _take_apart(top, _moved(inside.name, folder, top))
    finally:
        os.close(folder)
        os.close(top)


def _moved(name: str, folder: int, top: int) -> str:
    """Move a directory right below `top`; its new name."""
    new = f".removed-{uuid.uuid4().hex}"
    os.rename(name, new, src_dir_fd=folder, dst_dir_fd=top)
    return new


def _take_apart(top: int, name: str) -> None:
    """Remove a tree that lies in `top`. Folders in it are moved up: its depth needs neither stack nor descriptors."""
    emptied, waiting = [], [name]
    while waiting:
        here = waiting.pop()
        folder = os.open(here, _FOLDER | os.O_NOFOLLOW, dir_fd=top)
        try:
            os.fchmod(folder, 0o700)  # package caches hold folders that are read-only
            for entry in list(os.scandir(folder)):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(_moved(entry.name, folder, top))
                else:
                    os.unlink(entry.name, dir_fd=folder)
        finally:
            os.close(folder)
        emptied.append(here)
    for here in emptied:
        os.rmdir(here, dir_fd=top)
