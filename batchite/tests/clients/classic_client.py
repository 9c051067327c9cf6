"""What a program of the classic client does: run by the contract test with the interpreter that has azure-batch 14.2.

Its arguments are the endpoint, the account and the key; it prints what it saw as one JSON object.
"""
# The project's own environment has the newer client, in which none of these names exist:
# mypy: disable-error-code="attr-defined, import-not-found, import-untyped"

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from azure.batch import BatchServiceClient, models
from azure.batch.batch_auth import SharedKeyCredentials

POOL, JOB, LIMIT = "classic", "classic-job", 25.0


def main() -> None:
    """A pool, a job, tasks one by one and in bulk, their files, and all of it removed."""
    endpoint, account, key = sys.argv[1:]
    client = BatchServiceClient(SharedKeyCredentials(account, key), batch_url=endpoint)
    seen: dict[str, Any] = {"missing": client.pool.exists(POOL)}
    client.pool.add(_pool())
    seen["exists"] = client.pool.exists(POOL)
    found = client.pool.get(POOL, models.PoolGetOptions(timeout=30, return_client_request_id=False))
    seen["pool"] = [found.vm_size, found.task_slots_per_node, found.task_scheduling_policy.node_fill_type.value]
    _until(lambda: [node.state.value for node in client.compute_node.list(POOL)] == ["idle"])
    seen |= _work(client)
    seen |= _files(client)
    client.job.terminate(JOB, terminate_reason="done")
    seen["reason"] = client.job.get(JOB).execution_info.terminate_reason
    client.job.delete(JOB)
    client.pool.delete(POOL)
    _until(lambda: not client.pool.exists(POOL))
    print(json.dumps(seen))


def _pool() -> Any:
    image = models.ImageReference(publisher="canonical", offer="ubuntu-24_04-lts", sku="server")
    return models.PoolAddParameter(
        id=POOL,
        vm_size="standard_d2s_v5",
        target_dedicated_nodes=1,
        task_slots_per_node=2,
        task_scheduling_policy=models.TaskSchedulingPolicy(node_fill_type="pack"),
        target_node_communication_mode="simplified",
        virtual_machine_configuration=models.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04"
        ),
    )


def _work(client: Any) -> dict[str, Any]:
    client.job.add(models.JobAddParameter(id=JOB, pool_info=models.PoolInformation(pool_id=POOL)))
    client.task.add(JOB, _task("hello"))
    added = client.task.add_collection(JOB, [_task(f"task-{number}") for number in range(120)], threads=2)
    _until(lambda: client.job.get_task_counts(JOB).task_counts.completed == 121)
    done = models.TaskListOptions(filter="state eq 'completed'", select="id,state", max_results=50)
    return {
        "added": sorted({item.status.value for item in added.value}),
        "listed": len(list(client.task.list(JOB, done))),
        "exit": client.task.get(JOB, "hello").execution_info.exit_code,
        "again": _refusal(lambda: client.task.add(JOB, _task("hello"))),
    }


def _refusal(call: Callable[[], Any]) -> list[str]:
    try:
        call()
    except models.BatchErrorException as error:
        return [error.error.code, error.error.message.value.splitlines()[0]]
    return []


def _task(identifier: str) -> Any:
    return models.TaskAddParameter(id=identifier, command_line="/bin/sh -c 'echo hello world'")


def _files(client: Any) -> dict[str, Any]:
    names = sorted(file.name for file in client.file.list_from_task(JOB, "hello", recursive=True))
    whole = b"".join(client.file.get_from_task(JOB, "hello", "stdout.txt"))
    options = models.FileGetFromTaskOptions(ocp_range="bytes=0-4")
    part = b"".join(client.file.get_from_task(JOB, "hello", "stdout.txt", options))
    size = client.file.get_properties_from_task(JOB, "hello", "stdout.txt", raw=True).headers["Content-Length"]
    client.file.delete_from_task(JOB, "hello", "stdout.txt")
    left = [file.name for file in client.file.list_from_task(JOB, "hello")]
    return {"names": names, "whole": whole.decode(), "part": part.decode(), "size": int(size), "left": sorted(left)}


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.05)


main()
