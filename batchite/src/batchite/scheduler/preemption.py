"""Which running tasks make room for a task of a job with a higher priority: those whose jobs allow it.

Source: REST reference, allowTaskPreemption of a job. It says that such tasks are requeued; which ones, is our choice:
as few as possible, those of the lowest priority, and among them those that began last and lose least.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from batchite.scheduler import tasks
from batchite.scheduler.model import JobKey, JobState, NodeKey, NodeState, PoolKey, TaskState
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import World, held_slots


class Offer(NamedTuple):
    """What it costs to have room on a node; the least is taken. A node that will have room anyway costs nothing."""

    victims: int
    priority: int  # the highest one of them
    began: float  # the latest start comes before, so it is negative
    node: NodeKey
    tasks: tuple[TaskState, ...]


def lowest(world: World, pool: PoolKey) -> int | None:
    """The least priority of the pool's jobs that run tasks and allow their pre-emption."""
    jobs = (world.jobs[key] for key in world.preemptible)
    running = (job.priority for job in jobs if job.pool == pool and world.counts[job.key].tasks["running"])
    return min(running, default=None)


def make_room(
    turn: Turn, free: Mapping[NodeKey, int], job: JobState, task: TaskState, nodes: Iterable[NodeState]
) -> list[NodeKey]:
    """The nodes that will have room for the task: its instances, or one. Tasks there are stopped and requeued for it.

    Empty, and nothing is stopped, when that is not enough.
    """
    found = (_offer(turn.world, free[node.key], job, task, node) for node in nodes)
    offers, wanted = sorted(offer for offer in found if offer is not None), max(1, task.instances)
    if len(offers) < wanted:
        return []
    for victim in dict.fromkeys(victim.key for offer in offers[:wanted] for victim in offer.tasks):
        present = turn.world.task(victim)
        assert present is not None
        tasks.stop(turn, present, "requeue", {"for": f"{job.id}/{task.id}", "priority": job.priority})
    return [offer.node for offer in offers[:wanted]]


def _offer(world: World, room: int, job: JobState, task: TaskState, node: NodeState) -> Offer | None:
    """What must go from the node; None when all that may go is not enough."""
    here = world.attempts_on(node.key)
    room += sum(held_slots(one, node) for one in here if one.ending)
    victims: list[TaskState] = []
    lower = [one for one in here if not one.ending and _gives_way(_job(world, one), job)]
    for one in sorted(lower, key=lambda one: _rank(world, one)):
        if room < held_slots(task, node):
            victims.append(one)
            room += held_slots(one, node)
    if room < held_slots(task, node):
        return None
    highest = max((_job(world, one).priority for one in victims), default=0)
    return Offer(len(victims), highest, -max((one.state_at for one in victims), default=0.0), node.key, tuple(victims))


def _gives_way(own: JobState, other: JobState) -> bool:
    """Whether tasks of the first job may be stopped for the other. One that is disabled ends them as asked for."""
    return own.preemptible and own.state == "active" and own.priority < other.priority


def _rank(world: World, task: TaskState) -> tuple[int, float, int]:
    return _job(world, task).priority, -task.state_at, -task.sequence


def _job(world: World, task: TaskState) -> JobState:
    return world.jobs[JobKey(task.key.account, task.key.job)]
