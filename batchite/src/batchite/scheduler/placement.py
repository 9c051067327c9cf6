"""Which active task runs on which node: jobs by priority, tasks in order, nodes by the pool's fill type."""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import groupby

from batchite.scheduler import job_nodes
from batchite.scheduler.model import JobKey, JobState, NodeKey, NodeState, PoolKey, PoolState, TaskState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import held_slots


def place(turn: Turn, key: PoolKey) -> None:
    """Give free task slots of the pool to waiting tasks until one of both runs out."""
    pool = turn.world.pools.get(key)
    if pool is None:
        return
    free = {node.key: turn.world.free_slots(node) for node in turn.world.pool_nodes(key) if _takes_tasks(node)}
    if not any(free.values()):
        return
    jobs = [turn.world.jobs[job] for job in turn.world.jobs_of[key] if turn.world.ready.get(job)]
    queue = sorted((job for job in jobs if job.state == "active"), key=lambda job: (-job.priority, job.sequence))
    for _, equals in groupby(queue, key=lambda job: job.priority):
        if not any(free.values()):
            return
        _place_equals(turn, pool, list(equals), free)


def _place_equals(turn: Turn, pool: PoolState, jobs: list[JobState], free: dict[NodeKey, int]) -> None:
    """Jobs of one priority: the older before the younger, or, by default, the one that runs least (evenly)."""
    too_large: dict[JobKey, list[tuple[int, str]]] = {}
    queue = [(_running(turn, pool, job), job.sequence, job) for job in jobs]
    heapq.heapify(queue)
    while queue and any(free.values()):
        _, sequence, job = queue[0]
        if _place_next(turn, pool, job, free, too_large.setdefault(job.key, [])):
            heapq.heapreplace(queue, (_running(turn, pool, job), sequence, job))
        else:
            heapq.heappop(queue)
    for key, entries in too_large.items():
        for entry in entries:
            heapq.heappush(turn.world.ready[key], entry)


def _running(turn: Turn, pool: PoolState, job: JobState) -> int:
    """How many tasks of the job run, where that decides whose turn it is."""
    return turn.world.counts[job.key].tasks["running"] if pool.job_order == "none" else 0


def _place_next(
    turn: Turn, pool: PoolState, job: JobState, free: dict[NodeKey, int], too_large: list[tuple[int, str]]
) -> bool:
    """Place the job's next task, if it has one that may run and fits; those behind it do not overtake it."""
    ready = turn.world.ready[job.key]
    while ready and _may_run_more(turn, job):
        task = _candidate(turn, job.key, ready[0][1])
        if task is None:
            heapq.heappop(ready)
        elif task.slots > pool.slots_per_node:
            too_large.append(heapq.heappop(ready))
        elif (node := _choose(turn, pool, free, job, task)) is not None:
            heapq.heappop(ready)
            free[node.key] -= held_slots(task, node)
            _assign(turn, task, node)
            return True
        else:
            return False
    return False


def _may_run_more(turn: Turn, job: JobState) -> bool:
    """Whether the job's own limit of parallel tasks (-1 = none) leaves room."""
    return job.max_parallel < 0 or turn.world.counts[job.key].tasks["running"] < job.max_parallel


def _candidate(turn: Turn, job: JobKey, name: str) -> TaskState | None:
    """The task of a queue entry, unless the entry is stale."""
    task = turn.world.tasks[job].get(name)
    return task if task is not None and task.state == "active" else None


def _takes_tasks(node: NodeState) -> bool:
    return node.ready and not node.disabled and node.state in {"idle", "running"}


def _choose(turn: Turn, pool: PoolState, free: dict[NodeKey, int], job: JobState, task: TaskState) -> NodeState | None:
    """The node that the task asks for if it has room, else the emptiest (spread) or the fullest with room (pack);
    dedicated before Spot, then the oldest.
    """
    nodes = ((turn.world.nodes[key], room) for key, room in free.items() if room)
    fitting = [
        node
        for node, room in nodes
        if room >= held_slots(task, node) and not (task.dedicated and node.spot) and job_nodes.takes(job, node.key)
    ]
    if not fitting:
        return None
    sign = -1 if pool.fill == "spread" else 1
    return min(fitting, key=lambda node: (node.key.node != task.affinity, sign * free[node.key], node.spot))


def _assign(turn: Turn, task: TaskState, node: NodeState) -> None:
    attempt = task.attempt + 1
    assigned = turn.move_task(
        task,
        "preparing",
        node=node.key,
        attempt=attempt,
        started_at=None,
        ended_at=None,
        exit_code=None,
        failure=None,
        result="",
        cleaned=False,
    )
    if node.state == "idle":
        node = turn.move_node(turn.world.nodes[node.key], "running")
    turn.put(replace(turn.world.nodes[node.key], total_run=turn.world.nodes[node.key].total_run + 1))
    job_nodes.launch(turn, assigned, node.key)
