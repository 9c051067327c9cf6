import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scheduler.worlds import JOB, POOL, job, pool, task

from batchite.agent.launch import Image, Launch, Mount, Package
from batchite.clock import resume
from batchite.scheduler.events import (
    AddTasks,
    CreateJob,
    CreatePool,
    JobTaskEnded,
    NodePrepared,
    NodeRemoved,
    StartTaskEnded,
    TaskEnded,
    TaskStarted,
)
from batchite.scheduler.model import Failure, JobTaskKey, NodeKey, NodeState, StartTaskPolicy, TaskKey, TaskState
from batchite.service import BatchService
from batchite.storage.group_commit import StoreFailedError
from batchite.storage.memory import MemoryStore

pytestmark = pytest.mark.ours

LAUNCH = Launch(Path("/none"), "t", "true", {})


class Store(MemoryStore):
    """Fails from `full` on, at the commit or already at a write."""

    full = at_write = False

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Insert, unless full."""
        if self.at_write:
            raise OSError(28, "No space left on device")
        super().put(kind, key, value)

    def commit(self, *, durable: bool = True) -> None:
        """Commit, unless full."""
        if self.full:
            raise OSError(28, "No space left on device")


class Site:
    """A service with an agent whose nodes and tasks start at once; launches may be broken."""

    def __init__(self) -> None:
        self.store, self.failures = Store(), list[Exception]()
        self.service = BatchService(self.store, resume(10_000, None), self.failures.append)
        self.started: list[TaskKey] = []
        self.broken = ""
        self.service.start(self, self)

    def refusal(self, _node: NodeState) -> Failure | None:
        """Any node can be had, unless that is what is broken."""
        self._launch("refusal")
        return None

    def start_task(self, _node: NodeState) -> Launch:
        """A launch."""
        return self._launch("start_task")

    def task(self, _task: TaskState) -> Launch:
        """A launch."""
        return self._launch("task")

    def _launch(self, what: str) -> Launch:
        if self.broken == what:
            raise KeyError("the document of a pool that is gone")
        return LAUNCH

    def forget(self, node: NodeKey) -> None:
        """Nothing to forget."""

    def task_directory(self, _task: TaskKey) -> str:
        """Any."""
        return "t"

    def packages(self, _node: NodeState) -> tuple[Package, ...]:
        """None."""
        return ()

    def mounts(self, _node: NodeState) -> tuple[Mount, ...]:
        """None."""
        return ()

    def images(self, _node: NodeState) -> tuple[Image, ...]:
        """None."""
        return ()

    def prepare_node(
        self,
        node: NodeKey,
        boot: int,
        _packages: tuple[Package, ...] = (),
        _mounts: tuple[Mount, ...] = (),
        _images: tuple[Image, ...] = (),
        *,
        keep: bool = False,
    ) -> None:
        """At once."""
        self.service.answer(NodePrepared(node, boot))

    def run_start_task(self, node: NodeKey, boot: int, _attempt: int, _launch: Launch) -> None:
        """At once, with success."""
        self.service.answer(StartTaskEnded(node, boot, 0, None))

    def run_task(self, task: TaskKey, _node: NodeKey, attempt: int, _launch: Launch) -> None:
        """Starts, and goes on until the test ends it."""
        self.started.append(task)
        self.service.answer(TaskStarted(task, attempt))

    def stop_task(self, task: TaskKey, attempt: int) -> None:
        """At once."""
        self.service.answer(TaskEnded(task, attempt, None, None))

    def job_task(self, _task: JobTaskKey) -> Launch:
        """A launch."""
        return self._launch("job_task")

    def run_job_task(self, task: JobTaskKey, attempt: int, _launch: Launch) -> None:
        """At once, with success."""
        self.service.answer(JobTaskEnded(task, attempt, 0, None))

    def stop_job_task(self, task: JobTaskKey, attempt: int) -> None:
        """At once."""
        self.service.answer(JobTaskEnded(task, attempt, None, None))

    def remove_task_files(self, task: TaskKey, node: NodeKey, directory: str) -> None:
        """No files."""

    def remove_node(self, node: NodeKey, boot: int, *, keep: bool = False) -> None:
        """At once."""
        self.service.answer(NodeRemoved(node, boot))

    def find(self, name: str) -> TaskState:
        """A task's record."""
        return self.service.tasks_of(JOB)[name]

    def nodes(self) -> list[str]:
        """The nodes' states."""
        return [node.state for node in self.service.nodes_of(POOL)]


async def until(predicate: Callable[[], Any]) -> None:
    """Let the loop turn until the predicate is true."""
    async with asyncio.timeout(10):
        while not predicate():  # noqa: ASYNC110 - states of the core have no event
            await asyncio.sleep(0.001)


async def with_task(site: Site) -> None:
    """A pool of one node, a job, a task."""
    await site.service.apply(CreatePool(pool(1)))
    await site.service.apply(CreateJob(job()))
    await site.service.apply(AddTasks(JOB, (task("t"),)))


def test_a_task_that_cannot_be_handed_to_its_node_fails(caplog: pytest.LogCaptureFixture) -> None:
    """With an error of the server's; it does not stay in preparing for ever, and the node takes the next one."""

    async def scenario() -> None:
        site = Site()
        site.broken = "task"
        await with_task(site)
        await until(lambda: site.find("t").state == "completed")
        failure = site.find("t").failure
        assert failure is not None
        assert (failure.category, failure.code) == ("servererror", "Unknown")
        site.broken = ""
        await site.service.apply(AddTasks(JOB, (task("u"),)))
        await until(lambda: site.find("u").state == "running")
        site.service.stop()

    asyncio.run(scenario())
    assert "could not be carried out" in caplog.text


@pytest.mark.parametrize(("broken", "state"), [("start_task", "starttaskfailed"), ("refusal", "unusable")])
def test_a_node_that_cannot_be_handed_its_orders_says_so(broken: str, state: str) -> None:
    """It does not wait for ever."""

    async def scenario() -> None:
        site = Site()
        site.broken = broken
        await site.service.apply(CreatePool(pool(1, start_task=StartTaskPolicy(wait_for_success=True, max_retries=0))))
        await until(lambda: site.nodes() == [state])
        site.service.stop()

    asyncio.run(scenario())


def test_an_answer_that_cannot_be_taken_is_logged_with_the_event(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, so the log is the only place."""

    async def scenario() -> None:
        site = Site()
        monkeypatch.setattr(site.service._core, "handle", lambda *_: 1 / 0)
        site.service.answer(NodePrepared(NodeKey("a", "p", "the-node"), 1))

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert "the-node" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_after_the_stop_no_answer_is_heard() -> None:
    """The agent's kills at a stop must not end tasks: they run again at the next start."""

    async def scenario() -> None:
        site = Site()
        await with_task(site)
        await until(lambda: site.find("t").state == "running")
        site.service.stop()
        site.service.answer(TaskEnded(site.find("t").key, site.find("t").attempt, None, Failure("usererror", "X", "x")))
        assert site.find("t").state == "running"

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["full", "at_write"])
def test_a_store_that_fails_ends_the_service(where: str) -> None:
    """The request is not acknowledged, the server is told once, no effect follows, nothing is accepted any more."""

    async def scenario() -> None:
        site = Site()
        await with_task(site)
        await until(lambda: site.started)
        setattr(site.store, where, True)
        with pytest.raises(StoreFailedError):
            await site.service.apply(AddTasks(JOB, (task("u"),)))
        setattr(site.store, where, False)
        with pytest.raises(StoreFailedError):
            await site.service.apply(AddTasks(JOB, (task("v"),)))
        with pytest.raises(StoreFailedError):
            await site.service.save()
        site.service.answer(TaskEnded(site.find("t").key, site.find("t").attempt, 0, None))
        await asyncio.sleep(0)
        assert len(site.failures) == 1
        assert [key.task for key in site.started] == ["t"]
        site.service.stop()

    asyncio.run(scenario())
