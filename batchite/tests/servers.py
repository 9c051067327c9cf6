"""Real servers for tests: processes on a data directory of their own, on free ports."""

import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential

START_SECONDS = 60.0
SECRET_OF_THE_SERVER = "a-variable-of-the-server-that-no-task-may-see"


def wait_until(predicate: Callable[[], Any], description: str, seconds: float = 60) -> Any:
    """The first true value of the predicate; fails with the description when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := predicate()):
        assert time.monotonic() < deadline, f"waited in vain until {description}"
        time.sleep(0.02)
    return found


def batchite(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    command = [sys.executable, "-m", "batchite", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)


class RunningServer:
    """A server on a data directory; may be stopped, killed and started again."""

    def __init__(self, root: Path, *flags: str, before: Sequence[str] = ()) -> None:
        self.data = root / "data"
        self.shared = root / "shared"  # where tasks, whoever they run as, may write
        self.shared.mkdir()
        self.shared.chmod(0o777)
        self.flags, self.before = flags, before
        self.log = root / "stderr.log"
        self.start()

    def start(self) -> None:
        """Start and wait for the ready line."""
        ports = ("--http-port=0", "--https-port=0", "--blob-port=0")
        start = [sys.executable, "-m", "batchite", "start", "--data", str(self.data), *ports, *self.flags]
        command = [*self.before, *start]
        variables = {**os.environ, "SECRET_OF_THE_SERVER": SECRET_OF_THE_SERVER}
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=variables)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server did not start:\n{self.log.read_text()}"
        self.take(line.decode())

    def take(self, ready_line: str) -> None:
        """Note where it listens: what `start` and `reset` print."""
        self.ready: dict[str, Any] = json.loads(ready_line)
        words = shlex.split((self.data / "env").read_text())
        self.environment: Mapping[str, str] = dict(word.split("=", 1) for word in words)

    def kill(self) -> None:
        """SIGKILL; its tasks run on."""
        self.process.kill()
        self.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; the exit code."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(START_SECONDS)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this server."""
        return batchite(*arguments, data=self.data)

    def client(self, **options: Any) -> BatchClient:
        """The unmodified client with the account's key."""
        variables = self.environment
        key = AzureNamedKeyCredential(variables["AZURE_BATCH_ACCOUNT"], variables["AZURE_BATCH_ACCESS_KEY"])
        return BatchClient(variables["AZURE_BATCH_ENDPOINT"], key, **options)

    def answer(
        self, url: str, headers: Mapping[str, str], method: str = "GET", body: bytes | None = None
    ) -> tuple[int, str]:
        """Status and text of a plain request."""
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 - the server's own
        context = ssl.create_default_context(cafile=str(self.data / "ca/ca.pem"))
        try:
            with urllib.request.urlopen(request, context=context, timeout=START_SECONDS) as response:  # noqa: S310 - as above
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def processes(self) -> dict[int, str]:
        """Everything that runs on behalf of this data directory: pid and command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                command, variables = _read(entry / "cmdline"), _read(entry / "environ")
                if str(self.data) in command or f"AZ_BATCH_NODE_ROOT_DIR={self.data}/" in variables:
                    found[int(entry.name)] = command
        return found


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@contextmanager
def server(*flags: str, before: Sequence[str] = ()) -> Iterator[RunningServer]:
    """A server with a directory that every user may pass through; it and all it started are gone afterwards.

    `before` is a command that runs the server's command line in its own stead.
    """
    root = Path(tempfile.mkdtemp(prefix="batchite-test-"))
    root.chmod(0o711)
    running = RunningServer(root, *flags, before=before)
    try:
        yield running
        if running.process.poll() is None:
            running.terminate()
        wait_until(lambda: not running.processes(), f"nothing is left: {running.processes()}")
    finally:
        for pid in running.processes():
            os.kill(pid, signal.SIGKILL)
        running.wait()
        shutil.rmtree(root, ignore_errors=True)


def pool(identifier: str, *, dedicated: int = 0, spot: int = 0, slots: int = 1) -> models.BatchPoolCreateOptions:
    """A pool of fixed size."""
    image = models.BatchVmImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    return models.BatchPoolCreateOptions(
        id=identifier,
        vm_size="STANDARD_D2S_V5",
        target_dedicated_nodes=dedicated,
        target_low_priority_nodes=spot,
        task_slots_per_node=slots,
        virtual_machine_configuration=models.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04"
        ),
    )


def job(identifier: str, pool_id: str) -> models.BatchJobCreateOptions:
    """A job on a pool."""
    return models.BatchJobCreateOptions(id=identifier, pool_info=models.BatchPoolInfo(pool_id=pool_id))


def task(identifier: str, script: str) -> models.BatchTaskCreateOptions:
    """A task that runs a script (without single quotes) in a shell."""
    return models.BatchTaskCreateOptions(id=identifier, command_line=f"/bin/sh -c '{script}'")
