"""Which start task a node has run: a new one of the pool reaches a node when it boots, not before.

The pool's document keeps the present start task with its revision, and those earlier ones that nodes still show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchite.http.types import Json
from batchite.scheduler.model import NodeState, StartTaskPolicy

_REVISION, _EARLIER = "startTaskRevision", "earlierStartTasks"
INTERNAL = (_REVISION, _EARLIER)
"""Parts of the stored document that are not shown."""


def policy(document: Mapping[str, Json]) -> StartTaskPolicy | None:
    """What the core must know of the pool's start task."""
    start_task = document.get("startTask")
    if start_task is None:
        return None
    waits, retries = start_task.get("waitForSuccess", True), start_task.get("maxTaskRetryCount", 0)
    return StartTaskPolicy(waits, retries, document.get(_REVISION, 0))


def of_node(document: Mapping[str, Json], node: NodeState) -> Mapping[str, Json]:
    """The start task that the node runs or ran; the pool's present one for a node that has run none yet."""
    if node.start_task is not None:
        earlier: Mapping[str, Json] = document.get(_EARLIER, {}).get(str(node.start_task.revision))
        if earlier is not None:
            return earlier
    present: Mapping[str, Json] = document["startTask"]
    return present


def revised(old: Mapping[str, Json], new: Mapping[str, Json], nodes: Iterable[NodeState]) -> dict[str, Json]:
    """The new document of the pool, with what is left of the old start tasks."""
    document = dict(new)
    if old.get("startTask") != new.get("startTask"):
        revision = old.get(_REVISION, 0)
        shown = {str(node.start_task.revision) for node in nodes if node.start_task is not None}
        known = {**old.get(_EARLIER, {}), str(revision): old.get("startTask")}
        document[_EARLIER] = {name: task for name, task in known.items() if name in shown}
        document[_REVISION] = revision + 1
    return document
