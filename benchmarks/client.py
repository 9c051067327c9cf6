"""The unmodified azure-batch client, shared key over HTTP, and the few steps that the benchmarks share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential

from benchmarks.floor import TRUE
from benchmarks.server import Server

POOL = "bench"
TIMEOUT = 900.0
"""Seconds after which a benchmark that does not end is given up."""


def connect(server: Server) -> BatchClient:
    """A client of the account that exists from the start."""
    variables = server.environment
    key = AzureNamedKeyCredential(variables["AZURE_BATCH_ACCOUNT"], variables["AZURE_BATCH_ACCESS_KEY"])
    return BatchClient(variables["AZURE_BATCH_ENDPOINT"], key)


def create_pool(client: BatchClient, slots: int) -> None:
    """One dedicated node with so many task slots, idle when this returns."""
    image = models.BatchVmImageReference(
        publisher="canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
    )
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04")
    client.create_pool(
        models.BatchPoolCreateOptions(
            id=POOL,
            vm_size="STANDARD_D2S_V5",
            target_dedicated_nodes=1,
            task_slots_per_node=slots,
            virtual_machine_configuration=machine,
        )
    )
    deadline = time.monotonic() + TIMEOUT
    while [node.state for node in client.list_nodes(POOL)] != [models.BatchNodeState.IDLE]:
        _wait(deadline, 0.1)


@contextmanager
def job(client: BatchClient, name: str) -> Iterator[str]:
    """A job on the pool, deleted afterwards."""
    client.create_job(models.BatchJobCreateOptions(id=name, pool_info=models.BatchPoolInfo(pool_id=POOL)))
    try:
        yield name
    finally:
        client.begin_delete_job(name, polling_interval=1).result()


def trivial_tasks(count: int) -> list[models.BatchTaskCreateOptions]:
    """Tasks that do nothing."""
    return [models.BatchTaskCreateOptions(id=f"t{number}", command_line=TRUE) for number in range(count)]


def wait_for_all(client: BatchClient, name: str, count: int) -> None:
    """Return when every task has completed. Raises RuntimeError when one failed."""
    deadline = time.monotonic() + TIMEOUT
    while (counts := client.get_job_task_counts(name).task_counts).completed < count:
        _wait(deadline, 0.02)
    if counts.failed:
        raise RuntimeError(f"{counts.failed} of {count} tasks failed")


def wait_for_one(client: BatchClient, name: str, task: str) -> None:
    """Return as soon as the task is seen completed, asking without a pause."""
    deadline = time.monotonic() + TIMEOUT
    while client.get_task(name, task).state != models.BatchTaskState.COMPLETED:
        _wait(deadline, 0)


def _wait(deadline: float, seconds: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"not done after {TIMEOUT:.0f} seconds")
    time.sleep(seconds)
