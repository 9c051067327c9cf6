"""Looks up documents and records for the agent's launches: the service's `Launches` port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from batchite.agent.launch import Launch, node_directory, task_directory
from batchite.batch import launch
from batchite.batch.accounts import AccountDirectory
from batchite.batch.context import JOB, POOL, TASK, stored
from batchite.batch.tasks import job_key
from batchite.http.types import Json
from batchite.scheduler.model import Failure, NodeKey, NodeState, PoolKey, TaskKey, TaskState
from batchite.service import BatchService

Identities: TypeAlias = Mapping[str, tuple[str, str]]  # client id -> (object id, resource id)


@dataclass(frozen=True, slots=True)
class DocumentLaunches:
    """Builds launches from what is stored.

    `account_url(account)` is the account's endpoint as nodes reach it. `metadata_url(node, identities)` gives a node
    its identities and returns the base URL of its metadata service; it is asked again at every launch. `ca_bundle` is
    what tasks trust.
    """

    service: BatchService
    accounts: AccountDirectory
    node_root: Path
    account_url: Callable[[str], str]
    metadata_url: Callable[[NodeKey, Identities], str]
    ca_bundle: Path | None = None

    def refusal(self, node: NodeState) -> Failure | None:
        """Why no such node can be had here, or None."""
        return launch.refusal(self._pool_document(node.key))

    def start_task(self, node: NodeState) -> Launch:
        """The pool's start task on this node."""
        return launch.start_task_launch(self._facts(node))

    def task(self, task: TaskState) -> Launch:
        """The present attempt of a task on its node."""
        if task.node is None:
            raise ValueError(f"{task.key} has no node")
        job = self.service.jobs[job_key(task.key)]
        return launch.task_launch(
            self._facts(self.service.nodes[task.node]),
            job,
            stored(self.service, JOB, job.key),
            task,
            stored(self.service, TASK, task.key),
        )

    def task_directory(self, task: TaskKey) -> str:
        """The task's directory relative to its node's root."""
        return task_directory(task)

    def _facts(self, node: NodeState) -> launch.NodeFacts:
        account = self.accounts.find(node.key.account)
        document = self._pool_document(node.key)
        return launch.NodeFacts(
            state=node,
            pool=self.service.pools[PoolKey(node.key.account, node.key.pool)],
            pool_document=document,
            root=node_directory(self.node_root, node.key),
            account_url=self.account_url(node.key.account),
            auto_storage_url=account.auto_storage_url if account else "",
            auto_storage_identity=account.auto_storage_identity if account else "",
            environment=self._environment(node.key, document),
        )

    def _environment(self, node: NodeKey, document: Mapping[str, Json]) -> dict[str, str]:
        listed = (document.get("identity") or {}).get("userAssignedIdentities") or ()
        found = {item["clientId"]: (item.get("principalId", ""), item["resourceId"]) for item in listed}
        if not found:
            return launch.identity_environment("", "", self.ca_bundle)
        return launch.identity_environment(self.metadata_url(node, found), next(iter(found)), self.ca_bundle)

    def _pool_document(self, node: NodeKey) -> dict[str, Json]:
        return stored(self.service, POOL, PoolKey(node.account, node.pool))
