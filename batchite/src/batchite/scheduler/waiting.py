"""Why an active task does not run yet, as the world is now. Nothing is decided here: placement does that."""

from __future__ import annotations

from collections import Counter

from batchite.scheduler.model import JobKey, JobState, NodeState, PoolState, TaskState
from batchite.scheduler.notes import Facts
from batchite.scheduler.world import World

MOST_NAMED = 10
"""Tasks that are named; of more there is only the number."""


def reason(world: World, task: TaskState) -> Facts | None:
    """The foremost reason, with what it is about; None for a task that is not waiting."""
    job = world.jobs[JobKey(task.key.account, task.key.job)]
    if task.state != "active":
        return None
    if world.dependencies.blocked(job.key, task.key.task):
        return _dependencies(world, job, task)
    if job.state != "active":
        return {"for": "job", "jobState": job.state}
    if 0 <= job.max_parallel <= world.counts[job.key].tasks["running"]:
        return {"for": "maxParallelTasks", "maxParallelTasks": job.max_parallel}
    pool = world.pools.get(job.pool)
    return {"for": "pool", "pool": job.pool_id} if pool is None else _slots(world, pool, task)


def _dependencies(world: World, job: JobState, task: TaskState) -> Facts:
    wait = world.dependencies.jobs[job.key].waits[task.key.task]
    open_ids = [number for first, last in wait.ranges for number in range(first, last + 1) if number not in wait.met]
    names = list(dict.fromkeys([*sorted(wait.ids), *map(str, open_ids)]))
    states = {name: known.state for name in names[:MOST_NAMED] if (known := world.tasks[job.key].get(name))}
    return {"for": "dependencies", "tasks": names[:MOST_NAMED], "number": len(names), "states": states}


def _slots(world: World, pool: PoolState, task: TaskState) -> Facts:
    """What the pool lacks: nodes that are large enough, nodes at all, or free slots."""
    if task.slots > pool.slots_per_node:
        return {"for": "larger nodes", "requiredSlots": task.slots, "taskSlotsPerNode": pool.slots_per_node}
    if task.instances and not (pool.inter_node and pool.slots_per_node == 1):
        facts: Facts = {"for": "another pool", "instances": task.instances, "taskSlotsPerNode": pool.slots_per_node}
        return facts | {"enableInterNodeCommunication": pool.inter_node}
    nodes = world.pool_nodes(pool.key)
    up = [node for node in nodes if _takes_tasks(node, task)]
    if len(up) < max(1, task.instances):
        errors = [error.code for error in pool.resize_errors]
        wanted = {"instances": task.instances, "up": len(up)} if task.instances else {}
        return {"for": "nodes", **wanted, "nodes": dict(Counter(node.state for node in nodes)), "resizeErrors": errors}
    if task.instances:
        idle = sum(world.free_slots(node) > 0 for node in up)
        return {"for": "free nodes", "instances": task.instances, "free": idle, "nodes": len(up)}
    free = sum(world.free_slots(node) for node in up)
    return {"for": "slots", "requiredSlots": task.slots, "free": free, "slots": sum(node.slots for node in up)}


def _takes_tasks(node: NodeState, task: TaskState) -> bool:
    up = node.ready and not node.disabled and node.state in {"idle", "running"}
    return up and not (task.dedicated and node.spot)
