"""What the core tells about its decisions, for the story of a task, a job or a node.

A note is (subject, what happened, facts). The moment and the origin - the event and its cause - are those of its turn.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from batchite.scheduler.model import Failure, JobState, NodeState, TaskState

Facts: TypeAlias = dict[str, Any]  # plain JSON values
Note: TypeAlias = tuple[str, str, Facts]

TASK, JOB, NODE = "task", "job", "node"


def of_task(task: TaskState, what: str, facts: Facts) -> Note:
    """A note on a task; which attempt it concerns is told once there is one."""
    account, job, name = task.key
    return (f"task {account}/{job}/{name}", what, {"attempt": task.attempt, **facts} if task.attempt else facts)


def of_job(job: JobState, what: str) -> Note:
    """A note on a job."""
    return (f"job {job.key.account}/{job.key.job}", what, {})


def of_node(node: NodeState, what: str) -> Note:
    """A note on a node."""
    account, pool, name = node.key
    return (f"node {account}/{pool}/{name}", what, why(node.failure) if what == "unusable" else {})


def why(failure: Failure | None) -> Facts:
    """A failure as facts."""
    return {} if failure is None else {"code": failure.code, "message": failure.message}
