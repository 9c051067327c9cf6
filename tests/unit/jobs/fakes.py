"""Batch and Blob storage in memory, behind the ports of `jobs`, and small builders of what they answer."""

# ruff: noqa: D102 - the ports say what each method does.

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jobs.errors import ServiceError
from jobs.ports import Blob, Services
from jobs.target import Json, Target, parse_outputs

BLOB = "https://127.0.0.1:10012/store"
IDENTITY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/tasks"


def outputs(**changes: Any) -> Json:
    """Outputs of a stack as the program gives them."""
    return {
        "batch": {"endpoint": "https://127.0.0.1:10011/batch/acct", "account": "acct"},
        "storage": {
            "account": "store",
            "blobEndpoint": BLOB,
            "containers": {"input": "input", "output": "output", "logs": "logs"},
        },
        "pools": {"main": {"id": "solar-pool", "identityResourceId": IDENTITY, "identityClientId": "client-1"}},
    } | changes


def target(**changes: Any) -> Target:
    """The deployment of `outputs`."""
    return parse_outputs(outputs(**changes))


def task(name: str, state: str = "active", **more: Any) -> Json:
    """A task as the service lists it."""
    return {"id": name, "state": state, "stateTransitionTime": "2026-11-23T08:00:00.0000000Z", **more}


def succeeded(name: str, **execution: Any) -> Json:
    """A task that ended well."""
    times = {"startTime": "2026-11-23T08:00:01.5Z", "endTime": "2026-11-23T08:00:04.0Z"}
    return task(name, "completed", executionInfo={"result": "success", "exitCode": 0, **times, **execution})


def failed(name: str, exit_code: int = 3, **execution: Any) -> Json:
    """A task that exited non-zero."""
    failure = {
        "category": "usererror",
        "code": "FailureExitCode",
        "message": "The task exited with an exit code representing a failure",
    }
    information = {"result": "failure", "exitCode": exit_code, "failureInfo": failure, **execution}
    return task(name, "completed", executionInfo=information)


class FakeBatch:
    """Jobs and tasks in memory; `steps` are changes that happen one at a time whenever somebody waits."""

    def __init__(self) -> None:
        self.jobs: dict[str, Json] = {}
        self.task_lists: dict[str, dict[str, Json]] = {}
        self.pool_document: Json = {"id": "solar-pool", "allocationState": "steady"}
        self.node_list: list[Json] = []
        self.files: dict[tuple[str, str], bytes] = {}
        self.steps: list[Callable[[], None]] = []
        self.requests: list[list[str]] = []
        self.refuse: Callable[[Sequence[Json]], list[Json] | None] = lambda _: None
        self.calls: list[str] = []
        self.users: list[Json] = []
        self.ends_at_once = False
        self.raises: BaseException | None = None

    def with_job(self, name: str, *tasks: Json, state: str = "active", total: int | None = None) -> "FakeBatch":
        """Put a job with tasks in."""
        metadata = [{"name": "jobs:tasks", "value": str(len(tasks) if total is None else total)}]
        pool = {"poolId": "solar-pool"}
        created = "2026-11-23T08:00:00Z"
        self.jobs[name] = {"id": name, "state": state, "poolInfo": pool, "metadata": metadata, "creationTime": created}
        self.task_lists[name] = {item["id"]: item for item in tasks}
        return self

    def change(self, job: str, *tasks: Json) -> Callable[[], None]:
        """A step that replaces tasks."""
        return lambda: self.task_lists[job].update({item["id"]: item for item in tasks})

    def advance(self, seconds: float = 0) -> None:
        """Let the next step happen."""
        if self.steps:
            self.steps.pop(0)()

    def found(self, job: str) -> Json:
        """A job, or the service's refusal."""
        if self.raises:
            raise self.raises
        if job not in self.jobs:
            raise ServiceError(f"reading job {job}: The specified job does not exist. (JobNotFound)", "JobNotFound")
        return self.jobs[job]

    def create_job(self, document: Json) -> None:
        self.jobs.setdefault(document["id"], {"state": "active", **document})
        self.task_lists.setdefault(document["id"], {})

    def add_tasks(self, job: str, tasks: Sequence[Json]) -> list[Json]:
        self.requests.append([item["id"] for item in tasks])
        refused = self.refuse(tasks)
        if refused is not None:
            return refused
        states = [succeeded(item["id"]) if self.ends_at_once else task(item["id"]) for item in tasks]
        self.task_lists[job] |= {new["id"]: item | new for item, new in zip(tasks, states, strict=True)}
        return [{"taskId": item["id"], "status": "success"} for item in tasks]

    def update_job(self, job: str, changes: Json) -> None:
        self.calls.append(f"update after {len(self.task_lists[job])}")
        self.found(job).update(changes)

    def terminate_job(self, job: str, reason: str) -> None:
        self.calls.append(f"terminate {reason}")
        self.found(job)["state"] = "completed"

    def job(self, job: str) -> Json:
        return self.found(job)

    def tasks(self, job: str, select: str, since: str = "") -> Iterator[Json]:
        self.found(job)
        return iter([item for item in self.task_lists[job].values() if item.get("stateTransitionTime", "") >= since])

    def task(self, job: str, task: str) -> Json:
        return self.task_lists[job][task]

    def task_counts(self, job: str) -> Json:
        self.found(job)
        numbers = {"active": 0, "running": 0, "succeeded": 0, "failed": 0}
        for item in self.task_lists[job].values():
            result = item.get("executionInfo", {}).get("result")
            state = {"success": "succeeded", "failure": "failed"}[result] if result else item["state"]
            numbers[state] += 1
        return numbers

    def pool(self, pool: str) -> Json:
        if not self.pool_document:
            raise ServiceError(f"reading pool {pool}: no such pool (PoolNotFound)", "PoolNotFound")
        return self.pool_document

    def nodes(self, pool: str) -> list[Json]:
        self.pool(pool)
        return self.node_list

    def task_file(self, job: str, task: str, path: str) -> bytes:
        if (task, path) not in self.files:
            raise ServiceError(f"reading {path}: not found (FileNotFound)", "FileNotFound")
        return self.files[task, path]

    def remote_login(self, pool: str, node: str) -> Json:
        return {"remoteLoginIPAddress": "127.0.0.1", "remoteLoginPort": 2222}

    def add_node_user(self, pool: str, node: str, document: Json) -> None:
        self.users.append(document)
        self.calls.append(f"add {document['name']} to {pool}/{node}")

    def remove_node_user(self, pool: str, node: str, user: str) -> None:
        self.calls.append(f"remove {user} from {pool}/{node}")

    def node_file(self, pool: str, node: str, path: str) -> bytes:
        return self.task_file(pool, node, path)


class FakeBlobs:
    """Containers in memory."""

    def __init__(self, **containers: dict[str, bytes]) -> None:
        self.containers: dict[str, dict[str, bytes]] = {"input": {}, "output": {}, "logs": {}} | containers
        self.written: list[str] = []

    def size(self, container: str, name: str) -> int | None:
        data = self.containers[container].get(name)
        return None if data is None else len(data)

    def write(self, container: str, name: str, data: bytes) -> None:
        self.containers[container][name] = data
        self.written.append(name)

    def read(self, container: str, name: str) -> bytes:
        if name not in self.containers[container]:
            raise ServiceError(f"reading blob {container}/{name}: not found (BlobNotFound)", "BlobNotFound")
        return self.containers[container][name]

    def blobs(self, container: str, prefix: str) -> list[Blob]:
        found = self.containers[container].items()
        return [Blob(name, len(data)) for name, data in sorted(found) if name.startswith(prefix)]


def services(batch: FakeBatch | None = None, blobs: FakeBlobs | None = None) -> Services:
    """Both fakes together."""
    return Services(batch or FakeBatch(), blobs or FakeBlobs())
