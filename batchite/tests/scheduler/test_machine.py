"""Random operations, preemptions and restarts: the world never contradicts itself and no task is lost."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, task

from batchite.errors import ServiceError
from batchite.records import decoder, encode
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.commands import Record
from batchite.scheduler.core import Scheduler
from batchite.scheduler.invariants import check_invariants
from batchite.scheduler.model import JobKey, StartTaskPolicy, TaskKey

pytestmark = pytest.mark.ours

JOBS = ("job", "other")


class Machine(RuleBasedStateMachine):
    """Drives the core as clients, an agent and a failing platform would."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        self.added: set[TaskKey] = set()
        self.completed: dict[TaskKey, int] = {}
        self.number = 0

    @initialize(dedicated=st.integers(0, 2), spot=st.integers(0, 2), slots=st.integers(1, 3), start_task=st.booleans())
    def create(self, dedicated: int, spot: int, slots: int, start_task: bool) -> None:
        """A pool with nodes, and two jobs."""
        policy = StartTaskPolicy(wait_for_success=True, max_retries=1) if start_task else None
        self.driver.send(e.CreatePool(pool(dedicated, spot, slots, policy)))
        for name in JOBS:
            self.driver.send(e.CreateJob(job(name, uses_dependencies=True, priority=len(name))))

    def attempt(self, event: e.Event) -> bool:
        """Send an event that the core may refuse."""
        try:
            self.driver.send(event)
        except ServiceError:
            return False
        return True

    @rule(name=st.sampled_from(JOBS), slots=st.integers(1, 3), retries=st.integers(-1, 2), depends=st.booleans())
    def add(self, name: str, slots: int, retries: int, depends: bool) -> None:
        """A task, which may depend on another one."""
        known = [key.task for key in self.added if key.job == name]
        needs = tuple(known[-1:]) if depends else ()
        self.number += 1
        new = task(str(self.number), name, slots=slots, max_retries=retries, depends_on=needs)
        if self.attempt(e.AddTasks(JobKey("acct", name), (new,))):
            self.added.add(new.key)

    @precondition(lambda self: self.driver.pending)
    @rule(data=st.data(), fails=st.booleans())
    def agent_answers(self, data: st.DataObject, fails: bool) -> None:
        """The agent answers any command that is open, in any order, with any result."""
        command = data.draw(st.sampled_from(self.driver.pending))
        self.driver.pending.remove(command)
        if isinstance(command, c.RunStartTask) and fails:
            self.driver.send(e.StartTaskEnded(command.node, command.boot, 1, FAILED))
        elif isinstance(command, c.RunTask):
            self.driver.send(e.TaskStarted(command.task, command.attempt))
            failure = FAILED if fails else None
            self.driver.send(e.TaskEnded(command.task, command.attempt, int(fails), failure, retryable=fails))
        else:
            self.driver.answer(command)

    @rule(seconds=st.sampled_from([1, 20, 70, 300]))
    def time_passes(self, seconds: int) -> None:
        """Timers fire."""
        self.driver.advance(seconds)

    @rule()
    def platform_preempts(self) -> None:
        """Every Spot node is taken."""
        self.attempt(e.Preempt(POOL))

    @rule(dedicated=st.integers(0, 2), spot=st.integers(0, 2), option=st.sampled_from(["requeue", "taskcompletion"]))
    def resize(self, dedicated: int, spot: int, option: str) -> None:
        """New targets, if the pool is steady."""
        self.attempt(e.ResizePool(POOL, dedicated, spot, option))

    @precondition(lambda self: self.added)
    @rule(data=st.data(), delete=st.booleans())
    def end_task(self, data: st.DataObject, delete: bool) -> None:
        """A client terminates or deletes a task."""
        key = data.draw(st.sampled_from(sorted(self.added)))
        if self.attempt(e.DeleteTask(key) if delete else e.TerminateTask(key)) and delete:
            self.added.discard(key)

    @rule(name=st.sampled_from(JOBS))
    def terminate_job(self, name: str) -> None:
        """A client ends a job, once there was some work."""
        if self.number > 10:
            self.attempt(e.TerminateJob(JobKey("acct", name), "test"))

    @rule()
    def server_restarts(self) -> None:
        """Everything known comes from the records alone; commands of the dead server are void."""
        world = self.driver.core.world
        records: list[Record] = [*world.pools.values(), *world.nodes.values(), *world.jobs.values()]
        records += [item for tasks in world.tasks.values() for item in tasks.values()]
        fresh = Scheduler()
        fresh.load(decoder(type(record))(orjson.loads(encode(record))) for record in records)
        self.driver.core, self.driver.pending = fresh, []
        self.driver.send(e.Restarted())

    @invariant()
    def consistent(self) -> None:
        """The core's own invariants, and: no task is lost, no attempt runs twice, what completed stays completed."""
        world = self.driver.core.world
        check_invariants(world)
        for key in self.added:
            found = world.task(key)
            assert found is not None, f"{key} was acknowledged and is lost"
            if key in self.completed:
                assert (found.state, found.attempt) == ("completed", self.completed[key])
            elif found.state == "completed":
                self.completed[key] = found.attempt


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMachine = pytest.mark.ours(Machine.TestCase)


def test_the_core_is_deterministic() -> None:
    """The same events at the same moments give the same commands and records."""

    def run() -> tuple[list[c.Command], object]:
        driver = Driver()
        driver.send(e.CreatePool(pool(2, 2, 2)))
        driver.boot()
        driver.send(e.CreateJob(job()))
        driver.send(e.AddTasks(JOB, tuple(task(str(number)) for number in range(9))))
        driver.send(e.Preempt(POOL))
        return driver.pending, driver.core.world.tasks

    assert run() == run()
