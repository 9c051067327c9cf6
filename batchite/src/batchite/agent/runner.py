"""One attempt of a task or start task, from its directory to its uploads. Runs in a thread of its own."""

from __future__ import annotations

import errno
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from batchite.agent import containers, credentials, directories, packages, processes
from batchite.agent.engine import NO_ENGINE, Engine
from batchite.agent.launch import Launch, OutputFile
from batchite.agent.spawn import Child
from batchite.agent.transfer import Transfer, TransferError, Uploaded
from batchite.agent.users import TaskUser
from batchite.scheduler.consumption import Consumption
from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.model import Detail, Failure

STDOUT, STDERR, WORKING = "stdout.txt", "stderr.txt", "wd"
MOST_TOLD = 10
"""Uploads that a task's story names."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})

TASK_ENDED = Failure("usererror", "TaskEnded", "Task Was Ended by User Request")
WALL_CLOCK = Failure("usererror", "TaskEnded", "The task ran longer than its maxWallClockTime and was ended")


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `retryable`: the command itself exited with a code other than 0."""

    exit_code: int | None
    failure: Failure | None
    retryable: bool = False
    uploaded: tuple[str, ...] = ()  # `container/blob` of what was stored
    used: Consumption | None = field(default=None, compare=False)  # None when nothing ran
    container: ContainerInfo | None = None


@dataclass(slots=True)
class Attempt:
    """One attempt under way. `stop` may come from any thread, at any moment.

    When `run` returns, nothing of a stopped attempt runs any more. What an attempt that ended by itself has put into a
    session of its own (a daemon of a start task) stays until its node goes.
    """

    launch: Launch
    transfer: Transfer
    user: TaskUser
    journal: processes.Journal
    on_started: Callable[[int], None]  # gets the number of files that were downloaded
    on_uploaded: Callable[[list[Uploaded]], None]
    used: Consumption | None = None  # by its processes, once they have been reaped
    engine: Engine | None = None
    node_root: Path = Path()  # the server's; containers carry it
    _lock: threading.Lock = field(default_factory=threading.Lock)  # held while killing and while reaping
    _stopping: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)
    _process: Child | None = None
    _contained: containers.Contained | None = None
    _container: ContainerInfo | None = None
    _overran: bool = False
    _downloaded: int = 0
    _variables: dict[str, str] = field(default_factory=dict)  # what names the application packages
    _directory: Path = field(init=False)

    def __post_init__(self) -> None:
        """Join the paths once: it costs as much as a system call."""
        self._directory = self.launch.node_root / self.launch.directory

    def run(self) -> Ended:
        """Do it all."""
        try:
            return replace(self._run(), used=self.used)
        finally:
            self._done.set()

    def wait(self) -> None:
        """Wait until `run` is over."""
        self._done.wait()

    def stop(self) -> None:
        """Kill the attempt's processes, now or as soon as there are any, and end its transfers; no uploads follow.

        Raises TimeoutError when a process does not end.
        """
        self._stopping.set()
        with self._lock:
            self._kill()

    def overrun(self) -> None:
        """The limit of time is over: kill the attempt's processes, now or as soon as there are any. Uploads follow."""
        with self._lock:
            self._overran = True
            self._kill()

    def _kill(self) -> None:
        """Kill the whole tree. Only under the lock and before the leader is reaped is its pid surely ours."""
        if self._process is not None and self._process.returncode is None:
            if self._contained is not None:
                self._contained.kill()
            processes.kill_tree(self._process.pid, self.marker)

    @property
    def marker(self) -> str:
        """What every process of the attempt carries in its environment."""
        return f"AZ_BATCH_TASK_DIR={self._directory}"

    def _run(self) -> Ended:
        try:
            self._prepare()
            ended = self._judge(self._execute())
        except TransferError as error:
            return Ended(None, TASK_ENDED if self._stopping.is_set() else error.failure, container=self._container)
        except _LaunchError as error:
            ended = Ended(None, error.failure)
        except OSError as error:
            return Ended(None, _disk_failure(error))
        return self._upload(ended)

    def _prepare(self) -> None:
        """The task directory, anew for every attempt, with its resource files; before it, its application packages."""
        if self.launch.refusal is not None:
            raise TransferError(self.launch.refusal)
        root = self.launch.node_root
        own = packages.install_all(self.launch.packages, root, self.transfer, self.user, self._stopping)
        self._variables = packages.pool_variables(root) | own
        whole = root / (self.launch.files_in or self.launch.directory)
        working = self._directory / WORKING
        if not self.launch.continues:
            directories.remove(whole)
            working.mkdir(parents=True)
        for file in self.launch.resource_files:
            target = directories.real(root, whole if self.launch.files_in else working)
            self._downloaded += len(self.transfer.download(file, target, self._stopping))
        directories.give_tree(whole, self.user)

    def _execute(self) -> int | None:
        """Run the command, in its container if it has one; its exit code. None when a stop came before."""
        if self.launch.container is None:
            return self._run_process()
        if self.engine is None:
            raise TransferError(NO_ENGINE)
        launch = replace(self.launch, environment={**self.launch.environment, **self._variables})
        self._contained = containers.contain(self.engine, launch, self.node_root, self.user, self._stopping)
        try:
            code = self._run_process()
            if code is not None:
                code, self._container = self._contained.look(code)
        finally:
            self._contained.remove()
        if self._container is not None and not self._stopping.is_set() and not self._overran:
            failure = containers.never_ran(self._container, self._directory / STDERR)
            if failure is not None:
                raise TransferError(failure)
        return code

    def _run_process(self) -> int | None:
        """Run a process to its end; its exit code as a shell would give it. None when a stop came before."""
        process = self._spawn()
        if process is None:
            return None
        timer = self._timer(self.launch.wall_clock)
        try:
            self.journal.started(process.pid)
            self.on_started(self._downloaded)
            processes.wait_unreaped(process)
        finally:
            if timer is not None:
                timer.cancel()
            code = self._reap(process)
        return code if code >= 0 else 128 - code  # killed by signal n: 128 + n

    def _spawn(self) -> Child | None:
        with self._output(STDOUT) as stdout, self._output(STDERR) as stderr, self._lock:
            if self._stopping.is_set() or self._overran:
                return None
            outputs = (stdout.fileno(), stderr.fileno())
            if self._contained is not None:
                self._process = self._contained.start(*outputs)
            else:
                variables, working = {**self.launch.environment, **self._variables}, self._directory / WORKING
                self._process = _popen(self.launch.command_line, variables, working, outputs, self.user)
            return self._process

    def _output(self, name: str) -> BinaryIO:
        """The file, opened as the tasks' user, and no link: other tasks may have been in the directory."""
        path = self._directory / name
        with credentials.acting(self.user):
            file = directories.open_output(path, anew=not self.launch.continues)
        directories.give(path, self.user)
        return file

    def _reap(self, process: Child) -> int:
        """End what the leader left in its process group, then the leader's own zombie."""
        if self.launch.background:
            with self._lock:
                self.used = processes.reap(process)
                return process.wait()
        with self._lock:
            processes.kill_group(process.pid)
            self.used = processes.reap(process)
        processes.end_session(process.pid)
        return process.wait()

    def _timer(self, limit: float | None) -> threading.Timer | None:
        """A running timer that ends the attempt at its limit, if it has one."""
        if limit is None:
            return None
        timer = threading.Timer(limit, self.overrun)
        timer.daemon = True
        timer.start()
        return timer

    def _judge(self, code: int | None) -> Ended:
        if self._stopping.is_set():
            return Ended(code, TASK_ENDED, container=self._container)
        if self._overran:
            return Ended(code, WALL_CLOCK, container=self._container)
        if code == 0:
            return Ended(0, None, container=self._container)
        message = "The task exited with an exit code representing a failure"
        failure = Failure("usererror", "FailureExitCode", message, (Detail("Message", f"exit code {code}"),))
        return Ended(code, failure, retryable=True, container=self._container)

    def _upload(self, ended: Ended) -> Ended:
        """Uploads. A failed one is the task's failure, unless it has failed already."""
        uploaded: list[Uploaded] = []
        problem: Failure | None = None
        for output in self.launch.output_files:
            if _wanted(output, success=ended.failure is None) and not self._stopping.is_set():
                try:
                    directories.real(self.launch.node_root, self._directory)
                    uploaded += self.transfer.upload(output, self._directory, self._stopping)
                except TransferError as error:
                    problem = problem or error.failure
                except OSError as error:
                    text = f"The task directory is not what it was: {error.strerror}"
                    problem = problem or Failure("usererror", "FileUploadMiscError", text)
        if uploaded:
            self.on_uploaded(uploaded)
        if self._stopping.is_set():
            return replace(ended, failure=TASK_ENDED, retryable=False)
        names = _names(uploaded)
        if problem and ended.failure is None:
            return replace(ended, failure=problem, uploaded=names)
        return replace(ended, uploaded=names)


def _names(uploaded: list[Uploaded]) -> tuple[str, ...]:
    """Container and name of what was stored, for the task's story; of many the number of the rest."""
    names = tuple("/".join(urlsplit(blob.url).path.split("/")[2:]) for blob in uploaded[:MOST_TOLD])
    return names if len(uploaded) <= MOST_TOLD else (*names, f"{len(uploaded) - MOST_TOLD} more")


class _LaunchError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure("usererror", code, message)


def _popen(
    command_line: str, environment: dict[str, str], working: Path, outputs: tuple[int, int], user: TaskUser
) -> Child:
    """Start the command line without a shell, in a session of its own; `outputs` are stdout and stderr.

    Raises _LaunchError.
    """
    try:
        return credentials.start(shlex.split(command_line), user, working, environment, outputs)
    except FileNotFoundError as error:
        raise _LaunchError("CommandProgramNotFound", "The specified program was not found") from error
    except (OSError, ValueError, IndexError) as error:
        raise _LaunchError("CommandLaunchFailed", f"The command cannot be started: {error}") from error


def _disk_failure(error: OSError) -> Failure:
    code = "DiskFull" if error.errno in NO_SPACE else "ResourceDirectoryCreateFailed"
    return Failure("usererror", code, f"The task directory cannot be made: {error.strerror}")


def _wanted(output: OutputFile, *, success: bool) -> bool:
    return output.condition in {"taskcompletion", "tasksuccess" if success else "taskfailure"}
