"""Rules by which a random history gets somewhere: nodes come up, tasks begin, many of them end at once.

One event in a step is too little: of a hundred histories without these rules hardly one saw a retry.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import cycle

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from scheduler.attempts import CountingDriver
from scheduler.worlds import FAILED, JOB, POOL, job, pool

from batchite.errors import ServiceError
from batchite.scheduler import commands as c
from batchite.scheduler import events as e


class Working(RuleBasedStateMachine):
    """What an agent in good health does."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = CountingDriver()

    def add(self, name: str, slots: int, retries: int, depends: bool, instances: int) -> None:
        """Add a task."""
        raise NotImplementedError

    @rule()
    def nodes_come_up(self) -> None:
        """Everything but tasks is answered, until it is calm."""
        self.driver.boot()

    @rule(retries=st.lists(st.integers(-1, 2), min_size=2, max_size=4))
    def work_arrives(self, retries: list[int]) -> None:
        """A client sees to it that its tasks can run, and adds them; nodes come up, the tasks begin."""
        for event in (e.CreatePool(pool(2, 1, 2)), e.ResizePool(POOL, 2, 1), e.CreateJob(job()), e.EnableJob(JOB)):
            with suppress(ServiceError):
                self.driver.send(event)
        self.driver.boot()
        for number in retries:
            self.add("job", 1, number, False, 0)
        self.driver.boot()
        self.tasks_begin()

    @rule()
    def tasks_begin(self) -> None:
        """Every attempt that was ordered runs, and goes on."""
        for command in [command for command in self.driver.pending if isinstance(command, c.RunTask)]:
            self.driver.send(e.TaskStarted(command.task, command.attempt))

    @rule(fails=st.lists(st.booleans(), min_size=1, max_size=3))
    def tasks_end(self, fails: list[bool]) -> None:
        """Every attempt that was ordered ends, some with a failure that may be retried."""
        commands = [command for command in self.driver.pending if isinstance(command, c.RunTask)]
        for command, failed in zip(commands, cycle(fails), strict=False):
            self.driver.pending.remove(command)
            self.driver.send(e.TaskStarted(command.task, command.attempt))
            failure = FAILED if failed else None
            self.driver.send(e.TaskEnded(command.task, command.attempt, int(failed), failure, retryable=failed))
