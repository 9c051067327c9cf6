"""The shell around the core: one event loop owns it, commits before it answers, and drives the agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from batchite import autoscale, records
from batchite.agent.launch import Image, Launch, Mount, Package
from batchite.agent.port import Agent
from batchite.agent.reading import Reading
from batchite.clock import Clock
from batchite.sampling import Samples, Sums
from batchite.scheduler import commands as c
from batchite.scheduler import waiting
from batchite.scheduler.consumption import Tally, of_job
from batchite.scheduler.core import Scheduler
from batchite.scheduler.events import Event, JobTaskEnded, NodeUnusable, Now, Restarted, StartTaskEnded, TaskEnded, Tick
from batchite.scheduler.model import (
    Failure,
    JobKey,
    JobState,
    JobTaskKey,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    TaskKey,
    TaskState,
)
from batchite.scheduler.world import Counts
from batchite.storage.group_commit import GroupCommit
from batchite.storage.port import Store
from batchite.story import StoryLog
from batchite.usage import UsageLog, Use

log = logging.getLogger(__name__)

TICKS_AT_UNIX_EPOCH = 621_355_968_000_000_000
"""100-nanosecond ticks from year 1 to 1970: the service's ETags are such counts in hexadecimal."""

LONGEST_WAIT = 60.0
"""Seconds after which the clock is looked at in any case: it may have been set, or the machine suspended."""


@dataclass(frozen=True, slots=True)
class Document:
    """A client's document to store with an event; None removes it."""

    kind: str  # pool.doc | job.doc | task.doc | schedule.doc
    key: str
    value: dict[str, Any] | None


class Launches(Protocol):
    """Builds what the agent runs from documents and records; the data plane provides it."""

    def refusal(self, node: NodeState) -> Failure | None:
        """Why no such node can be had here (a Windows image), or None."""

    def packages(self, node: NodeState) -> tuple[Package, ...]:
        """The application packages of the pool, as they are now."""

    def mounts(self, node: NodeState) -> tuple[Mount, ...]:
        """The containers that the pool's nodes show."""

    def images(self, node: NodeState) -> tuple[Image, ...]:
        """The container images that are to be here before the start task."""

    def start_task(self, node: NodeState) -> Launch:
        """The pool's start task on this node."""

    def task(self, task: TaskState) -> Launch:
        """The present attempt of a task on its node."""

    def job_task(self, task: JobTaskKey) -> Launch:
        """A job's preparation or release task on a node."""

    def forget(self, node: NodeKey) -> None:
        """The node goes; what it was given is void."""

    def task_directory(self, task: TaskKey) -> str:
        """The task's directory relative to its node's root."""


def _log_failure(error: Exception) -> None:
    log.critical("the store has failed; nothing more is accepted: %s", error)


class BatchService:
    """One per server; used from the event loop only.

    `on_failure` is called when the store fails: memory is then ahead of it, and the server must end. `story`, which is
    open, takes what stories are told from.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        on_failure: Callable[[Exception], None] = _log_failure,
        story: StoryLog | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self._core = Scheduler()
        self._story = story
        self._commits = GroupCommit(store, on_failure, story.flush if story else None)
        self._usage = UsageLog(store)
        self._samples = Samples(store, clock.now().wire)
        self._agent: Agent | None = None
        self._launches: Launches | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: tuple[float | None, float | None] = (None, None)
        self._last_etag = 0

    def start(self, agent: Agent, launches: Launches) -> None:
        """Take up the records of an earlier run. The agent must have ended that run's processes before."""
        self._agent, self._launches = agent, launches
        self._core.load(records.read_all(self.store))
        self._usage.load(self.pools.values(), self.nodes.values(), self.now().wire)
        self.post(Restarted())

    def stop(self) -> None:
        """Let no timer fire any more. What the agent still answers is not heard: its stops are no ends of tasks."""
        self._agent = None
        if self._timer is not None:
            self._timer.cancel()

    @property
    def pools(self) -> Mapping[PoolKey, PoolState]:
        """Every pool."""
        return self._core.world.pools

    @property
    def nodes(self) -> Mapping[NodeKey, NodeState]:
        """Every node."""
        return self._core.world.nodes

    @property
    def jobs(self) -> Mapping[JobKey, JobState]:
        """Every job."""
        return self._core.world.jobs

    @property
    def schedules(self) -> Mapping[ScheduleKey, ScheduleState]:
        """Every job schedule."""
        return self._core.world.schedules

    def jobs_from(self, schedule: ScheduleKey) -> Sequence[JobState]:
        """The jobs that the schedule made, in the order it made them."""
        return [self.jobs[key] for key in self._core.world.jobs_from.get(schedule, ())]

    def tasks_of(self, job: JobKey) -> Mapping[str, TaskState]:
        """The job's tasks by lower-case id, in the order they were added."""
        return self._core.world.tasks.get(job, {})

    def tasks_after(self, job: JobKey, sequence: int) -> Iterator[TaskState]:
        """The job's tasks that were added after that one, in order."""
        return self._core.world.tasks_after(job, sequence)

    def nodes_of(self, pool: PoolKey) -> Sequence[NodeState]:
        """The pool's nodes in the order they were added."""
        return self._core.world.pool_nodes(pool)

    def tasks_on(self, node: NodeKey) -> Mapping[TaskKey, int]:
        """Attempts under way on a node and the slots each holds."""
        return self._core.world.running_on.get(node, {})

    def recent_on(self, node: NodeKey) -> Sequence[TaskState]:
        """The tasks that changed last of those whose latest attempt has or had the node, the latest before."""
        return [task for key in reversed(self._core.world.recent.get(node, {})) if (task := self._core.world.task(key))]

    def task_counts(self, job: JobKey) -> tuple[dict[str, int], dict[str, int]]:
        """Tasks, and task slots, of the job by state; in constant time."""
        counts = self._core.world.counts.get(job, Counts())
        return dict(counts.tasks), dict(counts.slots)

    def waits_for(self, task: TaskState) -> dict[str, Any] | None:
        """Why an active task does not run yet, None for others."""
        return waiting.reason(self._core.world, task)

    def tally(self, job: JobState) -> Tally:
        """What the job's tasks have used and how they ended, deleted ones too; in constant time."""
        return of_job(self._core.world, job)

    def dedicated_core_seconds(self, pool: PoolState, now: float) -> float | None:
        """Core time of the dedicated nodes that the pool has or has had until then; None when it never had any."""
        return self._usage.dedicated_core_seconds(pool, now)

    def samples_of(self, pool: PoolState) -> Sums | None:
        """The sums of the samples of a pool's nodes, None before its first one."""
        return self._samples.of(pool)

    def sample(self, readings: Mapping[NodeKey, Reading], disk: int) -> None:
        """Add a sample of the nodes that are up; it survives a kill with the next commit."""
        up = {key: node.booted_at for key, node in self.nodes.items() if node.booted_at is not None}
        with self._commits.writing():
            self._samples.take(self.pools, up, readings, disk, self.now().wire)
        self._commits.committed(durable=False)

    def usage_of(self, account: str) -> list[Use]:
        """The times the account's nodes were in use, of present nodes and of those that have gone."""
        return list(self._usage.of(account, self.now().wire))

    def now(self) -> Now:
        """The present moment."""
        return self.clock.now()

    def evaluate(self, pool: PoolKey, formula: str) -> autoscale.Evaluation:
        """Evaluate a formula on the pool's metrics, changing nothing. Raises FormulaError."""
        return self._core.evaluate(pool, formula, self.now())

    def document(self, kind: str, key: str) -> dict[str, Any] | None:
        """The client's document, or None."""
        entry = self._entry(kind, key)
        return None if entry is None else entry["d"]

    def versioned(self, kind: str, key: str) -> tuple[dict[str, Any], tuple[str, float]] | None:
        """The client's document with its ETag and last modification (wire time), or None."""
        entry = self._entry(kind, key)
        return None if entry is None else (entry["d"], (entry["e"], entry["m"]))

    def etag(self, kind: str, key: str) -> tuple[str, float] | None:
        """ETag and last modification (wire time) of a document, or None."""
        entry = self._entry(kind, key)
        return None if entry is None else (entry["e"], entry["m"])

    async def apply(self, event: Event, *documents: Document) -> None:
        """Handle the event and store the documents in one commit; return once that is durable.

        Raises ServiceError, with nothing changed, when the core refuses; StoreFailedError when it cannot be stored.
        """
        await self._post(event, documents, durable=True)

    async def save(self, *documents: Document) -> None:
        """Store documents only."""
        with self._commits.writing():
            self._store_documents(documents)
        await self._commits.committed()

    def post(self, event: Event) -> None:
        """Handle an event that no request caused: an agent's answer, a deadline.

        Its changes survive a kill of the server. A power cut may undo the last of them, with the processes they tell
        of: such a task runs again, as after the loss of its node. The next request's commit makes them durable.
        """
        self._post(event, (), durable=False)

    def answer(self, event: Event) -> None:
        """`post` for those who cannot wait for an error (an agent's thread, a timer): it goes to the log."""
        if self._agent is None:
            return
        try:
            self.post(event)
        except Exception:
            log.exception("the event was not taken: %s", event)

    def _post(self, event: Event, documents: Sequence[Document], *, durable: bool) -> asyncio.Future[None]:
        now = self.now()
        outcome = self._core.handle(event, now)
        with self._commits.writing():
            self._store_documents(documents)
            if self._story is not None:
                self._story.note(now.wire, outcome.origin, outcome.notes)
            self._store_changes(outcome.changes, now, event.cause)
        self._arm_timer()
        return self._commits.committed(lambda: self._carry_out(outcome.commands), durable=durable)

    def _store_changes(self, changes: Sequence[c.Change], now: Now, cause: str) -> None:
        if changes:
            number = 0 if self._story is None else self._story.number
            self.store.put("meta", "clock", orjson.dumps((now.service, now.wire, number)))
        for change in changes:
            self._usage.note(change, now.wire)
            if isinstance(change, c.Put):
                records.write(self.store, change.record)
            elif isinstance(change, c.Derived):
                self._store_documents([self._derived(change)])
            else:
                records.erase(self.store, change.key)
            log.debug("%s cause=%s", change, cause)

    def _carry_out(self, todo: Sequence[c.Command]) -> None:
        if self._agent is None or self._launches is None:
            return
        for command in todo:
            try:
                self._carry_out_one(command, self._agent, self._launches)
            except Exception as error:
                log.exception("the command could not be carried out: %s", command)
                self._give_up(command, error)

    def _give_up(self, command: c.Command, error: Exception) -> None:
        """What cannot be launched has failed; it must not wait for ever."""
        failure = Failure("servererror", "Unknown", f"It could not be handed to its node: {type(error).__name__}")
        match command:
            case c.PrepareNode(node=node, boot=boot):
                self.answer(NodeUnusable(node, boot, failure))
            case c.RunStartTask(node=node, boot=boot):
                self.answer(StartTaskEnded(node, boot, None, failure))
            case c.RunTask(task=task, attempt=attempt):
                self.answer(TaskEnded(task, attempt, None, failure))
            case c.RunJobTask(task=job_task, attempt=attempt):
                self.answer(JobTaskEnded(job_task, attempt, None, failure))

    def _carry_out_one(self, command: c.Command, agent: Agent, launches: Launches) -> None:
        if isinstance(command, c.PrepareNode | c.RemoveNode):
            self._carry_out_on_node(command, agent, launches)
        else:
            self._carry_out_task(command, agent, launches)

    def _carry_out_task(self, command: c.TaskCommand, agent: Agent, launches: Launches) -> None:
        match command:
            case c.RunStartTask(node=node, boot=boot, attempt=attempt):
                if node in self.nodes:
                    agent.run_start_task(node, boot, attempt, launches.start_task(self.nodes[node]))
            case c.RunTask(task=key, node=node, attempt=attempt):
                task = self._core.world.task(key)
                if task is not None and task.attempt == attempt:
                    agent.run_task(key, node, attempt, launches.task(task))
            case c.StopTask(task=key, attempt=attempt):
                agent.stop_task(key, attempt)
            case c.RunJobTask(task=job_task, attempt=attempt):
                if job_task.job in self.jobs and job_task.node in self.nodes:
                    agent.run_job_task(job_task, attempt, launches.job_task(job_task))
            case c.StopJobTask(task=job_task, attempt=attempt):
                agent.stop_job_task(job_task, attempt)
            case c.RemoveTaskFiles(task=key, node=node):
                agent.remove_task_files(key, node, launches.task_directory(key))

    def _carry_out_on_node(self, command: c.PrepareNode | c.RemoveNode, agent: Agent, launches: Launches) -> None:
        node = self.nodes.get(command.node)
        if isinstance(command, c.RemoveNode):
            launches.forget(command.node)
            agent.remove_node(command.node, command.boot, keep=command.keep)
        elif node is None:
            agent.prepare_node(command.node, command.boot, keep=command.keep)
        elif failure := launches.refusal(node):
            self.answer(NodeUnusable(command.node, command.boot, failure, cause=command.cause))
        else:
            found = (launches.packages(node), launches.mounts(node), launches.images(node))
            agent.prepare_node(command.node, command.boot, *found, keep=command.keep)

    def _arm_timer(self) -> None:
        """One timer of the loop stands for the earliest deadline of the core, which most events leave as it is."""
        deadline = self._core.next_deadline()
        if deadline == self._deadline:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._deadline, now = deadline, self.now()
        service_at, wire_at = deadline
        delays = [] if service_at is None else [self.clock.real_delay(service_at, now)]
        if wire_at is not None:
            delays.append(max(0.0, wire_at - now.wire))
        if delays:
            self._timer = asyncio.get_running_loop().call_later(min(*delays, LONGEST_WAIT), self._tick)

    def _tick(self) -> None:
        """Act on the deadlines that have come and set the timer anew, whether it was early or not."""
        self._deadline = (None, None)
        self.answer(Tick())
        self._arm_timer()  # also after a tick that failed: what was due is done with

    def _store_documents(self, documents: Sequence[Document]) -> None:
        for document in documents:
            if document.value is None:
                self.store.delete(document.kind, document.key)
                continue
            modified = self.now().wire
            entry = {"e": self._new_etag(modified), "m": modified, "d": document.value}
            self.store.put(document.kind, document.key, orjson.dumps(entry))

    def _derived(self, change: c.Derived) -> Document:
        """A part of a document as a document of its own."""
        part = self.document(records.DOCUMENTS[type(change.source)], records.key_text(change.source)) or {}
        for name in change.path:
            part = part[name]
        kind = records.DOCUMENTS[type(change.target)]
        return Document(kind, records.key_text(change.target), {**part, "id": change.id})

    def _new_etag(self, modified: float) -> str:
        """A new ETag, greater than every earlier one of this run."""
        ticks = TICKS_AT_UNIX_EPOCH + int(modified * 10_000_000)
        self._last_etag = max(self._last_etag + 1, ticks)
        return f"0x{self._last_etag:X}"

    def _entry(self, kind: str, key: str) -> dict[str, Any] | None:
        value = self.store.get(kind, key)
        return None if value is None else orjson.loads(value)
