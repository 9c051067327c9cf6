"""The container engine of this machine: docker or podman, whichever answers, driven through its command line."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from batchite.agent.launch import Image
from batchite.agent.transfer import STOPPED, TransferError
from batchite.scheduler.model import Detail, Failure

KNOWN = ("docker", "podman")
CHOICES = ("auto", *KNOWN, "none")
ANSWER, COMMAND, PULL = 10.0, 60.0, 1800.0
"""Seconds: an engine that takes longer to say who it is does not answer; one command; the pull of one image."""
_TURN = 0.1  # seconds between two looks at whether the waiting attempt is being stopped
LABEL = "batchite.nodes"
"""Every container carries it with the server's node root: a server after a kill finds those of the dead one."""
_NO_ACCESS = ("unauthorized", "denied", "authentication required", "no basic auth")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command of the engine came to."""

    code: int
    output: str
    error: str


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine. `program` is its command line, an absolute path."""

    program: str

    @property
    def name(self) -> str:
        """`docker` or `podman`."""
        return Path(self.program).name

    def call(
        self,
        *arguments: str,
        environment: Mapping[str, str] = {},
        seconds: float = COMMAND,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Run a command to its end. Raises TransferError when it takes too long, or as soon as `stop` is set."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [self.program, *arguments],
                env={**own_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            _wait(process, f"{self.name} {arguments[0]}", seconds, stop)
            return Answer(process.returncode, _text(output), _text(errors))

    def remove_all(self, node_root: Path) -> None:
        """Remove every container of nodes below the root. Raises TransferError when one stays."""
        found = self.call("ps", "--all", "--quiet", "--filter", f"label={LABEL}={node_root}")
        for container in found.output.split():
            self.remove(container)

    def remove(self, container: str) -> None:
        """Kill and remove a container, if there is one. Raises TransferError when it stays."""
        self.call("kill", container)
        answer = self.call("rm", "--force", container)
        if answer.code and not self.call("inspect", "--type", "container", container).code:
            raise misc_error(f"the container {container} cannot be removed", answer)

    def provide(self, image: Image, stop: threading.Event) -> None:
        """Pull an image that is not here yet. Raises TransferError with ContainerInvalidImage or -Registry."""
        if self.call("image", "inspect", image.name).code == 0:
            return
        if image.identity:
            raise _registry_failure(image, f"no registry takes {image.identity}; pull it into {self.name} beforehand")
        with self._credentials(image) as environment:
            answer = self.call("pull", image.name, environment=environment, seconds=PULL, stop=stop)
        if answer.code and any(word in answer.error.lower() for word in _NO_ACCESS):
            raise _registry_failure(image, last_line(answer.error))
        if answer.code:
            message = "The container image cannot be used: it is not here and cannot be pulled"
            details = (Detail("Image", image.name), Detail("Message", last_line(answer.error)))
            raise TransferError(Failure("usererror", "ContainerInvalidImage", message, details))

    @contextlib.contextmanager
    def _credentials(self, image: Image) -> Iterator[dict[str, str]]:
        """Variables that let the engine log in with the image's user, and touch no login of this machine's user."""
        if not image.user:
            yield {}
            return
        with tempfile.TemporaryDirectory(prefix="batchite-registry-") as directory:
            secret = base64.b64encode(f"{image.user}:{image.password}".encode()).decode()
            file = Path(directory, "config.json")
            file.write_text(json.dumps({"auths": {image.server: {"auth": secret}}}))
            yield {"DOCKER_CONFIG": directory, "REGISTRY_AUTH_FILE": str(file), **self._host()}

    def _host(self) -> dict[str, str]:
        """Where docker's daemon listens: that is said in the configuration that credentials stand in for."""
        if self.name != "docker" or "DOCKER_HOST" in os.environ:
            return {}
        answer = self.call("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        return {} if answer.code else {"DOCKER_HOST": answer.output.strip()}


NO_ENGINE = Failure("usererror", "ContainerMiscError", "No container engine answers on this machine")


def find_engine(choice: str) -> Engine | None:
    """The engine to use, if it answers: a client without its daemon is none."""
    names = KNOWN if choice == "auto" else (choice,) if choice in KNOWN else ()
    engines = (Engine(str(Path(found).absolute())) for name in names if (found := shutil.which(name)))
    return next((engine for engine in engines if _answers(engine)), None)


def missing(choice: str) -> str:
    """Why there is no engine, and what to do."""
    if choice == "none":
        return "containers are switched off (--container-engine none); start Batchite with docker or podman"
    wanted = "docker nor podman" if choice == "auto" else choice
    found = "neither" if choice == "auto" else "no"
    return f"{found} {wanted} answers on this machine; start one (`{KNOWN[0]} info` must work), then Batchite again"


def misc_error(what: str, answer: Answer) -> TransferError:
    """ContainerMiscError: the engine did not do what it was asked for."""
    details = (Detail("Message", last_line(answer.error)),)
    return TransferError(Failure("usererror", "ContainerMiscError", f"The container engine failed: {what}", details))


def own_environment() -> dict[str, str]:
    """What an engine needs of the server's environment; the rest is no business of containers."""
    names = ("HOME", "PATH", "USER", "TMPDIR", "LANG")
    prefixes = ("XDG_", "DOCKER_", "CONTAINER", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {key: value for key, value in os.environ.items() if key in names or key.upper().startswith(prefixes)}


def _answers(engine: Engine) -> bool:
    try:
        return engine.call("info", seconds=ANSWER).code == 0
    except (TransferError, OSError):
        return False


def _wait(process: subprocess.Popen[bytes], what: str, seconds: float, stop: threading.Event | None) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TURN)
            return
        stopped = stop is not None and stop.is_set()
        if stopped or time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise TransferError(STOPPED) if stopped else misc_error(f"{what} took longer than {seconds:g} s", _SILENT)


_SILENT = Answer(1, "", "")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def last_line(text: str) -> str:
    """Where engines say what went wrong."""
    return (text.strip().splitlines() or [""])[-1]


def _registry_failure(image: Image, reason: str) -> TransferError:
    details = (Detail("Image", image.name), Detail("Message", reason))
    message = "The container registry cannot be used"
    return TransferError(Failure("usererror", "ContainerInvalidRegistry", message, details))


def images_provided(engine: Engine | None, images: Sequence[Image], stop: threading.Event) -> None:
    """Pull the images that a pool names, before its start task. Raises TransferError."""
    for image in images:
        if engine is not None:
            engine.provide(image, stop)
