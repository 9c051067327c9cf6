"""What a job's tasks are doing: pure reading of the service's answers, and the decisions made on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs import build
from jobs.target import Json

SELECT = "id,state,stateTransitionTime,creationTime,executionInfo,nodeInfo,dependsOn"
POOL_GONE = "PoolNotFound"
START_TASK_FAILED = "starttaskfailed"
START_TASK_STDERR = "startup/stderr.txt"
LAST_LINES = 3
FASTEST, SLOWEST, GROWTH = 0.2, 2.0, 1.5  # seconds between two looks, and how the pause grows while nothing changes


@dataclass(frozen=True)
class Counts:
    """Numbers of tasks by what they are doing; `running` includes those fetching their files."""

    active: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Tasks that will not run again."""
        return self.succeeded + self.failed

    @property
    def total(self) -> int:
        """All tasks the service knows of."""
        return self.active + self.running + self.done


def read_counts(document: Json) -> Counts:
    """Read the service's task counts."""
    return Counts(*(int(document.get(name, 0)) for name in ("active", "running", "succeeded", "failed")))


def count(tasks: Iterable[Json]) -> Counts:
    """Count tasks by hand; exact where the service's own counts may lag behind."""
    numbers = dict.fromkeys(("active", "running", "succeeded", "failed"), 0)
    for task in tasks:
        numbers[situation(task)] += 1
    return Counts(**numbers)


def situation(task: Json) -> str:
    """What a task is doing, in the words of `Counts`."""
    if task["state"] == "completed":
        return "failed" if failed(task) else "succeeded"
    return "active" if task["state"] == "active" else "running"


def failed(task: Json) -> bool:
    """Whether a task has ended without success."""
    return bool(task["state"] == "completed" and task.get("executionInfo", {}).get("result") == "failure")


def retries(tasks: Iterable[Json]) -> int:
    """How often tasks were run again because they exited non-zero."""
    return sum(task.get("executionInfo", {}).get("retryCount", 0) for task in tasks)


def requeues(tasks: Iterable[Json]) -> int:
    """How often tasks were run again because their node was lost."""
    return sum(task.get("executionInfo", {}).get("requeueCount", 0) for task in tasks)


def newest(tasks: Iterable[Json], since: str) -> str:
    """Time of the latest change of state, as the service writes it (such times sort as text)."""
    return max([since, *(str(task.get("stateTransitionTime", "")) for task in tasks)])


def expected_total(job: Json) -> int:
    """Number of tasks a job was submitted with; 0 where another program submitted it."""
    metadata = {item["name"]: item["value"] for item in job.get("metadata", [])}
    value = metadata.get(build.TASK_COUNT, "")
    return int(value) if value.isdigit() else 0


def next_pause(pause: float, *, changed: bool) -> float:
    """How long to wait before the next look: short after a change, longer and longer without one."""
    return FASTEST if changed else min(SLOWEST, pause * GROWTH)


def blocked(tasks: Sequence[Json]) -> list[str]:
    """Waiting tasks that can never run, because a task they depend on has failed."""
    broken = {task["id"].lower() for task in tasks if failed(task)}
    return [task["id"] for task in tasks if task["state"] == "active" and depends_on_any(task, broken)]


def depends_on_any(task: Json, broken: set[str]) -> bool:
    """Whether a task depends on one of these."""
    depends = task.get("dependsOn") or {}
    if broken & {name.lower() for name in depends.get("taskIds", [])}:
        return True
    numbers = {int(name) for name in broken if name.isdigit()}
    return any(span["start"] <= number <= span["end"] for span in depends.get("taskIdRanges", []) for number in numbers)


def reason(task: Json) -> str:
    """Why a task failed, in one line."""
    execution = task.get("executionInfo", {})
    failure = execution.get("failureInfo") or {}
    exit_code = execution.get("exitCode")
    parts = [failure.get("code", ""), failure.get("message", "")]
    text = ": ".join(part.splitlines()[0] for part in parts if part) or "failed"
    return text if exit_code is None else f"{text} (exit code {exit_code})"


def why_nothing_runs(pool: Json, nodes: Sequence[Json]) -> list[str]:
    """What keeps a pool from running tasks, most telling first; the three places where Azure hides it."""
    return [*start_task_failures(nodes), *resize_errors(pool), *autoscale_error(pool), node_summary(pool, nodes)]


def gone(pool: str) -> str:
    """What to say of a job whose pool is not there any more."""
    return (
        f"pool {pool} is gone: it was replaced by one of another generation, or deleted. Waiting tasks stay in "
        "their job. Next: `python -m jobs cancel`, then submit again"
    )


def start_task_failures(nodes: Sequence[Json]) -> list[str]:
    """Why start tasks failed; nodes with the same reason share a line."""
    reasons: dict[str, list[str]] = {}
    for node in nodes:
        if node["state"] == START_TASK_FAILED:
            information = node.get("startTaskInfo", {})
            text = reason({"executionInfo": information})
            reasons.setdefault(text, []).append(node["id"])
    return [f"the start task failed on {some(ids)}: {text}" for text, ids in reasons.items()]


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more: names of nodes are long."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def last_words(stderr: bytes) -> list[str]:
    """How a stream ends: the last lines that say something."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    return [line for line in lines if line][-LAST_LINES:]


def resize_errors(pool: Json) -> list[str]:
    """Why the pool did not get its nodes."""
    return [
        f"the pool could not be resized: {error.get('code')}: {error.get('message', '')}".strip()
        for error in pool.get("resizeErrors") or []
    ]


def autoscale_error(pool: Json) -> list[str]:
    """Why the pool's formula could not be evaluated."""
    error = (pool.get("autoScaleRun") or {}).get("error")
    return [f"the autoscale formula failed: {error.get('code')}: {error.get('message', '')}"] if error else []


def node_summary(pool: Json, nodes: Sequence[Json]) -> str:
    """Size and nodes of a pool, in one line."""
    kinds = (("dedicated", "DedicatedNodes"), ("Spot", "LowPriorityNodes"))
    sizes = [f"{pool.get(f'current{key}', 0)} of {pool.get(f'target{key}', 0)} {name}" for name, key in kinds]
    states = tally(node["state"] for node in nodes)
    listed = ", ".join(f"{number} {state}" for state, number in states.items())
    waiting = "; the formula has asked for no nodes yet" if pool.get("enableAutoScale") and not wanted(pool) else ""
    return f"pool {pool['id']} is {pool.get('allocationState', 'steady')}: {' and '.join(sizes)} nodes" + (
        f" ({listed})" if listed else waiting
    )


def wanted(pool: Json) -> int:
    """Nodes the pool is to have."""
    return int(pool.get("targetDedicatedNodes") or 0) + int(pool.get("targetLowPriorityNodes") or 0)


def tally(words: Iterable[str]) -> Mapping[str, int]:
    """How often each word comes, in order of first appearance."""
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found
