"""One attempt of a task or start task, from its directory to its uploads. Runs in a thread of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from batchite.agent import processes
from batchite.agent.launch import Launch, OutputFile
from batchite.agent.transfer import Transfer, TransferError, Uploaded
from batchite.agent.users import TaskUser
from batchite.scheduler.model import Detail, Failure

STDOUT, STDERR, WORKING = "stdout.txt", "stderr.txt", "wd"


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `retryable`: the command itself exited with a code other than 0."""

    exit_code: int | None
    failure: Failure | None
    retryable: bool = False


@dataclass(slots=True)
class Attempt:
    """One attempt under way. `stop` may come from any thread, at any moment."""

    launch: Launch
    transfer: Transfer
    user: TaskUser
    journal: processes.Journal
    on_started: Callable[[], None]
    on_uploaded: Callable[[list[Uploaded]], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[bytes] | None = None
    _stopped: str = ""  # why: "stop" (no uploads follow) or "wallclock"

    def run(self) -> Ended:
        """Do it all; returns when nothing of the attempt runs any more."""
        try:
            return self._run()
        finally:
            self._done.set()

    def wait(self) -> None:
        """Wait until `run` is over."""
        self._done.wait()

    def _run(self) -> Ended:
        try:
            directory = self._prepare()
            exit_code = self._execute(directory)
        except TransferError as error:
            return Ended(None, error.failure)
        except _LaunchError as error:
            return self._after(self._directory(), Ended(None, error.failure))
        except OSError as error:
            return Ended(None, _disk_failure(error))
        if self._stopped == "stop":
            return Ended(exit_code, TASK_ENDED)
        return self._after(directory, self._judge(exit_code))

    def stop(self, reason: str = "stop") -> None:
        """Kill the attempt's processes, now or as soon as there are any."""
        with self._lock:
            self._stopped = self._stopped or reason
            process = self._process
        if process is not None and process.returncode is None:
            processes.kill_session(process.pid)

    def _directory(self) -> Path:
        return self.launch.node_root / self.launch.directory

    def _prepare(self) -> Path:
        """The task directory, anew for every attempt, with its resource files."""
        directory = self._directory()
        if directory.exists():
            shutil.rmtree(directory)
        working = directory / WORKING
        working.mkdir(parents=True)
        for file in self.launch.resource_files:
            if not self._stopped:
                self.transfer.download(file, working)
        self._give_away(directory)
        return directory

    def _execute(self, directory: Path) -> int | None:
        with (directory / STDOUT).open("wb") as stdout, (directory / STDERR).open("wb") as stderr:
            for stream in (stdout, stderr):
                self._give(stream.fileno())
            process = self._spawn(directory / WORKING, stdout.fileno(), stderr.fileno())
        if process is None:
            return None
        self.on_started()
        timer = self._wall_clock()
        try:
            code = process.wait()
        finally:
            timer.cancel()
        processes.kill_group(process.pid)
        return code

    def _spawn(self, working: Path, stdout: int, stderr: int) -> subprocess.Popen[bytes] | None:
        """Start the command, unless a stop came before."""
        with self._lock:
            if self._stopped:
                return None
            self._process = _popen(self.launch, working, stdout, stderr, self.user)
        self.journal.started(self._process.pid)
        return self._process

    def _wall_clock(self) -> threading.Timer:
        """A running timer that ends the attempt at its limit; without a limit one that is never started."""
        timer = threading.Timer(self.launch.wall_clock or 0, self.stop, ("wallclock",))
        timer.daemon = True
        if self.launch.wall_clock is not None:
            timer.start()
        return timer

    def _judge(self, exit_code: int | None) -> Ended:
        if self._stopped == "wallclock":
            return Ended(exit_code, WALL_CLOCK)
        if exit_code == 0:
            return Ended(0, None)
        code = exit_code if exit_code is None or exit_code >= 0 else 128 - exit_code  # killed by signal n: 128 + n
        message = "The task exited with an exit code representing a failure"
        failure = Failure("usererror", "FailureExitCode", message, (Detail("Message", f"exit code {code}"),))
        return Ended(code, failure, retryable=True)

    def _after(self, directory: Path, ended: Ended) -> Ended:
        """Uploads. A failed one is the task's failure, unless it has failed already."""
        uploaded: list[Uploaded] = []
        problem: Failure | None = None
        for output in self.launch.output_files:
            if _wanted(output, success=ended.failure is None) and self._stopped != "stop":
                try:
                    uploaded += self.transfer.upload(output, directory)
                except TransferError as error:
                    problem = problem or error.failure
        self.on_uploaded(uploaded)
        return Ended(ended.exit_code, problem) if problem and ended.failure is None else ended

    def _give_away(self, directory: Path) -> None:
        """Make the task's user the owner of its directory."""
        if self.user.uid is None:
            return
        for path, _, names in os.walk(directory):
            for name in ("", *names):
                os.chown(Path(path, name), self.user.uid, self.user.gid or -1, follow_symlinks=False)

    def _give(self, file: int) -> None:
        if self.user.uid is not None:
            os.fchown(file, self.user.uid, self.user.gid or -1)


TASK_ENDED = Failure("usererror", "TaskEnded", "Task Was Ended by User Request")
WALL_CLOCK = Failure("usererror", "TaskEnded", "The task ran longer than its maxWallClockTime and was ended")


class _LaunchError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _popen(launch: Launch, working: Path, stdout: int, stderr: int, user: TaskUser) -> subprocess.Popen[bytes]:
    """Start the command line without a shell, in a session of its own. Raises _LaunchError."""
    try:
        arguments = shlex.split(launch.command_line)
        return subprocess.Popen(
            arguments,
            executable=shutil.which(arguments[0], path=launch.environment.get("PATH")),
            cwd=working,
            env=dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            user=user.uid,
            group=user.gid,
            extra_groups=None if user.uid is None else [],
        )
    except FileNotFoundError as error:
        raise _LaunchError(_launch_failure("CommandProgramNotFound", "The specified program was not found")) from error
    except (OSError, ValueError, IndexError) as error:
        raise _LaunchError(_launch_failure("CommandLaunchFailed", f"The command cannot be started: {error}")) from error


def _launch_failure(code: str, message: str) -> Failure:
    return Failure("usererror", code, message)


def _disk_failure(error: OSError) -> Failure:
    code = "DiskFull" if error.errno == 28 else "ResourceDirectoryCreateFailed"
    return Failure("usererror", code, f"The task directory cannot be made: {error.strerror}")


def _wanted(output: OutputFile, *, success: bool) -> bool:
    return output.condition in {"taskcompletion", "tasksuccess" if success else "taskfailure"}
