"""The tasks that ran on a node lately: `recentTasks` of a node. Source: REST reference, TaskInformation."""

from __future__ import annotations

from batchite.batch import render
from batchite.batch.tasks import job_key, task_url
from batchite.http.types import Json
from batchite.scheduler.model import NodeKey, TaskState
from batchite.scheduler.world import nodes_of_attempt
from batchite.service import BatchService


def recent_tasks(service: BatchService, node: NodeKey, base_url: str) -> dict[str, Json]:
    """The property; nothing for a node on which no task has run (documented)."""
    found = [_shown(service, node, state, base_url) for state in service.recent_on(node)]
    return {"recentTasks": found} if found else {}


def _shown(service: BatchService, node: NodeKey, state: TaskState, base_url: str) -> dict[str, Json]:
    job = service.jobs[job_key(state.key)]
    subtask = {"subtaskId": nodes_of_attempt(state).index(node)} if state.instances else {}
    return {
        "taskUrl": task_url(job, state, base_url),
        "jobId": job.id,
        "taskId": state.id,
        **subtask,
        "taskState": state.state,
        "executionInfo": render.execution(state),
    }
