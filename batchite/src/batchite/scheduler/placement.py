"""Which active task runs on which node: jobs by priority, tasks in order, nodes by the pool's fill type."""

from __future__ import annotations

import heapq
from itertools import groupby

from batchite.scheduler import job_nodes
from batchite.scheduler.model import JobKey, JobState, NodeState, PoolKey, Subtask, TaskState
from batchite.scheduler.notes import Facts
from batchite.scheduler.records import replace
from batchite.scheduler.room import Room, await_room, may_run, of_pool, too_large
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import held_slots, nodes_of_attempt


def place(turn: Turn, key: PoolKey) -> None:
    """Give free task slots of the pool to waiting tasks until one of both runs out."""
    if key not in turn.world.pools:
        return
    room = of_pool(turn, key)
    if room.none():
        return
    jobs = [turn.world.jobs[job] for job in turn.world.jobs_of[key] if turn.world.ready.get(job)]
    queue = sorted((job for job in jobs if job.state == "active"), key=lambda job: (-job.priority, job.sequence))
    for priority, equals in groupby(queue, key=lambda job: job.priority):
        if not room.any(priority):
            return
        _place_equals(turn, room, list(equals))


def _place_equals(turn: Turn, room: Room, jobs: list[JobState]) -> None:
    """Jobs of one priority: the older before the younger, or, by default, the one that runs least (evenly)."""
    set_aside: dict[JobKey, list[tuple[int, str]]] = {}
    queue = [(*_share(turn, room, job), job.sequence, job) for job in jobs]
    heapq.heapify(queue)
    while queue and room.any(jobs[0].priority):
        job = queue[0][-1]
        if _place_next(turn, room, job, set_aside.setdefault(job.key, [])):
            heapq.heapreplace(queue, (*_share(turn, room, job), job.sequence, job))
        else:
            heapq.heappop(queue)
    for key, entries in set_aside.items():
        for entry in entries:
            heapq.heappush(turn.world.ready[key], entry)


def _share(turn: Turn, room: Room, job: JobState) -> tuple[int, int]:
    """How many tasks of the job run, and when it was given a node last, where that decides whose turn it is.

    Of two jobs that run as many tasks, the one that has waited longer goes first: a multi-instance task that needs all
    nodes would wait for ever otherwise.
    """
    if room.pool.job_order != "none":
        return 0, 0
    return turn.world.counts[job.key].tasks["running"], turn.world.served.get(job.key, 0)


def _place_next(turn: Turn, room: Room, job: JobState, set_aside: list[tuple[int, str]]) -> bool:
    """Place the job's next task, if it has one that may run and fits; those behind it do not overtake it."""
    ready = turn.world.ready[job.key]
    while ready and _may_run_more(turn, job):
        task = _candidate(turn, job.key, ready[0][1])
        if task is None:
            heapq.heappop(ready)
        elif too_large(turn, room, job, task):
            set_aside.append(heapq.heappop(ready))
        elif nodes := _choose(turn, room, job, task):
            heapq.heappop(ready)
            facts = _why(room, nodes)
            for node in nodes:
                room.take(node, task)
            _assign(turn, task, nodes, facts)
            return True
        else:
            await_room(turn, room, job, task)
            return False
    return False


def _may_run_more(turn: Turn, job: JobState) -> bool:
    """Whether the job's own limit of parallel tasks (-1 = none) leaves room."""
    return job.max_parallel < 0 or turn.world.counts[job.key].tasks["running"] < job.max_parallel


def _candidate(turn: Turn, job: JobKey, name: str) -> TaskState | None:
    """The task of a queue entry, unless the entry is stale."""
    task = turn.world.tasks[job].get(name)
    return task if task is not None and task.state == "active" else None


def _choose(turn: Turn, room: Room, job: JobState, task: TaskState) -> list[NodeState]:
    """The node that the task asks for if it has room, else the emptiest (spread) or the fullest with room (pack);
    dedicated before Spot, then the oldest. The first nodes of this order, as many as the task has instances, or none.
    """
    nodes = ((turn.world.nodes[key], free) for key, free in room.free.items() if free)
    fitting = [node for node, free in nodes if free >= held_slots(task, node) and may_run(job, task, node)]
    sign, wanted = -1 if room.pool.fill == "spread" else 1, max(1, task.instances)
    if len(fitting) < wanted:
        return []
    return heapq.nsmallest(
        wanted, fitting, key=lambda node: (node.key.node != task.affinity, sign * room.free[node.key], node.spot)
    )


def _why(room: Room, nodes: list[NodeState]) -> Facts:
    """What spoke for the (primary) node, and how many nodes there are if several."""
    node, pool = nodes[0], room.pool
    facts: Facts = {"node": node.key.node, "free": room.free[node.key], "slots": node.slots, "fill": pool.fill}
    return facts if len(nodes) == 1 else facts | {"instances": len(nodes)}


def _assign(turn: Turn, task: TaskState, nodes: list[NodeState], facts: Facts) -> None:
    turn.world.served[JobKey(task.key.account, task.key.job)] = turn.world.next_sequence()
    assigned = turn.move_task(
        task,
        "preparing",
        facts,
        node=nodes[0].key,
        subtasks=tuple(Subtask(node.key, "preparing", turn.now.wire) for node in nodes[1:]),
        attempt=task.attempt + 1,
        started_at=None,
        ended_at=None,
        exit_code=None,
        failure=None,
        result="",
        container=None,
        cleaned=False,
    )
    for key in nodes_of_attempt(assigned):
        node = turn.world.nodes[key]
        if node.state == "idle":
            node = turn.move_node(node, "running")
        turn.put(replace(node, total_run=node.total_run + 1))
    job_nodes.launch(turn, assigned)
