"""What the scripted agent makes of a command line."""

from batchite.agent.launch import Launch
from batchite.scheduler.model import Failure


def exit_code(launch: Launch) -> int:
    """The code an `exit N` asks for."""
    return int(launch.command_line.split()[-1]) if launch.command_line.startswith("exit") else 0


def failed(code: int) -> Failure | None:
    """The failure of a code that is not 0."""
    return Failure("usererror", "FailureExitCode", f"exited with {code}") if code else None
