"""A job's preparation and release tasks on the nodes.

The preparation runs on a node before the job's first task there, which waits for it in the state preparing. The release
runs where tasks of the job have run, once the job ends. Source: REST reference, JobPreparationTask and JobReleaseTask.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.scheduler import jobs, tasks
from batchite.scheduler.commands import RemoveTaskFiles, RunJobTask, RunTask, StopJobTask
from batchite.scheduler.events import JobTaskEnded
from batchite.scheduler.model import (
    Failure,
    JobKey,
    JobOnNode,
    JobState,
    JobTaskKey,
    JobTaskState,
    NodeKey,
    NodeState,
    TaskKey,
    TaskState,
)
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import nodes_of_attempt

LOST = Failure("servererror", "Unknown", "The node was lost while the task ran")


def takes(job: JobState, node: NodeKey) -> bool:
    """Whether tasks of the job may run on the node: not where its preparation has failed, until that is made anew."""
    if job.preparation is None or not job.preparation.wait_for_success:
        return True
    entry = _find(job, node)
    return entry is None or not entry.kept or entry.preparation.result != "failure"


def launch(turn: Turn, task: TaskState) -> None:
    """Run a task that was given its nodes; where its job has not prepared one of them, that comes before."""
    assert task.node is not None
    job = turn.world.jobs[_job(task)]
    if job.preparation is not None:
        entries = [_prepared_or_begun(turn, job.key, node) for node in nodes_of_attempt(task)]
        if job.preparation.wait_for_success and any(_running(entry.preparation) for entry in entries):
            turn.tell(task, "held", {"for": "preparation"})
            return
        for entry in entries:
            if not entry.used:
                _put(turn, job.key, replace(entry, used=True))
    turn.command(RunTask(task.key, task.node, task.attempt, turn.cause))


def ended(turn: Turn, event: JobTaskEnded) -> None:
    """A preparation lets the waiting tasks run, or go elsewhere; a release may have been the last thing of its job."""
    job, node = turn.world.jobs.get(event.key.job), turn.world.nodes.get(event.key.node)
    entry = _find(job, event.key.node) if job else None
    if job is None or entry is None or node is None:
        return
    run = entry.preparation if event.key.kind == "preparation" else entry.release
    killed_with_node = node.state in DOWN and event.failure == tasks.ENDED
    if run is None or run.state != "running" or run.attempt != event.attempt or killed_with_node:
        return  # an older attempt's answer; or the node's removal settles it
    if event.key.kind == "release":
        _put(turn, job.key, replace(entry, release=_ended(turn, run, event)))
    elif _may_retry(job, run, event):
        _retry(turn, job.key, entry)
    else:
        _prepared(turn, job, replace(entry, preparation=_ended(turn, run, event)))
    jobs.settle(turn, job.key)


def stop_preparations(turn: Turn, key: JobKey) -> None:
    """The job ends: no preparation is needed any more."""
    for entry in turn.world.jobs[key].on_nodes:
        if entry.preparation.state == "running":
            task = JobTaskKey(key, entry.node, "preparation")
            turn.command(StopJobTask(task, entry.preparation.attempt, turn.cause))


def busy(job: JobState) -> bool:
    """Whether a preparation or release task of the job runs."""
    return any(_running(entry.preparation) or _running(entry.release) for entry in job.on_nodes)


def release(turn: Turn, key: JobKey) -> None:
    """Begin the release tasks of a job that ends: on the nodes that are up and have run tasks of it."""
    job = turn.world.jobs[key]
    turn.put(replace(job, releasing=True))
    for entry in job.on_nodes:
        node = turn.world.nodes.get(entry.node)
        up = node is not None and node.state in UP
        if job.release and up and entry.kept and entry.used:
            _put(turn, key, replace(entry, release=JobTaskState("running", turn.now.wire)))
            turn.command(RunJobTask(JobTaskKey(key, entry.node, "release"), 1, turn.cause))


def hurry(turn: Turn, key: JobKey) -> None:
    """The job's end does not wait for release tasks: none is begun, and those that run are stopped."""
    if not turn.world.jobs[key].releasing:
        turn.put(replace(turn.world.jobs[key], releasing=True))
    for entry in turn.world.jobs[key].on_nodes:
        if entry.release is not None and _running(entry.release):
            turn.command(StopJobTask(JobTaskKey(key, entry.node, "release"), entry.release.attempt, turn.cause))


def node_up(turn: Turn, node: NodeState) -> None:
    """A node takes tasks again: a release task that was interrupted by its reboot runs again (documented)."""
    for job, entry in _on(turn, node.key):
        if _running(entry.release):
            _release_again(turn, job, entry)


def node_down(turn: Turn, node: NodeKey, *, keeps_files: bool) -> None:
    """Nothing runs on the node any more. A reboot keeps what a preparation made; a release task then waits for it."""
    for key, entry in _on(turn, node):
        policy = turn.world.jobs[key].preparation
        again = policy is None or (policy.rerun_on_reboot and entry.preparation.result == "success")
        kept = entry.kept and keeps_files and entry.preparation.state == "completed"
        now = replace(entry, kept=kept, holds=entry.holds and kept and not again)
        _put(turn, key, _interrupted(turn, now, waits=keeps_files))
        jobs.settle(turn, key)


def resume(turn: Turn, key: JobKey) -> None:
    """The server came back: preparations were lost, release tasks run again on nodes that are up and need no boot."""
    for entry in turn.world.jobs[key].on_nodes:
        node = turn.world.nodes.get(entry.node)
        lost = node is None or node.state in GOING
        if _running(entry.preparation):
            _put(turn, key, _interrupted(turn, replace(entry, kept=False, holds=False), waits=False))
        elif _running(entry.release) and lost:
            _put(turn, key, _interrupted(turn, entry, waits=False))
        elif _running(entry.release) and node is not None and node.state in UP and not needs_boot(node):
            _release_again(turn, key, entry)


def forget(turn: Turn, job: JobState) -> None:
    """The job is deleted, with the directories of both tasks."""
    for entry in job.on_nodes:
        for name in (job.preparation.id if job.preparation else "", job.release):
            if name and entry.node in turn.world.nodes:
                turn.command(RemoveTaskFiles(TaskKey(*job.key, name), entry.node, turn.cause))


def needs_boot(node: NodeState) -> bool:
    """Whether a node has to boot again after a stop of the server: its start task was not done."""
    return not node.ready or (node.start_task is not None and node.start_task.state == "running")


UP = frozenset({"idle", "running", "offline"})
GOING = frozenset({"leavingpool", "preempted", "deallocating", "deallocated"})
DOWN = GOING | {"rebooting", "reimaging", "unusable"}


def _interrupted(turn: Turn, entry: JobOnNode, *, waits: bool) -> JobOnNode:
    """What ran on the node is lost; a release task `waits` for the node to come back."""
    if _running(entry.preparation):
        entry = replace(entry, preparation=_completed(turn, entry.preparation, None, LOST))
    if entry.release is not None and _running(entry.release) and not waits:
        entry = replace(entry, release=_completed(turn, entry.release, None, LOST))
    return entry


def _release_again(turn: Turn, job: JobKey, entry: JobOnNode) -> None:
    assert entry.release is not None
    again = replace(entry.release, attempt=entry.release.attempt + 1, started_at=turn.now.wire)
    _put(turn, job, replace(entry, release=again))
    turn.command(RunJobTask(JobTaskKey(job, entry.node, "release"), again.attempt, turn.cause))


def _prepared_or_begun(turn: Turn, key: JobKey, node: NodeKey) -> JobOnNode:
    """What the job knows of the node, after its preparation began there unless that holds."""
    job = turn.world.jobs[key]
    entry = _find(job, node)
    return entry if entry is not None and entry.holds else _begin_preparation(turn, job, node)


def _begin_preparation(turn: Turn, job: JobState, node: NodeKey) -> JobOnNode:
    before = _find(job, node)
    attempt = before.preparation.attempt + 1 if before else 1
    entry = JobOnNode(node, JobTaskState("running", turn.now.wire, attempt))
    _put(turn, job.key, replace(entry, used=before.used and before.kept if before else False))
    turn.command(RunJobTask(JobTaskKey(job.key, node, "preparation"), attempt, turn.cause))
    return entry


def _may_retry(job: JobState, run: JobTaskState, event: JobTaskEnded) -> bool:
    limit = job.preparation.max_retries if job.preparation else 0
    return event.retryable and job.state in jobs.LIVING and (limit < 0 or run.retry_count < limit)


def _retry(turn: Turn, key: JobKey, entry: JobOnNode) -> None:
    run, now = entry.preparation, turn.now.wire
    again = JobTaskState("running", now, run.attempt + 1, run.retry_count + 1, now)
    _put(turn, key, replace(entry, preparation=again))
    turn.command(RunJobTask(JobTaskKey(key, entry.node, "preparation"), again.attempt, turn.cause))


def _prepared(turn: Turn, job: JobState, entry: JobOnNode) -> None:
    """The preparation is over: its tasks run, or are queued for other nodes. Without waiting they run already."""
    assert job.preparation is not None
    _put(turn, job.key, entry)
    if not job.preparation.wait_for_success:
        return
    waiting = [task for task in turn.world.attempts_on(entry.node) if _job(task) == job.key and not task.ending]
    for task in waiting:
        if entry.preparation.result == "success":
            launch(turn, task)
        else:
            tasks.give_back(turn, task)


def _ended(turn: Turn, run: JobTaskState, event: JobTaskEnded) -> JobTaskState:
    return replace(_completed(turn, run, event.exit_code, event.failure), container=event.container)


def _completed(turn: Turn, run: JobTaskState, code: int | None, failure: Failure | None) -> JobTaskState:
    result = "failure" if failure else "success"
    return replace(run, state="completed", ended_at=turn.now.wire, exit_code=code, failure=failure, result=result)


def _running(run: JobTaskState | None) -> bool:
    return run is not None and run.state == "running"


def _find(job: JobState, node: NodeKey) -> JobOnNode | None:
    return next((entry for entry in job.on_nodes if entry.node == node), None)


def _on(turn: Turn, node: NodeKey) -> list[tuple[JobKey, JobOnNode]]:
    """The jobs that have been on the node."""
    return [(job.key, entry) for job in turn.world.jobs.values() for entry in job.on_nodes if entry.node == node]


def _put(turn: Turn, key: JobKey, entry: JobOnNode) -> None:
    """Insert or replace what the job knows of the node."""
    job = turn.world.jobs[key]
    if _find(job, entry.node) is None:
        turn.put(replace(job, on_nodes=(*job.on_nodes, entry)))
    else:
        known = tuple(entry if one.node == entry.node else one for one in job.on_nodes)
        turn.put(replace(job, on_nodes=known))


def _job(task: TaskState) -> JobKey:
    return JobKey(task.key.account, task.key.job)
