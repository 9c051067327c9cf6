"""The scheduler: `handle(event, now)` decides everything and touches nothing but its own world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from batchite import autoscale
from batchite.scheduler import (
    allocation,
    autoscaling,
    deallocation,
    job_nodes,
    jobs,
    node_scheduling,
    node_users,
    nodes,
    outages,
    pools,
    reboots,
    restart,
    retention,
    schedules,
    subtasks,
    tasks,
)
from batchite.scheduler import events as e
from batchite.scheduler.commands import Outcome, Record
from batchite.scheduler.model import (
    JobKey,
    JobState,
    NodeKey,
    NodeState,
    PoolKey,
    PoolState,
    ScheduleKey,
    TaskKey,
    TaskState,
)
from batchite.scheduler.samples import Samples
from batchite.scheduler.timers import Timer, Timers
from batchite.scheduler.turn import Turn
from batchite.scheduler.world import World

HANDLERS: Mapping[type, Callable[[Turn, Any], None]] = {
    e.CreatePool: pools.create,
    e.UpdatePool: pools.update,
    e.SetAutoScale: pools.set_autoscale,
    e.ResizePool: pools.resize,
    e.RemoveNodes: pools.remove_nodes,
    e.StopResize: pools.stop_resize,
    e.DeletePool: pools.delete,
    e.CreateJob: jobs.create,
    e.UpdateJob: jobs.update,
    e.DisableJob: jobs.disable,
    e.EnableJob: jobs.enable,
    e.TerminateJob: jobs.terminate,
    e.DeleteJob: jobs.delete,
    e.CreateSchedule: schedules.create,
    e.UpdateSchedule: schedules.update,
    e.DisableSchedule: schedules.disable,
    e.EnableSchedule: schedules.enable,
    e.TerminateSchedule: schedules.terminate,
    e.DeleteSchedule: schedules.delete,
    e.AddTasks: tasks.add,
    e.UpdateTask: tasks.update,
    e.ReactivateTask: tasks.reactivate,
    e.TerminateTask: tasks.terminate,
    e.DeleteTask: tasks.delete,
    e.NodePrepared: nodes.prepared,
    e.NodeUnusable: nodes.unusable,
    e.StartTaskEnded: nodes.start_task_ended,
    e.TaskStarted: tasks.started,
    e.SubtaskStarted: subtasks.started,
    e.SubtaskEnded: subtasks.ended,
    e.TaskEnded: tasks.ended,
    e.JobTaskEnded: job_nodes.ended,
    e.NodeRemoved: nodes.removed,
    e.RestartNode: reboots.restart,
    e.DisableNode: node_scheduling.disable,
    e.EnableNode: node_scheduling.enable,
    e.DeallocateNode: deallocation.deallocate,
    e.StartNode: deallocation.start,
    e.PutNodeUser: node_users.put,
    e.DeleteNodeUser: node_users.delete,
    e.Preempt: outages.preempt,
    e.LimitRegion: outages.limit_region,
    e.FailNode: outages.fail,
    e.RecoverNode: outages.recover,
    e.Restarted: restart.restarted,
}
"""Which function decides on which event; `Tick` goes to the timers' table below."""


class Scheduler:
    """Events in, changes and commands out; the same events at the same moments give the same outcomes."""

    def __init__(self) -> None:
        self.world = World()
        self._timers = Timers()
        self._samples = Samples()

    def load(self, records: Iterable[Record]) -> None:
        """Take over the records of an earlier run: pools before nodes, jobs before tasks. Follow with Restarted."""
        tasks: list[TaskState] = []
        for record in records:
            if isinstance(record, TaskState):
                tasks.append(record)
            else:
                self.world.put(record)
        tasks.sort(key=lambda task: task.sequence)  # tasks are listed in the order they were added
        for task in tasks:
            self.world.put(task)
        for task in tasks:
            job = JobKey(task.key.account, task.key.job)
            if task.state == "active" and self.world.dependencies.add(job, task, self.world.tasks[job]):
                self.world.enqueue(task)

    def handle(self, event: e.Event, now: e.Now) -> Outcome:
        """Decide on one event. Raises ServiceError, with nothing changed, when the request cannot be honoured."""
        turn = Turn(self.world, self._timers, self._samples, now, event.cause)
        turn.origin = f"{type(event).__name__} {event.cause}"
        if isinstance(event, e.Tick):
            for timer in self._timers.due(now):
                fire(turn, timer)
        else:
            HANDLERS[type(event)](turn, event)
        schedules.follow(turn)
        return turn.outcome()

    def next_deadline(self) -> tuple[float | None, float | None]:
        """When a Tick is due next: on the service's time line, and on the wire's."""
        return self._timers.next()

    def evaluate(self, key: PoolKey, formula: str, now: e.Now) -> autoscale.Evaluation:
        """Evaluate a formula on a pool's metrics, changing nothing. Raises FormulaError on a syntax error."""
        turn = Turn(self.world, self._timers, self._samples, now, "evaluate")
        return autoscaling.evaluate(turn, self.world.pools[key], formula)


def fire(turn: Turn, timer: Timer) -> None:
    """Act on a deadline, if what it was set for is still so."""
    match timer.kind, timer.key:
        case "sample", None if timer.stamp == turn.samples.next_at:
            autoscaling.sample(turn)
        case "autoscale" | "resize", PoolKey() as key:
            _fire_pool(turn, timer, turn.world.pools.get(key))
        case "allocate" | "boot" | "recover" | "retained", NodeKey() as key:
            _fire_node(turn, timer, nodes.current(turn, key, timer.stamp))
        case "jobwall", JobKey() as key:
            job: JobState | None = turn.world.jobs.get(key)
            if job is not None:
                jobs.wall_clock_reached(turn, job, timer.stamp)
        case "schedule", ScheduleKey() as key if key in turn.world.schedules:
            schedules.settle(turn, key)
        case "retention", TaskKey() as key:
            retention.over(turn, turn.world.task(key))


def _fire_pool(turn: Turn, timer: Timer, pool: PoolState | None) -> None:
    if pool is None or pool.state != "active":
        return
    if timer.kind == "resize":
        if pool.allocation == "resizing" and pool.allocation_at == timer.stamp:
            allocation.timed_out(turn, pool)
    elif pool.autoscale is not None and turn.samples.pools[pool.key].started == timer.stamp:
        autoscaling.due(turn, pool)


def _fire_node(turn: Turn, timer: Timer, node: NodeState | None) -> None:
    match timer.kind, node:
        case "allocate", NodeState(state="creating"):
            allocation.allocated(turn, node)
        case "boot", NodeState(state="starting"):
            nodes.boot(turn, node)
        case "recover", NodeState(state="preempted"):
            nodes.recovered(turn, node)
        case "recover", NodeState(state="unusable"):
            outages.up(turn, node)
        case "retained", NodeState(state="leavingpool", retains=True):
            allocation.drained(turn, node)
        case "retained", NodeState(retains=True):
            reboots.drained(turn, node)
