"""What a job's preparation and release tasks have done on each node."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.agent.launch import task_directory
from batchite.batch.render import container_info, failure
from batchite.clock import wire_time
from batchite.http.types import Json
from batchite.scheduler.model import JobOnNode, JobState, JobTaskState, TaskKey


def status(job: JobState, entry: JobOnNode, pool_id: str, base_url: str) -> dict[str, Json]:
    """One node's row. The node may have gone since."""
    assert job.preparation is not None
    url = f"{base_url}/pools/{pool_id}/nodes/{entry.node.node}"
    row: dict[str, Json] = {"poolId": pool_id, "nodeId": entry.node.node, "nodeUrl": url}
    prepared, released = entry.preparation, entry.release
    row["jobPreparationTaskExecutionInfo"] = _info(job, job.preparation.id, prepared, url) | _retries(prepared)
    if released is not None:
        row["jobReleaseTaskExecutionInfo"] = _info(job, job.release, released, url)
    return row


def _info(job: JobState, name: str, run: JobTaskState, url: str) -> dict[str, Json]:
    directory = task_directory(TaskKey(*job.key, name))
    return _without_none(
        {
            "startTime": wire_time(run.started_at),
            "endTime": None if run.ended_at is None else wire_time(run.ended_at),
            "state": run.state,
            "taskRootDirectory": directory,
            "taskRootDirectoryUrl": f"{url}/files/{directory}",
            "exitCode": run.exit_code,
            "failureInfo": failure(run.failure) if run.failure else None,
            "containerInfo": container_info(run.container) if run.container else None,
            "result": run.result or None,
        }
    )


def _retries(run: JobTaskState) -> dict[str, Json]:
    last = None if run.last_retry_at is None else wire_time(run.last_retry_at)
    return _without_none({"retryCount": run.retry_count, "lastRetryTime": last})


def _without_none(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value is not None}
