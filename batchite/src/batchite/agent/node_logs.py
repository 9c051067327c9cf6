"""What happened on a node, in a log of its own: kept apart from the node's directory, where tasks may write.

One file a day, in UTC. The log goes with the node's disk: a machine that is made anew begins a new one. It holds no
command line, environment or URL.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from batchite.agent.launch import node_directory
from batchite.clock import wire_time
from batchite.scheduler.model import NodeKey

log = logging.getLogger(__name__)


class NodeLogs:
    """The logs of all nodes, below one folder; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, node: NodeKey, boot: int, *, keep: bool) -> None:
        """The node boots: its log goes on, or begins anew unless `keep`."""
        if not keep:
            shutil.rmtree(self.folder(node), ignore_errors=True)
        self.folder(node).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write(node, f"boot {boot}: its files are {'kept' if keep else 'made anew'}")

    def write(self, node: NodeKey, text: str) -> None:
        """Append a line with the time; one write, so that lines of several threads stay whole.

        Whoever writes must go on when that fails: a line that is missing hurts less than a task that never ends.
        """
        now = datetime.now(UTC)
        path = self.folder(node) / f"agent-{now:%Y%m%d}.log"
        line = f"{wire_time(now.timestamp())} {text}\n".encode()
        try:
            _append(path, line)
        except FileNotFoundError:
            pass  # the node has gone meanwhile
        except OSError as error:
            log.warning("the log of node %s was not written: %s", node.node, type(error).__name__)

    def folder(self, node: NodeKey) -> Path:
        """Where the node's log lies."""
        return node_directory(self._root, node)

    def between(self, node: NodeKey, start: float, end: float) -> list[str]:
        """The names of the files that hold a message of that time (wire time), the oldest first."""
        folder = self.folder(node)
        names = sorted(path.name for path in folder.glob("agent-*.log"))
        return [name for name in names if _overlaps(folder / name, start, end)]

    def forget(self, node: NodeKey) -> None:
        """The node's disk goes, and its log with it."""
        shutil.rmtree(self.folder(node), ignore_errors=True)
        with contextlib.suppress(OSError):  # other nodes of the pool have logs
            self.folder(node).parent.rmdir()


def _append(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def _overlaps(path: Path, start: float, end: float) -> bool:
    """Whether some message may be in the range: the first one is not after it, the last not before.

    None is in a file whose first line a full disk has cut short.
    """
    with path.open() as file:
        moment = file.readline().partition(" ")[0]
    if not moment.endswith("Z"):
        return False
    return datetime.fromisoformat(moment).timestamp() <= end and path.stat().st_mtime >= start
