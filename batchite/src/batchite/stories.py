"""`batchite story`: what is known of a task, a job or a node, as the developer's control route tells it."""

from __future__ import annotations

from typing import Any

from batchite.clock import wire_time
from batchite.errors import ServiceError, missing_property
from batchite.http.types import Json, Request, Response, Route
from batchite.identity.well_known import DEFAULT_ACCOUNT
from batchite.scheduler.model import JobKey, NodeKey
from batchite.service import BatchService
from batchite.story import Entry, StoryLog

PATH = "/batchite/story"


class Stories:
    """Reads the journal, and adds what is so now."""

    def __init__(self, service: BatchService, story: StoryLog) -> None:
        self._service = service
        self._story = story

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("TaskStory", "GET", f"{PATH}/jobs/{{job}}/tasks/{{task}}", 200, self._task),
            Route("JobStory", "GET", f"{PATH}/jobs/{{job}}", 200, self._job),
            Route("NodeStory", "GET", f"{PATH}/pools/{{pool}}/nodes/{{node}}", 200, self._node),
        ]

    async def _task(self, request: Request) -> Response:
        """A task's story, with what happened to its job meanwhile; of one that is gone, what the journal keeps."""
        name = request.params["task"].lower()
        key = JobKey(self._account(request, request.params["job"]), request.params["job"].lower())
        task = self._service.tasks_of(key).get(name)
        subject, of_job = f"task {'/'.join(key)}/{name}", f"job {'/'.join(key)}"
        entries, since = await self._story.read(subject, of_job)
        own = [index for index, entry in enumerate(entries) if entry.subject == subject]
        if task is None and not own:
            raise ServiceError("TaskNotFound", _unknown(key.account, "JOB/TASK"))
        over = own and (task is None or task.state == "completed")  # what becomes of its job is another story
        shown = [_shown(entry) for entry in entries[own[0] if own else 0 : own[-1] + 1 if over else None]]
        body = {"task": name, "job": key.job, "account": key.account, "events": shown, **_since(since)}
        if task is not None:
            body |= {"state": task.state, "attempts": task.attempt, "waiting": self._service.waits_for(task)}
        return Response(200, body)

    async def _job(self, request: Request) -> Response:
        name = request.params["job"].lower()
        key = JobKey(self._account(request, name), name)
        entries, since = await self._story.read(f"job {'/'.join(key)}")
        job = self._service.jobs.get(key)
        if job is None and not entries:
            raise ServiceError("JobNotFound", _unknown(key.account, "JOB"))
        events = [_shown(entry) for entry in entries]
        body = {"job": name, "account": key.account, "events": events, **_since(since)}
        return Response(200, body if job is None else body | {"state": job.state})

    async def _node(self, request: Request) -> Response:
        account = request.query_value("account") or ""
        pool, name = request.params["pool"].lower(), request.params["node"]
        if not account:
            account = next((key.account for key in self._service.pools if key.pool == pool), DEFAULT_ACCOUNT)
        key = NodeKey(account.lower(), pool, name)
        entries, since = await self._story.read(f"node {'/'.join(key)}")
        node = self._service.nodes.get(key)
        if node is None and not entries:
            raise ServiceError("NodeNotFound", _unknown(key.account, "POOL/NODE"))
        events = [_shown(entry) for entry in entries]
        body = {"node": name, "pool": pool, "account": key.account, "events": events, **_since(since)}
        return Response(200, body if node is None else body | {"state": node.state})

    def _account(self, request: Request, job: str) -> str:
        """The account that is named, or the only one with such a job, or the one that is always there."""
        named = request.query_value("account")
        if named:
            return named.lower()
        owners = [key.account for key in self._service.jobs if key.job == job.lower()]
        if len(owners) > 1:
            error = missing_property("account")
            raise ServiceError(error.code, f"Several accounts have such a job: {', '.join(owners)}.", error.values)
        return owners[0] if owners else DEFAULT_ACCOUNT


def _shown(entry: Entry) -> dict[str, Json]:
    of = {"of": "job"} if entry.subject.startswith("job ") else {}
    told: dict[str, Any] = {"time": wire_time(entry.at), "what": entry.what, **of, **entry.facts}
    return told | {"event": entry.event, "cause": entry.cause}


def _since(moment: float | None) -> dict[str, Json]:
    return {"completeSince": None if moment is None else wire_time(moment)}


def _unknown(account: str, form: str) -> str:
    return f"Nothing is known of it in account {account}; for another account say ACCOUNT/{form}."
