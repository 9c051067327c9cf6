"""Which tasks wait for which others: by id and by ranges of integer ids."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from batchite.scheduler.model import JobKey, TaskState


@dataclass(slots=True)
class Waiting:
    """One job's waiting tasks. A task may run once `missing` is empty of it."""

    by_id: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_range: list[tuple[int, int, str]] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Dependencies:
    """Counts, per waiting task, the dependencies that are not satisfied yet."""

    jobs: defaultdict[JobKey, Waiting] = field(default_factory=lambda: defaultdict(Waiting))

    def add(self, job: JobKey, task: TaskState, done: dict[str, TaskState]) -> bool:
        """Register a new task; true when it may run at once. `done` are the job's tasks known so far."""
        waiting = self.jobs[job]
        missing = 0
        for wanted in task.depends_on:
            if not satisfies(done.get(wanted)):
                waiting.by_id[wanted].append(task.key.task)
                missing += 1
        for first, last in task.depends_on_ranges:
            waiting.by_range.append((first, last, task.key.task))
            missing += sum(not satisfies(done.get(str(number))) for number in range(first, last + 1))
        if missing:
            waiting.missing[task.key.task] = missing
        return missing == 0

    def blocked(self, job: JobKey, task: str) -> bool:
        """Whether the task still waits for another one."""
        return job in self.jobs and task in self.jobs[job].missing

    def waiting(self, job: JobKey) -> int:
        """How many tasks of the job wait for others."""
        return len(self.jobs[job].missing) if job in self.jobs else 0

    def satisfied(self, job: JobKey, task: TaskState) -> list[str]:
        """The tasks set free by the completion of this one."""
        if job not in self.jobs or not satisfies(task):
            return []
        waiting = self.jobs[job]
        dependants = waiting.by_id.pop(task.key.task, [])
        number = int(task.key.task) if task.key.task.isdigit() and task.key.task == str(int(task.key.task)) else None
        if number is not None:
            dependants += [name for first, last, name in waiting.by_range if first <= number <= last]
        return [name for name in dependants if _one_less(waiting.missing, name)]

    def forget(self, job: JobKey, task: str) -> None:
        """Drop a task that was deleted; its own waiting ends, those that wait for it go on waiting."""
        if job in self.jobs:
            self.jobs[job].missing.pop(task, None)

    def forget_job(self, job: JobKey) -> None:
        """Drop a job."""
        self.jobs.pop(job, None)


def satisfies(task: TaskState | None) -> bool:
    """Whether a task's end lets its dependants run: success, or a failure whose dependency action is satisfy."""
    return task is not None and task.state == "completed" and (task.result == "success" or task.satisfied_on_failure)


def _one_less(missing: dict[str, int], name: str) -> bool:
    """Count one dependency down; true when that was the last."""
    if name not in missing:
        return False
    missing[name] -= 1
    if missing[name]:
        return False
    del missing[name]
    return True
