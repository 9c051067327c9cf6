"""A task's life: added, started, ended, retried, requeued, stopped."""

from __future__ import annotations

from collections.abc import Container

from batchite.errors import ServiceError
from batchite.scheduler import allocation, exits, jobs, notes, placement, reboots, retention, subtasks
from batchite.scheduler.commands import Derived, StopTask
from batchite.scheduler.consumption import charged, of_task, retried
from batchite.scheduler.events import (
    AddTasks,
    DeleteTask,
    DisableJob,
    ReactivateTask,
    TaskEnded,
    TaskStarted,
    TerminateTask,
    UpdateTask,
)
from batchite.scheduler.model import Failure, JobKey, JobState, NodeKey, PoolKey, TaskKey, TaskState
from batchite.scheduler.notes import Facts
from batchite.scheduler.records import replace
from batchite.scheduler.turn import AT_WORK, Turn
from batchite.scheduler.world import nodes_of_attempt

ENDED = Failure("usererror", "TaskEnded", "Task Was Ended by User Request")


def add(turn: Turn, event: AddTasks) -> None:
    """Add tasks to a job, all or none; those without unmet dependencies may run at once, or once it is enabled."""
    job = jobs.living(turn, event.job)
    known = turn.world.tasks[job.key]
    for task in event.tasks:
        check_id(job, task.key.task, known)
    if not job.uses_dependencies and any(task.depends_on or task.depends_on_ranges for task in event.tasks):
        raise ServiceError("TaskDependenciesNotSpecifiedOnJob")
    for task in event.tasks:
        _insert(turn, job.key, task)
    placement.place(turn, job.pool)


def add_manager(turn: Turn, job: JobState) -> None:
    """A job with a job manager task begins with it; it is the first in the job's queue, whenever it waits."""
    if job.manager is not None:
        key = TaskKey(*job.key, job.manager.key.task)
        turn.derive(Derived(job.key, ("jobManagerTask",), key, job.manager.id))
        _insert(turn, job.key, replace(job.manager, key=key))
        placement.place(turn, job.pool)


def _insert(turn: Turn, job: JobKey, task: TaskState) -> None:
    stamped = replace(task, created_at=turn.now.wire, state_at=turn.now.wire, sequence=turn.world.next_sequence())
    turn.put(stamped)
    turn.tell(stamped, "added", _awaited(stamped))
    if turn.world.dependencies.add(job, stamped, turn.world.tasks[job]):
        _set_free(turn, stamped)


def update(turn: Turn, event: UpdateTask) -> None:
    """Change the constraints: retries count from the next end on, the retention time from the end that was."""
    task = _existing(turn, event.key)
    jobs.not_deleting(turn, _job(event.key))
    changed = replace(task, max_retries=event.max_retries, retention=event.retention)
    turn.put(changed)
    if changed.state == "completed":
        retention.keep(turn, changed)


def reactivate(turn: Turn, event: ReactivateTask) -> None:
    """Let a failed task run again with all its retries; what is known of its end goes (documented)."""
    task = _existing(turn, event.key)
    job = jobs.living(turn, _job(event.key))
    if task.state != "completed":
        raise ServiceError("TaskNotCompleted")
    if task.result == "success":
        raise ServiceError("TaskSucceeded")
    fresh = replace(task, retry_count=0, last_retry_at=None, exit_code=None, failure=None, result="", ended_at=None)
    again = turn.move_task(replace(fresh, satisfies=False), "active", {"again": "reactivated"})
    if turn.world.dependencies.add(job.key, again, turn.world.tasks[job.key]):
        _set_free(turn, again)
    placement.place(turn, job.pool)


def started(turn: Turn, event: TaskStarted) -> None:
    """The attempt's process runs."""
    task = _current(turn, event.key, event.attempt)
    if task is not None and task.state == "preparing":
        turn.move_task(task, "running", {"files": event.files} if event.files else {}, started_at=turn.now.wire)


def ended(turn: Turn, event: TaskEnded) -> None:
    """The attempt is over and nothing of it runs any more: settle it and use the slots it held."""
    task = _current(turn, event.key, event.attempt)
    if task is None:
        return
    task, nodes = charged(task, event.used, turn.now.wire), nodes_of_attempt(task)
    if any(turn.world.nodes[node].state in {"preempted", "unusable"} for node in nodes):
        turn.put(task)
        return  # the node's removal settles its attempts, so that a requeue waits for the machine to be gone
    closed = replace(subtasks.closed(turn, task, ENDED), container=event.container)
    _settle(turn, closed, event)
    _free(turn, nodes, success=event.failure is None)


def lost(turn: Turn, task: TaskState) -> None:
    """The task's node has gone: run it again elsewhere, unless it was being stopped for good."""
    if task.ending in {"terminate", "delete"}:
        _finish_stopped(turn, subtasks.closed(turn, task, ENDED))
    else:
        requeue(turn, task)


def node_lost(turn: Turn, task: TaskState, node: NodeKey) -> None:
    """As `lost`, while the server runs: the other nodes of a multi-instance task are free."""
    lost(turn, task)
    for other in nodes_of_attempt(task):
        if other != node:
            _vacated(turn, other, success=False)


def give_back(turn: Turn, task: TaskState) -> None:
    """Back to active because a node of it could not be prepared for the job; its slots are free."""
    assert task.node is not None
    _queue_again(turn, replace(task, node=None, subtasks=()), {"again": "unprepared", "node": task.node.node})
    _free(turn, nodes_of_attempt(task), success=False)


def requeue(turn: Turn, task: TaskState) -> None:
    """Back to active after the loss of a node; the task keeps its place in the order."""
    again, count = replace(task, ending="", node=None, subtasks=(), started_at=None), task.requeue_count + 1
    facts = {"again": "requeued", "requeueCount": count, **_lost_node(turn, task)}
    _queue_again(turn, again, facts, requeue_count=count, last_requeue_at=turn.now.wire)


def terminate(turn: Turn, event: TerminateTask) -> None:
    """Stop a task for good; a running one completes once its processes are gone."""
    task = _existing(turn, event.key)
    if task.state == "completed":
        raise ServiceError("TaskCompleted")
    stop(turn, task, "terminate")
    _let_others_run(turn, event.key)


def delete(turn: Turn, event: DeleteTask) -> None:
    """Remove a task; a running one goes once its processes are gone."""
    stop(turn, _existing(turn, event.key), "delete")
    _let_others_run(turn, event.key)


def stop(turn: Turn, task: TaskState, ending: str, facts: Facts | None = None) -> None:
    """Stop a task in any state: at once when nothing of it runs, else by way of the agent. A deletion stays one."""
    if task.state in {"active", "completed"}:
        _finish_stopped(turn, replace(task, ending=ending))
        return
    assert task.node is not None
    if not task.ending:
        turn.command(StopTask(task.key, task.node, task.attempt, turn.cause))
        turn.tell(task, "stopping", {"ending": ending, **(facts or {})})
    turn.put(replace(task, ending="delete" if task.ending == "delete" else ending))


def remove(turn: Turn, task: TaskState) -> None:
    """Take a task that does not run out of the world, and its files off its nodes."""
    retention.clean(turn, task)
    job = _job(task.key)
    for dependant in turn.world.dependencies.relieved(task, turn.world.tasks[job]):
        turn.put(dependant)
    turn.world.dependencies.forget(job, task.key.task)
    turn.tell(task, "deleted", {})
    turn.gone(task.key)


def _settle(turn: Turn, task: TaskState, event: TaskEnded) -> None:
    """What the end of an attempt means for its task."""
    job = turn.world.jobs[_job(task.key)]
    limit = task.max_retries
    if task.ending == "requeue":
        requeue(turn, task)
    elif task.ending:
        _finish_stopped(turn, replace(task, exit_code=event.exit_code))
    elif event.retryable and (limit < 0 or task.retry_count < limit) and job.state in jobs.LIVING:
        again = replace(retried(task), exit_code=event.exit_code, failure=event.failure, ended_at=turn.now.wire)
        facts = {"again": "retry", "retryCount": task.retry_count + 1, "maxTaskRetryCount": limit}
        facts |= {"exitCode": event.exit_code, **notes.why(event.failure), **_uploads(event)}
        _queue_again(turn, again, facts, retry_count=task.retry_count + 1, last_retry_at=turn.now.wire)
    else:
        _complete(turn, replace(task, exit_code=event.exit_code), event.failure, _uploads(event))


def _queue_again(turn: Turn, task: TaskState, facts: Facts, **counts: float) -> None:
    """Back to active; a job that waits for its running tasks may have waited for this one."""
    turn.world.enqueue(turn.move_task(task, "active", facts, **counts))
    jobs.settle(turn, _job(task.key))


def _finish_stopped(turn: Turn, task: TaskState) -> None:
    if task.ending == "delete":
        turn.put(replace(task, ending=""))
        _not_running(turn, task)
        _remember(turn, task)
        remove(turn, task)
        jobs.settle(turn, _job(task.key))
    else:
        _complete(turn, replace(task, ending=""), ENDED)


def _remember(turn: Turn, task: TaskState) -> None:
    """What a task has used stays with its job."""
    if task.used is not None or task.state == "completed":
        job = turn.world.jobs[_job(task.key)]
        turn.put(replace(job, past=job.past.plus(of_task(task))))


def _not_running(turn: Turn, task: TaskState) -> None:
    """A task that is about to be deleted holds no slot any more."""
    if task.state in {"preparing", "running"}:
        turn.move_task(replace(task, ending=""), "active", {"again": "deleting"})


def _complete(turn: Turn, task: TaskState, failure: Failure | None, facts: Facts | None = None) -> None:
    action = exits.action(task, failure)
    result, satisfies = "failure" if failure else "success", action.dependency == "satisfy"
    told = {"result": result, "exitCode": task.exit_code, **notes.why(failure), **(facts or {})}
    done = turn.move_task(
        task, "completed", told, ended_at=turn.now.wire, failure=failure, result=result, satisfies=satisfies
    )
    job = _job(task.key)
    turn.world.dependencies.forget(job, task.key.task)
    for name in turn.world.dependencies.satisfied(job, done):
        turn.tell(turn.world.tasks[job][name], "ready", {"after": done.key.task})
        _set_free(turn, turn.world.tasks[job][name])
    retention.keep(turn, done)
    _act_on_job(turn, job, action.job, failure)
    if done.kills_job and turn.world.jobs[job].state in jobs.LIVING:
        jobs.end(turn, turn.world.jobs[job], "JMComplete")
    jobs.settle(turn, job)


def _act_on_job(turn: Turn, key: JobKey, action: str, failure: Failure | None) -> None:
    """Carry out a task's job action, if the job wants it. Tasks that end because the job is disabled do not count."""
    job = turn.world.jobs[key]
    ends_with_job = job.state == "disabling" and failure == ENDED
    if job.on_task_failure == "noaction" or job.state not in jobs.LIVING or ends_with_job:
        return
    if action == "terminate":
        jobs.end(turn, job, "TaskFailed")
    elif action == "disable":
        jobs.disable(turn, DisableJob(key, "requeue", turn.cause))


def _set_free(turn: Turn, task: TaskState) -> None:
    """The task waits for no other one any more, whatever becomes of those it named: it queues for a node."""
    if task.depends_on or task.depends_on_ranges:
        turn.put(replace(task, depends_on=(), depends_on_ranges=()))
    turn.world.enqueue(task)


def _awaited(task: TaskState) -> Facts:
    """What a new task waits for."""
    ranges = [f"{first}-{last}" for first, last in task.depends_on_ranges]
    return {"waitsFor": [*task.depends_on, *ranges]} if task.depends_on or ranges else {}


def _lost_node(turn: Turn, task: TaskState) -> Facts:
    """Which node an attempt has lost, and what brought that about."""
    nodes = [node for key in nodes_of_attempt(task) if (node := turn.world.nodes.get(key)) is not None]
    lost = next((node for node in nodes if node.state not in AT_WORK), None)
    if lost is None:
        return {"node": nodes[0].key.node} if nodes else {}
    return {"node": lost.key.node, "nodeState": lost.state, "because": lost.because}


def _uploads(event: TaskEnded) -> Facts:
    return {"uploaded": list(event.uploaded)} if event.uploaded else {}


def _let_others_run(turn: Turn, key: TaskKey) -> None:
    """A stopped task may have been the one the queue waited for, or what others depended on."""
    job = turn.world.jobs.get(_job(key))
    if job is not None:
        placement.place(turn, job.pool)


def _free(turn: Turn, nodes: tuple[NodeKey, ...], *, success: bool) -> None:
    """The slots of an ended attempt are free, for the next tasks."""
    for node in nodes:
        _vacated(turn, node, success=success)
    if nodes:
        placement.place(turn, PoolKey(nodes[0].account, nodes[0].pool))


def _vacated(turn: Turn, key: NodeKey, *, success: bool) -> None:
    """A node without the attempt that has ended: it idles, leaves or reboots, unless others run there."""
    node = turn.world.nodes[key]
    node = replace(node, total_succeeded=node.total_succeeded + success)
    turn.put(node)
    if node.state == "leavingpool":
        allocation.drained(turn, node)
    elif node.draining:
        reboots.drained(turn, node)
    elif node.state == "running" and not turn.world.attempts_on(node.key):
        turn.move_node(node, node.at_rest)


def _current(turn: Turn, key: TaskKey, attempt: int) -> TaskState | None:
    """The task, if this attempt is the one under way; answers of older attempts are of no interest."""
    task = turn.world.task(key)
    under_way = task is not None and task.attempt == attempt and task.state in {"preparing", "running"}
    return task if under_way else None


def check_id(job: JobState, name: str, known: Container[str]) -> None:
    """The id must be new in the job, its preparation and release task included."""
    if name in known:
        raise ServiceError("TaskExists")
    if job.preparation is not None and name == job.preparation.id:
        raise ServiceError("TaskIdSameAsJobPreparationTask")
    if name == job.release:
        raise ServiceError("TaskIdSameAsJobReleaseTask")


def _existing(turn: Turn, key: TaskKey) -> TaskState:
    if _job(key) not in turn.world.jobs:
        raise ServiceError("JobNotFound")
    task = turn.world.task(key)
    if task is None:
        raise ServiceError("TaskNotFound")
    return task


def _job(key: TaskKey) -> JobKey:
    return JobKey(key.account, key.job)
