"""Short ways to drive the core in tests: a pool, a job, tasks, and an agent that answers at once or never."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler import tasks, transitions
from batchite.scheduler.consumption import Consumption
from batchite.scheduler.core import Scheduler
from batchite.scheduler.invariants import check_invariants
from batchite.scheduler.model import (
    Failure,
    JobKey,
    JobState,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    StartTaskPolicy,
    TaskKey,
    TaskState,
    Timing,
)

TOLD = frozenset({"added", *transitions.TASK, "deleted"})
POOL = PoolKey("acct", "pool")
JOB = JobKey("acct", "job")
SCHEDULE = ScheduleKey("acct", "nightly")
FAILED = Failure("usererror", "FailureExitCode", "exit code 1")
ENDED = tasks.ENDED
USES = st.sampled_from([None, Consumption(user=3, kernel=1, reads=2, read_bytes=7)])
"""What an attempt may have used, if it was measured."""


def pool(
    dedicated: int = 0, spot: int = 0, slots: int = 1, start_task: StartTaskPolicy | None = None, fill: str = "spread"
) -> PoolState:
    """A pool with fixed targets."""
    return PoolState(
        key=POOL,
        id="Pool",
        created_at=0,
        state="active",
        state_at=0,
        allocation="steady",
        allocation_at=0,
        target_dedicated=dedicated,
        target_spot=spot,
        slots_per_node=slots,
        fill=fill,
        resize_timeout=900,
        start_task=start_task,
    )


def job(name: str = "job", **fields: object) -> JobState:
    """An active job on the pool."""
    return JobState(
        key=JobKey("acct", name),
        id=name,
        pool=POOL,
        pool_id="Pool",
        created_at=0,
        state="active",
        state_at=0,
        **fields,  # type: ignore[arg-type]  # fields of the record
    )


def task(name: str, job_name: str = "job", **fields: object) -> TaskState:
    """A task to add."""
    return TaskState(
        key=TaskKey("acct", job_name, name),
        id=name,
        created_at=0,
        state="active",
        state_at=0,
        sequence=0,
        **fields,  # type: ignore[arg-type]  # fields of the record
    )


def schedule(quota: int | None = None, **fields: Any) -> ScheduleState:
    """A schedule on the pool; the fields are its times, or those of its jobs."""
    times = {name: fields.pop(name) for name in ("not_before", "not_after", "window", "interval") if name in fields}
    return ScheduleState(SCHEDULE, "Nightly", 0, "active", 0, job("", **fields), Timing(**times), quota=quota)


@dataclass
class Driver:
    """A core on a clock of its own, and the commands it gave."""

    core: Scheduler = field(default_factory=Scheduler)
    at: float = 1_000_000.0
    pending: list[c.Command] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)  # the last state that the notes tell of a task, by its subject

    def send(self, event: e.Event) -> tuple[c.Command, ...]:
        """Handle an event, check the invariants, keep the commands."""
        outcome = self.core.handle(event, e.Now(self.at, self.at))
        check_invariants(self.core.world)
        self.pending += outcome.commands
        moved = [(subject, what) for subject, what, _ in outcome.notes if what in TOLD]
        self.told |= {subject: "active" if what == "added" else what for subject, what in moved}
        return outcome.commands

    def advance(self, seconds: float) -> None:
        """Let time pass and timers fire."""
        self.at += seconds
        self.send(e.Tick())

    def answer_nodes(self) -> None:
        """Answer every command about nodes, and those that follow from the answers."""
        while nodes := [command for command in self.pending if not isinstance(command, c.RunTask | c.StopTask)]:
            self.pending.remove(nodes[0])
            self.answer(nodes[0])

    def answer(self, command: c.Command) -> None:
        """Answer one command as an agent would, with success."""
        match command:
            case c.PrepareNode():
                self.send(e.NodePrepared(command.node, command.boot))
            case c.RunStartTask():
                self.send(e.StartTaskEnded(command.node, command.boot, 0, None))
            case c.RemoveNode():
                self.send(e.NodeRemoved(command.node, command.boot))
            case c.RunTask():
                self.send(e.TaskStarted(command.task, command.attempt))
            case c.RunJobTask():
                self.send(e.JobTaskEnded(command.task, command.attempt, 0, None))
            case c.StopJobTask():
                self.send(e.JobTaskEnded(command.task, command.attempt, None, ENDED))
            case c.StopTask():
                self.send(e.TaskEnded(command.task, command.attempt, None, FAILED))

    def boot(self) -> None:
        """Let every node that is being made come up."""
        for _ in range(3):
            self.advance(100)
            self.answer_nodes()

    def runs(self) -> list[c.RunTask]:
        """Take the attempts that were ordered since the last call."""
        ordered = [command for command in self.pending if isinstance(command, c.RunTask)]
        self.pending = [command for command in self.pending if not isinstance(command, c.RunTask)]
        return ordered

    def end(self, run: c.RunTask, exit_code: int = 0) -> None:
        """Start and end an attempt."""
        self.send(e.TaskStarted(run.task, run.attempt))
        failure = FAILED if exit_code else None
        self.send(e.TaskEnded(run.task, run.attempt, exit_code, failure, retryable=bool(exit_code)))

    def task(self, name: str, job_name: str = "job") -> TaskState:
        """A task's record."""
        found = self.core.world.task(TaskKey("acct", job_name, name))
        assert found is not None
        return found

    def nodes(self) -> list[NodeState]:
        """The pool's nodes."""
        return self.core.world.pool_nodes(POOL)


def ready(dedicated: int = 1, spot: int = 0, slots: int = 1, **fields: Any) -> Driver:
    """A core whose pool has idle nodes and one job."""
    driver = Driver()
    driver.send(e.CreatePool(pool(dedicated, spot, slots)))
    driver.boot()
    driver.send(e.CreateJob(job(**fields)))
    return driver


def ended_with(run: c.RunTask, failure: Failure | None) -> e.TaskEnded:
    """The end of an attempt: exit code 0, or 1 with a failure that may be retried."""
    failed = failure is not None
    return e.TaskEnded(run.task, run.attempt, int(failed), failure, retryable=failed)
