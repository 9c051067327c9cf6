"""`batchite story`: every event that moved a task, with its cause."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from batchite.cli.client import call
from batchite.cli.errors import CommandError
from batchite.data import DataDirectory

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

Event = Mapping[str, Any]

ABOUT = """\
Every event that moved a task, with its cause: a request and who sent it, a drill, an evaluation, another task's end.
Also of tasks that were deleted, as far back as the journal goes (64 MiB). Times are UTC."""

EVENTS = {
    "AddTasks": "request",
    "CreateJob": "creation of the job by request",
    "TaskStarted": "",
    "TaskEnded": "end of an attempt",
    "JobTaskEnded": "end of a preparation or release task",
    "NodeRemoved": "the node was gone",
    "NodePrepared": "a node was ready",
    "StartTaskEnded": "a node was ready",
    "NodeUnusable": "the node cannot be provided",
    "Preempt": "preemption",
    "LimitRegion": "capacity of the region",
    "FailNode": "failure of the node",
    "RecoverNode": "recovery of the node",
    "AutoScale": "autoscale evaluation of pool",
    "ResizePool": "resize by request",
    "RemoveNodes": "removal of nodes by request",
    "RestartNode": "restart of the node by request",
    "DeletePool": "deletion of the pool by request",
    "DeallocateNode": "deallocation of the node by request",
    "StartNode": "start of the node by request",
    "DisableNode": "scheduling on the node disabled by request",
    "EnableNode": "scheduling on the node enabled by request",
    "CreatePool": "creation of the pool by request",
    "DisableJob": "job disabled by request",
    "EnableJob": "job enabled by request",
    "TerminateJob": "termination of the job by request",
    "DeleteJob": "deletion of the job by request",
    "UpdateJob": "change of the job by request",
    "UpdateTask": "change of the task by request",
    "UpdatePool": "change of the pool by request",
    "SetAutoScale": "change of the pool's scaling by request",
    "StopResize": "stop of the resize by request",
    "CreateSchedule": "creation of the job schedule by request",
    "UpdateSchedule": "change of the job schedule by request",
    "DisableSchedule": "job schedule disabled by request",
    "EnableSchedule": "job schedule enabled by request",
    "TerminateSchedule": "termination of the job schedule by request",
    "DeleteSchedule": "deletion of the job schedule by request",
    "TerminateTask": "termination by request",
    "DeleteTask": "deletion by request",
    "ReactivateTask": "reactivation by request",
    "Restarted": "restart of the server",
    "Tick": "time",
}
"""What people call an event; its cause follows. One that is not here is told by its own name."""
SHORT = 20
_UUID = re.compile(r"([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN_STEPS = frozenset({"TaskStarted", "SubtaskStarted", "SubtaskEnded"})
UNTOLD = frozenset({"agent", "timer", "restart", ""})


def add_parser(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add `story`."""
    parser = commands.add_parser("story", parents=[shared], help="every event that moved a task", description=ABOUT)
    parser.add_argument("subject", metavar="JOB/TASK", help="or JOB alone; in another account ACCOUNT/JOB/TASK")
    parser.add_argument("--node", action="store_true", help="the subject is POOL/NODE (or ACCOUNT/POOL/NODE)")
    parser.add_argument("--attempt", type=int, metavar="N", help="only what concerns this attempt; 1 is the earliest")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=_story)


def _story(arguments: argparse.Namespace) -> int:
    found = call(DataDirectory(arguments.data), "GET", _path(arguments.subject, node=arguments.node))
    if arguments.attempt is not None:
        found["events"] = [event for event in found["events"] if event.get("attempt") == arguments.attempt]
        if not found["events"]:
            raise CommandError(
                f"nothing is known of attempt {arguments.attempt}; there were {found.get('attempts', '?')}"
            )
    print(json.dumps(found) if arguments.json else "\n".join(lines(found)))
    return 0


def _path(subject: str, *, node: bool) -> str:
    parts = [quote(part, safe="") for part in subject.split("/")]
    account = f"?account={parts.pop(0)}" if len(parts) == 3 else ""
    if not all(parts) or len(parts) > 2 or (node and len(parts) == 1):
        wanted = "POOL/NODE" if node else "JOB/TASK or JOB"
        raise CommandError(f"{subject!r} is not of the form {wanted}, with an account before it if need be", 2)
    folders = ("pools", "nodes") if node else ("jobs", "tasks")
    steps = [f"{folder}/{part}" for folder, part in zip(folders, parts, strict=False)]
    return f"/batchite/story/{'/'.join(steps)}{account}"


def lines(story: Mapping[str, Any]) -> Iterator[str]:
    """The story for a terminal: a heading, one line an event, and what is so now."""
    parts = [story[name] for name in ("job", "task", "pool", "node") if name in story]
    state = story.get("state", "deleted")
    yield f"{'/'.join(parts)} in account {story['account']}: {state}"
    if story["completeSince"]:
        yield f"  ... what was before {story['completeSince']} is no longer kept"
    day = ""
    for event in story["events"]:
        if event["time"][:10] != day:
            day = event["time"][:10]
            yield f"  {day}"
        number = f"#{event['attempt']}" if "attempt" in event else ""
        cause = _cause(event)
        yield f"  {event['time'][11:23]}  {number:<4} {_told(event)}{f'  [{cause}]' if cause else ''}"
    if story.get("waiting"):
        yield f"  now waiting for {_waiting(story['waiting'])}"
    for name in dict.fromkeys(event["node"] for event in story["events"] if "node" in event):
        yield f"  {_short(name)} = {name}"


def _told(event: Event) -> str:
    if event.get("of") == "job":
        return f"the job is {event['what']}"
    told = TOLD.get(event["what"])
    return told(event) if told else f"{event['what']}{_failure(event)}"


def _added(event: Event) -> str:
    awaited = event.get("waitsFor")
    return f"added, to run after {', '.join(awaited)}" if awaited else "added"


def _active(event: Event) -> str:
    if event["again"] == "retry":
        most = event["maxTaskRetryCount"]
        count = f"{event['retryCount']} of {most}" if most >= 0 else f"{event['retryCount']}"
        return f"exited with {event['exitCode']}; waits for retry {count}{_uploaded(event)}"
    if event["again"] == "requeued":
        stopped = event["event"] == "TaskEnded" and not event.get("because")  # the line before says why
        node = f": node {_short(event['node'])} {_lost(event)}" if "node" in event and not stopped else ""
        return f"back in the queue (requeue {event['requeueCount']}){node}"
    if event["again"] == "unprepared":
        return f"back in the queue: node {_short(event['node'])} could not be prepared for the job"
    return f"active again ({event['again']})"


def _lost(event: Event) -> str:
    if not event.get("because"):
        return "did not finish it"
    name, _, cause = event["because"].partition(" ")
    return f"is {event['nodeState']} [{_named(name, cause)}]"


def _placed(event: Event) -> str:
    others = f" and {event['instances'] - 1} more" if "instances" in event else ""
    why = f"{event['free']} of {event['slots']} slots free, {event['fill']}"
    return f"on node {_short(event['node'])}{others}: {why}; preparing"


def _running(event: Event) -> str:
    files = event.get("files")
    return f"{files} files downloaded; running" if files else "running"


def _stopping(event: Event) -> str:
    node = f", node {_short(event['node'])} is {event['nodeState']}" if "node" in event else ""
    urgent = (
        f" to make room for task {event['for']}, whose job has priority {event['priority']}" if "for" in event else ""
    )
    return f"being stopped ({event['ending']}){node}{urgent}"


def _completed(event: Event) -> str:
    code = "" if event.get("exitCode") is None else f", exit code {event['exitCode']}"
    return f"completed: {event['result']}{code}{_failure(event)}{_uploaded(event)}"


def _failure(event: Event) -> str:
    return f", {event['code']}: {event['message']}" if "code" in event else ""


def _uploaded(event: Event) -> str:
    return f"; uploaded {', '.join(event['uploaded'])}" if "uploaded" in event else ""


def _subtask(event: Event) -> str:
    code = "" if event.get("exitCode") is None else f", exit code {event['exitCode']}"
    return f"subtask {event['number']} {event['state']}{code}{_failure(event)}"


TOLD: Mapping[str, Callable[[Event], str]] = {
    "held": lambda _: "waits for the job preparation task there",
    "subtask": _subtask,
    "added": _added,
    "ready": lambda event: f"waits for no other task any more: {event['after']} has completed",
    "active": _active,
    "preparing": _placed,
    "running": _running,
    "stopping": _stopping,
    "completed": _completed,
}


def _cause(event: Event) -> str:
    """Why it happened; what every attempt does of itself needs no reason."""
    if (
        event["event"] in OWN_STEPS
        or event["what"] == "held"
        or (event["event"] == "TaskEnded" and event["what"] in {"completed", "active"})
    ):
        return ""
    if "because" in event:
        return ""
    if event["event"] == "TaskEnded" and event["what"] == "preparing":
        return "slots became free"
    return _named(event["event"], event["cause"])


def _named(event: str, cause: str) -> str:
    told = "" if cause in UNTOLD else _UUID.sub(r"\1", cause)
    return " ".join(part for part in (EVENTS.get(event, event), told) if part)


def _short(node: str) -> str:
    """A node's id as a line has room for it; the end of the story gives it in full."""
    return node if len(node) <= SHORT else f"{node[:14]}..{node[-2:]}"


def _waiting(waiting: Mapping[str, Any]) -> str:
    return WAITING[waiting["for"]](waiting)


def _for_tasks(waiting: Mapping[str, Any]) -> str:
    named = [f"{name} ({waiting['states'].get(name, 'not there')})" for name in waiting["tasks"]]
    more = waiting["number"] - len(named)
    return "other tasks: " + ", ".join(named) + (f" and {more} more" if more else "")


def _for_nodes(waiting: Mapping[str, Any]) -> str:
    states = ", ".join(f"{number} {state}" for state, number in waiting["nodes"].items()) or "none"
    errors = f"; resize errors: {', '.join(waiting['resizeErrors'])}" if waiting["resizeErrors"] else ""
    wanted = f"{waiting['instances']} nodes that are up" if "instances" in waiting else "a node that is up"
    return f"{wanted}; the pool's nodes: {states}{errors}"


WAITING: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "dependencies": _for_tasks,
    "nodes": _for_nodes,
    "job": lambda waiting: f"the job, which is {waiting['jobState']}",
    "maxParallelTasks": lambda waiting: f"a task of the job to end: maxParallelTasks is {waiting['maxParallelTasks']}",
    "pool": lambda waiting: f"pool {waiting['pool']}, which does not exist",
    "another pool": lambda waiting: (
        "a pool with inter-node communication and one task slot on a node; this one has it "
        f"{'on' if waiting['enableInterNodeCommunication'] else 'off'}, and {waiting['taskSlotsPerNode']} slots"
    ),
    "free nodes": lambda waiting: (
        f"{waiting['instances']} nodes at once: {waiting['free']} of {waiting['nodes']} are free"
    ),
    "larger nodes": lambda waiting: f"{waiting['requiredSlots']} slots; nodes have {waiting['taskSlotsPerNode']}",
    "slots": lambda waiting: f"{waiting['requiredSlots']} slots: {waiting['free']} of {waiting['slots']} are free",
}
