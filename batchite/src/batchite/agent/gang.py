"""One attempt of a multi-instance task: its coordination command on all its nodes at once, then its own command.

The command runs on the primary's node, after the coordination commands have succeeded on all nodes. What those have
left running ends with it. As soon as one of them fails, all of it ends. Source: Azure Batch, multi-instance tasks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import reduce

from batchite.agent import processes
from batchite.agent.runner import TASK_ENDED, WALL_CLOCK, Attempt, Ended
from batchite.scheduler.consumption import NOTHING, Consumption
from batchite.scheduler.model import Detail


@dataclass(slots=True)
class Gang:
    """One attempt under way on several nodes; used as an `Attempt` is. `wall_clock`: seconds for all of it.

    When `run` returns, nothing of it runs on any node.
    """

    instances: tuple[Attempt, ...]  # the coordination commands, the primary's first
    command: Attempt
    wall_clock: float | None
    on_ended: Callable[[int, Ended], None]  # an instance's number and how its coordination command ended
    _stopping: threading.Event = field(default_factory=threading.Event)
    _overran: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Ended:
        """Do it all."""
        timer = threading.Timer(self.wall_clock or 0, self._overrun)
        timer.daemon = True
        if self.wall_clock is not None:
            timer.start()
        with ExitStack() as afterwards:
            for action in (self._done.set, self._end_background, timer.cancel):  # the last one is the first to be done
                afterwards.callback(action)
            ended = self._coordinate() or self.command.run()
            return replace(ended, used=self._used())

    def wait(self) -> None:
        """Wait until `run` is over."""
        self._done.wait()

    def stop(self) -> None:
        """Kill what runs of it on all nodes. Raises TimeoutError when a process does not end."""
        self._stopping.set()
        _stop_all((*self.instances, self.command))

    def _overrun(self) -> None:
        self._overran.set()
        for attempt in (*self.instances, self.command):
            attempt.overrun()

    def _coordinate(self) -> Ended | None:
        """Run the coordination commands; None once all have succeeded, else how the attempt ends."""
        failed: Ended | None = None
        with ThreadPoolExecutor(len(self.instances), "instance") as threads, ExitStack() as bug:
            bug.callback(_stop_all, self.instances)  # an attempt that raises must not leave the others running
            numbers = {threads.submit(one.run): number for number, one in enumerate(self.instances)}
            for future in as_completed(numbers):
                ended, number = future.result(), numbers[future]
                self.on_ended(number, ended)
                if ended.failure is not None and failed is None:
                    failed = self._because(number, ended)
                    _stop_all(one for one in self.instances if one is not self.instances[number])
            bug.pop_all()
        return failed

    def _because(self, number: int, ended: Ended) -> Ended:
        """The end of an instance as that of the whole task: a coordination command that fails is retried with it."""
        if self._stopping.is_set():
            return Ended(ended.exit_code, TASK_ENDED)
        if self._overran.is_set():
            return Ended(ended.exit_code, WALL_CLOCK)
        assert ended.failure is not None
        details = (*ended.failure.details, Detail("Instance", str(number)))
        return replace(ended, failure=replace(ended.failure, details=details))

    def _used(self) -> Consumption:
        """What all commands on all nodes have used."""
        parts = (attempt.used or NOTHING for attempt in (*self.instances, self.command))
        return reduce(Consumption.plus, parts)

    def _end_background(self) -> None:
        """End what the coordination commands have left running."""
        with ExitStack() as stack:
            for instance in self.instances:
                stack.callback(processes.kill_marked, instance.marker)


def _stop_all(attempts: Iterable[Attempt]) -> None:
    """Stop each of them, also when one does not end. Raises the last TimeoutError then."""
    with ExitStack() as stack:
        for attempt in attempts:
            stack.callback(attempt.stop)
