"""A program of the repository as application package under the real engine: deployed, run, changed and pruned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from azure.batch import BatchClient
from azure.batch.models import BatchJobCreateOptions, BatchNode, BatchPoolInfo, BatchTaskCreateOptions

from tests.e2e.azure_clients import Clients, batch_client
from tests.e2e.checkout import Checkout, Json, changes, wait_for
from tests.e2e.stacks import UP, Stack

pytestmark = [pytest.mark.ours, pytest.mark.timeout(300)]

POOL: Json = {
    "vmSize": "standard_d2s_v3",
    "fixed": {"dedicated": 1},
    "startTask": {"scripts": [{"script": "programs/probe.sh"}]},
    "packages": ["hello"],
}
CONFIG: Json = {
    "azure-batch:location": "westeurope",
    "azure-batch:publicAccess": {"allow": "anyone"},
    "azure-batch:deployerPrincipalType": "ServicePrincipal",
    "azure-batch:packages": {"hello": {"path": "programs/hello", "displayName": "Hello", "keep": 1}},
    "azure-batch:pools": {"main": POOL},
}
PROBE = """#!/usr/bin/env bash
set -Eeuo pipefail
"$(printenv | sed -n 's/^AZ_BATCH_APP_PACKAGE_hello_[^=]*=//p')/bin/hello" > "$AZ_BATCH_NODE_SHARED_DIR/hello"
"""
"""A start task that needs the package."""


def write(checkout: Checkout, word: str) -> None:
    """The program, which says a word."""
    program = checkout.root / "programs/hello/bin/hello"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho {word}\n")
    program.chmod(0o755)
    (checkout.root / "programs/probe.sh").write_text(PROBE)


@pytest.fixture(scope="module")
def stack(local: Checkout) -> Iterator[Stack]:
    """A stack of one package and one pool of a node that uses it."""
    made = Stack("package", local)
    write(local, "one")
    made.make(CONFIG)
    with made.deployed():
        yield made


@pytest.fixture(scope="module")
def batch(stack: Stack) -> BatchClient:
    """The data plane of its account, as the developer."""
    return batch_client(stack.checkout, stack.outputs)


def reference(stack: Stack) -> Json:
    """The application and its present version."""
    found: Json = stack.outputs["packages"]["hello"]
    return found


def settled(batch: BatchClient, pool: str) -> list[BatchNode]:
    """The nodes, when each is idle or has failed."""
    ends = {"idle", "unusable", "starttaskfailed"}
    return wait_for(
        lambda: (nodes := list(batch.list_nodes(pool))) and all(node.state in ends for node in nodes) and nodes,
        "all nodes have started or failed",
    )


def run(batch: BatchClient, stack: Stack, job: str, command: str) -> str:
    """What a task on the pool prints."""
    pool = stack.outputs["pools"]["main"]["id"]
    assert [
        (node.state, node.errors, node.start_task_info) for node in settled(batch, pool) if node.state != "idle"
    ] == []
    batch.create_job(BatchJobCreateOptions(id=job, pool_info=BatchPoolInfo(pool_id=pool)))
    batch.create_task(job, BatchTaskCreateOptions(id="t", command_line=f"/bin/sh -c '{command}'"))
    task = wait_for(
        lambda: (one := batch.get_task(job, "t")).state == "completed" and one, f"the task of {job} is over"
    )
    assert task.execution_info is not None
    assert task.execution_info.exit_code == 0, task.execution_info
    return b"".join(batch.download_task_file(job, "t", "stdout.txt")).decode()


def versions(azure: Clients, stack: Stack) -> dict[str, str]:
    """The versions that there are, and their states."""
    found = azure.arm_get(f"{reference(stack)['id']}/versions", "2024-07-01")["value"]
    return {one["name"]: one["properties"]["state"] for one in found}


def configure(stack: Stack, **pool: object) -> None:
    """Change settings of the pool."""
    document = yaml.safe_load(stack.file.read_text())
    document["config"]["azure-batch:pools"]["main"].update(pool)
    stack.file.write_text(yaml.safe_dump(document))


def test_nodes_run_the_program(stack: Stack, batch: BatchClient, azure: Clients) -> None:
    """Start task and tasks find it by its variable; the data plane lists its version; no signature is kept anywhere."""
    version = reference(stack)["version"]
    assert versions(azure, stack) == {version: "Active"}
    command = f'"$AZ_BATCH_APP_PACKAGE_hello_{version}/bin/hello"; cat "$AZ_BATCH_NODE_SHARED_DIR/hello"'
    assert run(batch, stack, "first", command) == "one\none\n"
    (found,) = batch.list_applications()
    assert (found.id, found.display_name, list(found.versions)) == ("hello", "Hello", [version])
    exported = stack.pulumi("stack", "export").stdout
    assert "sig=" not in exported
    assert [file for file in log_files(stack) if b"sig=" in file.read_bytes()] == []


def log_files(stack: Stack) -> list[Path]:
    """The logs of Batchite and its provider."""
    return [file for file in (stack.checkout.data / "log").rglob("*") if file.is_file()]


def test_the_same_content_is_no_change(stack: Stack) -> None:
    """Neither a preview nor a refresh finds a difference, also after the files were touched."""
    write(stack.checkout, "one")
    stack.pulumi("preview", "--expect-no-changes")
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    stack.pulumi("preview", "--expect-no-changes")


def test_another_content_reaches_new_nodes(stack: Stack, batch: BatchClient, azure: Clients) -> None:
    """The preview shows the version and the pool; a node that runs keeps the old program, a new one has the new."""
    before = reference(stack)["version"]
    write(stack.checkout, "two")
    planned = changes(stack.pulumi("preview", "--json").stdout)
    kinds = {name.partition("::")[0].rpartition("$")[2]: operation for operation, name in planned}
    assert kinds["azure-native:batch:Pool"] == "update"
    assert kinds["pulumi-python:dynamic/azure-batch:PackageVersion"] == "update"
    told = stack.pulumi(*UP)
    assert "nodes that run keep their packages" in told.stdout + told.stderr
    assert f"pools still refer to {before}" in told.stdout + told.stderr
    after = reference(stack)["version"]
    assert versions(azure, stack) == {before: "Active", after: "Active"}
    assert run(batch, stack, "old", f'"$AZ_BATCH_APP_PACKAGE_hello_{before}/bin/hello"') == "one\n"
    pool = stack.outputs["pools"]["main"]["id"]
    old = {node.id for node in batch.list_nodes(pool)}
    configure(stack, fixed={"dedicated": 2})
    stack.pulumi(*UP)
    fresh = wait_for(
        lambda: [node for node in batch.list_nodes(pool) if node.id not in old and node.state == "idle"],
        "the new node is idle",
    )[0]
    shown = b"".join(batch.download_node_file(pool, fresh.id, "shared/hello")).decode()
    assert shown == "two\n"


def test_old_versions_are_pruned(stack: Stack, azure: Clients) -> None:
    """With the next version the first one goes; the one that the pool referred to a moment ago stays."""
    second = reference(stack)["version"]
    write(stack.checkout, "three")
    stack.pulumi(*UP)
    assert versions(azure, stack) == {second: "Active", reference(stack)["version"]: "Active"}


def test_a_version_that_someone_has_deleted_is_published_again(
    stack: Stack, batch: BatchClient, azure: Clients
) -> None:
    """A node that starts meanwhile is unusable and says why; a refresh misses the version, the next `up` repairs it."""
    present = reference(stack)
    azure.arm_delete(f"{present['id']}/versions/{present['version']}", "2024-07-01")
    pool = stack.outputs["pools"]["main"]["id"]
    configure(stack, fixed={"dedicated": 3})
    stack.pulumi(*UP)
    node = wait_for(lambda: [one for one in batch.list_nodes(pool) if one.state == "unusable"], "a node is unusable")[0]
    assert node.errors
    assert (node.errors[0].code, "hello" in (node.errors[0].message or "")) == ("ApplicationPackageError", True)
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.pulumi(*UP)
    assert versions(azure, stack)[present["version"]] == "Active"


def test_a_name_that_is_no_package_stops_before_any_change(stack: Stack) -> None:
    """The error names key, value and what there is."""
    configure(stack, packages=["hullo"])
    done = stack.pulumi("preview", expect=1)
    configure(stack, packages=["hello"])
    assert "pools.main.packages = 'hullo'" in done.stdout + done.stderr
    assert json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
