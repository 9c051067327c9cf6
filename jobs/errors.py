"""What can go wrong, and with which exit code a script learns of it. The message says what to do next."""

from dataclasses import dataclass

DONE = 0
TASKS_FAILED = 1
USAGE = 2
SERVICE = 3
TIMEOUT = 4
INTERRUPTED = 130


class JobsError(Exception):
    """The root: a message for a human, and an exit code for a script."""

    exit_code = USAGE


class UsageError(JobsError):
    """The command cannot be carried out as it was given."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: where (line from 1, path of the property) and what is allowed."""

    line: int
    path: str
    message: str

    def render(self, file: str) -> str:
        """Write it as compilers do, so that editors can jump to the line."""
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}: {where}{self.message}"


class WorkloadError(JobsError):
    """The workload file breaks its rules; every problem is listed, and nothing was created."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.path))
        super().__init__("\n".join(problem.render(file) for problem in self.problems))


class NotBuiltError(JobsError):
    """A command of the contract that does not exist yet."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command}: not built yet")


class ServiceError(JobsError):
    """Batch, Blob storage or the token service refused or did not answer; `code` is the service's own."""

    exit_code = SERVICE

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TimedOutError(JobsError):
    """The time given with --timeout is over; the job goes on."""

    exit_code = TIMEOUT
