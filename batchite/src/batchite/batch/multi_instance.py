"""Multi-instance tasks: what runs on each of their nodes, and how their subtasks are shown.

Source: Azure Batch documentation, "Use multi-instance tasks to run MPI applications" and the environment variables of
compute nodes; specification example of TaskListSubtasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from batchite import ids
from batchite.agent.launch import Instance, Launch, task_directory
from batchite.batch import render
from batchite.batch.launch import NodeFacts, coordination_launch, task_launch
from batchite.clock import wire_time
from batchite.http.types import Json
from batchite.scheduler.model import JobState, Subtask, TaskState

MASTER_PORT = 6000
"""The port in AZ_BATCH_MASTER_NODE. Nothing listens there unless the task does."""


def attempt_launch(
    nodes: Sequence[NodeFacts],
    job: JobState,
    job_document: Mapping[str, Json],
    task: TaskState,
    document: Mapping[str, Json],
) -> Launch:
    """The present attempt of a task; with multi-instance settings its coordination command runs on all its nodes."""
    if not task.instances:
        return task_launch(nodes[0], job, job_document, task, document)
    common = _common(nodes)
    own = [common | _own(facts, task, number) for number, facts in enumerate(nodes)]
    command = task_launch(nodes[0], job, job_document, task, document)
    instances = [
        _with(coordination_launch(facts, job, job_document, task, document, number), own[number])
        for number, facts in enumerate(nodes)
    ]
    pairs = zip(nodes, instances, strict=True)
    made = replace(command, continues=True, instances=tuple(Instance(facts.state.key, one) for facts, one in pairs))
    return _with(made, own[0])


def subtasks(state: TaskState, job: JobState, base_url: str) -> Iterator[dict[str, Json]]:
    """The subtasks of the present or last attempt. The primary, whose id is 0, is the task itself (documented)."""
    for number, subtask in enumerate(state.subtasks, 1):
        yield {"id": number, **_shown(subtask), **render.subtask_node(state, subtask.node, number, job, base_url)}


def _shown(subtask: Subtask) -> dict[str, Json]:
    item: dict[str, Json] = {"state": subtask.state, "stateTransitionTime": wire_time(subtask.state_at)}
    if subtask.started_at is not None:
        item["startTime"] = wire_time(subtask.started_at)
    if subtask.ended_at is None:
        return item
    if subtask.started_at is not None:
        item |= {"previousState": "running", "previousStateTransitionTime": wire_time(subtask.started_at)}
    item |= {"endTime": wire_time(subtask.ended_at), "result": "failure" if subtask.failure else "success"}
    if subtask.exit_code is not None:
        item["exitCode"] = subtask.exit_code
    if subtask.failure is not None:
        item["failureInfo"] = render.failure(subtask.failure)
    return item


def _common(nodes: Sequence[NodeFacts]) -> dict[str, str]:
    """What all instances see alike."""
    hosts = [ids.node_address(facts.state.key.node) for facts in nodes]
    cores = max(1, nodes[0].pool.cores)
    return {
        "AZ_BATCH_HOST_LIST": ",".join(hosts),
        "AZ_BATCH_NODE_LIST": ";".join(hosts),
        "AZ_BATCH_MASTER_NODE": f"{hosts[0]}:{MASTER_PORT}",
        "CCP_NODES": " ".join([str(len(hosts)), *(f"{host} {cores}" for host in hosts)]),
    }


def _own(facts: NodeFacts, task: TaskState, number: int) -> dict[str, str]:
    """The shared directory has the same path on every node, below the node's own root."""
    return {
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "false" if number else "true",
        "AZ_BATCH_TASK_SHARED_DIR": str(facts.root / task_directory(task.key)),
    }


def _with(made: Launch, variables: Mapping[str, str]) -> Launch:
    return replace(made, environment={**made.environment, **variables})
