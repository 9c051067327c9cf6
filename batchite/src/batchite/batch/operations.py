"""The 72 documented operations of the Batch REST API 2025-06-01, as data.

Names are those of the Python client without its `begin_` prefix. A row says which query options and which headers
an operation honours; everything else is refused (`batch.options`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALL = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
TIMES = frozenset({"if-modified-since", "if-unmodified-since"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its documented name, where it is, its success status, and what it honours."""

    name: str
    method: str
    template: str
    status: int
    query: frozenset[str]  # in lower case, beside api-version and timeOut
    conditions: frozenset[str]  # conditional headers
    ranged: bool  # honours ocp-range


def _row(
    name: str,
    method: str,
    template: str,
    status: int,
    query: str = "",
    conditions: frozenset[str] = frozenset(),
    ranged: bool = False,
) -> Operation:
    return Operation(name, method, template, status, frozenset(query.lower().split()), conditions, ranged)


OPERATIONS: tuple[Operation, ...] = (
    _row("list_applications", "GET", "/applications", 200, query="maxresults"),
    _row("get_application", "GET", "/applications/{applicationId}", 200),
    _row("list_jobs", "GET", "/jobs", 200, query="maxresults $filter $select $expand"),
    _row("create_job", "POST", "/jobs", 201),
    _row("delete_job", "DELETE", "/jobs/{jobId}", 202, query="force", conditions=ALL),
    _row("get_job", "GET", "/jobs/{jobId}", 200, query="$select $expand", conditions=ALL),
    _row("update_job", "PATCH", "/jobs/{jobId}", 200, conditions=ALL),
    _row("replace_job", "PUT", "/jobs/{jobId}", 200, conditions=ALL),
    _row("create_task_collection", "POST", "/jobs/{jobId}/addtaskcollection", 200),
    _row("disable_job", "POST", "/jobs/{jobId}/disable", 202, conditions=ALL),
    _row("enable_job", "POST", "/jobs/{jobId}/enable", 202, conditions=ALL),
    _row(
        "list_job_preparation_and_release_task_status",
        "GET",
        "/jobs/{jobId}/jobpreparationandreleasetaskstatus",
        200,
        query="maxresults $filter $select",
    ),
    _row("get_job_task_counts", "GET", "/jobs/{jobId}/taskcounts", 200),
    _row("list_tasks", "GET", "/jobs/{jobId}/tasks", 200, query="maxresults $filter $select $expand"),
    _row("create_task", "POST", "/jobs/{jobId}/tasks", 201),
    _row("delete_task", "DELETE", "/jobs/{jobId}/tasks/{taskId}", 200, conditions=ALL),
    _row("get_task", "GET", "/jobs/{jobId}/tasks/{taskId}", 200, query="$select $expand", conditions=ALL),
    _row("replace_task", "PUT", "/jobs/{jobId}/tasks/{taskId}", 200, conditions=ALL),
    _row("list_task_files", "GET", "/jobs/{jobId}/tasks/{taskId}/files", 200, query="maxresults $filter recursive"),
    _row("delete_task_file", "DELETE", "/jobs/{jobId}/tasks/{taskId}/files/{filePath}", 200, query="recursive"),
    _row(
        "download_task_file", "GET", "/jobs/{jobId}/tasks/{taskId}/files/{filePath}", 200, conditions=TIMES, ranged=True
    ),
    _row("get_task_file_properties", "HEAD", "/jobs/{jobId}/tasks/{taskId}/files/{filePath}", 200, conditions=TIMES),
    _row("reactivate_task", "POST", "/jobs/{jobId}/tasks/{taskId}/reactivate", 204, conditions=ALL),
    _row("list_subtasks", "GET", "/jobs/{jobId}/tasks/{taskId}/subtasksinfo", 200, query="$select"),
    _row("terminate_task", "POST", "/jobs/{jobId}/tasks/{taskId}/terminate", 204, conditions=ALL),
    _row("terminate_job", "POST", "/jobs/{jobId}/terminate", 202, query="force", conditions=ALL),
    _row("list_job_schedules", "GET", "/jobschedules", 200, query="maxresults $filter $select $expand"),
    _row("create_job_schedule", "POST", "/jobschedules", 201),
    _row("delete_job_schedule", "DELETE", "/jobschedules/{jobScheduleId}", 202, query="force", conditions=ALL),
    _row("get_job_schedule", "GET", "/jobschedules/{jobScheduleId}", 200, query="$select $expand", conditions=ALL),
    _row("job_schedule_exists", "HEAD", "/jobschedules/{jobScheduleId}", 200, conditions=ALL),
    _row("update_job_schedule", "PATCH", "/jobschedules/{jobScheduleId}", 200, conditions=ALL),
    _row("replace_job_schedule", "PUT", "/jobschedules/{jobScheduleId}", 200, conditions=ALL),
    _row("disable_job_schedule", "POST", "/jobschedules/{jobScheduleId}/disable", 204, conditions=ALL),
    _row("enable_job_schedule", "POST", "/jobschedules/{jobScheduleId}/enable", 204, conditions=ALL),
    _row(
        "list_jobs_from_schedule",
        "GET",
        "/jobschedules/{jobScheduleId}/jobs",
        200,
        query="maxresults $filter $select $expand",
    ),
    _row(
        "terminate_job_schedule", "POST", "/jobschedules/{jobScheduleId}/terminate", 202, query="force", conditions=ALL
    ),
    _row("list_pool_node_counts", "GET", "/nodecounts", 200, query="maxresults $filter"),
    _row("list_pools", "GET", "/pools", 200, query="maxresults $filter $select $expand"),
    _row("create_pool", "POST", "/pools", 201),
    _row("delete_pool", "DELETE", "/pools/{poolId}", 202, conditions=ALL),
    _row("get_pool", "GET", "/pools/{poolId}", 200, query="$select $expand", conditions=ALL),
    _row("pool_exists", "HEAD", "/pools/{poolId}", 200, conditions=ALL),
    _row("update_pool", "PATCH", "/pools/{poolId}", 200, conditions=ALL),
    _row("disable_pool_auto_scale", "POST", "/pools/{poolId}/disableautoscale", 200),
    _row("enable_pool_auto_scale", "POST", "/pools/{poolId}/enableautoscale", 200, conditions=ALL),
    _row("evaluate_pool_auto_scale", "POST", "/pools/{poolId}/evaluateautoscale", 200),
    _row("list_nodes", "GET", "/pools/{poolId}/nodes", 200, query="maxresults $filter $select"),
    _row("get_node", "GET", "/pools/{poolId}/nodes/{nodeId}", 200, query="$select"),
    _row("deallocate_node", "POST", "/pools/{poolId}/nodes/{nodeId}/deallocate", 202),
    _row("disable_node_scheduling", "POST", "/pools/{poolId}/nodes/{nodeId}/disablescheduling", 200),
    _row("enable_node_scheduling", "POST", "/pools/{poolId}/nodes/{nodeId}/enablescheduling", 200),
    _row("list_node_extensions", "GET", "/pools/{poolId}/nodes/{nodeId}/extensions", 200, query="maxresults $select"),
    _row(
        "get_node_extension", "GET", "/pools/{poolId}/nodes/{nodeId}/extensions/{extensionName}", 200, query="$select"
    ),
    _row("list_node_files", "GET", "/pools/{poolId}/nodes/{nodeId}/files", 200, query="maxresults $filter recursive"),
    _row("delete_node_file", "DELETE", "/pools/{poolId}/nodes/{nodeId}/files/{filePath}", 200, query="recursive"),
    _row(
        "download_node_file",
        "GET",
        "/pools/{poolId}/nodes/{nodeId}/files/{filePath}",
        200,
        conditions=TIMES,
        ranged=True,
    ),
    _row("get_node_file_properties", "HEAD", "/pools/{poolId}/nodes/{nodeId}/files/{filePath}", 200, conditions=TIMES),
    _row("reboot_node", "POST", "/pools/{poolId}/nodes/{nodeId}/reboot", 202),
    _row("reimage_node", "POST", "/pools/{poolId}/nodes/{nodeId}/reimage", 202),
    _row("get_node_remote_login_settings", "GET", "/pools/{poolId}/nodes/{nodeId}/remoteloginsettings", 200),
    _row("start_node", "POST", "/pools/{poolId}/nodes/{nodeId}/start", 202),
    _row("upload_node_logs", "POST", "/pools/{poolId}/nodes/{nodeId}/uploadbatchservicelogs", 200),
    _row("create_node_user", "POST", "/pools/{poolId}/nodes/{nodeId}/users", 201),
    _row("delete_node_user", "DELETE", "/pools/{poolId}/nodes/{nodeId}/users/{userName}", 200),
    _row("replace_node_user", "PUT", "/pools/{poolId}/nodes/{nodeId}/users/{userName}", 200),
    _row("remove_nodes", "POST", "/pools/{poolId}/removenodes", 202, conditions=ALL),
    _row("resize_pool", "POST", "/pools/{poolId}/resize", 202, conditions=ALL),
    _row("stop_pool_resize", "POST", "/pools/{poolId}/stopresize", 202, conditions=ALL),
    _row("replace_pool_properties", "POST", "/pools/{poolId}/updateproperties", 204),
    _row("list_pool_usage_metrics", "GET", "/poolusagemetrics", 200, query="maxresults startTime endtime $filter"),
    _row("list_supported_images", "GET", "/supportedimages", 200, query="maxresults $filter"),
)

BY_NAME: Mapping[str, Operation] = {row.name: row for row in OPERATIONS}
