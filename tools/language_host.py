"""The Python language host of the Pulumi engine, for machines where the official one is absent.

The engine starts it with its own address as the last argument and reads the port from the first line of standard
output; from then on both speak `pulumirpc.LanguageRuntime`. It runs programs (`Run`) and plugins written in Python
(`RunPlugin`), among them policy packs. SIGINT and SIGTERM are how the engine says goodbye: the host ends quietly, and
also when its parent is gone.
"""

import importlib.machinery
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty


def enter_empty(*packages: str) -> None:
    """Make packages importable without running their own code.

    `import pulumi` loads the automation API, tracing and more, which the protocol's modules do not need: most of the
    time that the engine would wait for this host, twice in every `up`.
    """
    for name in packages:
        found = importlib.machinery.PathFinder.find_spec(name, _search_path(name))
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{name} is missing; run `make setup`", name=name)
        package = types.ModuleType(name)
        package.__path__ = list(found.submodule_search_locations)
        sys.modules.setdefault(name, package)


def _search_path(name: str) -> Sequence[str] | None:
    parent = name.rpartition(".")[0]
    return sys.modules[parent].__path__ if parent else None


enter_empty("pulumi", "pulumi.runtime")
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402 - only after the above

ROOT = Path(__file__).resolve().parent.parent
EXECUTOR = "pulumi-language-python-exec"  # Runs a program; comes with the SDK's sources.
BAILED = 32  # The program has shown its error to the user already.
MESSAGE_LIMIT = 400 * 1024 * 1024  # Bytes; the engine's own limit.
LIST_PACKAGES = (
    "import importlib.metadata as m, json; print(json.dumps(sorted({(d.name, d.version) for d in m.distributions()})))"
)


def interpreter(info: language_pb2.ProgramInfo) -> str:
    """The Python of the project's `virtualenv` option (relative to the project), else the one running this host."""
    options = info.options.fields
    if "virtualenv" not in options:
        return sys.executable
    return str(Path(info.root_directory) / options["virtualenv"].string_value / "bin" / "python")


def program_command(request: language_pb2.RunRequest, engine: str) -> list[str]:
    """The command line that runs a Pulumi program and tells it where the engine listens."""
    flags = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": str(request.dryRun).lower(),
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    pairs = [part for name, value in flags.items() for part in (f"--{name}", value)]
    executor = shutil.which(EXECUTOR) or EXECUTOR
    entry = request.info.entry_point or request.program
    return [interpreter(request.info), "-u", executor, *pairs, entry, *request.args]


def program_environment(request: language_pb2.RunRequest) -> dict[str, str]:
    """The host's environment plus the stack configuration, which the SDK reads from two variables."""
    config = {"PULUMI_CONFIG": dict(request.config), "PULUMI_CONFIG_SECRET_KEYS": list(request.configSecretKeys)}
    return {**os.environ, **{name: json.dumps(value) for name, value in config.items()}}


def plugin_command(request: language_pb2.RunPluginRequest) -> list[str]:
    """The command line of a plugin; a policy pack (kind "analyzer") is run by the SDK's policy module."""
    python, program = interpreter(request.info), request.info.program_directory or request.program
    if request.kind == "analyzer":
        return [python, "-u", "-m", "pulumi.policy", *request.args, program]
    return [python, "-u", program, *request.args]


class Children:
    """The processes this host has started and not yet seen end; they never outlive it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str], *, piped: bool
    ) -> subprocess.Popen[bytes]:
        """Start one, with its output either passed through or piped to the caller."""
        stream = subprocess.PIPE if piped else None
        child = subprocess.Popen(
            command, cwd=cwd or None, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        self._running.add(child)
        return child

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for one to end and forget it."""
        code = child.wait()
        self._running.discard(child)
        return code

    def end(self) -> None:
        """Ask all that still run to end."""
        for child in list(self._running):
            child.terminate()


def chunks(child: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """What a piped child prints, as ("stdout" or "stderr", bytes), as it comes and until both ends are closed."""
    arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    streams = {"stdout": child.stdout, "stderr": child.stderr}
    for name, stream in streams.items():
        threading.Thread(target=_pump, args=(name, stream, arrived.put), daemon=True).start()
    while streams:
        name, data = arrived.get()
        if data:
            yield name, data
        else:
            del streams[name]


def _pump(name: str, stream: IO[bytes], put: Callable[[tuple[str, bytes]], None]) -> None:
    while data := os.read(stream.fileno(), 65536):
        put((name, data))
    put((name, b""))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The methods the engine calls; those it does not need answer UNIMPLEMENTED by the base class."""

    def __init__(self, engine: str, children: Children) -> None:
        self._engine = engine
        self._children = children

    def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:
        """Nothing to agree on: the engine's address came on the command line."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: Any) -> plugin_pb2.PluginInfo:
        """The version of this host; it has none of its own, so that of the SDK's protocol."""
        return plugin_pb2.PluginInfo(version="3.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> language_pb2.GetRequiredPackagesResponse:
        """None in advance: the engine asks for a provider when the first resource needs it."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> language_pb2.GetRequiredPluginsResponse:
        """As GetRequiredPackages, in older words."""
        return language_pb2.GetRequiredPluginsResponse()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run a program to its end; its output goes to the engine through this host's own."""
        command, environment = program_command(request, self._engine), program_environment(request)
        child = self._children.start(command, request.pwd, environment, piped=False)
        context.add_callback(child.terminate)
        code = self._children.wait(child)
        if code == BAILED:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin, passing on what it prints, until it ends or the engine cancels the call."""
        environment = {**os.environ, **dict(entry.split("=", 1) for entry in request.env)}
        child = self._children.start(plugin_command(request), request.pwd, environment, piped=True)
        context.add_callback(child.terminate)
        for name, data in chunks(child):
            answer = language_pb2.RunPluginResponse
            yield answer(stdout=data) if name == "stdout" else answer(stderr=data)
        yield language_pb2.RunPluginResponse(exitcode=self._children.wait(child))

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Bring the project's one environment up to date; programs and policy packs share it."""
        command = [sys.executable, "-m", "tools.bootstrap", "--only", "deploy"]
        child = self._children.start(command, str(ROOT), os.environ, piped=True)
        for name, data in chunks(child):
            answer = language_pb2.InstallDependenciesResponse
            yield answer(stdout=data) if name == "stdout" else answer(stderr=data)
        if code := self._children.wait(child):
            context.abort(grpc.StatusCode.UNKNOWN, f"installing dependencies ended with exit code {code}")

    def About(self, request: language_pb2.AboutRequest, context: Any) -> language_pb2.AboutResponse:
        """Which Python runs the program."""
        python = interpreter(request.info)
        version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
        return language_pb2.AboutResponse(executable=python, version=version.strip().removeprefix("Python "))

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: Any
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The distributions installed for the program, with their versions."""
        command = [interpreter(request.info), "-c", LIST_PACKAGES]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        )


def _goodbye() -> int:
    """A file descriptor that becomes readable when this process is asked to end or its parent is gone.

    The kernel may hand a signal to any thread; only a wake-up descriptor reaches the main thread wherever it waits.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_watch_parent, args=(write,), daemon=True).start()
    return read


def _watch_parent(write: int) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os.write(write, b"0")


def main() -> None:
    """Serve until the engine says goodbye or is gone."""
    goodbye, children = _goodbye(), Children()
    limits = [(f"grpc.max_{way}_message_length", MESSAGE_LIMIT) for way in ("receive", "send")]
    server = grpc.server(ThreadPoolExecutor(16), options=limits)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(sys.argv[-1], children), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    os.read(goodbye, 1)
    children.end()
    server.stop(0)


if __name__ == "__main__":
    main()
