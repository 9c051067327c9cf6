"""Metric samples for autoscale formulas: one value of every service variable each 30 s of service time."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from batchite.autoscale import Metrics, Sample
from batchite.scheduler.model import JobKey, NodeState, PoolKey
from batchite.scheduler.world import World

PERIOD = 30.0
"""Service seconds between two samples (documented)."""

PHASE = 10.0
"""Service seconds from enabling autoscale to the next sample. Evaluations and samples are not aligned in the service
(users' reports); aligned ones would leave its own 180 s / 70 % formula short of samples for ever."""

KEPT = 24 * 3600.0
"""Service seconds of history. The service documents no length; a day covers every published formula."""

USABLE = frozenset({"idle", "running"})


@dataclass(slots=True)
class History:
    """One pool's samples since autoscale was enabled: the service starts with none."""

    started: float
    samples: defaultdict[str, deque[Sample]] = field(default_factory=lambda: defaultdict(deque))


@dataclass(slots=True)
class Samples:
    """Histories of the pools with autoscale enabled."""

    pools: dict[PoolKey, History] = field(default_factory=dict)
    next_at: float = 0.0  # when the next samples are due: a timer that was set for another moment is void

    def start(self, pool: PoolKey, now: float) -> None:
        """Begin an empty history."""
        self.pools[pool] = History(now)

    def stop(self, pool: PoolKey) -> None:
        """Drop the history."""
        self.pools.pop(pool, None)

    def take(self, world: World, now: float) -> None:
        """Sample every pool once."""
        for pool, history in self.pools.items():
            for name, value in readings(world, pool).items():
                series = history.samples[name]
                series.append(Sample(at=now, value=value))
                while series[0].at < now - KEPT:
                    series.popleft()

    def metrics(self, world: World, pool: PoolKey, now: float) -> Metrics:
        """The pool's history as the formula language takes it."""
        history = self.pools.get(pool) or History(now)
        samples = {name: tuple(series) for name, series in history.samples.items()}
        return Metrics(samples=samples, start=history.started, current=readings(world, pool))


def readings(world: World, pool: PoolKey) -> dict[str, float]:
    """The present value of every sampled service variable of a pool."""
    counts = [_job_readings(world, job) for job in world.jobs_of[pool]]
    active, running, succeeded, failed = (sum(column) for column in zip(*counts, strict=True)) if counts else (0,) * 4
    nodes = world.pool_nodes(pool)
    return {
        "$ActiveTasks": active,
        "$RunningTasks": running,
        "$PendingTasks": active + running,
        "$SucceededTasks": succeeded,
        "$FailedTasks": failed,
        **node_readings(nodes),
        "$TaskSlotsPerNode": world.pools[pool].slots_per_node,
    }


def node_readings(nodes: list[NodeState]) -> dict[str, float]:
    """Node variables. A preempted Spot node stays counted (documented)."""
    present = [node for node in nodes if node.state != "leavingpool"]
    return {
        "$CurrentDedicatedNodes": sum(not node.spot for node in present),
        "$CurrentLowPriorityNodes": sum(node.spot for node in present),
        "$PreemptedNodeCount": sum(node.state == "preempted" for node in present),
        "$UsableNodeCount": sum(node.state in USABLE for node in present),
    }


def _job_readings(world: World, job: JobKey) -> tuple[int, int, int, int]:
    """(active and free to run, running, succeeded, failed) tasks; those of a job that ended will not run."""
    counts = world.counts[job].tasks
    waiting = world.dependencies.waiting(job)
    active = counts["active"] - waiting if world.jobs[job].state == "active" else 0
    return active, counts["running"], counts["succeeded"], counts["failed"]
