"""Following a job to its end: poll the counts, fetch only what changed, say why nothing runs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jobs import progress
from jobs.display import View
from jobs.errors import ServiceError, TimedOutError
from jobs.ports import Batch
from jobs.progress import Counts
from jobs.target import Json

CHECK_SECONDS = 2.0  # between two looks at job and pool while nothing runs
PATIENCE_SECONDS = 120.0  # with a service that was there and does not answer any more
OUTAGE = "no answer, trying again"
PASSING = frozenset({"", "ServerBusy", "TooManyRequests", "InternalError", "OperationTimedOut"})
"""Codes of a service that cannot answer just now; without a code there was no answer at all."""
DEPENDENCY_FAILED = "DependencyFailed"


@dataclass(frozen=True)
class Clock:
    """Time as the watcher feels it; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its tasks (properties of progress.SELECT) and those that could never run."""

    tasks: list[Json]
    blocked: list[str]

    @property
    def failures(self) -> list[Json]:
        """Tasks that failed, without those that only waited for one that failed."""
        return [task for task in self.tasks if progress.failed(task) and task["id"] not in self.blocked]

    @property
    def succeeded(self) -> bool:
        """Whether every task succeeded."""
        return not self.blocked and all(progress.situation(task) == "succeeded" for task in self.tasks)


@dataclass
class Watcher:
    """Follows one job. `timeout` is in seconds, None waits for ever."""

    batch: Batch
    job: str
    view: View
    clock: Clock = field(default_factory=Clock)
    timeout: float | None = None
    counts: Counts = field(default_factory=Counts)
    seen: dict[str, Json] = field(default_factory=dict)
    since: str = ""
    told: list[str] = field(default_factory=list)
    checked: float = 0.0

    def follow(self) -> Outcome:
        """Watch until no task can run any more. Raises TimedOutError, ServiceError."""
        document = self.batch.job(self.job)
        total, pool = progress.expected_total(document), document["poolInfo"]["poolId"]
        started = answered = self.checked = self.clock.now()
        pause = progress.FASTEST
        while True:
            before = self.counts
            try:
                outcome = self.look(total, pool)
            except ServiceError as error:
                self.endure(error, answered)
            else:
                answered = self.clock.now()
                if outcome:
                    return outcome
            pause = progress.next_pause(pause, changed=self.counts != before)
            self.wait(pause, started)

    def look(self, total: int, pool: str) -> Outcome | None:
        """Look once: what is different is shown, what is over is returned."""
        before, counts = self.counts, progress.read_counts(self.batch.task_counts(self.job))
        self.show(counts, max(total, counts.total), changed=counts != before)
        self.counts = counts
        idle = counts.running == 0 and self.clock.now() - self.checked >= CHECK_SECONDS
        if not idle and not is_done(counts, total):
            return None
        self.checked = self.clock.now()
        return self.check(counts, total, pool)

    def endure(self, error: ServiceError, answered: float) -> None:
        """Bear a service that does not answer, for a while. Raises the error if that is over, or if it is an answer."""
        if error.code not in PASSING or self.clock.now() - answered > PATIENCE_SECONDS:
            raise error
        if OUTAGE not in self.told:
            self.told = [OUTAGE]
            self.view.say(f"{OUTAGE}: {error}")

    def show(self, counts: Counts, total: int, *, changed: bool) -> None:
        """Bring the display up to date."""
        if changed:
            self.refresh()
        tasks = self.seen.values()
        self.view.update(counts, total, progress.retries(tasks), progress.requeues(tasks))

    def refresh(self) -> None:
        """Fetch the tasks that changed since the last time."""
        tasks = list(self.batch.tasks(self.job, progress.SELECT, self.since))
        self.since = progress.newest(tasks, self.since)
        self.seen |= {task["id"]: task for task in tasks}

    def check(self, counts: Counts, total: int, pool: str) -> Outcome | None:
        """Whether the job is over; if not, and nothing runs, say why."""
        if is_done(counts, total) or self.batch.job(self.job)["state"] == "completed":
            return self.finish([])
        if counts.failed and (stuck := self.stuck(counts)):
            self.batch.terminate_job(self.job, DEPENDENCY_FAILED)
            return self.finish(stuck)
        if counts.active:
            self.explain(pool)
        return None

    def stuck(self, counts: Counts) -> list[str]:
        """The waiting tasks, if none of them can ever run."""
        waiting = progress.blocked(list(self.batch.tasks(self.job, progress.SELECT)))
        return waiting if len(waiting) == counts.active else []

    def finish(self, blocked: list[str]) -> Outcome:
        """Read all tasks once more, for the counts may be ahead of what was fetched."""
        tasks = list(self.batch.tasks(self.job, progress.SELECT))
        self.seen = {task["id"]: task for task in tasks}
        counts = progress.count(tasks)
        self.show(counts, counts.total, changed=False)
        return Outcome(tasks, blocked)

    def explain(self, pool: str) -> None:
        """Say why nothing runs, once for each change of it. Raises ServiceError when the pool is gone for good."""
        document, nodes = pool_and_nodes(self.batch, pool)
        reasons = [*self.start_task_words(pool, nodes), *progress.why_nothing_runs(document, nodes)]
        for text in reasons:
            if text not in self.told:
                self.view.say(f"waiting: {text}")
        self.told = reasons

    def start_task_words(self, pool: str, nodes: Sequence[Json]) -> list[str]:
        """What the start task wrote last on a node where it failed, as long as the node is there."""
        failed = [node["id"] for node in nodes if node["state"] == progress.START_TASK_FAILED]
        if not failed:
            return []
        try:
            words = progress.last_words(self.batch.node_file(pool, failed[0], progress.START_TASK_STDERR))
        except ServiceError:
            return []
        return [f"the start task wrote: {line}" for line in words]

    def wait(self, pause: float, started: float) -> None:
        """Sleep, unless the time is over. Raises TimedOutError."""
        if self.timeout is not None and self.clock.now() - started >= self.timeout:
            raise TimedOutError(f"{self.job} is not done after {self.timeout:g} s; it goes on. {come_back()}")
        self.clock.sleep(pause)


def is_done(counts: Counts, total: int) -> bool:
    """Whether all tasks have ended. A job by another program, of unknown total, is asked for its state instead."""
    return 0 < total <= counts.done


def pool_and_nodes(batch: Batch, pool: str) -> tuple[Json, list[Json]]:
    """A pool and its nodes. Raises ServiceError; for a pool that is gone it says what to do."""
    try:
        return batch.pool(pool), batch.nodes(pool)
    except ServiceError as error:
        if error.code != progress.POOL_GONE:
            raise
        raise ServiceError(progress.gone(pool), error.code) from error


def come_back() -> str:
    """How to go on watching."""
    return "Come back with: python -m jobs watch"
