"""What a job leaves behind: streams of its tasks, its outputs, the stats files in them."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from jobs.errors import ServiceError
from jobs.ports import Blob, Services
from jobs.target import Json, Target

STATS_FILE = "stats.json"
STATS = ("rows", "seconds", "peak_memory_bytes")
DOWNLOADS = 8  # at a time
TAIL_LINES = 15

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Streams:
    """What a task has written, and where it was read: `blob` or `node`."""

    stdout: str
    stderr: str
    source: str


def read_streams(services: Services, target: Target, job: str, task: Json) -> Streams:
    """Streams of a task: from Blob storage if it has ended, else from its node. Raises ServiceError."""
    if task["state"] == "completed":
        try:
            return streams("blob", lambda name: blob_text(services, target, job, task["id"], name))
        except ServiceError as error:
            missing = error
        try:
            return node_streams(services, job, task["id"])
        except ServiceError:
            raise missing from None
    return node_streams(services, job, task["id"])


def streams(source: str, read: Callable[[str], str]) -> Streams:
    """Read both streams from one place."""
    return Streams(read("stdout.txt"), read("stderr.txt"), source)


def blob_text(services: Services, target: Target, job: str, task: str, name: str) -> str:
    """One stream as it was uploaded when the task ended."""
    return decode(services.blobs.read(target.logs_container, f"{job}/{task}/{name}"))


def node_streams(services: Services, job: str, task: str) -> Streams:
    """The streams as they are on the task's node now."""
    return streams("node", lambda name: decode(services.batch.task_file(job, task, name)))


def decode(data: bytes) -> str:
    """Text of a stream, whatever a task has written into it."""
    return data.decode(errors="replace")


def stderr_tail(services: Services, target: Target, job: str, task: Json) -> list[str]:
    """The last lines of a failed task's stderr; empty where it never wrote any or it is lost."""
    try:
        return read_streams(services, target, job, task).stderr.splitlines()[-TAIL_LINES:]
    except ServiceError:
        return []


def safe_path(name: str, job: str) -> PurePosixPath:
    """Where an output goes below the job's folder. Raises ServiceError for a name that leads out of it."""
    path = PurePosixPath(name)
    relative = path.relative_to(job)
    if not relative.parts or ".." in path.parts or "\\" in name or "\0" in name:
        raise ServiceError(f"the blob name {name!r} leads out of its folder")
    return relative


def download_outputs(services: Services, target: Target, job: str, folder: Path) -> list[Path]:
    """Download all outputs of a job into `folder`; their paths. Raises ServiceError."""
    blobs = services.blobs.blobs(target.output_container, f"{job}/")
    places = {blob.name: folder / safe_path(blob.name, job) for blob in blobs}

    def download(blob: Blob) -> Path:
        data = services.blobs.read(target.output_container, blob.name)
        return write_whole(places[blob.name], data)

    return side_by_side(download, blobs)


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file so that it is either there completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    return temporary.replace(path)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do some work for each item, several at a time; results in the items' order."""
    with ThreadPoolExecutor(DOWNLOADS) as threads:
        return list(threads.map(work, items))


def read_stats(services: Services, target: Target, job: str) -> Mapping[str, Mapping[str, float]]:
    """The stats files of a job's tasks by task id; one that holds anything else counts as none."""
    blobs = services.blobs.blobs(target.output_container, f"{job}/")
    names = [blob.name for blob in blobs if blob.name.count("/") == 2 and blob.name.endswith(f"/{STATS_FILE}")]
    contents = side_by_side(lambda name: services.blobs.read(target.output_container, name), names)
    return {name.split("/")[1]: parse_stats(content) for name, content in zip(names, contents, strict=True)}


def parse_stats(content: bytes) -> dict[str, float]:
    """The numbers of a stats file that the report knows."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    known = {name: found.get(name) for name in STATS} if isinstance(found, dict) else {}
    return {name: value for name, value in known.items() if isinstance(value, int | float)}
