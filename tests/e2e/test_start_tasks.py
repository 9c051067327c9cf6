"""Start tasks of the repository on nodes of Batchite: what they put there and what they leave in Blob storage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch.models import BatchNode, BatchPoolResizeOptions
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient

from tests.e2e.checkout import QUICK_START, Checkout, Json, wait_for
from tests.e2e.stacks import Stack

pytestmark = [pytest.mark.ours, pytest.mark.timeout(300)]

GOOD: Json = {
    "vmSize": "standard_d2s_v3",
    "fixed": {"dedicated": 1},
    "startTask": {
        "scripts": [
            *QUICK_START["scripts"],
            {"script": "start_tasks/fetch_program.sh", "parameters": ["package", "hello", "any", "hello"]},
        ],
        "environment": {"NODE_STATS_UPLOAD": "1"},
        "wheelCache": True,
        "nodeStats": True,
    },
    "packages": ["hello"],
}
BAD: Json = {
    "vmSize": "standard_d2s_v3",
    "fixed": {"dedicated": 1},
    "startTask": {"scripts": [{"script": "start_tasks/monitoring_tools.sh"}], "retries": 0},
}
CONFIG: Json = {
    "azure-batch:location": "westeurope",
    "azure-batch:publicAccess": {"allow": "anyone"},
    "azure-batch:deployerPrincipalType": "ServicePrincipal",
    "azure-batch:packages": {"hello": {"path": "programs/greeting"}},
    "azure-batch:pools": {"good": GOOD, "bad": BAD},
}


@dataclass
class Deployed:
    """The stack, with the unmodified clients of its account and its storage, as the developer."""

    stack: Stack
    batch: BatchClient
    blobs: BlobServiceClient

    def node(self, pool: str, state: str) -> BatchNode:
        """The node of a pool, once it is in this state."""
        name = self.stack.outputs["pools"][pool]["id"]
        return wait_for(
            lambda: next((node for node in self.batch.list_nodes(name) if node.state == state), None),
            f"the node of {pool} is {state}",
        )

    def file(self, pool: str, path: str) -> str:
        """A file of the node of a pool that has started."""
        name = self.stack.outputs["pools"][pool]["id"]
        return b"".join(self.batch.download_node_file(name, self.node(pool, "idle").id, path)).decode()

    def read(self, container: str, prefix: str) -> dict[str, bytes]:
        """The blobs below a prefix."""
        client = self.blobs.get_container_client(container)
        return {name: client.download_blob(name).readall() for name in client.list_blob_names(name_starts_with=prefix)}


@pytest.fixture(scope="module")
def deployed(local: Checkout) -> Iterator[Deployed]:
    """A stack of two pools of a node: one gets all it asks for, one asks for what a local node refuses."""
    program = local.root / "programs/greeting/hello.sh"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\necho hello\n")
    stack = Stack("starts", local)
    stack.make(CONFIG)
    bundle = local.env["REQUESTS_CA_BUNDLE"]
    credential = ClientSecretCredential(
        local.env["AZURE_TENANT_ID"], local.env["AZURE_CLIENT_ID"], local.env["AZURE_CLIENT_SECRET"],
        authority=local.env["AZURE_AUTHORITY_HOST"], connection_verify=bundle,
    )  # fmt: skip
    with stack.deployed():
        outputs = stack.outputs
        yield Deployed(
            stack,
            BatchClient(outputs["batch"]["endpoint"], credential, connection_verify=bundle),
            BlobServiceClient(outputs["storage"]["blobEndpoint"], credential, connection_verify=bundle),
        )


def test_a_node_has_what_its_scripts_put_there(deployed: Deployed) -> None:
    """A Python with its packages, a program of the stack, and a log of what was done."""
    assert deployed.file("good", "shared/python/.complete")
    assert deployed.file("good", "shared/hello/hello.sh") == "#!/bin/sh\necho hello\n"
    assert deployed.file("good", "shared/hello/.fetched").startswith("package hello /")
    log = deployed.file("good", "startup/stdout.txt")
    assert [line for line in log.splitlines() if line.startswith("run.sh: ") and " is done" in line]
    assert "the wheels are in the cache: " in log


def test_its_wheels_are_there_for_the_next_node(deployed: Deployed) -> None:
    """In the container of outputs, put there as the nodes' identity."""
    deployed.node("good", "idle")
    (name,) = deployed.read("output", "wheels/")
    assert name.endswith(".tar")


def test_the_next_node_takes_them(deployed: Deployed) -> None:
    """A node that is added later downloads what the one before has built."""
    pool = deployed.stack.outputs["pools"]["good"]["id"]
    before = deployed.node("good", "idle").id
    wait_for(lambda: deployed.batch.get_pool(pool).allocation_state == "steady", "the pool is steady")
    deployed.batch.begin_resize_pool(pool, BatchPoolResizeOptions(target_dedicated_nodes=2), polling_interval=0).wait()
    added = wait_for(
        lambda: next((n for n in deployed.batch.list_nodes(pool) if n.id != before and n.state == "idle"), None),
        "a second node",
    )
    log = b"".join(deployed.batch.download_node_file(pool, added.id, "startup/stdout.txt")).decode()
    assert "installed from the cache: " in log


def test_its_statistics_come_to_blob_storage(deployed: Deployed) -> None:
    """Lines that can be read one by one."""
    node = deployed.node("good", "idle")
    pool = deployed.stack.outputs["pools"]["good"]["id"]

    def lines() -> list[bytes]:
        found = deployed.read("logs", f"node-stats/{pool}/{node.id}/")
        return [line for content in found.values() for line in content.splitlines()]

    last = json.loads(wait_for(lines, "a sample")[-1])
    assert 0 < last["memory_used"] < last["memory_total"]


def test_a_reboot_finds_everything_done(deployed: Deployed) -> None:
    """The start task runs again and makes nothing anew; another collector takes the place of the one that ended."""
    pool = deployed.stack.outputs["pools"]["good"]["id"]
    node = deployed.node("good", "idle").id
    before = deployed.batch.get_node(pool, node).last_boot_time
    collector = b"".join(deployed.batch.download_node_file(pool, node, "shared/node_stats.txt")).split()[0]
    options: Any = {"nodeRebootOption": "requeue"}
    deployed.batch.begin_reboot_node(pool, node, options, polling_interval=0).wait()

    def booted() -> bool:
        found = deployed.batch.get_node(pool, node)
        return found.last_boot_time != before and found.state == "idle"

    wait_for(booted, "the node has booted again")
    log = b"".join(deployed.batch.download_node_file(pool, node, "startup/stdout.txt")).decode()
    assert "python is complete already" in log
    assert "hello holds package hello /" in log
    assert b"".join(deployed.batch.download_node_file(pool, node, "shared/node_stats.txt")).split()[0] != collector


def test_a_failure_is_in_blob_storage_too(deployed: Deployed) -> None:
    """Script, line and reason: what a script may not do on this machine, and what would allow it."""
    deployed.node("bad", "starttaskfailed")
    pool = deployed.stack.outputs["pools"]["bad"]["id"]
    (error,) = (text for name, text in deployed.read("logs", f"start-tasks/{pool}/").items() if "stderr" in name)
    assert b"monitoring_tools.sh: line " in error
    assert b"needs root, and this local node never changes its host" in error
    assert b"--allow-host-changes" in error
