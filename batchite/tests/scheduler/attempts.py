"""A driver that counts retries and requeues by itself, from what was sent, and compares them with the records."""

from __future__ import annotations

from scheduler.worlds import Driver

from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import JobKey, TaskKey, TaskState
from batchite.scheduler.world import OCCUPYING, World

LIVING = {"active", "disabling", "disabled"}
LOST = {"preempted", "unusable"}
"""States of nodes whose attempts end with the node, not by themselves."""


class CountingDriver(Driver):
    """Each event changes the counts of a task by what documentation says of it, and of no other task."""

    def send(self, event: e.Event) -> tuple[c.Command, ...]:
        """Handle an event and compare every task with what it was before."""
        world = self.core.world
        before = _tasks(world)
        must_retry = _must_retry(world, event)
        commands = super().send(event)
        after = _tasks(self.core.world)
        for key, task in after.items():
            old = before.get(key)
            if old is not None and old.created_at == task.created_at and old.sequence == task.sequence:
                _compare(event, old, task)
        if must_retry is not None and must_retry.key in after:
            _compare_end(must_retry, after[must_retry.key], event)
        return commands


def _tasks(world: World) -> dict[TaskKey, TaskState]:
    return {task.key: task for tasks in world.tasks.values() for task in tasks.values()}


def _compare(event: e.Event, old: TaskState, new: TaskState) -> None:
    """A retry follows an end that may be retried, a requeue anything else that takes the attempt from its node."""
    reactivated = isinstance(event, e.ReactivateTask) and event.key == new.key
    given_up = old.state in OCCUPYING and (new.state == "active" or new.attempt != old.attempt)
    own_end = isinstance(event, e.TaskEnded) and (event.key, event.attempt) == (old.key, old.attempt) and not old.ending
    waited = old.state == "preparing" and isinstance(event, e.JobTaskEnded)
    retries = 1 if given_up and own_end else 0
    requeues = {0, 1} if given_up and waited else {int(given_up and not own_end)}
    assert new.retry_count == (0 if reactivated else old.retry_count + retries), f"{event}: {old} -> {new}"
    assert new.requeue_count - old.requeue_count in requeues, f"{event}: {old} -> {new}"


def _must_retry(world: World, event: e.Event) -> TaskState | None:
    """The task whose attempt the event ends for a reason of its own, with its node still there."""
    if not isinstance(event, e.TaskEnded):
        return None
    task = world.task(event.key)
    if task is None or task.state not in OCCUPYING or task.attempt != event.attempt or task.ending or task.node is None:
        return None
    job = world.jobs[JobKey(event.key.account, event.key.job)]
    nodes = {task.node, *(subtask.node for subtask in task.subtasks)}
    return task if job.state in LIVING and not any(world.nodes[node].state in LOST for node in nodes) else None


def _compare_end(old: TaskState, new: TaskState, event: e.Event) -> None:
    """It runs again as long as it has retries left, and completes otherwise."""
    assert isinstance(event, e.TaskEnded)
    again = event.retryable and (old.max_retries < 0 or old.retry_count < old.max_retries)
    assert (new.state != "completed") == again, f"{event}: {old} -> {new}"
