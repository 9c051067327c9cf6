"""A server with the real core, the in-memory store and the data plane; tasks are played by a scripted agent."""

import asyncio
import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from batch.plays import exit_code, failed
from batch.uploads import Uploads

from batchite.agent.launch import Image, Launch, Mount, Package, node_directory, task_directory
from batchite.batch.accounts import BatchAccount
from batchite.batch.applications import Application
from batchite.batch.context import JOB, TASK, Context, stored
from batchite.batch.context import POOL as POOL_KIND
from batchite.batch.files import LocalNodeFiles
from batchite.batch.launch import NodeFacts, identity_environment, job_task_launch, refusal, start_task_launch
from batchite.batch.multi_instance import attempt_launch
from batchite.batch.pools import create_pool
from batchite.batch.routes import data_plane_routes
from batchite.clock import Clock
from batchite.http.asgi import App
from batchite.http.plane import Plane, accounts_under, anonymous, everything
from batchite.http.render import BATCH
from batchite.http.router import Router
from batchite.http.serve import Listener, bind, port_of, serve
from batchite.http.types import Request
from batchite.identity import shared_key
from batchite.scheduler.events import (
    Event,
    JobTaskEnded,
    NodePrepared,
    NodeRemoved,
    StartTaskEnded,
    SubtaskEnded,
    SubtaskStarted,
    TaskEnded,
    TaskStarted,
)
from batchite.scheduler.model import Failure, JobKey, JobTaskKey, NodeKey, NodeState, PoolKey, TaskKey, TaskState
from batchite.scheduler.world import nodes_of_attempt
from batchite.service import BatchService
from batchite.ssh.doors import Doors
from batchite.storage.memory import MemoryStore

KEY = base64.b64encode(b"a key of these tests").decode()
SCALE = 2000.0  # a node boots in 45 ms
POOL: dict[str, Any] = {
    "id": "pool",
    "vmSize": "standard_d2s_v5",
    "virtualMachineConfiguration": {
        "imageReference": {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"},
        "nodeAgentSKUId": "batch.node.ubuntu 24.04",
    },
}
IDENTITY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Tasks"


def wait_until(predicate: Callable[[], Any], description: str) -> Any:
    """The first true value of the predicate; fails with the description after 10 seconds."""
    deadline = time.monotonic() + 10
    while not (found := predicate()):
        assert time.monotonic() < deadline, f"waited in vain until {description}"
        time.sleep(0.005)
    return found


class AnyAccount:
    """Every name is an account with the same key; `linked…` have auto-storage, `limited…` have small quotas."""

    def find(self, account: str) -> BatchAccount:
        """The account."""
        linked = account.startswith("linked")
        url = "https://127.0.0.1:1/stored" if linked else ""
        most = 2 if account.startswith("limited") else None
        return BatchAccount(
            account,
            keys=(KEY, KEY),
            auto_storage_url=url,
            auto_storage_identity=IDENTITY * linked,
            pool_quota=most,
            job_quota=most,
        )


@dataclass
class ScriptedAgent:
    """Plays command lines: `exit N` ends at once, `hold` runs until stopped. Files are really written."""

    root: Path
    post: Callable[[Event], Any]
    launches: dict[TaskKey, Launch] = field(default_factory=dict)
    job_launches: dict[JobTaskKey, Launch] = field(default_factory=dict)

    def prepare_node(
        self,
        node: NodeKey,
        boot: int,
        packages: tuple[Package, ...] = (),
        mounts: tuple[Mount, ...] = (),
        images: tuple[Image, ...] = (),
        *,
        keep: bool = False,
    ) -> None:
        """A directory with something in it."""
        shared = node_directory(self.root, node) / "shared"
        shared.mkdir(parents=True, exist_ok=True)
        (shared / "made.txt").write_text("by the agent")
        self.post(NodePrepared(node, boot))

    def run_start_task(self, node: NodeKey, boot: int, attempt: int, launch: Launch) -> None:
        """Ends as its command line says."""
        code = exit_code(launch)
        self.post(StartTaskEnded(node, boot, code, failed(code)))

    def run_task(self, task: TaskKey, node: NodeKey, attempt: int, launch: Launch) -> None:
        """Writes its files, then ends as its command line says."""
        self.launches[task] = launch
        working = launch.node_root / launch.directory / "wd"
        working.mkdir(parents=True, exist_ok=True)
        (working.parent / "stdout.txt").write_text("0123456789")
        (working / "ein Bericht ä.txt").write_text("hello")
        self.post(TaskStarted(task, attempt))
        held, code = self.coordinate(task, attempt, launch)
        if not held and (code or launch.command_line != "hold"):
            code = code or exit_code(launch)
            self.post(TaskEnded(task, attempt, code, failed(code), retryable=bool(code)))

    def coordinate(self, task: TaskKey, attempt: int, launch: Launch) -> tuple[bool, int]:
        """Whether a coordination command of a multi-instance task is held, and the code of one that fails, or 0."""
        code = 0
        for number, instance in enumerate(launch.instances):
            if number:
                self.post(SubtaskStarted(task, attempt, number))
            if instance.launch.command_line == "hold":
                return True, 0
            code = code or exit_code(instance.launch)
            if number:
                self.post(SubtaskEnded(task, attempt, number, code, failed(code)))
        return False, code

    def stop_task(self, task: TaskKey, attempt: int) -> None:
        """Stops at once."""
        self.post(TaskEnded(task, attempt, None, failed(137)))

    def run_job_task(self, task: JobTaskKey, attempt: int, launch: Launch) -> None:
        """Ends as its command line says, or is held."""
        self.job_launches[task] = launch
        if launch.command_line != "hold":
            code = exit_code(launch)
            self.post(JobTaskEnded(task, attempt, code, failed(code), retryable=bool(code)))

    def stop_job_task(self, task: JobTaskKey, attempt: int) -> None:
        """Stops at once."""
        self.post(JobTaskEnded(task, attempt, None, failed(137)))

    def remove_task_files(self, task: TaskKey, node: NodeKey, directory: str) -> None:
        """Leaves them."""

    def remove_node(self, node: NodeKey, boot: int, *, keep: bool = False) -> None:
        """Gone at once."""
        self.post(NodeRemoved(node, boot))


class Applications:
    """One application with two active versions, one of them the default."""

    def listed(self, account: str) -> list[Application]:
        """The same in every account."""
        return [Application("Tool", "A tool", ("1.0", "2.0"), "2.0")]

    def package(self, account: str, application: Application, version: str) -> Package:
        """Where it would lie."""
        return Package(application.id, version, url="https://127.0.0.1/zip")


@dataclass
class Launches:
    """Puts launches together from what the server has stored."""

    server: "Server"

    def refusal(self, node: NodeState) -> Failure | None:
        """Why there is no such node."""
        return refusal(self._facts(node).pool_document)

    def packages(self, node: NodeState) -> tuple[Package, ...]:
        """None: these nodes hold no programs."""
        return ()

    def mounts(self, node: NodeState) -> tuple[Mount, ...]:
        """None."""
        return ()

    def images(self, node: NodeState) -> tuple[Image, ...]:
        """None."""
        return ()

    def start_task(self, node: NodeState) -> Launch:
        """The start task."""
        return start_task_launch(self._facts(node))

    def task(self, task: TaskState) -> Launch:
        """The attempt of a task."""
        service = self.server.service
        facts = [self._facts(service.nodes[node]) for node in nodes_of_attempt(task)]
        job = service.jobs[JobKey(task.key.account, task.key.job)]
        return attempt_launch(facts, job, stored(service, JOB, job.key), task, stored(service, TASK, task.key))

    def job_task(self, task: JobTaskKey) -> Launch:
        """A preparation or release task."""
        service = self.server.service
        job = service.jobs[task.job]
        return job_task_launch(self._facts(service.nodes[task.node]), job, stored(service, JOB, job.key), task.kind)

    def task_directory(self, task: TaskKey) -> str:
        """Where a task lies."""
        return task_directory(task)

    def forget(self, node: NodeKey) -> None:
        """Nothing was handed out."""

    def _facts(self, node: NodeState) -> NodeFacts:
        service, account = self.server.service, AnyAccount().find(node.key.account)
        pool = service.pools[PoolKey(node.key.account, node.key.pool)]
        return NodeFacts(
            state=node,
            pool=pool,
            pool_document=stored(service, POOL_KIND, pool.key),
            root=node_directory(self.server.root, node.key),
            account_url=f"{self.server.url}/batch/{account.name}",
            auto_storage_url=account.auto_storage_url,
            auto_storage_identity=account.auto_storage_identity,
            environment=identity_environment("http://metadata", "client", None),
        )


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.json["code"])

    @property
    def values(self) -> dict[str, str]:
        """The error's named values."""
        return {item["key"]: item["value"] for item in self.json.get("values", ())}


@dataclass
class Account:
    """One Batch account of the server: calls without authentication, and what lies behind them."""

    server: "Server"
    name: str

    @property
    def endpoint(self) -> str:
        """The endpoint that checks shared keys, for the SDK."""
        return f"{self.server.url}/batch/{self.name}"

    def call(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """One request; `target` is below the account; api-version is added unless there is one."""
        joiner = "&" if "?" in target else "?"
        version = "" if "api-version" in target else f"{joiner}api-version=2025-06-01"
        url = f"{self.server.url}/open/{self.name}{target}{version}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "application/json; odata=minimalmetadata"}
        request = urllib.request.Request(url, data, kind, method=method)  # noqa: S310 - a URL of this test's server
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=10) as found:  # noqa: S310 - as above
                return Answer(found.status, dict(found.headers.items()), found.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers.items()), error.read())

    def post(self, target: str, body: Any = None, **headers: str) -> Answer:
        """One POST."""
        return self.call("POST", target, b"" if body is None else body, **headers)

    def get(self, target: str, **headers: str) -> Answer:
        """One GET."""
        return self.call("GET", target, **headers)

    def pool(self, *, nodes: int = 0, **more: Any) -> None:
        """A pool named `pool`; returns once its nodes are idle."""
        answer = self.post("/pools", POOL | {"targetDedicatedNodes": nodes} | more)
        assert answer.status == 201, answer.body
        self.wait_for_nodes(nodes)

    def identity_pool(self) -> None:
        """The pool as ARM makes it: one node, with a managed identity."""
        listed = [{"resourceId": IDENTITY, "clientId": "client", "principalId": "object"}]
        document = POOL | {"identity": {"type": "UserAssigned", "userAssignedIdentities": listed}}
        self.server.run(
            lambda: create_pool(self.server.service, self.name, document | {"targetDedicatedNodes": 1}, cause="test")
        )
        self.wait_for_nodes(1)

    def wait_for_nodes(self, count: int) -> None:
        """Until so many nodes are idle."""
        key = PoolKey(self.name, "pool")
        wait_until(
            lambda: [node.state for node in self.server.service.nodes_of(key)] == ["idle"] * count,
            f"{count} nodes are idle",
        )

    def job(self, *commands: str, **more: Any) -> None:
        """A job named `job` in the pool, with tasks t0, t1, … of these command lines."""
        answer = self.post("/jobs", {"id": "job", "poolInfo": {"poolId": "pool"}} | more)
        assert answer.status == 201, answer.body
        for number, command in enumerate(commands):
            assert self.post("/jobs/job/tasks", {"id": f"t{number}", "commandLine": command}).status == 201

    def wait_for_running(self, task: str = "t0") -> Any:
        """The task, once it runs."""
        target = f"/jobs/job/tasks/{task}"
        return wait_until(lambda: (found := self.get(target).json)["state"] == "running" and found, f"{task} runs")

    def finished(self, task: str = "t0") -> Any:
        """The task, once it is completed."""
        return wait_until(
            lambda: (found := self.get(f"/jobs/job/tasks/{task}").json)["state"] == "completed" and found,
            f"{task} is completed",
        )


class Server:
    """Runs in a thread of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.service = BatchService(MemoryStore(), Clock(scale=SCALE, real_origin=time.time()))
        self.agent = ScriptedAgent(root, self._post)
        self.doors, self.uploads, files = Doors(), Uploads(), LocalNodeFiles(root)
        context = Context(self.service, AnyAccount(), files, Applications(), self.doors, self.uploads)
        router = Router(data_plane_routes(context))
        self.launches = Launches(self)
        self._socket = bind(0, "--http-port")
        self.url = f"http://127.0.0.1:{port_of(self._socket)}"
        self._app = App(
            [
                Plane("batch", accounts_under("/batch"), router, self._signed, BATCH),
                Plane("open", accounts_under("/open"), router, anonymous, BATCH),
                Plane("root", everything("batchite"), router, self._signed, BATCH),
            ]
        )
        self._answering = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._main(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._answering.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def run(self, work: Callable[[], Any]) -> Any:
        """Await a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    def _post(self, event: Event) -> None:
        self._loop.call_soon(self.service.post, event)

    def _signed(self, request: Request) -> Any:
        return shared_key.verify(request, request.account, (KEY, KEY), time.time())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.service.start(self.agent, self.launches)
        await serve([Listener(self._socket, self._app)], self._answering.set, self._stop, signals=False)
        self.service.stop()
        self.doors.close()
