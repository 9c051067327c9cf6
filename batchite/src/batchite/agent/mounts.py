"""Containers on a node: below `fsmounts` lies the content that a container had when the node started, to be read only.

A copy stands for the file system driver, which would need root and a kernel that allows it. Writing to it fails (unless
the task runs as root), so that no task believes in a file that never reaches its container.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from batchite.agent import directories
from batchite.agent.launch import Mount, ResourceFile
from batchite.agent.transfer import Transfer, TransferError
from batchite.scheduler.model import Failure

DIRECTORY = "fsmounts"
MODE = 0o555
"""Of files and directories: programs in a container can be run, as with the driver."""


def mount_all(mounts: Sequence[Mount], node_root: Path, transfer: Transfer, stop: threading.Event) -> None:
    """Bring the present content of all. Raises TransferError with MountConfigurationError, OSError.

    The directory is the server's own, made anew: what tasks have left in it, links for one, leads nowhere.
    """
    if mounts:
        directories.remove(node_root / DIRECTORY)
    for mount in mounts:
        target = node_root / DIRECTORY / mount.path
        target.mkdir(parents=True)
        try:
            transfer.download(ResourceFile(container_url=mount.url, client_id=mount.client_id), target, stop)
        except TransferError as error:
            raise error if stop.is_set() else _failed(mount, error.failure) from error
        _close(target)


def _close(directory: Path) -> None:
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            Path(folder, name).chmod(MODE)
        Path(folder).chmod(MODE)


def _failed(mount: Mount, cause: Failure) -> TransferError:
    message = f"The container cannot be mounted at {mount.path}: {cause.message}"
    return TransferError(Failure(cause.category, "MountConfigurationError", message, cause.details))
