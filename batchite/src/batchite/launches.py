"""What the agent runs, put together from records, documents, accounts and the nodes' identities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchite.agent.launch import Image, Launch, Mount, Package, node_directory, task_directory
from batchite.batch.accounts import AccountDirectory
from batchite.batch.applications import ApplicationDirectory, packages
from batchite.batch.containers import engine_refusal, images
from batchite.batch.context import JOB, POOL, TASK, stored
from batchite.batch.launch import (
    NodeFacts,
    host_changes,
    identity_environment,
    job_task_launch,
    login_environment,
    refusal,
    start_task_launch,
)
from batchite.batch.mounts import mounts
from batchite.batch.multi_instance import attempt_launch
from batchite.http.types import Json
from batchite.identity.metadata import NodeIdentities
from batchite.identity.tokens import TokenIssuer
from batchite.scheduler.model import Failure, JobKey, JobTaskKey, NodeKey, NodeState, PoolKey, TaskKey, TaskState
from batchite.scheduler.world import nodes_of_attempt
from batchite.service import BatchService
from batchite.ssh.doors import Doors


@dataclass(frozen=True, slots=True)
class Site:
    """What is the same for all nodes of this server. URLs without a trailing slash."""

    node_root: Path
    http_url: str
    https_url: str
    blob_url: str
    ca_bundle: Path
    path: str  # PATH of the nodes
    no_containers: str = ""  # why no container can run here; empty = one can
    allow_host_changes: bool = False  # tasks of elevation level admin may change the machine


@dataclass(slots=True)
class NodeLaunches:
    """Implements `service.Launches`, and gives the agent tokens of the identities it has handed to nodes."""

    service: BatchService
    accounts: AccountDirectory
    applications: ApplicationDirectory
    identities: NodeIdentities
    issuer: TokenIssuer
    site: Site
    doors: Doors
    drill: Callable[[NodeKey, Launch], Launch] = lambda _, launch: launch  # what a drill makes of a start task
    _objects: dict[str, str] = field(default_factory=dict)  # client id -> object id

    def refusal(self, node: NodeState) -> Failure | None:
        """Why no such node can be had here."""
        document = stored(self.service, POOL, _pool(node.key))
        return refusal(document) or engine_refusal(document, self.site.no_containers)

    def packages(self, node: NodeState) -> tuple[Package, ...]:
        """The application packages of the pool, as they are now."""
        document = stored(self.service, POOL, _pool(node.key))
        return self._packages(node.key.account, document, document.get("applicationPackageReferences"))

    def mounts(self, node: NodeState) -> tuple[Mount, ...]:
        """The containers that the pool's nodes show."""
        document = stored(self.service, POOL, _pool(node.key))
        self._held(document)  # from now on the agent gets tokens of the pool's identities
        return mounts(document, self.site.blob_url)

    def images(self, node: NodeState) -> tuple[Image, ...]:
        """The container images that the pool names."""
        return images(stored(self.service, POOL, _pool(node.key)))

    def start_task(self, node: NodeState) -> Launch:
        """The pool's start task on this node."""
        return self.drill(node.key, start_task_launch(self._facts(node)))

    def task(self, task: TaskState) -> Launch:
        """The present attempt of a task on its node."""
        job = self.service.jobs[JobKey(task.key.account, task.key.job)]
        facts = [self._facts(self.service.nodes[node]) for node in nodes_of_attempt(task)]
        documents = (stored(self.service, JOB, job.key), stored(self.service, TASK, task.key))
        references = documents[1].get("applicationPackageReferences")
        packages = self._packages(task.key.account, facts[0].pool_document, references)
        launch = attempt_launch(facts, job, documents[0], task, documents[1])
        everywhere = [replace(one, launch=replace(one.launch, packages=packages)) for one in launch.instances]
        return replace(launch, packages=packages, instances=tuple(everywhere))

    def job_task(self, task: JobTaskKey) -> Launch:
        """A job's preparation or release task on a node."""
        job = self.service.jobs[task.job]
        return job_task_launch(
            self._facts(self.service.nodes[task.node]), job, stored(self.service, JOB, job.key), task.kind
        )

    def login(self, node: NodeKey, user: str) -> tuple[Path, dict[str, str]]:
        """Where someone who logs in to a node comes to, and what is set there. Raises LookupError."""
        facts = self._facts(self.service.nodes[node])
        return facts.root, login_environment(facts, user)

    def task_directory(self, task: TaskKey) -> str:
        """The task's directory relative to its node's root."""
        return task_directory(task)

    def forget(self, node: NodeKey) -> None:
        """The node goes down: its identity endpoint answers no more, and its visitors leave."""
        self.identities.forget(node)
        state = self.service.nodes.get(node)
        self.doors.down(node, gone=state is None or state.state == "leavingpool")

    def token(self, client_id: str, resource: str) -> str:
        """A token of an identity that some node has. Raises LookupError for any other."""
        return self.issuer.issue(resource, self._objects[client_id], client_id)

    def _packages(
        self, account: str, pool_document: Mapping[str, Json], references: list[Json] | None
    ) -> tuple[Package, ...]:
        """As the agent needs them: an identity that the pool does not have stays its resource id, and gets no token."""
        clients = {resource.lower(): client for client, (_, resource) in self._held(pool_document).items()}
        found = packages(self.applications, account, references or ())
        return tuple(replace(one, identity=clients.get(one.identity.lower()) or one.identity) for one in found)

    def _facts(self, node: NodeState) -> NodeFacts:
        pool = self.service.pools[_pool(node.key)]
        document = stored(self.service, POOL, pool.key)
        account = self.accounts.find(node.key.account)
        return NodeFacts(
            state=node,
            pool=pool,
            pool_document=document,
            root=node_directory(self.site.node_root, node.key),
            account_url=f"{self.site.https_url}/batch/{node.key.account}/",
            auto_storage_url=account.auto_storage_url if account else "",
            auto_storage_identity=account.auto_storage_identity if account else "",
            environment=self._environment(node.key, document),
            ca_bundle=str(self.site.ca_bundle),
            allow_host_changes=self.site.allow_host_changes,
        )

    def _environment(self, node: NodeKey, pool_document: dict[str, Json]) -> dict[str, str]:
        """PATH, whom to trust, where the pool's identities give tokens on this node, what the host forbids."""
        held = self._held(pool_document)
        base = self.site.http_url + self.identities.register(node, held) if held else ""
        named = identity_environment(base, next(iter(held), ""), self.site.ca_bundle)
        return {"PATH": self.site.path, **host_changes(allowed=self.site.allow_host_changes), **named}

    def _held(self, pool_document: Mapping[str, Json]) -> dict[str, tuple[str, str]]:
        """The pool's identities, of which the agent gets tokens from now on: client id -> (object id, resource id)."""
        listed = (pool_document.get("identity") or {}).get("userAssignedIdentities") or []
        held = {item["clientId"]: (item["principalId"], item["resourceId"]) for item in listed}
        self._objects |= {client: object_id for client, (object_id, _) in held.items()}
        return held


def _pool(node: NodeKey) -> PoolKey:
    return PoolKey(node.account, node.pool)
