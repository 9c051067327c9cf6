"""What is there before a call: made over the wire on a running server, each time under new names."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from azure.batch import BatchClient
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from clients.batch_session import VM
from clients.calls import ON_EMPTY, ON_SHARED, POOL
from conformance.cases import matches
from servers import RunningServer, wait_until

from batchite.batch.usage_metrics import INTERVAL, LATEST_END
from batchite.clock import wire_time

SCALE = 600
METRICS_AGE = LATEST_END / SCALE + 1
CLOSED_PORT = {"protocol": "tcp", "port": 1}
METADATA = {"metadata": [{"name": "of", "value": "given"}]}
_NUMBERS = count(1)


@dataclass(frozen=True)
class World:
    """A Batch account over the wire, and a container that may be written to."""

    client: BatchClient
    container: str = field(repr=False)  # with a signature

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request."""
        joiner = "&" if "?" in path else "?"
        headers = {} if body is None else {"Content-Type": "application/json; odata=minimalmetadata"}
        request = HttpRequest(method, f"{path}{joiner}api-version=2025-06-01", headers=headers, json=body)
        try:
            return self.client.send_request(request)
        except HttpResponseError as error:
            return error.response

    def post(self, path: str, body: Any = None) -> None:
        """A POST that succeeds."""
        answer = self.send("POST", path, body)
        assert answer.status_code < 300, f"POST {path}: {answer.status_code} {answer.text()}"

    def shows(self, path: str, expected: Any) -> Any:
        """The answer to a GET, once it is as expected; None stands for 404.

        A number is the status of a PUT: users of nodes cannot be read.
        """

        def as_expected() -> Any:
            if isinstance(expected, int):
                return self.send("PUT", path, {"password": "Of-This-Test-3"}).status_code == expected
            answer = self.send("GET", path)
            if expected is None:
                return answer.status_code == 404
            return answer.status_code == 200 and matches(answer.json(), expected) and answer.json()

        return wait_until(as_expected, f"{path} shows {expected}")


Facts = dict[str, str]


def _nothing(_world: World, _name: str) -> Facts:
    return {}


def _pool(world: World, name: str) -> Facts:
    world.post("/pools", {"id": name, **POOL, **METADATA})
    return {"pool": name}


def _scaled_pool(world: World, name: str) -> Facts:
    world.post("/pools", {"id": name, **POOL, "enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes=0;"})
    return {"pool": name}


def _node(world: World, name: str, machine: Mapping[str, Any] = VM) -> Facts:
    world.post("/pools", {"id": name, **POOL, "virtualMachineConfiguration": machine, "targetDedicatedNodes": 1})
    found = world.shows(f"/pools/{name}/nodes", {"value": [{"state": "idle"}]})["value"][0]
    return {"pool": name, "node": found["id"], "booted": found["lastBootTime"]}


def _fresh_node(world: World, name: str) -> Facts:
    """One with an ephemeral disk, which can be reimaged."""
    return _node(world, name, VM | {"osDisk": {"ephemeralOSDiskSettings": {"placement": "cachedisk"}}})


def _used_pool(world: World, name: str) -> Facts:
    """Metrics come two hours later (12 seconds at this pace), by half-hours: this one must be older than that."""
    facts = _node(world, name)
    wait_until(lambda: time.time() % INTERVAL > METRICS_AGE, "this half-hour has metrics")
    now = time.time()
    return facts | {"early": wire_time(now - INTERVAL), "late": wire_time(now - METRICS_AGE)}


def _offline_node(world: World, name: str) -> Facts:
    facts = _node(world, name)
    path = f"/pools/{name}/nodes/{facts['node']}"
    world.post(f"{path}/disablescheduling")
    world.shows(path, {"state": "offline"})
    return facts


def _deallocated_node(world: World, name: str) -> Facts:
    facts = _node(world, name)
    path = f"/pools/{name}/nodes/{facts['node']}"
    world.post(f"{path}/deallocate")
    world.shows(path, {"state": "deallocated"})
    return facts


def _node_with_user(world: World, name: str) -> Facts:
    facts = _node(world, name)
    world.post(f"/pools/{name}/nodes/{facts['node']}/users", {"name": "ann", "password": "Of-This-Test-0"})
    return facts


def _extended_node(world: World, name: str) -> Facts:
    health = {"publisher": "Microsoft.ManagedServices", "type": "ApplicationHealthLinux", "typeHandlerVersion": "1.0"}
    return _node(world, name, VM | {"extensions": [{"name": "health", "settings": CLOSED_PORT, **health}]})


def _draining_pool(world: World, name: str) -> Facts:
    facts = _node(world, name)
    world.post("/jobs", {"id": name, "poolInfo": {"poolId": name}})
    world.post(f"/jobs/{name}/tasks", {"id": "t", "commandLine": "/bin/sleep 600"})
    world.shows(f"/jobs/{name}/tasks/t", {"state": "running"})
    drained = {"nodeList": [facts["node"]], "nodeDeallocationOption": "taskcompletion"}
    world.post(f"/pools/{name}/removenodes", drained)
    world.shows(f"/pools/{name}", {"allocationState": "resizing"})
    return facts | {"job": name}


def _job(world: World, name: str) -> Facts:
    world.post("/jobs", {"id": name, **ON_EMPTY, **METADATA})
    return {"job": name}


def _disabled_job(world: World, name: str) -> Facts:
    facts = _job(world, name)
    world.post(f"/jobs/{name}/disable", {"disableTasks": "requeue"})
    world.shows(f"/jobs/{name}", {"state": "disabled"})
    return facts


def _prepared_job(world: World, name: str) -> Facts:
    world.post("/jobs", {"id": name, **ON_SHARED, "jobPreparationTask": {"commandLine": "/bin/true"}})
    return {"job": name} | _ran(world, name, "/bin/true")


def _task(world: World, name: str) -> Facts:
    facts = _job(world, name)
    world.post(f"/jobs/{name}/tasks", {"id": "t", "commandLine": "/bin/true"})
    return facts


def _ran(world: World, job: str, command: str) -> Facts:
    world.post(f"/jobs/{job}/tasks", {"id": "t", "commandLine": command})
    task = world.shows(f"/jobs/{job}/tasks/t", {"state": "completed"})
    return {"node": task["nodeInfo"]["nodeId"], "ended": task["executionInfo"]["endTime"]}


def _done(world: World, name: str) -> Facts:
    world.post("/jobs", {"id": name, **ON_SHARED})
    return {"job": name} | _ran(world, name, "/bin/echo hello")


def _failed(world: World, name: str) -> Facts:
    world.post("/jobs", {"id": name, **ON_SHARED})
    return {"job": name} | _ran(world, name, "/bin/sh -c 'exit 3'")


def _two_instances(world: World, name: str) -> Facts:
    world.post("/pools", {"id": name, **POOL, "targetDedicatedNodes": 2, "enableInterNodeCommunication": True})
    world.post("/jobs", {"id": name, "poolInfo": {"poolId": name}})
    instances = {"numberOfInstances": 2, "coordinationCommandLine": "/bin/true"}
    world.post(f"/jobs/{name}/tasks", {"id": "t", "commandLine": "/bin/true", "multiInstanceSettings": instances})
    world.shows(f"/jobs/{name}/tasks/t", {"state": "completed"})
    return {"job": name, "pool": name}


def _schedule(world: World, name: str) -> Facts:
    document = {"id": name, "schedule": {"recurrenceInterval": "P7D"}, "jobSpecification": ON_EMPTY, **METADATA}
    world.post("/jobschedules", document)
    world.shows(f"/jobs/{name}:job-1", {"state": "active"})
    return {"schedule": name}


def _disabled_schedule(world: World, name: str) -> Facts:
    facts = _schedule(world, name)
    world.post(f"/jobschedules/{name}/disable")
    return facts


GIVEN: Mapping[str, Callable[[World, str], Facts]] = {
    "nothing": _nothing,
    "application": _nothing,
    "pool": _pool,
    "scaled pool": _scaled_pool,
    "used pool": _used_pool,
    "node": _node,
    "fresh node": _fresh_node,
    "offline node": _offline_node,
    "deallocated node": _deallocated_node,
    "node with a user": _node_with_user,
    "node with an extension": _extended_node,
    "draining pool": _draining_pool,
    "job": _job,
    "disabled job": _disabled_job,
    "prepared job": _prepared_job,
    "task": _task,
    "done": _done,
    "failed": _failed,
    "two instances": _two_instances,
    "schedule": _schedule,
    "disabled schedule": _disabled_schedule,
}
_ROOTS = {"schedule": "/jobschedules", "job": "/jobs", "pool": "/pools"}


def container(running: RunningServer) -> str:
    """The URL of a new container, signed for writing."""
    env, name = running.environment, "stored"
    with BlobServiceClient.from_connection_string(
        env["AZURE_STORAGE_CONNECTION_STRING"], connection_verify=env["REQUESTS_CA_BUNDLE"]
    ) as blobs:
        url = blobs.create_container(name).url
        account, key = str(blobs.account_name), blobs.credential.account_key
    rights, until = ContainerSasPermissions(write=True, create=True), datetime.now(UTC) + timedelta(hours=1)
    return f"{url}?{generate_container_sas(account, name, account_key=key, permission=rights, expiry=until)}"


def given(world: World, kind: str) -> Facts:
    """Make it; the facts about it, and a name for something new."""
    number = next(_NUMBERS)
    return {"new": f"new-{number}", "container": world.container} | GIVEN[kind](world, f"given-{number}")


def remove(world: World, facts: Facts) -> None:
    """Ask for the deletion of what a test has made, whether or not it is still there."""
    for kind, root in _ROOTS.items():
        for name in {facts["new"], facts.get(kind, facts["new"])}:
            world.send("DELETE", f"{root}/{name}" if kind == "pool" else f"{root}/{name}?force=true")


def filled(value: Any, facts: Facts) -> Any:
    """The value with the facts in place of their names."""
    if isinstance(value, str):
        for name, fact in facts.items():
            value = value.replace(f"{{{name}}}", fact)
        return value
    if isinstance(value, Mapping):
        return {key: filled(item, facts) for key, item in value.items()}
    return [filled(item, facts) for item in value] if isinstance(value, list | tuple) else value
