"""Submission: inputs to Blob storage, then the job, then its tasks, then the word that it may end."""

import hashlib
import importlib.util
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from jobs import build
from jobs.errors import Problem, ServiceError
from jobs.ports import Batch, Blobs, Services
from jobs.spec import Source, Workload
from jobs.target import Json, Target

TASKS_PER_REQUEST = 100  # the service's limit
ROUNDS = 5  # how often tasks that the service could not take at the moment are sent again
ENDED = frozenset({"JobBeingTerminated", "JobCompleted"})
SUBMISSION_FAILED = "SubmissionFailed"

Say = Callable[[str], None]


def locate(inputs: Mapping[str, Source], folder: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Find the file of every input: beside the workload file in `folder`, or inside an installed package."""
    found, problems = {}, []
    for name, source in inputs.items():
        path = package_folder(source.package) if source.package else folder
        if path is None:
            problems.append(
                Problem(
                    source.line,
                    f"inputs.{name}",
                    f"package {source.package} is not installed beside this program; install it with pip or uv",
                )
            )
        elif not (path / source.path).is_file():
            problems.append(Problem(source.line, f"inputs.{name}", f"there is no file {path / source.path}"))
        else:
            found[name] = path / source.path
    return found, problems


def package_folder(package: str) -> Path | None:
    """Folder of an installed package, found without importing it; None if it is not installed."""
    try:
        module = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        return None
    return Path(module.origin).parent if module and module.origin else None


def name_blobs(files: Mapping[str, Path]) -> dict[str, str]:
    """The blob of each input, named after the hash of its content."""
    return {
        name: build.blob_name(hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for name, path in files.items()
    }


def make_plan(workload: Workload, target: Target, files: Mapping[str, Path]) -> build.Plan:
    """Choose the job's id and fix everything its documents are built from."""
    job = build.job_id(workload.name, datetime.now(UTC), secrets.token_hex(2))
    return build.Plan(job, target, target.pool(workload.pool), name_blobs(files))


def submit(services: Services, plan: build.Plan, workload: Workload, files: Mapping[str, Path], say: Say) -> int:
    """Send everything; the number of tasks. Raises ServiceError; a job that was created is then ended."""
    upload_inputs(services.blobs, plan, files, say)
    services.batch.create_job(build.job(plan, workload))
    try:
        total = add_all(services.batch, plan.job, build.tasks(plan, workload))
        let_end(services.batch, plan.job)
    except BaseException:  # Ctrl-C as well: half a job must not run on.
        withdraw(services.batch, plan.job, say)
        raise
    say(f"job {plan.job}: {total} tasks submitted to pool {plan.pool.id}")
    return total


def let_end(batch: Batch, job: str) -> None:
    """Say that the job may end. One that has ended was told so by an earlier try, whose answer was lost."""
    try:
        batch.update_job(job, build.finish_when_done())
    except ServiceError as error:
        if error.code not in ENDED:
            raise


def withdraw(batch: Batch, job: str, say: Say) -> None:
    """End a job that could not be filled. A second failure is only told, so that the cause stays in sight."""
    try:
        batch.terminate_job(job, SUBMISSION_FAILED)
        say(f"job {job} was not complete and has been ended")
    except ServiceError as error:
        say(f"job {job} is not complete and could not be ended: {error}")


def upload_inputs(blobs: Blobs, plan: build.Plan, files: Mapping[str, Path], say: Say) -> None:
    """Send the inputs that the container does not hold yet."""
    container, sent = plan.target.input_container, 0
    for name, path in files.items():
        if blobs.size(container, plan.blobs[name]) != path.stat().st_size:
            blobs.write(container, plan.blobs[name], path.read_bytes())
            sent += 1
    say(f"inputs: {sent} of {len(files)} uploaded, {len(files) - sent} there already")


def add_all(batch: Batch, job: str, tasks: Iterator[Json]) -> int:
    """Add all tasks; how many. Raises ServiceError naming the tasks that were refused."""
    total = 0
    while chunk := list(islice(tasks, TASKS_PER_REQUEST)):
        add_chunk(batch, job, chunk)
        total += len(chunk)
    return total


def add_chunk(batch: Batch, job: str, tasks: Sequence[Json]) -> None:
    """Add some tasks, again those which the service could not take. Raises ServiceError for what it refuses."""
    for _ in range(ROUNDS):
        results = add_halving(batch, job, tasks)
        refused, again = sort_results(results)
        if refused:
            raise ServiceError("\n".join(f"task {task} was refused: {reason}" for task, reason in refused.items()))
        tasks = [task for task in tasks if task["id"] in again]
        if not tasks:
            return
    raise ServiceError(f"the service did not take {len(tasks)} tasks of {job}, asked {ROUNDS} times")


def add_halving(batch: Batch, job: str, tasks: Sequence[Json]) -> list[Json]:
    """Add some tasks; where the request is too large for the service, in two halves."""
    try:
        return batch.add_tasks(job, tasks)
    except ServiceError as error:
        if error.code != "RequestBodyTooLarge" or len(tasks) == 1:
            raise
    middle = len(tasks) // 2
    return add_halving(batch, job, tasks[:middle]) + add_halving(batch, job, tasks[middle:])


def sort_results(results: Sequence[Json]) -> tuple[dict[str, str], set[str]]:
    """Tasks refused (id → reason) and tasks to send again. A task that exists came with an earlier try."""
    refused, again = {}, set()
    for result in results:
        error = result.get("error", {})
        if result["status"].lower() == "servererror":
            again.add(result["taskId"])
        elif result["status"].lower() == "clienterror" and error.get("code") != "TaskExists":
            refused[result["taskId"]] = f"{error.get('code')}: {error.get('message', {}).get('value', '')}"
    return refused, again
