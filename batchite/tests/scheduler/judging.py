"""What the tests ask about jobs and tasks: whether they are gone, wait for others, or can never run."""

from __future__ import annotations

from batchite.scheduler.core import Scheduler
from batchite.scheduler.dependencies import satisfies
from batchite.scheduler.model import JobState, PoolState, TaskKey, TaskState


def gone(job: JobState | None) -> bool:
    """Whether the job and its tasks are gone or about to go."""
    return job is None or job.state == "deleting"


def waiting(core: Scheduler) -> set[TaskKey]:
    """The tasks that wait for others."""
    found = core.world.dependencies.jobs
    return {TaskKey(*key, name) for key, waits in found.items() for name in waits.waits}


def too_large(pool: PoolState, item: TaskState) -> bool:
    """Whether the pool, which has three nodes, can never run the task."""
    fits = item.slots <= pool.slots_per_node and (not item.instances or (pool.inter_node and pool.slots_per_node == 1))
    return not fits


def blocked(tasks: dict[str, TaskState], item: TaskState) -> bool:
    """Whether the task waits for one that has not satisfied it."""
    numbers = (str(number) for first, last in item.depends_on_ranges for number in range(first, last + 1))
    return any(not satisfies(tasks.get(name)) for name in (*item.depends_on, *numbers))
