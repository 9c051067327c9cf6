"""A place to run attempts in, and a small blob store that misbehaves on demand."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import certifi

from batchite.agent.engine import Engine
from batchite.agent.launch import Launch, OutputFile, ResourceFile
from batchite.agent.processes import Journal
from batchite.agent.runner import Attempt, Ended
from batchite.agent.transfer import Transfer, Uploaded
from batchite.agent.users import TaskUser, TaskUsers

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SAME_USER = TaskUser(PATH)
USERS = TaskUsers(SAME_USER, SAME_USER)
PYTHON = sys.executable


def wait_until(predicate: Callable[[], Any], description: str, seconds: float = 20) -> Any:
    """The first true value of the predicate; fails with the description when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := predicate()):
        assert time.monotonic() < deadline, f"waited in vain until {description}"
        time.sleep(0.005)
    return found


def token(client_id: str, resource: str) -> str:
    """A token of the only identity there is."""
    assert resource == "https://storage.azure.com/"
    if client_id != "identity":
        raise LookupError(client_id)
    return "the-token"


def transfer() -> Transfer:
    """With pauses too short to notice."""
    return Transfer(Path(certifi.where()), token, first_pause=0.001)


@dataclass
class Node:
    """A node's root, and how the attempts on it are made."""

    root: Path
    user: TaskUser = SAME_USER
    transfer: Transfer = field(default_factory=transfer)
    started: list[bool] = field(default_factory=list)
    uploaded: list[Uploaded] = field(default_factory=list)
    directory: str = "workitems/j/job-1/t"
    engine: Engine | None = None

    @property
    def task(self) -> Path:
        """The directory of the task."""
        return self.root / self.directory

    @property
    def stdout(self) -> str:
        """What the task wrote."""
        return (self.task / "stdout.txt").read_text()

    def launch(
        self,
        command_line: str,
        *,
        resource_files: tuple[ResourceFile, ...] = (),
        output_files: tuple[OutputFile, ...] = (),
        wall_clock: float | None = None,
    ) -> Launch:
        """A launch with the variables every attempt has."""
        variables = {"PATH": PATH, "AZ_BATCH_NODE_ROOT_DIR": str(self.root), "AZ_BATCH_TASK_DIR": str(self.task)}
        return Launch(self.root, self.directory, command_line, variables, resource_files, output_files, wall_clock)

    def attempt(self, launch: Launch) -> Attempt:
        """An attempt that has not begun."""
        journal = Journal(self.root.parent / "journal")
        return Attempt(
            launch,
            self.transfer,
            self.user,
            journal,
            lambda _: self.started.append(True),
            self.uploaded.extend,
            engine=self.engine,
            node_root=self.root,
        )

    def run(self, command_line: str, **options: Any) -> Ended:
        """Run a command line to its end."""
        return self.attempt(self.launch(command_line, **options)).run()


def open_to_all(directory: Path) -> None:
    """Let other users in to a test's directory: pytest closes those above it."""
    temporary = Path(tempfile.gettempdir())
    for folder in (directory, *directory.parents):
        if folder.is_relative_to(temporary) and folder != temporary:
            folder.chmod(0o755)


class Running:
    """An attempt in a thread of its own."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.ended: Ended | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.ended = self.attempt.run()

    def end(self) -> Ended:
        """How it ended; it has to be soon."""
        self._thread.join(20)
        assert self.ended is not None, "the attempt does not end"
        return self.ended


@dataclass
class BlobStore:
    """Blobs by `container/name` over HTTP. `answers` come, one each, before it behaves; 0 breaks the connection."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)  # with `slow`: bytes flow when this is set
    slow: bool = False
    mute: bool = False  # takes requests and never answers
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def listing(self, container: str, query: dict[str, str]) -> bytes:
        """A page of two blobs."""
        names = sorted(
            name.removeprefix(f"{container}/")
            for name in self.blobs
            if name.startswith(f"{container}/{query.get('prefix', '')}")
        )
        begin = int(query.get("marker", "0"))
        page = "".join(f"<Blob><Name>{name}</Name></Blob>" for name in names[begin : begin + 2])
        following = begin + 2 if begin + 2 < len(names) else ""
        return f"<R><Blobs>{page}</Blobs><NextMarker>{following}</NextMarker></R>".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, store: BlobStore, *arguments: Any) -> None:
        self.store = store
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self._misbehaves():
            return
        parts = urlsplit(self.path)
        path, query = unquote(parts.path).lstrip("/"), dict(parse_qsl(parts.query))
        if query.get("comp") == "list":
            self._answer(200, self.store.listing(path, query))
        elif path in self.store.blobs:
            self._answer(200, self.store.blobs[path])
        else:
            self._answer(404, b"<Error/>")

    def do_PUT(self) -> None:
        if self._misbehaves():
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.store.blobs[unquote(urlsplit(self.path).path).lstrip("/")] = body
        self._answer(201, b"")

    def _misbehaves(self) -> bool:
        self.store.requests.append((self.command, self.path, dict(self.headers)))
        if self.store.mute:
            self.store.hold.wait(20)
        if not self.store.answers:
            return self.store.mute
        self.close_connection = True
        if status := self.store.answers.pop(0):
            self._answer(status, b"<Error/>")
        return True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", "0x1")
        self.end_headers()
        half = len(body) // 2 if self.store.slow else len(body)
        self.wfile.write(body[:half])
        if self.store.slow:
            self.store.hold.wait(20)
            self.wfile.write(body[half:])

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
