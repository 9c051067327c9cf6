"""What a job did, from its tasks and their stats files: pure figures, then markdown and JSON of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from jobs import progress
from jobs.target import Json

MEBIBYTE = 1024**2
Stats = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class TaskRow:
    """One task. `seconds` is the last attempt on the node, `work_seconds` and the rest come from its stats file.

    `joins` tells a task that depends on others, whose rows are therefore counted already.
    """

    id: str
    state: str
    node: str
    seconds: float | None
    retries: int
    requeues: int
    reason: str
    joins: bool
    rows: int | None
    work_seconds: float | None
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class Report:
    """A whole job. `seconds` from its creation to the end of its last task; `percent_completed` of the tasks."""

    job: str
    state: str
    pool: str
    tasks: int
    completed: int
    succeeded: int
    failed: int
    percent_completed: float
    retries: int
    requeues: int
    ran_again: list[str]
    nodes: int
    seconds: float | None
    node_seconds: float
    rows: int
    work_seconds: float
    peak_memory_bytes: int | None
    rows_per_second: float | None
    per_task: list[TaskRow]


def build_report(job: Json, tasks: Sequence[Json], stats: Stats) -> Report:
    """Add everything up."""
    rows = [task_row(task, stats.get(task["id"], {})) for task in tasks]
    counts = progress.count(tasks)
    seconds = span(job.get("creationTime"), last_end(tasks))
    produced = sum(row.rows or 0 for row in rows if not row.joins)
    return Report(
        job=job["id"],
        state=job["state"],
        pool=job["poolInfo"]["poolId"],
        tasks=counts.total,
        completed=counts.done,
        succeeded=counts.succeeded,
        failed=counts.failed,
        percent_completed=percent(counts.done, counts.total),
        retries=progress.retries(tasks),
        requeues=progress.requeues(tasks),
        ran_again=[row.id for row in rows if row.requeues],
        nodes=len({row.node for row in rows if row.node}),
        seconds=seconds,
        node_seconds=total(row.seconds for row in rows),
        rows=produced,
        work_seconds=total(row.work_seconds for row in rows),
        peak_memory_bytes=max((row.peak_memory_bytes for row in rows if row.peak_memory_bytes), default=None),
        rows_per_second=round(produced / seconds, 1) if seconds else None,
        per_task=rows,
    )


def task_row(task: Json, stats: Mapping[str, float]) -> TaskRow:
    """One line of the report."""
    execution = task.get("executionInfo", {})
    memory = stats.get("peak_memory_bytes")
    return TaskRow(
        id=task["id"],
        state=progress.situation(task),
        node=(task.get("nodeInfo") or {}).get("nodeId", ""),
        seconds=span(execution.get("startTime"), execution.get("endTime")),
        retries=execution.get("retryCount", 0),
        requeues=execution.get("requeueCount", 0),
        reason=progress.reason(task) if progress.failed(task) else "",
        joins=bool(task.get("dependsOn")),
        rows=int(stats["rows"]) if "rows" in stats else None,
        work_seconds=stats.get("seconds"),
        peak_memory_bytes=int(memory) if memory is not None else None,
    )


def percent(part: int, whole: int) -> float:
    """Share in percent, rounded down: 100 means all of them. Nothing of nothing is 0."""
    return part * 1000 // whole / 10 if whole else 0.0


def total(values: Iterable[float | None]) -> float:
    """Sum of the values that are known."""
    return round(sum(value for value in values if value is not None), 3)


def span(start: str | None, end: str | None) -> float | None:
    """Seconds between two times of the service, None if one is not known."""
    return round((read_time(end) - read_time(start)).total_seconds(), 3) if start and end else None


def last_end(tasks: Iterable[Json]) -> str | None:
    """When the last task ended."""
    return max((end for task in tasks if (end := task.get("executionInfo", {}).get("endTime"))), default=None)


def read_time(text: str) -> datetime:
    """Parse a time as the service writes it, with up to seven digits of a second, in UTC."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).replace(microsecond=int(f"{fraction:0<6}"[:6]), tzinfo=UTC)


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return asdict(report)


def summary(report: Report) -> list[tuple[str, str]]:
    """The totals as label and text."""
    memory, retries = report.peak_memory_bytes, counted(report.retries, "retry", "retries")
    lines = [
        ("job", f"{report.job} on pool {report.pool}"),
        ("tasks", f"{report.completed} of {report.tasks} completed ({report.percent_completed:g} %)"),
        ("outcome", f"{report.succeeded} succeeded, {report.failed} failed"),
        ("ran again", f"{retries} after an error, {counted(report.requeues, 'requeue')} after the loss of a node"),
        ("time", f"{seconds(report.seconds)} from submission to the last task's end"),
        ("work", f"{seconds(report.node_seconds)} of tasks on {counted(report.nodes, 'node')}"),
    ]
    if report.rows:
        rate = f", {report.rows_per_second:,} a second" if report.rows_per_second else ""
        lines.append(("rows", f"{report.rows:,}{rate}"))
    return [*lines, ("peak memory", f"{memory / MEBIBYTE:.0f} MiB in one task")] if memory else lines


def remarks(report: Report) -> list[str]:
    """What deserves a sentence: tasks that ran again after losing their node, and failures."""
    lines = [
        f"{row.id} ran again on {short_node(row.node) or 'no node yet'} after it lost its node{twice(row.requeues)}"
        for row in report.per_task
        if row.requeues
    ]
    lines += [f"{row.id} failed: {row.reason}" for row in report.per_task if row.state == "failed"]
    ended = report.state == "completed"
    return lines + [
        f"{row.id} never ran: the job ended before" for row in report.per_task if ended and row.state == "active"
    ]


def twice(times: int) -> str:
    """How often, if more than once."""
    return f" {times} times" if times > 1 else ""


HEADERS = ("task", "state", "node", "seconds", "retries", "requeues", "rows", "work s", "peak MiB")


def cells(row: TaskRow) -> tuple[str, ...]:
    """One task as text, in the order of HEADERS."""
    memory = row.peak_memory_bytes
    return (
        row.id,
        row.state,
        short_node(row.node),
        optional(row.seconds),
        str(row.retries or ""),
        str(row.requeues or ""),
        optional(row.rows),
        optional(row.work_seconds),
        f"{memory / MEBIBYTE:.0f}" if memory else "",
    )


def markdown(report: Report) -> str:
    """The report as a page."""
    totals = [f"- **{label}**: {text}" for label, text in summary(report)]
    notes = [f"- {text}" for text in remarks(report)]
    table = [line(HEADERS), line("---" for _ in HEADERS), *(line(cells(row)) for row in report.per_task)]
    parts = [[f"# {report.job}"], totals, notes, table]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def short_node(node: str) -> str:
    """A node's id as people can tell it from others: seven characters of its hash, and dedicated (d) or Spot (p)."""
    return re.sub(r"^(tvmps_[0-9a-z]{7})[0-9a-z]+(_[dp])$", r"\1…\2", node)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def line(texts: Iterable[str]) -> str:
    """One line of a markdown table."""
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def optional(value: float | None) -> str:
    """A number as text, empty if unknown."""
    if value is None:
        return ""
    return f"{value:,}" if float(value).is_integer() else f"{value:,.2f}"


def seconds(value: float | None) -> str:
    """A duration for people."""
    if value is None:
        return "unknown time"
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
