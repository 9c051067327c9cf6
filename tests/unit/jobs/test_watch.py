from collections.abc import Callable
from typing import Self

import pytest

from jobs import progress
from jobs.display import LineView, numbers
from jobs.errors import ServiceError, TimedOutError
from jobs.progress import Counts
from jobs.target import Json
from jobs.watch import Clock, Outcome, Watcher
from tests.unit.jobs.fakes import FakeBatch, failed, succeeded, task

pytestmark = pytest.mark.ours


class RecordingView:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Counts, int, int, int]] = []
        self.lines: list[str] = []

    def update(self, counts: Counts, total: int, retries: int, requeues: int) -> None:
        """Remember the numbers."""
        self.shown.append((counts, total, retries, requeues))

    def say(self, text: str) -> None:
        """Remember the line."""
        self.lines.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Time:
    """A clock that moves only when somebody sleeps, and lets the fake service go on meanwhile."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []
        self.advance = advance

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.seconds += seconds
        self.pauses.append(seconds)
        self.advance(seconds)
        assert len(self.pauses) < 1000, "the watcher never ended"


def follow(batch: FakeBatch, timeout: float | None = None) -> tuple[Outcome, RecordingView, Time]:
    """Watch the job `j` of a fake service to its end."""
    view, time = RecordingView(), Time(batch.advance)
    watcher = Watcher(batch, "j", view, Clock(lambda: time.seconds, time.sleep), timeout)
    return watcher.follow(), view, time


def test_follow_to_success() -> None:
    """The watcher ends once every task has ended, and shows the numbers on the way."""
    batch = FakeBatch().with_job("j", task("a"), task("b"))
    batch.steps = [batch.change("j", task("a", "running")), batch.change("j", succeeded("a"), succeeded("b"))]
    outcome, view, _ = follow(batch)
    assert outcome.succeeded
    assert [(counts.active, counts.running, counts.succeeded) for counts, *_ in view.shown] == [
        (2, 0, 0),
        (1, 1, 0),
        (0, 0, 2),
        (0, 0, 2),
    ]


def test_does_not_end_before_all_tasks_are_added() -> None:
    """A job that another process is still filling is not done when its tasks so far are."""
    batch = FakeBatch().with_job("j", succeeded("a"), total=2)
    batch.steps = [batch.change("j", succeeded("b"))]
    outcome, _, _ = follow(batch)
    assert [item["id"] for item in outcome.tasks] == ["a", "b"]


def test_failed_task() -> None:
    """A failed task makes the outcome a failure, with the task and its reason."""
    outcome, _, _ = follow(FakeBatch().with_job("j", succeeded("a"), failed("b")))
    assert not outcome.succeeded
    assert [progress.reason(item) for item in outcome.failures] == [
        "FailureExitCode: The task exited with an exit code representing a failure (exit code 3)"
    ]


def test_retries_and_requeues_are_counted() -> None:
    """Attempts after an error and after a lost node are shown apart."""
    batch = FakeBatch().with_job("j", succeeded("a", retryCount=2), succeeded("b", requeueCount=1))
    _, view, _ = follow(batch)
    assert view.shown[-1][2:] == (2, 1)


def test_blocked_merge() -> None:
    """When only tasks remain that wait for a failed one, the job is ended and they are named."""
    merge = task("merge", dependsOn={"taskIds": ["a", "b"]})
    batch = FakeBatch().with_job("j", succeeded("a"), failed("b"), merge)
    outcome, _, _ = follow(batch)
    assert outcome.blocked == ["merge"]
    assert not outcome.succeeded
    assert [item["id"] for item in outcome.failures] == ["b"]
    assert batch.calls == ["terminate DependencyFailed"]


def test_job_ended_by_somebody_else() -> None:
    """A job that was terminated elsewhere ends the watch even with tasks left."""
    batch = FakeBatch().with_job("j", task("a"))
    batch.steps = [lambda: batch.jobs["j"].update(state="completed")]
    outcome, _, _ = follow(batch)
    assert not outcome.succeeded


def test_pauses_grow() -> None:
    """While nothing changes the pauses grow from 0.2 to 2 seconds; a change makes them short again."""
    batch = FakeBatch().with_job("j", task("a", "running"), task("b"))
    batch.steps = [lambda: None] * 8 + [batch.change("j", succeeded("a")), batch.change("j", succeeded("b"))]
    _, _, time = follow(batch)
    assert [round(pause, 2) for pause in time.pauses[:8]] == [0.2, 0.3, 0.45, 0.68, 1.01, 1.52, 2.0, 2.0]
    assert time.pauses[-1] == progress.FASTEST


@pytest.mark.parametrize("code", ["", "ServerBusy", "TooManyRequests", "InternalError", "OperationTimedOut"])
def test_outage(code: str) -> None:
    """A service that stops answering, or cannot just now, is waited for; the watch goes on when it is back."""
    batch = FakeBatch().with_job("j", task("a", "running"))

    def silence(error: Exception | None) -> Callable[[], None]:
        return lambda: setattr(batch, "raises", error)

    batch.steps = [silence(ServiceError("connection refused", code)), lambda: None, silence(None)]
    batch.steps.append(batch.change("j", succeeded("a")))
    outcome, view, _ = follow(batch)
    assert outcome.succeeded
    assert view.lines == ["no answer, trying again: connection refused"]


@pytest.mark.parametrize(("code", "patience"), [("", 120.0), ("ServerBusy", 120.0), ("JobNotFound", 0.0)])
def test_outage_ends_the_watch(code: str, patience: float) -> None:
    """After two minutes without an answer the watch gives up; a refusal is an answer and ends it at once."""
    batch = FakeBatch().with_job("j", task("a", "running"))
    batch.steps = [lambda: setattr(batch, "raises", ServiceError("no", code))]
    time = Time(batch.advance)
    with pytest.raises(ServiceError):
        Watcher(batch, "j", RecordingView(), Clock(lambda: time.seconds, time.sleep)).follow()
    assert patience <= time.seconds <= patience + 3


def test_timeout() -> None:
    """After --timeout the watcher gives up, says so and how to come back; the job goes on."""
    batch = FakeBatch().with_job("j", task("a", "running"))
    with pytest.raises(TimedOutError, match=r"j is not done after 60 s; it goes on. Come back with: .* watch"):
        follow(batch, timeout=60)
    assert batch.calls == []


def test_says_why_nothing_runs() -> None:
    """While tasks wait and none runs, the reason is said once, and again when it changes."""
    batch = FakeBatch().with_job("j", task("a"))
    batch.pool_document = {"id": "p", "allocationState": "resizing", "targetDedicatedNodes": 1}
    nodes = [{"id": "n1", "state": "starting"}]
    batch.steps = [lambda: None] * 12 + [lambda: batch.node_list.extend(nodes)] + [lambda: None] * 3
    batch.steps.append(batch.change("j", succeeded("a")))
    _, view, _ = follow(batch)
    assert view.lines == [
        "waiting: pool p is resizing: 0 of 1 dedicated and 0 of 0 Spot nodes",
        "waiting: pool p is resizing: 0 of 1 dedicated and 0 of 0 Spot nodes (1 starting)",
    ]


def test_a_pool_that_is_gone_ends_the_watch() -> None:
    """Tasks that wait for a pool that was replaced would wait for ever: it says so, and what to do."""
    batch = FakeBatch().with_job("j", task("a"))
    batch.pool_document = {}
    with pytest.raises(ServiceError, match=r"solar-pool is gone: .* Next: .*cancel.*, then submit again"):
        follow(batch)


def test_says_how_a_start_task_ended() -> None:
    """The last lines it wrote on a node come before the service's words, which name neither script nor line."""
    batch = FakeBatch().with_job("j", task("a"))
    batch.pool_document = {"id": "p"}
    batch.node_list = [{"id": "n1", "state": "starttaskfailed"}, {"id": "n2", "state": "starttaskfailed"}]
    batch.files["n1", progress.START_TASK_STDERR] = b"one\n\ntwo\nsetup.sh: line 7: exit code 1 of: false\nend\n"
    batch.steps = [lambda: None] * 12 + [batch.change("j", succeeded("a"))]
    _, view, _ = follow(batch)
    assert view.lines[:4] == [
        "waiting: the start task wrote: two",
        "waiting: the start task wrote: setup.sh: line 7: exit code 1 of: false",
        "waiting: the start task wrote: end",
        "waiting: the start task failed on n1 and 1 more: failed",
    ]


@pytest.mark.parametrize(
    ("pool", "nodes", "expected"),
    [
        (
            {"id": "p", "resizeErrors": [{"code": "AccountCoreQuotaReached", "message": "no cores"}]},
            [],
            "the pool could not be resized: AccountCoreQuotaReached: no cores",
        ),
        (
            {"id": "p", "autoScaleRun": {"error": {"code": "AutoScalingFormulaEvaluationError", "message": "bad"}}},
            [],
            "the autoscale formula failed: AutoScalingFormulaEvaluationError: bad",
        ),
        (
            {"id": "p"},
            [
                {
                    "id": f"n{number}",
                    "state": "starttaskfailed",
                    "startTaskInfo": {"exitCode": 1, "failureInfo": {"code": "FailureExitCode", "message": "x\ny"}},
                }
                for number in (1, 2)
            ],
            "the start task failed on n1 and 1 more: FailureExitCode: x (exit code 1)",
        ),
        (
            {"id": "p", "enableAutoScale": True},
            [],
            "pool p is steady: 0 of 0 dedicated and 0 of 0 Spot nodes; the formula has asked for no nodes yet",
        ),
    ],
)
def test_why_nothing_runs(pool: Json, nodes: list[Json], expected: str) -> None:
    """Resize errors, a failed formula, failed start tasks and an empty pool have a sentence each, worst first."""
    assert progress.why_nothing_runs(pool, nodes)[0] == expected


@pytest.mark.parametrize(
    ("depends", "expected"),
    [
        ({"taskIds": ["A"]}, ["m"]),
        ({"taskIds": ["b"]}, []),
        ({"taskIdRanges": [{"start": 2, "end": 9}]}, ["m"]),
        ({"taskIdRanges": [{"start": 8, "end": 9}]}, []),
    ],
)
def test_blocked(depends: Json, expected: list[str]) -> None:
    """A waiting task is blocked by a failed one it depends on, by id whatever its case, or by a range of numbers."""
    tasks = [failed("a"), succeeded("b"), failed("7"), task("m", dependsOn=depends), task("free")]
    assert progress.blocked(tasks) == expected


def test_line_view_is_quiet() -> None:
    """Without a terminal a line is written now and then, and always for the end."""
    lines: list[str] = []
    now = iter([0.0, 0.0, 1.0, 10.0, 10.0, 10.0])
    view = LineView(lines.append, lambda: next(now))
    for done in (0, 1, 2, 3):
        view.update(Counts(active=3 - done, succeeded=done), 3, 0, 0)
    assert [line.split()[0] for line in lines] == ["0/3", "2/3", "3/3"]


def test_numbers() -> None:
    """Retries and requeues are mentioned only when there were some."""
    assert numbers(Counts(1, 2, 3, 4), 0, 0) == "1 waiting, 2 running, 3 done, 4 failed"
    assert numbers(Counts(), 5, 6).endswith("5 retries, 6 requeued")
