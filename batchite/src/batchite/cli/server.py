"""`batchite start|stop|status|env|reset`."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchite.agent.processes import Journal
from batchite.cli.client import call, read_environment
from batchite.cli.errors import CommandError
from batchite.data import AlreadyRunningError, DataDirectory, Options

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

STOP_SECONDS = 60.0
"""Time a server gets to end its tasks and save its blobs."""


def add_parsers(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add the commands that concern the server itself."""
    start = commands.add_parser("start", parents=[shared], help="serve; prints one JSON line when ready")
    _add_options(start)
    start.add_argument("--detach", action="store_true", help="return when ready, serve in the background")
    start.set_defaults(run=_start)
    for name, run, text in (
        ("stop", _stop, "stop the server of this data directory"),
        ("status", _status, "where it listens, its pools and jobs, as JSON"),
        ("reset", _reset, "forget everything; a running server starts anew with its options"),
    ):
        commands.add_parser(name, parents=[shared], help=text).set_defaults(run=run)
    env = commands.add_parser("env", parents=[shared], help='variables for clients: eval "$(batchite env)"')
    env.add_argument("--format", choices=("sh", "json", "github"), default="sh")
    env.set_defaults(run=_env)


def _add_options(start: argparse.ArgumentParser) -> None:
    defaults = Options()
    start.add_argument("--in-memory", action="store_true", help="keep nothing")
    for name in ("http", "https", "blob"):
        default = getattr(defaults, f"{name}_port")
        start.add_argument(f"--{name}-port", type=int, default=default, metavar="PORT", help="0 = any free one")
    start.add_argument("--time-scale", type=_scale, default=1.0, metavar="N", help="service seconds in a real one")
    start.add_argument("--node-root", type=Path, metavar="DIR", help="where the nodes' directories lie")
    start.add_argument("--well-known-key", action="store_true", help="account batchite has the published key")
    start.add_argument(
        "--allow-host-changes",
        action="store_true",
        help="tasks of elevation level admin run as root, if the server does, and may change this machine;"
        " without it none gets more rights than others",
    )
    start.add_argument(
        "--container-engine",
        choices=("auto", "docker", "podman", "none"),
        default="auto",
        help="what tasks with container settings run in (default: whichever of docker and podman answers)",
    )


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100_000:
        raise argparse.ArgumentTypeError("a number above 0, up to 100000")
    return value


def _start(arguments: argparse.Namespace) -> int:
    data = DataDirectory(arguments.data.absolute())
    options = Options(
        in_memory=arguments.in_memory,
        http_port=arguments.http_port,
        https_port=arguments.https_port,
        blob_port=arguments.blob_port,
        time_scale=arguments.time_scale,
        node_root=arguments.node_root and arguments.node_root.absolute(),
        well_known_key=arguments.well_known_key,
        allow_host_changes=arguments.allow_host_changes,
        container_engine=arguments.container_engine,
    )
    if arguments.detach:
        print(json.dumps(_detach(data, options)), flush=True)
        return 0
    return _serve(data, options)


def _serve(data: DataDirectory, options: Options) -> int:
    """Run the server in this process."""
    try:
        import uvloop  # noqa: PLC0415 - the library part of batchite works without the server's dependencies

        from batchite import app  # noqa: PLC0415 - as above
        from batchite.blob.locate import ToolMissingError  # noqa: PLC0415 - as above
        from batchite.http.serve import PortInUseError  # noqa: PLC0415 - as above
        from batchite.storage.group_commit import StoreFailedError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise CommandError(
            f"the server needs its extra ({error.name} is missing): pip install 'batchite[server]'"
        ) from None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        uvloop.run(app.run(data, options, lambda line: print(json.dumps(line), flush=True)))
    except (AlreadyRunningError, PortInUseError, ToolMissingError, StoreFailedError) as error:
        raise CommandError(getattr(error, "strerror", None) or str(error)) from None
    return 0


def _detach(data: DataDirectory, options: Options) -> dict[str, Any]:
    """Start a server in a session of its own and wait for its ready line."""
    data.prepare()
    command = [sys.executable, "-m", "batchite", "start", "--data", str(data.root), *_flags(options)]
    log = data.logs / "server.log"
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, start_new_session=True
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait()
        with log.open() as written:
            written.seek(begin)
            last = written.read().strip().splitlines()[-1:] or [f"see {log}"]
        raise CommandError(last[0].removeprefix("batchite: "))
    found: dict[str, Any] = json.loads(line)
    return found


def _flags(options: Options) -> list[str]:
    """The options as a command line."""
    flags = [f"--{name}-port={getattr(options, f'{name}_port')}" for name in ("http", "https", "blob")]
    flags.append(f"--time-scale={options.time_scale}")
    flags.append(f"--container-engine={options.container_engine}")
    flags += ["--in-memory"] if options.in_memory else []
    flags += ["--well-known-key"] if options.well_known_key else []
    flags += ["--allow-host-changes"] if options.allow_host_changes else []
    return flags + ([f"--node-root={options.node_root}"] if options.node_root else [])


def _stop(arguments: argparse.Namespace) -> int:
    data = DataDirectory(arguments.data.absolute())
    if not _end(data):
        print(f"no Batchite runs on {data.root}", file=sys.stderr)
    return 0


def _end(data: DataDirectory) -> bool:
    """Stop the running server, if any, and wait until it has let go of the directory."""
    pid = data.holder()
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while data.holder() == pid:
        if time.monotonic() > deadline:
            raise CommandError(f"process {pid} does not stop; see {data.logs / 'server.log'}")
        time.sleep(0.02)
    return True


def _status(arguments: argparse.Namespace) -> int:
    data = DataDirectory(arguments.data.absolute())
    if not data.locked():
        print(json.dumps({"running": False}))
        return 1
    print(json.dumps({"running": True, **call(data, "GET", "/batchite/status")}))
    return 0


def _env(arguments: argparse.Namespace) -> int:
    from batchite.identity.environment import render  # noqa: PLC0415 - needs the server's dependencies

    print(render(read_environment(DataDirectory(arguments.data.absolute())), arguments.format), end="")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    data = DataDirectory(arguments.data.absolute())
    running = data.running()
    was_running = _end(data)
    _end_leftovers(data)
    data.wipe()
    if was_running and running is not None:
        saved = running["options"]
        node_root = Path(saved["node_root"]) if saved["node_root"] else None
        print(json.dumps(_detach(data, Options(**{**saved, "node_root": node_root}))), flush=True)
    return 0


def _end_leftovers(data: DataDirectory) -> None:
    """End the tasks of a server that was killed: what is wiped names them."""
    if data.engine.exists():
        from batchite.engines import end_containers  # noqa: PLC0415 - needs the server's dependencies

        end_containers(data, data.nodes)
    if data.journal.exists():
        journal = Journal(data.journal)
        journal.end_leftovers(data.nodes)
        journal.close()
