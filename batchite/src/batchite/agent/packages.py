"""Application packages on a node: downloaded once, unpacked below `applications`, told to tasks by variables.

A package lies in `applications/<application><version><time of activation>` and is called
`AZ_BATCH_APP_PACKAGE_<application>_<version>`; the default version is also called without its version. Names as
published logs of Linux nodes show them: every `.`, `-` and `#` is a `_`. Documentation shows them once with the
application's own case and once in lower case, so both are set.
"""

from __future__ import annotations

import errno
import json
import re
import stat
import threading
import uuid
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from batchite.agent import directories
from batchite.agent.engine import Engine, images_provided
from batchite.agent.launch import Image, Mount, Package, ResourceFile
from batchite.agent.mounts import mount_all
from batchite.agent.transfer import CHUNK, STOPPED, Transfer, TransferError, without_query
from batchite.agent.users import TaskUser
from batchite.scheduler.model import Detail, Failure

APPLICATIONS = "applications"
POOL = ".pool.json"
"""In `applications`: the variables of the pool's packages, for every task that starts on the node from now on."""
PREFIX = "AZ_BATCH_APP_PACKAGE_"
MODE = 0o755
"""Of a file whose zip was made where files have no modes."""
_LOCKS = tuple(threading.Lock() for _ in range(64))  # a package is unpacked by one task, the others wait for it
_TURN = 0.1  # seconds between two looks at whether the waiting attempt is being stopped


class BadPackageError(Exception):
    """A zip that cannot be unpacked; the text says why."""


def install(package: Package, node_root: Path, transfer: Transfer, user: TaskUser, stop: threading.Event) -> Path:
    """The package's directory, made if it is not there yet. Raises TransferError with ApplicationPackageError."""
    target = node_root / APPLICATIONS / directory_name(package)
    lock = _LOCKS[hash(target) % len(_LOCKS)]
    while not lock.acquire(timeout=_TURN):
        if stop.is_set():
            raise TransferError(STOPPED)
    try:
        if not target.exists():
            _unpack(package, target, transfer, user, stop)
    finally:
        lock.release()
    return target


class Preparation:
    """A node being made ready with the mounts, packages and images of its pool. It can be ended from another thread."""

    def __init__(
        self,
        packages: tuple[Package, ...],
        mounts: tuple[Mount, ...],
        images: tuple[Image, ...] = (),
        engine: Engine | None = None,
    ) -> None:
        self._packages, self._mounts, self._images, self._engine = packages, mounts, images, engine
        self._stop, self._over = threading.Event(), threading.Event()

    def install(self, node_root: Path, transfer: Transfer, user: TaskUser) -> None:
        """Bring what every task of the node gets, and note its variables. Raises TransferError, OSError."""
        mount_all(self._mounts, node_root, transfer, self._stop)
        noted = node_root / APPLICATIONS / POOL
        noted.unlink(missing_ok=True)  # a node that starts again may have fewer
        images_provided(self._engine, self._images, self._stop)
        found = install_all(self._packages, node_root, transfer, user, self._stop)
        if found:
            noted.write_text(json.dumps(found))

    @property
    def stopping(self) -> bool:
        """Whether nobody waits for the node any more."""
        return self._stop.is_set()

    def over(self) -> None:
        """Say that nothing of it goes on."""
        self._over.set()

    def stop(self) -> None:
        """Let it end soon."""
        self._stop.set()

    def end(self) -> None:
        """Let it end, and wait until it has."""
        self._stop.set()
        self._over.wait()


def install_all(
    packages: Iterable[Package], node_root: Path, transfer: Transfer, user: TaskUser, stop: threading.Event
) -> dict[str, str]:
    """Install packages one after another; the variables that name them. Raises TransferError."""
    found: dict[str, str] = {}
    for package in packages:
        found |= variables(package, install(package, node_root, transfer, user, stop))
    return found


def pool_variables(node_root: Path) -> dict[str, str]:
    """The variables of the packages that were installed when the node started."""
    try:
        found: dict[str, str] = json.loads((node_root / APPLICATIONS / POOL).read_text())
    except FileNotFoundError:
        return {}
    return found


def variables(package: Package, path: Path) -> dict[str, str]:
    """The variables that name a package's directory."""
    names = [f"{package.application}_{package.version}", *([package.application] if package.default else [])]
    flat = [re.sub("[.#-]", "_", name) for name in names]
    return {f"{PREFIX}{name}": str(path) for known in flat for name in (known, known.lower())}


def directory_name(package: Package) -> str:
    """The name below `applications`: another activation is another directory."""
    return f"{package.application.lower()}{package.version}{package.activated}"


def _unpack(package: Package, target: Path, transfer: Transfer, user: TaskUser, stop: threading.Event) -> None:
    """Download and unpack beside the target, which then appears whole or not at all."""
    if not package.url:
        raise _failed(package, "It is not there any more: deleted, not active, or without a default version")
    part = target.parent / f".{uuid.uuid4().hex}"
    part.mkdir()
    try:
        (zipped,) = transfer.download(ResourceFile(package.url, path="zip", client_id=package.identity), part, stop)
        extract(zipped, part / "content", stop)
        directories.give_tree(part / "content", user)
        (part / "content").rename(target)
    except TransferError as error:
        if stop.is_set():
            raise
        raise _failed(package, error.failure.message) from error
    except (BadPackageError, OSError) as error:
        raise _failed(package, _reason(error)) from error
    finally:
        directories.remove(part)


def extract(zipped: Path, target: Path, stop: threading.Event) -> None:
    """Unpack a zip into a new directory. Raises BadPackageError, OSError, TransferError when it is being stopped."""
    target.mkdir()
    try:
        with zipfile.ZipFile(zipped) as archive:
            for entry in archive.infolist():
                _extract_entry(archive, entry, target, stop)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadPackageError(f"The package is no zip that can be unpacked: {error}") from error


def _extract_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, stop: threading.Event) -> None:
    path, mode = _inside(target, entry), entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise BadPackageError(f"The package holds a link, which is not unpacked: {entry.filename}")
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, path.open("wb") as file:
        while chunk := source.read(CHUNK):
            if stop.is_set():
                raise TransferError(STOPPED)
            file.write(chunk)
    path.chmod(stat.S_IMODE(mode) & 0o777 | 0o444 if mode else MODE)


def _inside(target: Path, entry: zipfile.ZipInfo) -> Path:
    """Where an entry goes. Raises BadPackageError for one that would lie elsewhere."""
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
        raise BadPackageError(f"The package holds a file that would lie outside of it: {entry.filename}")
    return target / name


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return "The node's disk is full" if full else f"It cannot be written: {error.strerror}"
    return str(error)


def _failed(package: Package, reason: str) -> TransferError:
    named = (("ApplicationId", package.application), ("Version", package.version), ("Url", without_query(package.url)))
    details = tuple(Detail(name, value) for name, value in (*named, ("Message", reason)) if value)
    what = f"The application package {package.application} {package.version or '(default)'} cannot be installed"
    return TransferError(Failure("usererror", "ApplicationPackageError", f"{what}: {reason}", details))
