"""Which tasks wait for which others: by id and by ranges of integer ids.

A task's record names only what it still waits for: a dependency that was satisfied stays so, even when the task it
names is deleted afterwards. What a client sent is in the task's document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from batchite.scheduler.model import JobKey, TaskState

Ranges = tuple[tuple[int, int], ...]  # both ends belong to a range


@dataclass(slots=True)
class Wait:
    """What one task waits for. `met` are the numbers of its ranges that are satisfied."""

    ids: set[str]
    ranges: Ranges
    met: set[int]

    def over(self) -> bool:
        """Whether nothing is left to wait for."""
        return not self.ids and len(self.met) == sum(last - first + 1 for first, last in self.ranges)


@dataclass(slots=True)
class Waiting:
    """One job's waiting tasks, and who waits for an id. Entries of `by_id` may be stale: the waits decide."""

    waits: dict[str, Wait] = field(default_factory=dict)
    by_id: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    by_range: dict[str, None] = field(default_factory=dict)

    def dependants(self, task: str) -> list[str]:
        """The waiting tasks that name this one, by its id or by a range."""
        number = integer_id(task)
        named = [name for name in self.by_id.get(task, ()) if name in self.waits]
        if number is None:
            return named
        return named + [name for name in self.by_range if holds(self.waits[name].ranges, number)]

    def drop(self, task: str) -> None:
        """The task waits no more."""
        self.waits.pop(task, None)
        self.by_range.pop(task, None)


@dataclass(slots=True)
class Dependencies:
    """The waiting tasks of every job."""

    jobs: defaultdict[JobKey, Waiting] = field(default_factory=lambda: defaultdict(Waiting))

    def add(self, job: JobKey, task: TaskState, known: Mapping[str, TaskState]) -> bool:
        """Register a task; true when it may run at once. `known` are the job's tasks so far."""
        ids = {wanted for wanted in task.depends_on if not satisfies(known.get(wanted))}
        ranges = disjoint(task.depends_on_ranges)
        wait = Wait(ids, ranges, _met(ranges, known))
        if wait.over():
            return True
        waiting, name = self.jobs[job], task.key.task
        waiting.waits[name] = wait
        for wanted in ids:
            waiting.by_id[wanted][name] = None
        if ranges:
            waiting.by_range[name] = None
        return False

    def blocked(self, job: JobKey, task: str) -> bool:
        """Whether the task still waits for another one."""
        return job in self.jobs and task in self.jobs[job].waits

    def waiting(self, job: JobKey) -> int:
        """How many tasks of the job wait for others."""
        return len(self.jobs[job].waits) if job in self.jobs else 0

    def satisfied(self, job: JobKey, task: TaskState) -> list[str]:
        """The tasks set free by the completion of this one."""
        if job not in self.jobs or not satisfies(task):
            return []
        waiting, name, number = self.jobs[job], task.key.task, integer_id(task.key.task)
        free = []
        for dependant in dict.fromkeys(waiting.dependants(name)):
            wait = waiting.waits[dependant]
            wait.ids.discard(name)
            if number is not None and holds(wait.ranges, number):
                wait.met.add(number)
            if wait.over():
                waiting.drop(dependant)
                free.append(dependant)
        waiting.by_id.pop(name, None)
        return free

    def relieved(self, task: TaskState, tasks: Mapping[str, TaskState]) -> list[TaskState]:
        """The waiting tasks' records without this satisfied task, which is about to be deleted."""
        job = JobKey(task.key.account, task.key.job)
        if job not in self.jobs or not satisfies(task):
            return []
        name = task.key.task
        found = (tasks[waiting] for waiting in self.jobs[job].waits)
        return [without(dependant, name) for dependant in found if names(dependant, name)]

    def forget(self, job: JobKey, task: str) -> None:
        """Drop a task that ended or was deleted; its own waiting ends, those that wait for it go on waiting."""
        if job in self.jobs:
            self.jobs[job].drop(task)

    def forget_job(self, job: JobKey) -> None:
        """Drop a job."""
        self.jobs.pop(job, None)


def satisfies(task: TaskState | None) -> bool:
    """Whether a task's end lets its dependants run: by its exit conditions, else by its success."""
    return task is not None and task.state == "completed" and task.satisfies


def names(task: TaskState, wanted: str) -> bool:
    """Whether the task's record names the other one as a dependency."""
    number = integer_id(wanted)
    return wanted in task.depends_on or (number is not None and holds(task.depends_on_ranges, number))


def without(task: TaskState, wanted: str) -> TaskState:
    """The task's record with one dependency less."""
    number = integer_id(wanted)
    ids = tuple(name for name in task.depends_on if name != wanted)
    if number is None:
        return replace(task, depends_on=ids)
    below = [(first, min(last, number - 1)) for first, last in task.depends_on_ranges]
    above = [(max(first, number + 1), last) for first, last in task.depends_on_ranges]
    return replace(task, depends_on=ids, depends_on_ranges=disjoint(below + above))


def integer_id(task: str) -> int | None:
    """The number a task id spells, as ranges count it: no sign, no leading zero."""
    plain = task.isascii() and task.isdigit() and (task == "0" or task[0] != "0")
    return int(task) if plain else None


def holds(ranges: Ranges, number: int) -> bool:
    """Whether one of the ranges holds the number."""
    return any(first <= number <= last for first, last in ranges)


def disjoint(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same numbers in ascending ranges that do not meet; empty ranges fall away."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _met(ranges: Ranges, known: Mapping[str, TaskState]) -> set[int]:
    """The satisfied numbers of the ranges; looks at the tasks or at the numbers, whichever are fewer."""
    if not ranges:
        return set()
    if sum(last - first + 1 for first, last in ranges) > len(known):
        numbers = (number for name in known if (number := integer_id(name)) is not None and holds(ranges, number))
    else:
        numbers = (number for first, last in ranges for number in range(first, last + 1))
    return {number for number in numbers if satisfies(known.get(str(number)))}
