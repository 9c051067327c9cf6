"""Handlers of the file operations, on tasks and on nodes: list, properties, download, delete."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from urllib.parse import quote

from batchite.agent.launch import task_directory
from batchite.batch import jobs, tasks
from batchite.batch.conditions import check_conditions
from batchite.batch.context import Context
from batchite.batch.files import Entry
from batchite.batch.node_handlers import find_node
from batchite.batch.options import flag, list_page
from batchite.batch.resources import FILE
from batchite.clock import http_date, wire_time
from batchite.errors import ServiceError
from batchite.http.types import Json, Request, Response
from batchite.scheduler.model import NodeKey

_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{0,19})")  # 64 bits; longer numbers cost time to read


@dataclass(frozen=True, slots=True)
class Place:
    """A directory of a node and the URL under which its files are served."""

    node: NodeKey
    directory: str
    url: str


async def list_task_files(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/tasks/{taskId}/files."""
    return await _list(context, request, _of_task(context, request))


async def get_task_file_properties(context: Context, request: Request) -> Response:
    """HEAD /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return await _properties(context, request, _of_task(context, request))


async def download_task_file(context: Context, request: Request) -> Response:
    """GET /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return await _download(context, request, _of_task(context, request))


async def delete_task_file(context: Context, request: Request) -> Response:
    """DELETE /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return await _delete(context, request, _of_task(context, request))


async def list_node_files(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}/files."""
    return await _list(context, request, _of_node(context, request))


async def get_node_file_properties(context: Context, request: Request) -> Response:
    """HEAD /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return await _properties(context, request, _of_node(context, request))


async def download_node_file(context: Context, request: Request) -> Response:
    """GET /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return await _download(context, request, _of_node(context, request))


async def delete_node_file(context: Context, request: Request) -> Response:
    """DELETE /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return await _delete(context, request, _of_node(context, request))


def wanted_range(header: str | None, size: int) -> tuple[int, int]:
    """Start and length of what to send. Raises InvalidHeaderValue, or InvalidRange when nothing lies in it."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header.strip())
    start = int(found[1]) if found else 0
    end = min(int(found[2]), size - 1) if found and found[2] else size - 1
    if not found or (found[2] and int(found[2]) < start):
        raise ServiceError("InvalidHeaderValue", values={"HeaderName": "ocp-range", "HeaderValue": header})
    if start >= size:
        raise ServiceError("InvalidRange")
    return start, end - start + 1


def _of_task(context: Context, request: Request) -> Place:
    """The directory of a task. Raises TaskFilesUnavailable before it ran, TaskFilesCleanedup once they are gone."""
    job = jobs.existing(context.service, request.account, request.params["jobId"])
    state = tasks.existing(context.service, job, request.params["taskId"])
    if state.node is None:
        raise ServiceError("TaskFilesUnavailable")
    if state.cleaned or state.node not in context.service.nodes:
        raise ServiceError("TaskFilesCleanedup")
    url = f"{tasks.task_url(job, state, request.base_url)}/files"
    return Place(state.node, task_directory(state.key), url)


def _of_node(context: Context, request: Request) -> Place:
    pool, state = find_node(context, request)
    return Place(state.key, "", f"{request.base_url}/pools/{pool.id}/nodes/{state.key.node}/files")


async def _list(context: Context, request: Request, place: Place) -> Response:
    recursive = flag(request, "recursive")
    entries = await context.files.entries(place.node, place.directory, recursive=recursive)
    rows = ((entry.name, lambda entry=entry: _item(place, entry)) for entry in entries)
    return Response(200, list_page(request, FILE, rows))


async def _properties(context: Context, request: Request, place: Place) -> Response:
    entry = await context.files.stat(place.node, place.directory, request.params["filePath"])
    check_conditions(request, "", entry.modified)
    size = 0 if entry.directory else entry.size
    return Response(200, headers=_headers(place, entry) | {"content-length": str(size)})


async def _download(context: Context, request: Request, place: Place) -> Response:
    """The bytes; a range is answered with 200, as the service does."""
    opened = await context.files.open(place.node, place.directory, request.params["filePath"])
    try:
        check_conditions(request, "", opened.entry.modified)
        start, length = wanted_range(request.header("ocp-range"), opened.entry.size)
    except ServiceError:
        opened.close()
        raise
    headers = _headers(place, opened.entry) | {"content-length": str(length)}
    return Response(200, headers=headers, stream=opened.chunks(start, length))


async def _delete(context: Context, request: Request, place: Place) -> Response:
    """A directory that is not empty needs `recursive`; files of running tasks may go, their directories may not."""
    in_use = [task_directory(task) for task in context.service.tasks_on(place.node)]
    path, recursive = request.params["filePath"], flag(request, "recursive")
    await context.files.delete(place.node, place.directory, path, recursive=recursive, in_use=in_use)
    return Response(200)


def _item(place: Place, entry: Entry) -> dict[str, Json]:
    item: dict[str, Json] = {"name": entry.name, "url": _url(place, entry), "isDirectory": entry.directory}
    if entry.directory:
        return item
    return item | {
        "properties": {
            "creationTime": wire_time(entry.created),
            "lastModified": wire_time(entry.modified),
            "contentLength": str(entry.size),
            "contentType": _content_type(entry),
            "fileMode": _mode(entry),
        }
    }


def _headers(place: Place, entry: Entry) -> dict[str, str]:
    return {
        "content-type": _content_type(entry),
        "last-modified": http_date(entry.modified),
        "ocp-creation-time": http_date(entry.created),
        "ocp-batch-file-isdirectory": str(entry.directory),
        "ocp-batch-file-url": quote(_url(place, entry), safe=""),
        "ocp-batch-file-mode": _mode(entry),
    }


def _url(place: Place, entry: Entry) -> str:
    return f"{place.url}/{quote(entry.name)}"


def _content_type(entry: Entry) -> str:
    """Recorded answers call text files so, by their name alone, and all others a stream of bytes."""
    return "text/plain" if entry.name.lower().endswith(".txt") else "application/octet-stream"


def _mode(entry: Entry) -> str:
    """Octal with the file type, as the service shows it: 0o100644."""
    return f"0o{stat.S_IFMT(entry.mode) | stat.S_IMODE(entry.mode):o}"
