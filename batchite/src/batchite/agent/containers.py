"""A task in a container: made, started, ended and removed with the engine's command line.

The container is created first and started by a client of its own, whose output is the task's. Of the host it sees only
the node's directories that it may, as the user of all tasks. It shares the machine's network, because the service, its
tokens and its blobs are reached on loopback.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batchite.agent.engine import LABEL, Engine, last_line, misc_error, own_environment
from batchite.agent.launch import Bind, Launch
from batchite.agent.transfer import TransferError
from batchite.agent.users import TaskUser
from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.model import Detail, Failure

NO_MORE_RIGHTS = "--security-opt=no-new-privileges"
"""A program that makes its caller root would leave such programs in the node's directories, for tasks outside."""
OF_THE_HOST = frozenset({"PATH"})
"""Variables of the node that an image brings itself."""


@dataclass(frozen=True, slots=True)
class Contained:
    """A container that was created for one attempt."""

    engine: Engine
    name: str
    id: str

    def start(self, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        """Start it; the client ends when it has."""
        return subprocess.Popen(
            [self.engine.program, "start", "--attach", self.name],
            env=own_environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill what runs in it; its client then ends."""
        self.engine.call("kill", self.name)

    def remove(self) -> None:
        """Remove it, whatever it does. Raises TransferError."""
        self.engine.remove(self.name)

    def look(self, code: int) -> tuple[int, ContainerInfo]:
        """Its exit code and what the engine says of it. `code` is the client's, for an engine that says nothing."""
        answer = self.engine.call("inspect", "--type", "container", "--format", "{{json .State}}", self.name)
        if answer.code:
            return code, ContainerInfo(self.id, "unknown")
        state = json.loads(answer.output)
        status = state["Status"].replace("stopped", "exited")  # podman's word until it has cleaned up
        return state["ExitCode"], ContainerInfo(self.id, status, state.get("Error") or "")


def contain(engine: Engine, launch: Launch, root: Path, user: TaskUser, stop: threading.Event) -> Contained:
    """Create the container of an attempt. `root` is the server's node root. Raises TransferError."""
    assert launch.container is not None
    engine.provide(launch.container.image, stop)
    name = f"batchite-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="batchite-container-") as directory:
        listed, own = _variables(launch.environment)
        file = Path(directory, "environment")
        file.write_text("".join(f"{key}={value}\n" for key, value in listed.items()))
        arguments = arguments_of(engine.name, name, launch, root, user, file, tuple(own))
        answer = engine.call("create", *arguments, environment=own)
    if answer.code:
        message = "At least one value of the container settings is invalid"
        details = (Detail("Message", last_line(answer.error)),)
        raise TransferError(Failure("usererror", "ContainerInvalidSettings", message, details))
    identity = answer.output.split()
    if not identity:
        raise misc_error("it named no container", answer)
    return Contained(engine, name, identity[-1])


def arguments_of(
    engine: str, name: str, launch: Launch, root: Path, user: TaskUser, environment: Path, own: tuple[str, ...]
) -> list[str]:
    """What follows `create`: ours, then the options of the task, its image and its command. Pure.

    `environment` is a file of variables; `own` are the names of those that the command line itself carries.
    """
    container = launch.container
    assert container is not None
    working = launch.node_root / launch.directory / "wd"
    return [
        *("--name", name, "--label", f"{LABEL}={root}", "--network", "host", "--env-file", str(environment)),
        *(f"--env={key}" for key in own),
        *(() if user.uid is None and os.geteuid() == 0 else (*_user(engine, user), NO_MORE_RIGHTS)),
        *(f"--mount={_mount(bind)}" for bind in container.binds),
        *(("--workdir", str(working)) if container.in_task_directory else ()),
        *container.options,
        container.image.name,
        *shlex.split(launch.command_line),
    ]


def never_ran(info: ContainerInfo, stderr: Path) -> Failure | None:
    """The failure of a container whose command could not be started; None for one that ran.

    docker tells the reason in the container's state, podman only where the task's errors go.
    """
    if info.state != "created":
        return None
    reason = info.error or last_line(stderr.read_text(errors="replace"))
    absent = "not found" in reason or "no such file" in reason
    code = "CommandProgramNotFound" if absent else "CommandLaunchFailed"
    message = "The specified program was not found" if absent else "The command cannot be started in the container"
    return Failure("usererror", code, message, (Detail("Message", reason),))


def _user(engine: str, user: TaskUser) -> tuple[str, ...]:
    """As the user of all tasks; a podman without root maps that user to itself."""
    uid = os.geteuid() if user.uid is None else user.uid
    gid = os.getegid() if user.gid is None else user.gid
    mapped = ("--userns=keep-id",) if engine == "podman" and os.geteuid() != 0 else ()
    return (*mapped, "--user", f"{uid}:{gid}")


def _mount(bind: Bind) -> str:
    return f"type=bind,source={bind.path},target={bind.path}" + (",readonly" if bind.read_only else "")


def _variables(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Those for a file of lines, and those of several lines, which only the command line's own environment can hold."""
    passed = {key: value for key, value in environment.items() if key not in OF_THE_HOST}
    own = {key: value for key, value in passed.items() if "\n" in value or "\r" in value}
    return {key: value for key, value in passed.items() if key not in own}, own
