"""The data plane's one route table: every documented operation, built or refused by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from batchite.batch import (
    application_handlers,
    file_handlers,
    job_handlers,
    log_handlers,
    login_handlers,
    node_handlers,
    pool_handlers,
    schedule_handlers,
    task_handlers,
    usage_metrics,
)
from batchite.batch.context import Context
from batchite.batch.operations import OPERATIONS, Operation
from batchite.batch.options import check_options
from batchite.errors import not_implemented
from batchite.http.types import Handler, Request, Response, Route

Work: TypeAlias = Callable[[Context, Request], Awaitable[Response]]

BUILT: Mapping[str, Work] = {
    work.__name__: work
    for work in (
        application_handlers.list_applications,
        application_handlers.get_application,
        pool_handlers.create_pool,
        pool_handlers.list_pools,
        pool_handlers.get_pool,
        pool_handlers.pool_exists,
        pool_handlers.delete_pool,
        pool_handlers.update_pool,
        pool_handlers.replace_pool_properties,
        pool_handlers.enable_pool_auto_scale,
        pool_handlers.disable_pool_auto_scale,
        pool_handlers.evaluate_pool_auto_scale,
        pool_handlers.resize_pool,
        pool_handlers.remove_nodes,
        pool_handlers.stop_pool_resize,
        pool_handlers.list_pool_node_counts,
        pool_handlers.list_supported_images,
        usage_metrics.list_pool_usage_metrics,
        node_handlers.list_nodes,
        node_handlers.get_node,
        node_handlers.reboot_node,
        node_handlers.reimage_node,
        node_handlers.deallocate_node,
        node_handlers.start_node,
        log_handlers.upload_node_logs,
        login_handlers.get_node_remote_login_settings,
        login_handlers.create_node_user,
        login_handlers.replace_node_user,
        login_handlers.delete_node_user,
        node_handlers.disable_node_scheduling,
        node_handlers.enable_node_scheduling,
        node_handlers.list_node_extensions,
        node_handlers.get_node_extension,
        job_handlers.create_job,
        job_handlers.list_jobs,
        job_handlers.get_job,
        job_handlers.update_job,
        job_handlers.replace_job,
        job_handlers.delete_job,
        job_handlers.disable_job,
        job_handlers.enable_job,
        job_handlers.terminate_job,
        job_handlers.get_job_task_counts,
        job_handlers.list_job_preparation_and_release_task_status,
        schedule_handlers.create_job_schedule,
        schedule_handlers.list_job_schedules,
        schedule_handlers.get_job_schedule,
        schedule_handlers.job_schedule_exists,
        schedule_handlers.update_job_schedule,
        schedule_handlers.replace_job_schedule,
        schedule_handlers.disable_job_schedule,
        schedule_handlers.enable_job_schedule,
        schedule_handlers.terminate_job_schedule,
        schedule_handlers.delete_job_schedule,
        schedule_handlers.list_jobs_from_schedule,
        task_handlers.create_task,
        task_handlers.create_task_collection,
        task_handlers.list_tasks,
        task_handlers.get_task,
        task_handlers.list_subtasks,
        task_handlers.replace_task,
        task_handlers.reactivate_task,
        task_handlers.delete_task,
        task_handlers.terminate_task,
        file_handlers.list_task_files,
        file_handlers.get_task_file_properties,
        file_handlers.download_task_file,
        file_handlers.delete_task_file,
        file_handlers.list_node_files,
        file_handlers.get_node_file_properties,
        file_handlers.download_node_file,
        file_handlers.delete_node_file,
    )
}
"""Handlers by the operation's name, which is the function's."""


def data_plane_routes(context: Context) -> tuple[Route, ...]:
    """The rows for the router, one for each of `OPERATIONS`."""
    return tuple(_route(context, operation) for operation in OPERATIONS)


def _route(context: Context, operation: Operation) -> Route:
    """Clients encode the slashes of a file's path, links in answers do not: the path may be several segments."""
    template = operation.template.replace("{filePath}", "{filePath+}")
    return Route(operation.name, operation.method, template, operation.status, _handler(context, operation))


def _handler(context: Context, operation: Operation) -> Handler:
    """Checks options and headers before the work; an operation that is not built is refused by its name."""
    work = BUILT.get(operation.name)

    async def handle(request: Request) -> Response:
        if work is None:
            raise not_implemented(operation.name)
        check_options(operation, request)
        return await work(context, request)

    return handle
