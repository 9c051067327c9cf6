"""The control plane over the real core and data-plane pools; nodes and blobs are pretended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from batchite.agent.launch import Image, Launch, Mount, Package
from batchite.arm.plane import ArmPlane, unknown_type
from batchite.arm.ports import Directory, Endpoints
from batchite.arm.resources import ResourceStore
from batchite.arm.roles import RoleAuthorizer
from batchite.batch import pools
from batchite.blob.service import BlobVersion
from batchite.blob.signatures import Target
from batchite.clock import resume
from batchite.errors import ServiceError
from batchite.http.router import Router
from batchite.http.types import Principal, Request, Response
from batchite.scheduler.events import NodePrepared, NodeRemoved, StartTaskEnded
from batchite.scheduler.model import Failure, JobTaskKey, NodeKey, NodeState, TaskKey, TaskState
from batchite.service import BatchService
from batchite.storage.memory import MemoryStore

SUBSCRIPTION = "0b4c417e-0000-4000-8000-000000000001"
TENANT = "0b4c417e-0000-4000-8000-0000000000aa"
DEVELOPER = "0b4c417e-0000-4000-8000-0000000000d1"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"


class Blobs:
    """A blob store that only remembers what it was asked."""

    def __init__(self) -> None:
        self.accounts: dict[str, tuple[str, str]] = {}
        self.containers: set[tuple[str, str]] = set()
        self.blobs: set[tuple[str, str, str]] = set()

    async def ensure(self, account: str, keys: tuple[str, str]) -> None:
        """Serve the account."""
        self.accounts[account] = keys

    async def remove(self, account: str) -> None:
        """Serve it no more."""
        self.accounts.pop(account, None)

    async def create_container(self, account: str, name: str) -> None:
        """Create it."""
        self.containers.add((account, name))

    async def delete_container(self, account: str, name: str) -> None:
        """Delete it."""
        self.containers.discard((account, name))

    async def container_exists(self, account: str, name: str) -> bool:
        """Whether it is there."""
        return (account, name) in self.containers

    async def find_blob(self, account: str, container: str, name: str) -> BlobVersion | None:
        """The blob, when a test has put it there."""
        return BlobVersion('"0x1"', 0.0) if (account, container, name) in self.blobs else None

    async def delete_blob(self, account: str, container: str, name: str) -> None:
        """Delete it."""
        self.blobs.discard((account, container, name))

    def signature(self, target: Target, object_id: str = "") -> str:
        """What would be signed, and by whom."""
        return f"sp={target.permissions}&by={object_id or 'key'}"


class Nodes:
    """An agent whose nodes are ready at once; `stuck` ones never leave."""

    def __init__(self, service: BatchService) -> None:
        self._service = service
        self.stuck = False
        self._leaving: list[tuple[NodeKey, int]] = []

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
        """Ready at once."""
        self._later(NodePrepared(node, boot))

    def run_start_task(self, node: NodeKey, boot: int, attempt: int, launch: Launch) -> None:
        """Ends well at once."""
        self._later(StartTaskEnded(node, boot, 0, None))

    def run_task(self, task: TaskKey, node: NodeKey, attempt: int, launch: Launch) -> None:
        """Not expected."""
        raise AssertionError("no task is run here")

    def stop_task(self, task: TaskKey, attempt: int) -> None:
        """Not expected."""
        raise AssertionError("no task is run here")

    def run_job_task(self, task: JobTaskKey, attempt: int, launch: Launch) -> None:
        """Not expected."""
        raise AssertionError("no task is run here")

    def stop_job_task(self, task: JobTaskKey, attempt: int) -> None:
        """Not expected."""
        raise AssertionError("no task is run here")

    def remove_task_files(self, task: TaskKey, node: NodeKey, directory: str) -> None:
        """Not expected."""
        raise AssertionError("no task is run here")

    def remove_node(self, node: NodeKey, boot: int, *, keep: bool = False) -> None:
        """Gone at once, unless stuck."""
        self._leaving.append((node, boot))
        if not self.stuck:
            self.release()

    def release(self) -> None:
        """Let every node go that was asked to."""
        self.stuck = False
        for node, boot in self._leaving:
            self._later(NodeRemoved(node, boot))
        self._leaving.clear()

    def _later(self, event: Any) -> None:
        asyncio.get_running_loop().call_soon(self._service.post, event)


class Launches:
    """Nothing to run."""

    def refusal(self, node: NodeState) -> Failure | None:
        """None."""
        return None

    def packages(self, node: NodeState) -> tuple[Package, ...]:
        """None."""
        return ()

    def mounts(self, node: NodeState) -> tuple[Mount, ...]:
        """None."""
        return ()

    def images(self, node: NodeState) -> tuple[Image, ...]:
        """None."""
        return ()

    def start_task(self, node: NodeState) -> Any:
        """None."""
        return None

    def job_task(self, task: JobTaskKey) -> Any:
        """Not expected."""
        raise AssertionError("no task is run here")

    def task(self, task: TaskState) -> Any:
        """None."""
        return None

    def forget(self, node: NodeKey) -> None:
        """Nothing was kept."""

    def task_directory(self, task: TaskKey) -> str:
        """None."""
        return ""


@dataclass
class World:
    """A control plane and a client of it. `call` answers (status, body, headers); an error answers its body."""

    store: MemoryStore = field(default_factory=MemoryStore)
    blobs: Blobs = field(default_factory=Blobs)
    principal: str = DEVELOPER

    def __post_init__(self) -> None:
        self.service = BatchService(self.store, resume(1000.0, None))
        self.nodes = Nodes(self.service)
        self.resources = ResourceStore(self.store, self.service.save)
        self.directory = Directory(SUBSCRIPTION, TENANT, DEVELOPER)
        self.endpoints = Endpoints("https://127.0.0.1:10011", "https://127.0.0.1:10012")
        self.authorizer = RoleAuthorizer(self.resources, SUBSCRIPTION, DEVELOPER)
        self.plane = ArmPlane(
            self.resources, self.service, pools, self.blobs, self.authorizer, self.directory, self.endpoints
        )
        self.router = Router(self.plane.routes, unknown_type)

    async def start(self) -> None:
        """Start the core, then the plane."""
        self.service.start(self.nodes, Launches())
        await self.plane.start()

    async def stop(self) -> None:
        """Stop both."""
        await self.plane.close()
        self.service.stop()

    async def call(
        self, method: str, path: str, body: Any = None, version: str = "2024-07-01", **headers: str
    ) -> Response:
        """One request; an error answers code, text and values."""
        inner, _, query = path.partition("?")
        pairs = dict(part.split("=", 1) for part in query.split("&")) if query else {}
        request = Request(
            method=method,
            path=inner,
            raw_path=inner,
            query={**({"api-version": version} if version else {}), **pairs},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=b"" if body is None else json.dumps(body).encode(),
            base_url="https://127.0.0.1:10011",
            principal=Principal(object_id=self.principal),
            request_id="test",
        )
        try:
            route, params = self.router.resolve(method, inner)
            return await route.handler(replace(request, params=params))
        except ServiceError as error:
            return Response(error.status, {"code": error.code, "text": error.text, **error.values})

    async def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of a call that must succeed."""
        answer = await self.call(method, path, body, **headers)
        assert answer.status < 300, (method, path, answer.status, answer.json)
        return answer.json

    async def finish(self, answer: Response) -> Response:
        """Ask a 202 answer's Location until the operation is over."""
        for _ in range(500):
            if answer.status != 202:
                return answer
            await asyncio.sleep(0.01)
            path = answer.headers["location"].removeprefix("https://127.0.0.1:10011").split("?")[0]
            answer = await self.call("GET", path)
        raise AssertionError("the operation does not end")

    async def steady(self, pool: str) -> None:
        """Wait until the pool's allocation is steady."""
        for _ in range(500):
            if (await self.ok("GET", pool))["properties"]["allocationState"] == "Steady":
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the pool is not steady")

    async def group(self) -> None:
        """Create the group."""
        await self.ok("PUT", GROUP, {"location": "westeurope"})

    async def identity(self, name: str = "nodes") -> Any:
        """Create an identity and answer it."""
        path = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        return await self.ok("PUT", path, {"location": "westeurope"})

    async def storage(self, name: str = "store1", **properties: Any) -> str:
        """Create a storage account and answer its id."""
        path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}"
        body = {
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": properties,
        }
        assert (await self.finish(await self.call("PUT", path, body))).status == 200
        return path

    async def account(self, name: str = "batch1", **properties: Any) -> str:
        """Create a Batch account and answer its id."""
        path = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}"
        body = {"location": "westeurope", "properties": properties}
        assert (await self.finish(await self.call("PUT", path, body))).status == 200
        return path


def pool_body(**properties: Any) -> dict[str, Any]:
    """The smallest pool, with these properties besides."""
    machine = {
        "imageReference": {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"},
        "nodeAgentSkuId": "batch.node.ubuntu 24.04",
    }
    deployment = {"virtualMachineConfiguration": machine}
    return {"properties": {"vmSize": "STANDARD_D2S_V3", "deploymentConfiguration": deployment, **properties}}


def play(scenario: Callable[[World], Awaitable[None]]) -> None:
    """Run a scenario on a started world."""

    async def live() -> None:
        world = World()
        await world.start()
        try:
            await scenario(world)
        finally:
            await world.stop()

    asyncio.run(live())
