"""What may happen to the core. Every event carries a `cause`: a request id, a timer or an agent's answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from batchite.scheduler.model import (
    AutoScale,
    Failure,
    JobKey,
    JobState,
    JobTaskKey,
    NodeKey,
    PoolKey,
    PoolState,
    ScheduleKey,
    ScheduleState,
    StartTaskPolicy,
    TaskKey,
    TaskState,
    Timing,
)


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of an event: the service's own (scaled) time and the wire's real time, both Unix seconds."""

    service: float
    wire: float


@dataclass(frozen=True, slots=True)
class CreatePool:
    """Add a pool; the record's times are filled in by the core. An autoscale formula is evaluated at once.

    `quota`: pools that the account may have, None = without limit.
    """

    pool: PoolState
    cause: str = ""
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class UpdatePool:
    """Change what may change in place. None keeps the value; `clear_start_task` removes the start task."""

    key: PoolKey
    start_task: StartTaskPolicy | None = None
    clear_start_task: bool = False
    resize_timeout: float | None = None  # service seconds, for the next resize
    cause: str = ""


@dataclass(frozen=True, slots=True)
class SetAutoScale:
    """Enable autoscale, or change formula or interval; evaluated at once. None disables it."""

    key: PoolKey
    autoscale: AutoScale | None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ResizePool:
    """A manual resize. PoolBeingResized when not steady; refused for an autoscale pool."""

    key: PoolKey
    dedicated: int | None
    spot: int | None
    deallocation: str = "requeue"
    resize_timeout: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class RemoveNodes:
    """Let these nodes leave, by their ids, and lower the targets by their number. PoolBeingResized when not steady."""

    key: PoolKey
    nodes: tuple[str, ...]
    deallocation: str = "requeue"
    resize_timeout: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class StopResize:
    """Change no more nodes: the targets stay, the nodes that are not allocated yet are not awaited."""

    key: PoolKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Mark deleting; the pool goes when its last node has gone."""

    key: PoolKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Add a job. `quota`: active jobs and schedules that the account may have, None = without limit."""

    job: JobState
    cause: str = ""
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class UpdateJob:
    """Change what the core knows of a job. None keeps the value."""

    key: JobKey
    priority: int | None = None
    max_parallel: int | None = None
    on_all_complete: str | None = None
    max_wall_clock: float | None = None
    max_retries: int | None = None
    pool: PoolKey | None = None  # another pool only while the job is disabled
    keep_alive: bool | None = None  # of its auto pool
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableJob:
    """Start no more tasks; `tasks` says what becomes of those that run: requeue | terminate | wait."""

    key: JobKey
    tasks: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableJob:
    """Start tasks again."""

    key: JobKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateJob:
    """Terminate: running tasks are stopped, then the job completes with the reason."""

    key: JobKey
    reason: str
    cause: str = ""
    force: bool = False  # without release tasks; ends those of a job that is terminating


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete: tasks are stopped, then the job and its tasks go. `force` as for a termination."""

    key: JobKey
    cause: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class CreateSchedule:
    """Add a job schedule; its first job may be made at once."""

    schedule: ScheduleState
    cause: str = ""


@dataclass(frozen=True, slots=True)
class UpdateSchedule:
    """Change when jobs start or what the next ones are like. None keeps the value."""

    key: ScheduleKey
    timing: Timing | None = None
    pattern: JobState | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableSchedule:
    """Make no more jobs; the present one goes on."""

    key: ScheduleKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableSchedule:
    """Make jobs again; what was due meanwhile is lost unless its window is still open."""

    key: ScheduleKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateSchedule:
    """Terminate: its job is ended, then the schedule completes. `force` as for the termination of a job."""

    key: ScheduleKey
    cause: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class DeleteSchedule:
    """Delete: its jobs and their tasks go, then the schedule. `force` as for the deletion of a job."""

    key: ScheduleKey
    cause: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class AddTasks:
    """Add tasks, all to one job, ids already checked to be new. Existing ids raise TaskExists."""

    job: JobKey
    tasks: tuple[TaskState, ...]
    cause: str = ""


@dataclass(frozen=True, slots=True)
class UpdateTask:
    """Change what the core knows of a task's constraints."""

    key: TaskKey
    max_retries: int
    retention: float
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ReactivateTask:
    """Let a failed task run again, with all its retries."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TerminateTask:
    """Stop the task and complete it with TaskEnded."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Stop the task if it runs and remove it and its directory."""

    key: TaskKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class NodePrepared:
    """The agent made the node's directories."""

    node: NodeKey
    boot: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class NodeUnusable:
    """The agent cannot provide the node; the reason is shown in the node's errors."""

    node: NodeKey
    boot: int
    failure: Failure
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class StartTaskEnded:
    """A start task ended. `failure` is set when it could not start or did not exit with 0."""

    node: NodeKey
    boot: int
    exit_code: int | None
    failure: Failure | None
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The process of this attempt runs: preparing becomes running."""

    key: TaskKey
    attempt: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """An attempt ended after its uploads. `retryable` is true only for a non-zero exit of the command itself."""

    key: TaskKey
    attempt: int
    exit_code: int | None
    failure: Failure | None
    retryable: bool = False
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class JobTaskEnded:
    """A preparation or release task ended. `retryable` as for a task."""

    key: JobTaskKey
    attempt: int
    exit_code: int | None
    failure: Failure | None
    retryable: bool = False
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """The agent has killed everything on the node and removed its directory."""

    node: NodeKey
    boot: int
    cause: str = "agent"


@dataclass(frozen=True, slots=True)
class RestartNode:
    """Reboot or reimage: `state` is rebooting | reimaging. `option` says what becomes of its tasks, as in a resize."""

    node: NodeKey
    state: str
    option: str = "requeue"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DisableNode:
    """A node shall take no new task. option: requeue | terminate | taskcompletion, for those that run on it."""

    node: NodeKey
    option: str = "requeue"
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EnableNode:
    """A node whose scheduling was disabled takes tasks again."""

    node: NodeKey
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Preempt:
    """Spot nodes are taken: one by name, or every Spot node of the pool."""

    pool: PoolKey
    nodes: tuple[str, ...] = field(default_factory=tuple)
    cause: str = "chaos"


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server came back: every attempt that was under way is lost and its processes are dead."""

    cause: str = "restart"


@dataclass(frozen=True, slots=True)
class Tick:
    """Timers may be due."""

    cause: str = "timer"


Event: TypeAlias = (
    CreatePool
    | UpdatePool
    | SetAutoScale
    | ResizePool
    | RemoveNodes
    | StopResize
    | DeletePool
    | CreateJob
    | UpdateJob
    | DisableJob
    | EnableJob
    | TerminateJob
    | DeleteJob
    | CreateSchedule
    | UpdateSchedule
    | DisableSchedule
    | EnableSchedule
    | TerminateSchedule
    | DeleteSchedule
    | AddTasks
    | UpdateTask
    | ReactivateTask
    | TerminateTask
    | DeleteTask
    | NodePrepared
    | NodeUnusable
    | StartTaskEnded
    | TaskStarted
    | TaskEnded
    | JobTaskEnded
    | NodeRemoved
    | RestartNode
    | DisableNode
    | EnableNode
    | Preempt
    | Restarted
    | Tick
)
