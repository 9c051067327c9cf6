"""The core's state: records by key and the indexes that keep every decision cheap.

Indexes are derived: `World.load` rebuilds all of them from the records alone, and the invariants compare them.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from batchite.scheduler.commands import Key, Record
from batchite.scheduler.consumption import NOTHING, Consumption
from batchite.scheduler.dependencies import Dependencies
from batchite.scheduler.model import (
    JobKey,
    JobState,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    TaskKey,
    TaskState,
)

OCCUPYING = frozenset({"preparing", "running"})
"""Task states that hold slots of a node."""


COUNTED = ("active", "running", "completed", "succeeded", "failed")
"""The counters of a job, as the service names them."""


@dataclass(slots=True)
class Counts:
    """Tasks of a job by state: numbers of tasks, and numbers of slots; and what they have used."""

    tasks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    slots: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    used: Consumption = NOTHING

    def add(self, task: TaskState, sign: int) -> None:
        """Count the task in (sign 1) or out (sign -1)."""
        for name in counted_as(task):
            self.tasks[name] += sign
            self.slots[name] += sign * task.slots
        if task.used is not None:
            self.used = self.used.plus(task.used, sign)


def counted_as(task: TaskState) -> tuple[str, ...]:
    """The counters of a job that a task belongs to; a preparing task counts as running."""
    if task.state == "completed":
        return ("completed", "succeeded" if task.result == "success" else "failed")
    return ("running",) if task.state in OCCUPYING else ("active",)


def schedule_of(job: JobKey) -> ScheduleKey | None:
    """The schedule that made the job, as its id `<schedule>:job-<n>` says; a client cannot give such an id."""
    schedule, colon, _ = job.job.partition(":")
    return ScheduleKey(job.account, schedule) if colon else None


def held_slots(task: TaskState, node: NodeState) -> int:
    """The slots of the node that the task takes there: all of them when it shares the node with no other one."""
    return node.slots if task.exclusive else task.slots


def nodes_of_attempt(task: TaskState) -> tuple[NodeKey, ...]:
    """Where the task runs or ran: one node, or all those of a multi-instance task with the primary's before."""
    return () if task.node is None else (task.node, *(subtask.node for subtask in task.subtasks))


RECENT = 10
"""Tasks that a node remembers as its recent ones. The service documents no number."""


@dataclass(slots=True)
class World:
    """Everything the core knows."""

    pools: dict[PoolKey, PoolState] = field(default_factory=dict)
    nodes: dict[NodeKey, NodeState] = field(default_factory=dict)
    jobs: dict[JobKey, JobState] = field(default_factory=dict)
    schedules: dict[ScheduleKey, ScheduleState] = field(default_factory=dict)
    tasks: dict[JobKey, dict[str, TaskState]] = field(default_factory=dict)
    order: dict[JobKey, list[str]] = field(
        default_factory=dict
    )  # the tasks of a job by sequence: a page starts anywhere
    nodes_of: defaultdict[PoolKey, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    jobs_of: defaultdict[PoolKey, dict[JobKey, None]] = field(default_factory=lambda: defaultdict(dict))
    jobs_from: defaultdict[ScheduleKey, dict[JobKey, None]] = field(default_factory=lambda: defaultdict(dict))
    running_on: defaultdict[NodeKey, dict[TaskKey, int]] = field(default_factory=lambda: defaultdict(dict))
    recent: defaultdict[NodeKey, dict[TaskKey, None]] = field(default_factory=lambda: defaultdict(dict))  # latest last
    active: Counter[str] = field(default_factory=Counter)  # jobs and schedules by account that have not completed
    counts: dict[JobKey, Counts] = field(default_factory=dict)
    ready: defaultdict[JobKey, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    dependencies: Dependencies = field(default_factory=Dependencies)
    preemptible: set[JobKey] = field(default_factory=set)  # jobs that allow the pre-emption of their tasks
    served: dict[JobKey, int] = field(default_factory=dict)  # when each job was last given a node; not kept
    sequence: int = 0

    def task(self, key: TaskKey) -> TaskState | None:
        """The task's record, or None."""
        return self.tasks.get(JobKey(key.account, key.job), {}).get(key.task)

    def tasks_after(self, job: JobKey, sequence: int) -> Iterator[TaskState]:
        """Tasks of the job that were added after that one, in order; finding the place costs nearly nothing."""
        tasks, names = self.tasks.get(job, {}), self.order.get(job, [])
        begin = bisect_right(names, sequence, key=lambda name: tasks[name].sequence)
        return (tasks[names[at]] for at in range(begin, len(names)))

    def pool_nodes(self, pool: PoolKey) -> list[NodeState]:
        """Nodes of the pool in the order they were added."""
        return [self.nodes[NodeKey(*pool, node)] for node in self.nodes_of[pool]]

    def free_slots(self, node: NodeState) -> int:
        """Task slots of the node that no attempt holds."""
        return node.slots - sum(self.running_on.get(node.key, {}).values())

    def attempts_on(self, node: NodeKey) -> list[TaskState]:
        """The tasks whose attempt holds slots of the node."""
        return [self.tasks[JobKey(key.account, key.job)][key.task] for key in self.running_on.get(node, {})]

    def next_sequence(self) -> int:
        """The next number in the order of creation."""
        self.sequence += 1
        return self.sequence

    def put(self, record: Record) -> None:
        """Insert or replace a record and keep the indexes."""
        match record:
            case PoolState():
                self.pools[record.key] = record
            case NodeState():
                self.nodes[record.key] = record
                self.nodes_of[PoolKey(record.key.account, record.key.pool)][record.key.node] = None
            case JobState():
                self._put_job(record)
            case TaskState():
                self._put_task(record)
            case ScheduleState():
                self._count_active(self.schedules.get(record.key), record)
                self.schedules[record.key] = record

    def remove(self, key: Key) -> None:
        """Remove a record and keep the indexes; a job's tasks must be gone before it."""
        match key:
            case PoolKey():
                del self.pools[key]
                self.nodes_of.pop(key, None)  # its jobs stay: they run in the next pool of that id
            case NodeKey():
                del self.nodes[key]
                del self.nodes_of[PoolKey(key.account, key.pool)][key.node]
                self.running_on.pop(key, None)
                self.recent.pop(key, None)
            case JobKey():
                self._remove_job(key)
            case TaskKey():
                self._remove_task(key)
            case ScheduleKey():
                self._count_active(self.schedules.pop(key), None)
                self.jobs_from.pop(key, None)

    def enqueue(self, task: TaskState) -> None:
        """Offer an active task to placement; stale entries are dropped when they surface."""
        heapq.heappush(self.ready[JobKey(task.key.account, task.key.job)], (task.sequence, task.key.task))

    def _put_job(self, job: JobState) -> None:
        self._count_active(self.jobs.get(job.key), job)
        before = self.jobs.get(job.key, job)
        if before.pool != job.pool:
            self.jobs_of[before.pool].pop(job.key, None)
        self.jobs[job.key] = job
        self.jobs_of[job.pool][job.key] = None
        (self.preemptible.add if job.preemptible else self.preemptible.discard)(job.key)
        if (schedule := schedule_of(job.key)) is not None:
            self.jobs_from[schedule][job.key] = None
        self.tasks.setdefault(job.key, {})
        self.order.setdefault(job.key, [])
        self.counts.setdefault(job.key, Counts())
        self.sequence = max(self.sequence, job.sequence)

    def _remove_job(self, key: JobKey) -> None:
        job = self.jobs.pop(key)
        self._count_active(job, None)
        self.jobs_of[job.pool].pop(key, None)
        self.preemptible.discard(key)
        if (schedule := schedule_of(key)) is not None:
            self.jobs_from[schedule].pop(key, None)
        for index in (self.tasks, self.order, self.counts, self.ready, self.served):
            index.pop(key, None)

    def _count_active(self, before: JobState | ScheduleState | None, after: JobState | ScheduleState | None) -> None:
        for item, sign in ((before, -1), (after, 1)):
            if item is not None and item.state != "completed":
                self.active[item.key.account] += sign

    def _put_task(self, task: TaskState) -> None:
        job = JobKey(task.key.account, task.key.job)
        old = self.tasks[job].get(task.key.task)
        if old is not None:
            self._uncount(job, old)
        else:
            self.order[job].append(task.key.task)
        self.tasks[job][task.key.task] = task
        self.counts[job].add(task, 1)
        for node in nodes_of_attempt(task):
            if task.state in OCCUPYING:
                self.running_on[node][task.key] = held_slots(task, self.nodes[node])
            if node in self.nodes:
                self._remember(node, task.key)
        self.sequence = max(self.sequence, task.sequence)

    def _remember(self, node: NodeKey, task: TaskKey) -> None:
        known = self.recent[node]
        known[task] = None
        if len(known) > RECENT:
            del known[next(iter(known))]

    def _remove_task(self, key: TaskKey) -> None:
        job = JobKey(key.account, key.job)
        tasks, names = self.tasks[job], self.order[job]
        del names[bisect_left(names, tasks[key.task].sequence, key=lambda name: tasks[name].sequence)]
        self._uncount(job, tasks.pop(key.task))

    def _uncount(self, job: JobKey, task: TaskState) -> None:
        self.counts[job].add(task, -1)
        for node in nodes_of_attempt(task):
            if task.state in OCCUPYING:
                self.running_on[node].pop(task.key, None)
            if node in self.recent:
                self.recent[node].pop(task.key, None)
