"""The commands themselves: each takes a context and gives a result and an exit code."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from jobs import build, errors, memory, progress, results, shells, workload_file
from jobs import report as reporting
from jobs import submit as submission
from jobs.display import make_view
from jobs.errors import ServiceError, UsageError, WorkloadError
from jobs.ports import Batch, Services
from jobs.report import counted
from jobs.spec import Workload
from jobs.target import Json, Target
from jobs.watch import Clock, Outcome, Watcher, come_back, pool_and_nodes

OUTPUTS = Path("outputs")
ASK_ABOVE = 1000
SHOWN_FAILURES = 10
SHOWN_TASKS = 80
STDERR = 2  # the descriptor, for a program that is started
TERMINATE_REASON = "CancelledByUser"


@dataclass
class Context:
    """What every command works with. The services are connected when first used."""

    connect: Callable[[], Services]
    target: Target
    job: str
    console: Console
    arguments: argparse.Namespace
    clock: Clock = field(default_factory=Clock)

    @cached_property
    def services(self) -> Services:
        """Batch and Blob storage of the deployment."""
        return self.connect()

    def say(self, text: str) -> None:
        """Write a line for the human."""
        self.console.print(text, markup=False, soft_wrap=True)

    @property
    def folder(self) -> Path:
        """Where the job's outputs are kept."""
        return OUTPUTS / self.job


@dataclass(frozen=True)
class Result:
    """What a command found, for --json, and its exit code."""

    value: Any
    exit_code: int = errors.DONE


@dataclass(frozen=True)
class Prepared:
    """A checked workload and the files of its inputs."""

    workload: Workload
    files: dict[str, Path]


def prepare(file: Path, settings: Sequence[str]) -> Prepared:
    """Check a workload file completely, before anything else happens. Raises WorkloadError, UsageError."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is not text in UTF-8'}"
        ) from error
    workload = workload_file.parse(text, overrides(settings))
    if not isinstance(workload, Workload):
        raise WorkloadError(str(file), workload)
    files, problems = submission.locate(workload.inputs, file.parent)
    if problems:
        raise WorkloadError(str(file), problems)
    return Prepared(workload, files)


def overrides(settings: Sequence[str]) -> dict[str, str]:
    """Read the values of --set. Raises UsageError."""
    pairs = [setting.partition("=") for setting in settings]
    wrong = [
        setting
        for setting, (name, equals, value) in zip(settings, pairs, strict=True)
        if not (name and equals and value)
    ]
    if wrong:
        raise UsageError(f"--set {wrong[0]}: write --set PARAMETER=VALUE, for example --set 'azimuth=[90, 180]'")
    return {name: value for name, _, value in pairs}


def submit(context: Context, prepared: Prepared) -> Result:
    """Create the job of a workload; with --follow, watch it."""
    workload = prepared.workload
    plan = submission.make_plan(workload, context.target, prepared.files)
    if context.arguments.dry_run:
        return dry_run(context, plan, workload)
    confirm(context, build.task_count(workload))
    total = submission.submit(context.services, plan, workload, prepared.files, context.say)
    context.job = plan.job
    memory.remember(context.target, plan.job)
    if context.arguments.follow:
        return watch(context)
    context.say(come_back())
    return Result({"job": plan.job, "tasks": total})


def dry_run(context: Context, plan: build.Plan, workload: Workload) -> Result:
    """Show what a submission would create."""
    tasks = list(build.tasks(plan, workload))
    size = f"{counted(len(tasks), 'task')} on pool {plan.pool.id}, {counted(len(plan.blobs), 'input')}"
    context.say(f"{size}; nothing was created")
    for task in (tasks[0], tasks[-1]):
        context.say(f"  {task['id']}: {task['commandLine']}")
    return Result({"job": build.job(plan, workload), "tasks": tasks, "inputs": dict(plan.blobs)})


def confirm(context: Context, tasks: int) -> None:
    """Ask before very many tasks are created. Raises UsageError where nobody agrees."""
    if tasks <= ASK_ABOVE or context.arguments.yes:
        return
    asked = context.console.is_terminal and sys.stdin.isatty()
    if not asked or context.console.input(f"create {tasks} tasks? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UsageError(f"{tasks} tasks were not confirmed; --yes does it without asking")


def watch(context: Context) -> Result:
    """Follow a job to its end, then say how it went."""
    outcome = follow(context)
    tell_outcome(context, outcome)
    counts = progress.count(outcome.tasks)
    value = {
        "job": context.job,
        "tasks": counts.total,
        "succeeded": counts.succeeded,
        "failed": len(outcome.failures),
        "failures": [failure(context, task) for task in outcome.failures[:SHOWN_FAILURES]],
        "blocked": outcome.blocked,
    }
    return Result(value, errors.DONE if outcome.succeeded else errors.TASKS_FAILED)


def follow(context: Context) -> Outcome:
    """Show the job's progress until it ends. Raises ServiceError that says the job goes on."""
    try:
        with make_view(context.console) as view:
            batch, timeout = context.services.batch, context.arguments.timeout
            return Watcher(batch, context.job, view, context.clock, timeout).follow()
    except ServiceError as error:
        raise ServiceError(f"{error}\nNo longer watching {context.job}. {come_back()}", error.code) from error


def failure(context: Context, task: dict[str, Any]) -> dict[str, Any]:
    """A failed task for --json."""
    tail = results.stderr_tail(context.services, context.target, context.job, task)
    return {"id": task["id"], "reason": progress.reason(task), "stderr": tail}


def tell_outcome(context: Context, outcome: Outcome) -> None:
    """Say how a job ended, with the reason and the last words of tasks that failed."""
    counts = progress.count(outcome.tasks)
    context.say(f"{context.job}: {counts.succeeded} of {counts.total} tasks succeeded")
    for task in outcome.failures[:SHOWN_FAILURES]:
        retried = progress.retries([task])
        after = f" after {counted(retried, 'retry', 'retries')}" if retried else ""
        context.say(f"{task['id']} failed{after}: {progress.reason(task)}")
        for line in results.stderr_tail(context.services, context.target, context.job, task):
            context.say(f"  | {line}")
    if len(outcome.failures) > SHOWN_FAILURES:
        context.say(f"… and {len(outcome.failures) - SHOWN_FAILURES} more; see python -m jobs report")
    if outcome.blocked:
        context.say(f"never ran, because tasks they depend on failed: {', '.join(outcome.blocked)}; the job was ended")


def status(context: Context) -> Result:
    """What the job and its pool are doing."""
    batch = context.services.batch
    job = batch.job(context.job)
    counts = progress.read_counts(batch.task_counts(context.job))
    lines, nodes = look_at_pool(batch, job["poolInfo"]["poolId"])
    table = Table(show_header=False, box=None)
    for label, text in (
        ("job", f"{context.job} ({job['state']})"),
        (
            "tasks",
            f"{counts.active} waiting, {counts.running} running, {counts.succeeded} succeeded, {counts.failed} failed",
        ),
        *(("pool", text) for text in lines),
    ):
        table.add_row(label, text)
    context.console.print(table)
    states = dict(progress.tally(node["state"] for node in nodes))
    return Result({"job": context.job, "state": job["state"], "tasks": vars(counts), "pool": lines, "nodes": states})


def look_at_pool(batch: Batch, pool: str) -> tuple[list[str], list[Json]]:
    """What is to be said of a pool, and its nodes; one that is gone has neither."""
    try:
        document, nodes = pool_and_nodes(batch, pool)
    except ServiceError as error:
        if error.code != progress.POOL_GONE:
            raise
        return [str(error)], []
    return progress.why_nothing_runs(document, nodes), nodes


def logs(context: Context) -> Result:
    """What a task has written: its stdout to stdout, its stderr to stderr."""
    name, follow = context.arguments.task, context.arguments.follow
    shown = (0, 0)
    while True:
        task = context.services.batch.task(context.job, name)
        ended = task["state"] == "completed"
        if not (follow and task["state"] in {"active", "preparing"}):
            streams = read_streams(context, task, follow=follow)
            if not context.arguments.json:
                shown = show_streams(streams, shown)
            if ended or not follow:
                return Result({"task": task["id"], "state": task["state"], **vars(streams)})
        context.clock.sleep(progress.SLOWEST)


def read_streams(context: Context, task: dict[str, Any], *, follow: bool) -> results.Streams:
    """Streams of a task. A task that is waiting has none; while following, a file that is not there yet is empty."""
    if task["state"] == "active":
        raise UsageError(f"task {task['id']} has not started; wait for it with --follow")
    try:
        return results.read_streams(context.services, context.target, context.job, task)
    except ServiceError:
        if not follow or task["state"] == "completed":
            raise
        return results.Streams("", "", "node")


def show_streams(streams: results.Streams, shown: tuple[int, int]) -> tuple[int, int]:
    """Write what is new of both streams; a stream that shrank belongs to a new attempt and is written whole."""
    for text, length, out in zip((streams.stdout, streams.stderr), shown, (sys.stdout, sys.stderr), strict=True):
        out.write(text[length:] if len(text) >= length else text)
        out.flush()
    return len(streams.stdout), len(streams.stderr)


def outputs(context: Context) -> Result:
    """Download the job's outputs."""
    paths = results.download_outputs(context.services, context.target, context.job, context.folder)
    if paths:
        context.say(f"{counted(len(paths), 'file')} in {context.folder}/")
    else:
        context.say("the job has no outputs (yet)")
    return Result({"job": context.job, "folder": str(context.folder), "files": [str(path) for path in paths]})


def cancel(context: Context) -> Result:
    """End the job."""
    context.services.batch.terminate_job(context.job, TERMINATE_REASON)
    context.say(f"{context.job} is ending; tasks that ran are stopped, what they had uploaded stays")
    return Result({"job": context.job})


def ssh(context: Context) -> Result:
    """Open a shell on a node of the deployment, or run a command there."""
    batch, wanted = context.services.batch, context.arguments
    place = shells.find(batch, [pool.id for pool in context.target.pools.values()], wanted.node)
    out = STDERR if wanted.json else None
    code = shells.visit(batch, place, wanted.words, out, admin=wanted.admin)
    return Result({"pool": place.pool, "node": place.node, "exitCode": code}, code)


def report(context: Context) -> Result:
    """Figures of the job: on the terminal, and as a page beside its outputs."""
    services = context.services
    job = services.batch.job(context.job)
    tasks = list(services.batch.tasks(context.job, progress.SELECT))
    figures = reporting.build_report(job, tasks, results.read_stats(services, context.target, context.job))
    page = results.write_whole(context.folder / "report.md", reporting.markdown(figures).encode())
    show_report(context, figures)
    context.say(f"written to {page}")
    return Result(reporting.as_json(figures), errors.TASKS_FAILED if figures.failed else errors.DONE)


def show_report(context: Context, figures: reporting.Report) -> None:
    """The report on the terminal: tasks, then what deserves a sentence, then the totals."""
    tasks = Table(*reporting.HEADERS)
    for row in figures.per_task[:SHOWN_TASKS]:
        tasks.add_row(*reporting.cells(row))
    totals = Table(show_header=False, box=None)
    for label, text in reporting.summary(figures):
        totals.add_row(f"[bold]{label}", text)
    context.console.print(tasks)
    if len(figures.per_task) > SHOWN_TASKS:
        context.say(f"… and {len(figures.per_task) - SHOWN_TASKS} more tasks; the page has them all")
    for text in reporting.remarks(figures):
        context.say(text)
    context.console.print(totals)
