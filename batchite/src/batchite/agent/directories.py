"""Directories of nodes and tasks: made for the tasks' user, removed whatever a task did to them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from batchite.agent.users import TaskUser


def provide(directory: Path, owner: TaskUser) -> None:
    """Make a directory that belongs to the tasks' user, unless it is there. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    give(directory, owner)


def give(path: Path, owner: TaskUser) -> None:
    """Make the tasks' user the owner of one file or directory."""
    if owner.uid is not None:
        os.chown(path, owner.uid, owner.gid or -1, follow_symlinks=False)


def open_output(path: Path, *, anew: bool) -> BinaryIO:
    """A file of a task's output, empty or to be continued; a link is refused. Raises OSError."""
    how = os.O_TRUNC if anew else os.O_APPEND
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o666), "wb" if anew else "ab")


def real(root: Path, directory: Path) -> Path:
    """A directory below a node's root as a path without links. Raises OSError when a task has put one on the way."""
    path = root.resolve() / directory.relative_to(root)
    if directory.resolve() != path:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(directory))
    return path


def create(path: Path) -> BinaryIO:
    """A file, empty, its folders made. The path has no links; one that is on the way all the same is refused.

    Raises OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    return os.fdopen(_open(path, flags, make=True), "wb")


def read(path: Path) -> BinaryIO:
    """A regular file of a task's, to be read. The path has no links; one that is on the way all the same is refused.

    Raises OSError.
    """
    file = os.fdopen(_open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, make=False), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe in its place would never end
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)


def _open(path: Path, flags: int, *, make: bool) -> int:
    folder = os.open("/", _FOLDER)
    try:
        for name in path.parts[1:-1]:
            below = _open_folder(name, folder, make=make)
            os.close(folder)
            folder = below
        return os.open(path.name, flags, 0o666, dir_fd=folder)
    finally:
        os.close(folder)


def _open_folder(name: str, parent: int, *, make: bool) -> int:
    if make:
        with contextlib.suppress(FileNotFoundError):
            return os.open(name, _FOLDER, dir_fd=parent)
        with contextlib.suppress(FileExistsError):  # another thread was faster
            os.mkdir(name, dir_fd=parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def give_tree(directory: Path, owner: TaskUser) -> None:
    """Make the tasks' user the owner of a directory and all that is in it, while others may work there."""
    if owner.uid is not None:
        for folder, _, names in os.walk(directory):
            for name in ("", *names):
                with contextlib.suppress(FileNotFoundError):
                    give(Path(folder, name), owner)


def remove(directory: Path) -> None:
    """Remove a tree, also one with read-only folders in it (package caches are such). Raises OSError if it stays."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        _make_writable(directory)
        shutil.rmtree(directory)


def _make_writable(directory: Path) -> None:
    directory.chmod(0o700)
    for folder, names, _ in os.walk(directory):  # top down: a folder is opened before it is listed
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o700)
