"""The core's view of pools, nodes, jobs, job schedules and tasks: small frozen records, replaced on every change.

Times named `*_at` are wire times (Unix seconds, real time) unless the name says `service_*`, which is the
service's own scaled time. State names are the service's own words, lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from batchite.scheduler.consumption import NONE_YET, Consumption, Tally
from batchite.scheduler.containers import ContainerInfo
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.exit_rules import ExitRules
from batchite.scheduler.shortages import NodeOutage, RegionLimit


class PoolKey(NamedTuple):
    """Lower-case account and pool id."""

    account: str
    pool: str


class NodeKey(NamedTuple):
    """Lower-case account and pool id, and the node id."""

    account: str
    pool: str
    node: str


class JobKey(NamedTuple):
    """Lower-case account and job id."""

    account: str
    job: str


class ScheduleKey(NamedTuple):
    """Lower-case account and job schedule id."""

    account: str
    schedule: str


class TaskKey(NamedTuple):
    """Lower-case account, job id and task id."""

    account: str
    job: str
    task: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A name and a value of an error."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task (or start task) failed: `failureInfo` on the wire. category: usererror | servererror."""

    category: str
    code: str
    message: str
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class ResizeError:
    """One entry of a pool's `resizeErrors`."""

    code: str
    message: str
    values: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class AutoScaleRun:
    """The last evaluation of a pool's formula: `autoScaleRun` on the wire."""

    at: float
    results: str
    error_code: str = ""
    error_message: str = ""
    error_values: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class AutoScale:
    """An enabled formula. `interval` is in service seconds."""

    formula: str
    interval: float


@dataclass(frozen=True, slots=True)
class StartTaskPolicy:
    """What the core must know of a pool's start task. max_retries -1 = without limit.

    `revision` tells it from the pool's earlier ones.
    """

    wait_for_success: bool
    max_retries: int
    revision: int = 0


class CoreQuota(NamedTuple):
    """How many vCPUs the nodes of an account may have; None = without limit."""

    dedicated: int | None
    spot: int | None

    def of(self, *, spot: bool) -> int | None:
        """That of one kind of nodes."""
        return self.spot if spot else self.dedicated


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool. `targets` of an autoscale pool are those of the last evaluation."""

    key: PoolKey
    id: str  # as the client spelled it
    created_at: float
    state: str  # active | deleting
    state_at: float
    allocation: str  # steady | resizing | stopping
    allocation_at: float
    target_dedicated: int
    target_spot: int
    slots_per_node: int
    fill: str  # pack | spread
    resize_timeout: float  # service seconds
    job_order: str = "none"  # none | creationtime: whose turn it is among jobs of equal priority
    deallocation: str = "requeue"
    autoscale: AutoScale | None = None
    autoscale_run: AutoScaleRun | None = None
    start_task: StartTaskPolicy | None = None
    resize_errors: tuple[ResizeError, ...] = ()
    generation: int = 0  # grows when nodes are added: seeds their ids
    cores: int = 0  # vCPUs of a node; 0 = not known, then no quota is counted
    quota: CoreQuota | None = None  # the account's; None = without limit
    inter_node: bool = False  # nodes talk to each other, which limits their number
    region: RegionLimit | None = None  # a drill: what the region has; None = enough


@dataclass(frozen=True, slots=True)
class StartTaskState:
    """A node's start task: `startTaskInfo` on the wire. state: running | completed; result: success | failure."""

    state: str
    started_at: float
    retry_count: int = 0
    ended_at: float | None = None
    exit_code: int | None = None
    result: str = ""
    failure: Failure | None = None
    last_retry_at: float | None = None
    revision: int = 0  # which of the pool's start tasks it is
    container: ContainerInfo | None = None


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node. state: creating | starting | waitingforstarttask | idle | running | starttaskfailed | leavingpool |
    preempted | rebooting | reimaging | offline | unusable | deallocating | deallocated.
    """

    key: NodeKey
    spot: bool
    state: str
    state_at: float
    allocated_at: float
    slots: int
    booted_at: float | None = None
    start_task: StartTaskState | None = None
    ready: bool = False  # start task done (or not waited for): may take tasks
    boot: int = 1  # counts boots: directories and answers of an older boot are not this one's
    total_run: int = 0
    total_succeeded: int = 0
    failure: Failure | None = None  # why the node is unusable
    keeps_files: bool = False  # the next boot finds the directory as it is: a reboot
    draining: bool = False  # goes down once its tasks are done
    retains: bool = False  # and goes down once their retention times are over, too
    disabled: bool = False  # a client has disabled scheduling: takes no new task
    outage: NodeOutage | None = None  # it was made to fail
    users: tuple[NodeUser, ...] = ()  # who may log in
    because: str = ""  # the event, and its cause, that brought it into its state

    @property
    def at_rest(self) -> str:
        """The state of the node when it is up and runs nothing."""
        return "offline" if self.disabled else "idle"


class JobTaskKey(NamedTuple):
    """A job's preparation or release task on one node. kind: preparation | release."""

    job: JobKey
    node: NodeKey
    kind: str


@dataclass(frozen=True, slots=True)
class JobPreparation:
    """What the core must know of a job's preparation task. max_retries -1 = without limit."""

    id: str  # in lower case
    wait_for_success: bool = True
    max_retries: int = 0
    rerun_on_reboot: bool = True


@dataclass(frozen=True, slots=True)
class JobTaskState:
    """A preparation or release task on one node. state: running | completed; result: success | failure."""

    state: str
    started_at: float
    attempt: int = 1
    retry_count: int = 0
    last_retry_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    result: str = ""
    failure: Failure | None = None
    container: ContainerInfo | None = None


@dataclass(frozen=True, slots=True)
class JobOnNode:
    """What a job has done on a node, also on one that has gone since."""

    node: NodeKey
    preparation: JobTaskState
    release: JobTaskState | None = None
    holds: bool = True  # the preparation need not run again before the next task
    kept: bool = True  # the node has not been made anew since
    used: bool = False  # tasks of the job have run there


@dataclass(frozen=True, slots=True)
class AutoPool:
    """A pool that the service makes for a job, or for all jobs of a schedule, and deletes with it."""

    prefix: str
    lifetime: str  # job | jobschedule
    keep_alive: bool  # not deleted with the job or schedule
    pattern: PoolState | None  # what the pool is like, without id and times
    failure: Failure | None = None  # why it can't be made
    quota: int | None = None  # pools that the account may have; None = without limit


@dataclass(frozen=True, slots=True)
class JobState:
    """A job. state: active | disabling | disabled | enabling | terminating | completed | deleting."""

    key: JobKey
    id: str
    pool: PoolKey
    pool_id: str
    created_at: float
    state: str
    state_at: float
    priority: int = 0
    max_parallel: int = -1
    preemptible: bool = False  # jobs of a higher priority may take the slots of its running tasks
    uses_dependencies: bool = False
    on_all_complete: str = "noaction"  # noaction | terminatejob
    on_task_failure: str = "noaction"  # noaction | performexitoptionsjobaction
    max_wall_clock: float | None = None  # seconds, real time
    max_retries: int = 0
    previous_state: str = ""
    previous_state_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    terminate_reason: str = ""
    sequence: int = 0  # order of creation, across jobs
    preparation: JobPreparation | None = None
    release: str = ""  # the release task's id in lower case; empty = there is none
    releasing: bool = False  # the release tasks were begun, where there are any
    on_nodes: tuple[JobOnNode, ...] = ()  # in the order of the nodes' first use; empty without a preparation task
    manager: TaskState | None = None  # the job manager task as it is added with the job
    auto_pool: AutoPool | None = None
    scheduling_error: Failure | None = None  # why its auto pool could not be made
    past: Tally = NONE_YET  # of its tasks that were deleted


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule's jobs start: `schedule` on the wire. Moments are wire times, spans service seconds."""

    not_before: float | None = None
    not_after: float | None = None
    window: float | None = None  # in which a job that is due must be created; None = without limit
    interval: float | None = None  # between the starts of two jobs; None = there is one job only


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A job schedule. state: active | disabled | terminating | completed | deleting.

    `next_at` is the service time at which its next job is due; without one it has not begun or makes no more jobs.
    """

    key: ScheduleKey
    id: str
    created_at: float
    state: str
    state_at: float
    pattern: JobState  # what its jobs are like, without id and times
    timing: Timing
    begun: bool = False  # its time to begin has come
    next_at: float | None = None
    last_at: float | None = None  # when its last job was due, service time
    runs: int = 0  # jobs made so far
    previous_state: str = ""
    previous_state_at: float | None = None
    ended_at: float | None = None
    quota: int | None = None  # active jobs and schedules that the account may have; None = without limit
    past: Tally = NONE_YET  # of its jobs that were deleted


@dataclass(frozen=True, slots=True)
class Subtask:
    """An instance of a multi-instance task beside its primary. state: preparing | running | completed."""

    node: NodeKey
    state: str
    state_at: float
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task. state: active | preparing | running | completed; result: success | failure.

    `attempt` grows with every start on a node; answers of an older attempt are ignored. The directory of the task
    on `node` is kept after completion until retention ends or the node goes.
    """

    key: TaskKey
    id: str
    created_at: float
    state: str
    state_at: float
    sequence: int  # order of addition within the account
    slots: int = 1
    max_retries: int = 0  # -1 = without limit
    depends_on: tuple[str, ...] = ()  # lower-case ids
    depends_on_ranges: tuple[tuple[int, int], ...] = ()
    exits: ExitRules | None = None
    retention: float = 604800.0  # seconds from its end, in real time, that its directory stays
    previous_state: str = ""
    previous_state_at: float | None = None
    attempt: int = 0
    node: NodeKey | None = None
    started_at: float | None = None
    ended_at: float | None = None
    retry_count: int = 0
    last_retry_at: float | None = None
    requeue_count: int = 0
    last_requeue_at: float | None = None
    exit_code: int | None = None
    result: str = ""
    failure: Failure | None = None
    satisfies: bool = False  # has completed so that those that depend on it may run
    cleaned: bool = False  # its directory went after the retention time
    kills_job: bool = False  # a job manager whose end is the job's
    exclusive: bool = False  # shares its node with no other task
    dedicated: bool = False  # runs on dedicated nodes only
    affinity: str = ""  # the node to prefer
    instances: int = 0  # nodes that a multi-instance task takes at once; 0 = it is none
    subtasks: tuple[Subtask, ...] = ()  # of the present or last attempt, in the order of their ids, which begin with 1
    used: Consumption | None = None  # in all attempts that have ended
    container: ContainerInfo | None = None  # of the present or last attempt
    ending: str = ""  # why a running attempt is being stopped: terminate | delete | requeue; empty = it is not
