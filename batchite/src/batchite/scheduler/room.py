"""The free task slots of a pool during one pass of placement, and which of them wait for a task that is due first.

A task that cannot run yet keeps nodes from the tasks after it in two cases, or it might wait for ever: a multi-instance
task gathers its nodes, and a task that pre-empts others waits for their end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from batchite.scheduler import job_nodes, preemption
from batchite.scheduler.model import JobState, NodeKey, NodeState, PoolKey, PoolState, TaskState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import held_slots


@dataclass(slots=True)
class Room:
    """What one pass still has to give."""

    pool: PoolState
    free: dict[NodeKey, int]
    lowest: int | None  # the least priority of the jobs whose running tasks may be pre-empted
    kept: set[NodeKey] = field(default_factory=set)  # for a task that waits

    def none(self) -> bool:
        """Whether no job at all gets anything: the common case while the pool is busy."""
        return self.lowest is None and not any(self.free.values())

    def any(self, priority: int) -> bool:
        """Whether a job of this priority may get anything."""
        return any(self.free.values()) or self.preempts(priority)

    def preempts(self, priority: int) -> bool:
        """Whether running tasks may have to make room for a job of this priority."""
        return self.lowest is not None and self.lowest < priority

    def take(self, node: NodeState, task: TaskState) -> None:
        """Give the task its slots of the node."""
        self.free[node.key] -= held_slots(task, node)

    def keep(self, node: NodeKey) -> None:
        """Give no more of this node in this pass."""
        self.free[node] = 0
        self.kept.add(node)


def of_pool(turn: Turn, key: PoolKey) -> Room:
    """The room of a pool as it is."""
    free = {node.key: turn.world.free_slots(node) for node in turn.world.pool_nodes(key) if _takes_tasks(node)}
    return Room(turn.world.pools[key], free, preemption.lowest(turn.world, key))


def suitable(turn: Turn, room: Room, job: JobState, task: TaskState) -> list[NodeState]:
    """The nodes that may run the task once they have room, in the order they were added."""
    nodes = (turn.world.nodes[key] for key in room.free)
    return [node for node in nodes if may_run(job, task, node)]


def may_run(job: JobState, task: TaskState, node: NodeState) -> bool:
    """Whether the task may run on the node, if there is room."""
    return not (task.dedicated and node.spot) and job_nodes.takes(job, node.key)


def too_large(turn: Turn, room: Room, job: JobState, task: TaskState) -> bool:
    """Whether the pool, as it is, can never run the task; those behind it need not wait for it.

    A multi-instance task stays active in a pool whose nodes may not talk to each other or run several tasks at once
    (documented); it needs as many nodes as instances.
    """
    if not task.instances:
        return task.slots > room.pool.slots_per_node
    fit = room.pool.inter_node and room.pool.slots_per_node == 1
    return not fit or len(suitable(turn, room, job, task)) < task.instances


def await_room(turn: Turn, room: Room, job: JobState, task: TaskState) -> None:
    """The task is due and has no room: pre-empt others for it if that is allowed, and keep the nodes it waits for."""
    nodes = [node for node in suitable(turn, room, job, task) if node.key not in room.kept]
    wanted = preemption.make_room(turn, room.free, job, task, nodes) if room.preempts(job.priority) else []
    if not wanted and task.instances:
        wanted = [node.key for node in nodes if room.free[node.key]][: task.instances]
    for key in wanted:
        room.keep(key)


def _takes_tasks(node: NodeState) -> bool:
    return node.ready and not node.disabled and node.state in {"idle", "running"}
