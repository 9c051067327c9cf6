"""What must hold after every event; the tests check it after each one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from batchite.scheduler import job_nodes, jobs
from batchite.scheduler.capacity import cores_in_use
from batchite.scheduler.consumption import Consumption
from batchite.scheduler.model import JobKey, JobState, NodeKey, ScheduleKey, ScheduleState, TaskState
from batchite.scheduler.outages import GOING
from batchite.scheduler.world import COUNTED, OCCUPYING, RECENT, Counts, World, nodes_of_attempt, schedule_of

DRAINING = frozenset({"rebooting", "reimaging", "deallocating", "leavingpool"})
"""States in which a node may still wait for the tasks it has."""


def check_invariants(world: World) -> None:
    """Raise AssertionError, naming the record, when the world contradicts itself."""
    _check_slots(world)
    _check_machines(world)
    _check_attempts(world)
    _check_counts(world)
    _check_order(world)
    _check_jobs(world)
    _check_schedules(world)
    _check_active(world)
    _check_auto_pools(world)
    _check_reachable(world)
    _check_quotas(world)
    _check_regions(world)


def _check_slots(world: World) -> None:
    """No node holds more slots than it has; one without scheduling goes offline when it runs nothing."""
    for node in world.nodes.values():
        held = sum(world.running_on.get(node.key, {}).values())
        assert 0 <= held <= node.slots, f"{node.key}: {held} of {node.slots} slots held"
        assert held == 0 or node.state in {
            "running",
            "leavingpool",
            "preempted",
            "rebooting",
            "reimaging",
            "deallocating",
            "unusable",
        }, f"{node.key}: {node.state} with tasks"
        assert node.disabled or node.state != "offline", f"{node.key}: offline with scheduling enabled"
        assert not node.disabled or node.state != "idle", f"{node.key}: idle with scheduling disabled"


def _check_machines(world: World) -> None:
    """A node without a machine has neither booted nor run anything on it; no two users of a node share a name."""
    for node in world.nodes.values():
        there = node.state not in {"creating", "deallocated"}
        assert there or (node.booted_at is None and not node.ready), f"{node.key}: {node.state} but up"
        assert not node.draining or node.state in DRAINING, f"{node.key}: {node.state} and waits for its tasks"
        names = [user.name for user in node.users]
        assert len(names) == len(set(names)), f"{node.key}: users {names}"


def _check_attempts(world: World) -> None:
    """The index of running attempts is what the tasks say; every one has a node."""
    expected: dict[NodeKey, set[tuple[str, str, str]]] = {}
    for tasks in world.tasks.values():
        for task in tasks.values():
            for node in nodes_of_attempt(task) if task.state in OCCUPYING else ():
                assert node in world.nodes, f"{task.key}: runs on a node that is not there"
                expected.setdefault(node, set()).add(task.key)
            _check_instances(task)
            assert task.state != "completed" or task.result in {"success", "failure"}, f"{task.key}: no result"
            assert not task.ending or task.state in OCCUPYING, f"{task.key}: {task.state} but being stopped"
            assert task.state == "completed" or not (task.result or task.satisfies), f"{task.key}: {task.result} early"
    indexed = {node: set(held) for node, held in world.running_on.items() if held}
    assert indexed == expected
    _check_recent(world)


def _check_recent(world: World) -> None:
    """A node remembers only tasks that ran there last, and not more than it should."""
    for node, known in world.recent.items():
        assert node in world.nodes, f"{node}: gone, and still remembers"
        assert len(known) <= RECENT, f"{node}: remembers {len(known)} tasks"
        for key in known:
            task = world.task(key)
            assert task is not None, f"{node}: remembers {key}, which is gone"
            assert node in nodes_of_attempt(task), f"{node}: remembers {key}, which ran elsewhere"


def _check_instances(task: TaskState) -> None:
    """A multi-instance task runs on as many nodes as it wants, all of one pool, or on none; no subtask outlives it."""
    nodes = nodes_of_attempt(task)
    if task.state in OCCUPYING:
        assert len(set(nodes)) == max(task.instances, 1), f"{task.key}: {task.instances} instances on {nodes}"
        assert len({(node.account, node.pool) for node in nodes}) == 1, f"{task.key}: runs in two pools"
    else:
        assert all(one.state == "completed" for one in task.subtasks), f"{task.key}: {task.state} with subtasks"


def _check_order(world: World) -> None:
    """Tasks are listed in the order of their addition."""
    for job, tasks in world.tasks.items():
        assert world.order[job] == list(tasks), f"{job}: out of order"
        sequences = [task.sequence for task in tasks.values()]
        assert sequences == sorted(sequences), f"{job}: {sequences}"


def _check_counts(world: World) -> None:
    """Counters agree with the tasks."""
    for job, tasks in world.tasks.items():
        fresh = Counts()
        for task in tasks.values():
            fresh.add(task, 1)
        for name in COUNTED:
            assert world.counts[job].tasks[name] == fresh.tasks[name], f"{job}: {name} tasks"
            assert world.counts[job].slots[name] == fresh.slots[name], f"{job}: {name} slots"
        _check_used(job, world.counts[job].used, fresh.used)


def _check_used(job: JobKey, held: Consumption, fresh: Consumption) -> None:
    """What the tasks have used is exactly the sum; the time of the last update may be that of a task that has gone."""
    assert replace(held, at=0.0) == replace(fresh, at=0.0), f"{job}: used"
    assert held.at >= fresh.at, f"{job}: updated"


def _check_jobs(world: World) -> None:
    """Nothing runs in a job that is disabled or completed; a job that waits for its tasks has some that run."""
    for job in world.jobs.values():
        assert job.state != "enabling", f"{job.key}: {job.state} after the event"
        running = world.counts[job.key].tasks["running"]
        assert running == 0 or job.state not in {"disabled", "completed"}, f"{job.key}: {job.state} with tasks"
        ends = job.state in {"terminating", "deleting"} and job_nodes.busy(job)
        assert running or ends or job.state not in {"disabling", *jobs.ENDING}, f"{job.key}: waits for nothing"
        assert not (job.state == "completed" and job_nodes.busy(job)), f"{job.key}: completed with a task on a node"


def _check_schedules(world: World) -> None:
    """A schedule has one live job at most, its last; it ends after its jobs, and no job of it outlives it."""
    made: dict[ScheduleKey, set[JobKey]] = {}
    for job in world.jobs.values():
        if (key := schedule_of(job.key)) is not None:
            assert key in world.schedules, f"{job.key}: its schedule is gone"
            made.setdefault(key, set()).add(job.key)
            last = job.key.job == f"{key.schedule}:job-{world.schedules[key].runs}"
            assert last or job.state in {"completed", "deleting"}, f"{job.key}: lives beside a later one"
            ended = world.schedules[key].state == "completed"
            assert not ended or job.state in {"completed", "deleting"}, f"{job.key}: lives after its schedule"
    assert {key: set(jobs) for key, jobs in world.jobs_from.items() if jobs} == made


def _check_active(world: World) -> None:
    """The number of active jobs and schedules is what the records say."""
    items: list[JobState | ScheduleState] = [*world.jobs.values(), *world.schedules.values()]
    assert +world.active == Counter(item.key.account for item in items if item.state != "completed")


def _check_auto_pools(world: World) -> None:
    """A pool made for one job does not outlive it, unless it is to be kept alive."""
    for job in world.jobs.values():
        auto, pool = job.auto_pool, world.pools.get(job.pool)
        if job.state == "completed" and auto is not None and auto.lifetime == "job" and not auto.keep_alive:
            assert pool is None or pool.state == "deleting", f"{job.key}: completed, and its pool is {pool}"


def _check_quotas(world: World) -> None:
    """No account has more vCPUs than its quotas allow."""
    for pool in world.pools.values():
        for spot in (False, True):
            quota = pool.quota.of(spot=spot) if pool.quota else None
            used = cores_in_use(world, pool.key.account, spot=spot)
            assert quota is None or used <= quota, f"{pool.key.account}: {used} vCPUs, Spot {spot}"


def _check_regions(world: World) -> None:
    """No pool has more Spot nodes than its region gives it, those on their way out aside; an outage is unusable."""
    for pool in world.pools.values():
        nodes = [node for node in world.pool_nodes(pool.key) if node.spot and node.state not in GOING]
        limit = pool.region.spot if pool.region else None
        assert limit is None or len(nodes) <= limit, f"{pool.key}: {len(nodes)} Spot nodes, {limit} in the region"
    for node in world.nodes.values():
        assert node.outage is None or node.state in {"unusable", *GOING}, f"{node.key}: {node.state} in an outage"


def _check_reachable(world: World) -> None:
    """Every active task is queued or waits for another one: none is forgotten."""
    for job, tasks in world.tasks.items():
        queued = {name for _, name in world.ready.get(job, [])}
        for task in tasks.values():
            if task.state == "active":
                assert task.key.task in queued or world.dependencies.blocked(job, task.key.task), (
                    f"{task.key}: forgotten"
                )
