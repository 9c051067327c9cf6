"""The agent of this machine: every pretend node's directories and processes."""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from batchite.agent import directories, processes
from batchite.agent.engine import Engine
from batchite.agent.gang import Gang
from batchite.agent.launch import Image, Launch, Mount, Package, node_directory
from batchite.agent.node_logs import NodeLogs
from batchite.agent.packages import Preparation
from batchite.agent.reading import Reading, reading
from batchite.agent.runner import TASK_ENDED, Attempt, Ended
from batchite.agent.transfer import Transfer, TransferError, Uploaded
from batchite.agent.users import TaskUsers
from batchite.scheduler.consumption import NOTHING, Consumption
from batchite.scheduler.events import (
    Event,
    JobTaskEnded,
    NodePrepared,
    NodeRemoved,
    NodeUnusable,
    StartTaskEnded,
    SubtaskEnded,
    SubtaskStarted,
    TaskEnded,
    TaskStarted,
)
from batchite.scheduler.model import Detail, Failure, JobTaskKey, NodeKey, TaskKey

log = logging.getLogger(__name__)

DIRECTORIES = ("applications", "fsmounts", "shared", "startup", "volatile", "workitems")
THREADS = 512
"""Attempts that may be under way at once: each waits for its process in a thread of its own."""
CONTROL_THREADS = 32
"""Nodes being made or removed and attempts being stopped: apart, so that they never wait for an attempt's thread."""

Owner = tuple[NodeKey, str, int]
"""(node, what: `start`, a task's key, or a job's and which of its tasks, attempt)."""


class LocalAgent:
    """Implements `agent.port.Agent` with one thread an attempt; `post` takes events from any thread."""

    def __init__(
        self,
        root: Path,
        journal: processes.Journal,
        transfer: Transfer,
        users: TaskUsers,
        post: Callable[[Event], None],
        on_uploaded: Callable[[list[Uploaded]], None],
        logs: NodeLogs,
        engine: Engine | None = None,
    ) -> None:
        self._engine = engine
        self._root, self._journal, self._transfer, self._users = root, journal, transfer, users
        self._post, self._on_uploaded, self._logs = post, on_uploaded, logs
        self._threads = ThreadPoolExecutor(THREADS, "attempt")
        self._controls = ThreadPoolExecutor(CONTROL_THREADS, "agent")
        self._lock = threading.Lock()
        self._attempts: dict[Owner, Attempt | Gang] = {}
        self._preparations: dict[NodeKey, Preparation] = {}
        self._used: dict[NodeKey, Consumption] = {}  # by attempts that have ended there, since the node came up

    def prepare_node(
        self,
        node: NodeKey,
        boot: int,
        packages: tuple[Package, ...] = (),
        mounts: tuple[Mount, ...] = (),
        images: tuple[Image, ...] = (),
        *,
        keep: bool = False,
    ) -> None:
        """Make the node's directories and fill them, in an attempt's thread if there is anything to fetch."""
        mine = Preparation(packages, mounts, images, self._engine)
        with self._lock:
            before, self._preparations[node] = self._preparations.get(node), mine
        threads = self._threads if packages or mounts or images else self._controls
        threads.submit(_logged, lambda: self._prepare_node(node, boot, mine, before, keep))

    def run_start_task(self, node: NodeKey, boot: int, attempt: int, launch: Launch) -> None:
        """Run the start task."""
        owner = (node, "start", boot * 1000 + attempt)
        self._begin(owner, launch, _nothing, lambda end: self._start_task_ended(node, boot, end))

    def run_task(self, task: TaskKey, node: NodeKey, attempt: int, launch: Launch) -> None:
        """Run one attempt of a task, or of a multi-instance task on all its nodes."""
        name = "/".join(task)

        def started(files: int) -> None:
            self._post(TaskStarted(task, attempt, files=files))

        def ended(end: Ended) -> None:
            answer = TaskEnded(task, attempt, end.exit_code, end.failure, end.retryable)
            self._post(replace(answer, uploaded=end.uploaded, used=end.used, container=end.container))

        if launch.instances:
            owners = [(instance.node, name, attempt) for instance in launch.instances]
            self._submit(owners, self._gang(task, attempt, launch, started), ended)
        else:
            self._begin((node, name, attempt), launch, started, ended)

    def stop_task(self, task: TaskKey, attempt: int) -> None:
        """Kill the attempt; its own thread then reports the end."""
        with self._lock:
            owner = next((one for one in self._attempts if one[1:] == ("/".join(task), attempt)), None)
        self._stop(owner, TaskEnded(task, attempt, None, TASK_ENDED))

    def run_job_task(self, task: JobTaskKey, attempt: int, launch: Launch) -> None:
        """Run a job's preparation or release task."""
        self._begin(
            _owner(task, attempt),
            launch,
            _nothing,
            lambda end: self._post(
                JobTaskEnded(task, attempt, end.exit_code, end.failure, end.retryable, container=end.container)
            ),
        )

    def stop_job_task(self, task: JobTaskKey, attempt: int) -> None:
        """Kill it; its own thread then reports the end."""
        self._stop(_owner(task, attempt), JobTaskEnded(task, attempt, None, TASK_ENDED))

    def remove_task_files(self, task: TaskKey, node: NodeKey, directory: str) -> None:
        """Remove a task's directory. It is out of the way at once: a task of the same id may be added right after."""
        doomed = node_directory(self._root, node) / f".removed-{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):  # the task never ran
            (node_directory(self._root, node) / directory).rename(doomed)
            self._control(lambda: directories.remove(doomed))

    def remove_node(self, node: NodeKey, boot: int, *, keep: bool = False) -> None:
        """Kill everything on the node and remove its directory unless `keep`."""
        self._control(lambda: self._remove_node(node, boot, keep))

    def readings(self) -> dict[NodeKey, Reading]:
        """What every node with a process now or earlier has used so far. Takes some milliseconds: not for the loop."""
        with self._lock:
            used = dict(self._used)
        alive = {NodeKey(*path.split("/")): now for path, now in processes.living(self._root).items()}
        return {node: reading(used.get(node, NOTHING), alive.get(node, (0.0, 0))) for node in used.keys() | alive}

    def close(self) -> None:
        """Kill every attempt and wait for its thread; nothing runs afterwards."""
        with self._lock:
            stops = [work.stop for work in self._attempts.values()]
            stops += [work.stop for work in self._preparations.values()]
        for stop in stops:
            _logged(stop)
        self._controls.shutdown()
        self._threads.shutdown()
        processes.kill_below(self._root)
        self._journal.clear()
        self._journal.close()

    def _prepare_node(
        self,
        node: NodeKey,
        boot: int,
        mine: Preparation,
        before: Preparation | None,
        keep: bool,
    ) -> None:
        directory = node_directory(self._root, node)
        if before is not None:
            before.end()
        try:
            self._logs.begin(node, boot, keep=keep)
            self._make(directory, keep=keep)
            mine.install(directory, self._transfer, self._users.plain)
        except TransferError as error:
            if not mine.stopping:
                self._unusable(node, boot, error.failure)
            return
        except OSError as error:
            log.warning("node %s cannot be made: %s", node.node, error)
            details = (Detail("Path", str(directory)),)
            failure = Failure("servererror", "NodeDirectoryCreateFailed", f"No directory: {error.strerror}", details)
            self._unusable(node, boot, failure)
            return
        finally:
            mine.over()
        self._logs.write(node, f"boot {boot}: ready")
        self._post(NodePrepared(node, boot))

    def _make(self, directory: Path, *, keep: bool) -> None:
        if not keep:
            directories.remove(directory)
        for name in DIRECTORIES:
            directories.provide(directory / name, self._users.plain)

    def _unusable(self, node: NodeKey, boot: int, failure: Failure) -> None:
        self._logs.write(node, f"boot {boot}: unusable, {failure.code}")
        self._post(NodeUnusable(node, boot, failure))

    def _stop(self, owner: Owner | None, missed: Event) -> None:
        """Stop an attempt. One that has ended already has its answer under way; `missed` is for a core without it."""
        with self._lock:
            attempt = self._attempts.get(owner) if owner else None
        if attempt is None:
            self._post(missed)
        else:
            self._control(attempt.stop)

    def _control(self, action: Callable[[], object]) -> None:
        self._controls.submit(_logged, action)

    def _begin(
        self, owner: Owner, launch: Launch, started: Callable[[int], None], ended: Callable[[Ended], None]
    ) -> None:
        """Register the attempt at once, so that a stop that follows finds it, and run it in its own thread."""
        self._submit([owner], self._attempt(launch, started), ended)

    def _attempt(self, launch: Launch, started: Callable[[int], None]) -> Attempt:
        user = self._users.of(admin=launch.admin)
        made = (launch, self._transfer, user, self._journal, started, self._on_uploaded)
        return Attempt(*made, engine=self._engine, node_root=self._root)

    def _gang(self, task: TaskKey, attempt: int, launch: Launch, started: Callable[[int], None]) -> Gang:
        """The task runs once its primary's coordination command does; its own command begins nothing new."""

        def subtask_started(number: int) -> Callable[[int], None]:
            return lambda _files: self._post(SubtaskStarted(task, attempt, number))

        def instance_ended(number: int, end: Ended) -> None:
            if number:
                self._post(SubtaskEnded(task, attempt, number, end.exit_code, end.failure))

        instances = tuple(
            self._attempt(one.launch, subtask_started(number) if number else started)
            for number, one in enumerate(launch.instances)
        )
        command = self._attempt(replace(launch, wall_clock=None), _nothing)
        return Gang(instances, command, launch.wall_clock, instance_ended)

    def _submit(self, owners: list[Owner], attempt: Attempt | Gang, ended: Callable[[Ended], None]) -> None:
        with self._lock:
            self._attempts |= dict.fromkeys(owners, attempt)
        self._threads.submit(self._run, owners, attempt, ended)

    def _run(self, owners: list[Owner], attempt: Attempt | Gang, ended: Callable[[Ended], None]) -> None:
        for node, name, number in owners:
            self._logs.write(node, f"{name} attempt {number}: begins")
        try:
            end = attempt.run()
        except Exception as error:  # a bug must end the attempt, never leave its task running for ever
            log.exception("attempt of %s failed in the agent", owners[0][1])
            end = Ended(None, Failure("servererror", "Unknown", f"The node agent failed: {type(error).__name__}"))
        for node, name, number in owners:
            self._logs.write(node, f"{name} attempt {number}: {_told(end)}")
        with self._lock:
            for owner in owners:
                del self._attempts[owner]
            if end.used is not None:
                first = owners[0][0]
                self._used[first] = self._used.get(first, NOTHING).plus(end.used)
        ended(end)

    def _start_task_ended(self, node: NodeKey, boot: int, end: Ended) -> None:
        self._post(StartTaskEnded(node, boot, end.exit_code, end.failure, container=end.container))

    def _remove_node(self, node: NodeKey, boot: int, keep: bool) -> None:
        with self._lock:
            mine = [attempt for (owner, _, _), attempt in self._attempts.items() if owner == node]
            preparation = self._preparations.pop(node, None)
            self._used.pop(node, None)
        if preparation is not None:
            preparation.end()
        for attempt in mine:
            _logged(attempt.stop)
        for attempt in mine:
            attempt.wait()
        directory = node_directory(self._root, node)
        _logged(lambda: processes.kill_marked(f"AZ_BATCH_NODE_ROOT_DIR={directory}"))
        self._logs.write(node, f"boot {boot}: down, nothing runs any more")
        if not keep:
            self._logs.forget(node)
            _logged(lambda: directories.remove(directory))
        self._post(NodeRemoved(node, boot))


def _told(end: Ended) -> str:
    code = "without an exit code" if end.exit_code is None else f"with exit code {end.exit_code}"
    return f"ended {code}" + (f", {end.failure.code}" if end.failure else "")


def _owner(task: JobTaskKey, attempt: int) -> Owner:
    return (task.node, f"{'/'.join(task.job)} {task.kind}", attempt)


def _nothing(_files: int) -> None:
    """Start, preparation and release tasks report no start, nor does the command after coordination."""


def _logged(action: Callable[[], object]) -> None:
    """Do it; what goes wrong is for the log, since nobody waits for the outcome."""
    try:
        action()
    except Exception:
        log.exception("the node agent could not finish what it was asked for")
