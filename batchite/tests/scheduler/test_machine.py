"""Random operations, preemptions and restarts: nothing contradicts itself, no task is lost, nothing is stuck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from scheduler.judging import blocked, gone, too_large, waiting
from scheduler.working import Working
from scheduler.worlds import FAILED, JOB, POOL, USES, ended_with, job, pool, task

from batchite.errors import ServiceError
from batchite.records import decoder, encode
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.commands import Record
from batchite.scheduler.core import Scheduler
from batchite.scheduler.credentials import NodeUser
from batchite.scheduler.exit_rules import ExitAction, ExitRules
from batchite.scheduler.invariants import check_invariants
from batchite.scheduler.model import (
    AutoPool,
    AutoScale,
    CoreQuota,
    Failure,
    JobKey,
    JobPreparation,
    PoolKey,
    ScheduleKey,
    ScheduleState,
    StartTaskPolicy,
    TaskKey,
    Timing,
)
from batchite.scheduler.shortages import RegionLimit

pytestmark = pytest.mark.ours

JOBS = ("job", "other")
SCHEDULE = ScheduleKey("acct", "s")
FORMULA = (
    "$TargetDedicatedNodes = min(2, $PendingTasks.GetSample(1));"
    "$TargetLowPriorityNodes = min(2, $PendingTasks.GetSample(1));"
    "$NodeDeallocationOption = {option};"
)
PREPARED: dict[str, dict[str, Any]] = {
    "job": {"uses_dependencies": True, "preemptible": True},
    "other": {
        "uses_dependencies": True,
        "preparation": JobPreparation("prepare", max_retries=1),
        "release": "release",
        "manager": task("manager", exclusive=True),
    },
}
OPTIONS = ("requeue", "terminate", "taskcompletion", "retaineddata")


class Machine(Working):
    """Drives the core as clients, an agent and a failing platform would."""

    def __init__(self) -> None:
        super().__init__()
        self.added: set[TaskKey] = set()
        self.completed: dict[TaskKey, int] = {}
        self.number = 0

    @initialize(dedicated=st.integers(0, 2), spot=st.integers(0, 2), slots=st.integers(1, 3), start_task=st.booleans())
    def create(self, dedicated: int, spot: int, slots: int, start_task: bool) -> None:
        """A pool with nodes, and two jobs."""
        policy = StartTaskPolicy(wait_for_success=True, max_retries=1) if start_task else None
        limited = replace(pool(dedicated, spot, slots, policy), cores=2, quota=CoreQuota(6, 4))
        self.driver.send(e.CreatePool(replace(limited, inter_node=True)))
        for name in JOBS:
            mode = "performexitoptionsjobaction" if name == "other" else "noaction"
            self.driver.send(e.CreateJob(job(name, priority=len(name), on_task_failure=mode, **PREPARED[name])))

    def attempt(self, event: e.Event) -> bool:
        """Send an event that the core may refuse."""
        try:
            self.driver.send(event)
        except ServiceError:
            return False
        return True

    @rule(
        name=st.sampled_from(JOBS),
        slots=st.integers(1, 3),
        retries=st.integers(-1, 2),
        depends=st.booleans(),
        instances=st.sampled_from([0, 0, 1, 2, 3]),
    )
    def add(self, name: str, slots: int, retries: int, depends: bool, instances: int) -> None:
        """A task, which may depend on another one, or want several nodes at once."""
        known = [key.task for key in self.added if key.job == name]
        needs = tuple(known[-1:]) if depends else ()
        self.number += 1
        exits = ExitRules(default=ExitAction(*([("satisfy", "disable"), ("block", "none")][retries % 2])))
        size = {"instances": instances} if instances else {"slots": slots}
        new = task(str(self.number), name, max_retries=retries, depends_on=needs, exits=exits, **size)
        if self.attempt(e.AddTasks(JobKey("acct", name), (new,))):
            self.added.add(new.key)

    @precondition(lambda self: self.driver.pending)
    @rule(data=st.data(), fails=st.booleans())
    def agent_answers(self, data: st.DataObject, fails: bool) -> None:
        """The agent answers any command that is open, in any order, with any result."""
        command = data.draw(st.sampled_from(self.driver.pending))
        self.driver.pending.remove(command)
        if isinstance(command, c.RunJobTask) and fails:
            self.driver.send(e.JobTaskEnded(command.task, command.attempt, 1, FAILED, retryable=True))
        elif isinstance(command, c.RunStartTask) and fails:
            self.driver.send(e.StartTaskEnded(command.node, command.boot, 1, FAILED))
        elif isinstance(command, c.RunTask):
            self.driver.send(e.TaskStarted(command.task, command.attempt))
            failure = FAILED if fails else None
            self.subtask_answers(command, failure)
            self.driver.send(replace(ended_with(command, failure), used=data.draw(USES)))
        else:
            self.driver.answer(command)

    def subtask_answers(self, run: c.RunTask, failure: Failure | None) -> None:
        """The coordination command of the task's subtask ends, if it has one and this attempt is under way."""
        found = self.driver.core.world.task(run.task)
        if found is not None and found.subtasks and found.attempt == run.attempt:
            self.driver.send(e.SubtaskStarted(run.task, run.attempt, 1))
            self.driver.send(e.SubtaskEnded(run.task, run.attempt, 1, int(failure is not None), failure))

    @rule(seconds=st.sampled_from([1, 20, 70, 300]))
    def time_passes(self, seconds: int) -> None:
        """Timers fire."""
        self.driver.advance(seconds)

    @precondition(lambda self: self.driver.nodes())
    @rule(data=st.data(), state=st.sampled_from(["rebooting", "reimaging"]), option=st.sampled_from(OPTIONS))
    def restart_node(self, data: st.DataObject, state: str, option: str) -> None:
        """A client reboots or reimages a node."""
        node = data.draw(st.sampled_from(self.driver.nodes()))
        self.attempt(e.RestartNode(node.key, state, option))

    @precondition(lambda self: self.driver.nodes())
    @rule(data=st.data(), option=st.sampled_from(OPTIONS[:3]))
    def disable_or_enable_node(self, data: st.DataObject, option: str) -> None:
        """A client disables scheduling on a node, or enables it again."""
        node = data.draw(st.sampled_from(self.driver.nodes()))
        self.attempt(e.EnableNode(node.key) if node.disabled else e.DisableNode(node.key, option))

    @precondition(lambda self: self.driver.nodes())
    @rule(data=st.data(), option=st.sampled_from(OPTIONS))
    def deallocate_or_start_node(self, data: st.DataObject, option: str) -> None:
        """A client gives the machine of a node back, or wants it again."""
        key = data.draw(st.sampled_from(self.driver.nodes())).key
        _ = self.attempt(e.StartNode(key)) or self.attempt(e.DeallocateNode(key, option))

    @precondition(lambda self: self.driver.nodes())
    @rule(data=st.data(), name=st.sampled_from(["ann", "bob"]), action=st.sampled_from(["add", "replace", "delete"]))
    def change_users(self, data: st.DataObject, name: str, action: str) -> None:
        """A client adds, replaces or deletes a user of a node."""
        key, user = data.draw(st.sampled_from(self.driver.nodes())).key, NodeUser(name, self.driver.at + 100)
        put = e.PutNodeUser(key, user, replaces=action == "replace")
        self.attempt(e.DeleteNodeUser(key, name) if action == "delete" else put)

    @rule()
    def platform_preempts(self) -> None:
        """Every Spot node is taken."""
        self.attempt(e.Preempt(POOL))

    @rule(limit=st.sampled_from([None, RegionLimit(1, 0), RegionLimit(None, 1), RegionLimit(0, None)]))
    def region_runs_short(self, limit: RegionLimit | None) -> None:
        """The region gives the pool fewer nodes, or enough of them again."""
        self.attempt(e.LimitRegion(POOL, limit))

    @precondition(lambda self: self.driver.core.world.nodes)
    @rule(data=st.data(), recovers=st.sampled_from([None, 0, 100]))
    def node_fails(self, data: st.DataObject, recovers: float | None) -> None:
        """A node is lost for a while, or one that was lost is back."""
        key = data.draw(st.sampled_from(list(self.driver.core.world.nodes)))
        _ = self.attempt(e.FailNode(key, "drill", recovers=recovers)) or self.attempt(e.RecoverNode(key))

    @rule(dedicated=st.integers(0, 2), spot=st.integers(0, 2), option=st.sampled_from(OPTIONS))
    def resize(self, dedicated: int, spot: int, option: str) -> None:
        """New targets, if the pool is steady."""
        self.attempt(e.ResizePool(POOL, dedicated, spot, option))

    @precondition(lambda self: self.driver.nodes())
    @rule(data=st.data(), option=st.sampled_from(OPTIONS))
    def remove_node(self, data: st.DataObject, option: str) -> None:
        """A client lets a node go, if the pool is steady."""
        node = data.draw(st.sampled_from(self.driver.nodes()))
        self.attempt(e.RemoveNodes(POOL, (node.key.node,), option))

    @rule()
    def stop_resize(self) -> None:
        """A client stops a resize that is under way."""
        self.attempt(e.StopResize(POOL))

    @rule(option=st.sampled_from([*OPTIONS, None]))
    def autoscale(self, option: str | None) -> None:
        """A formula takes over, or gives back."""
        scale = AutoScale(FORMULA.format(option=option), 300) if option else None
        self.attempt(e.SetAutoScale(POOL, scale))

    @rule(slots=st.integers(1, 3), start_task=st.booleans())
    def delete_or_create_pool(self, slots: int, start_task: bool) -> None:
        """The pool goes under its jobs, or comes back under its old name."""
        policy = StartTaskPolicy(wait_for_success=False, max_retries=1) if start_task else None
        if not self.attempt(e.DeletePool(POOL)):
            self.attempt(e.CreatePool(replace(pool(1, 1, slots, policy), inter_node=slots == 1)))

    @rule(name=st.sampled_from(JOBS), ends=st.booleans())
    def delete_or_create_job(self, name: str, ends: bool) -> None:
        """A job goes with its tasks, or comes back empty."""
        key = JobKey("acct", name)
        if self.number > 10 and self.attempt(e.DeleteJob(key)):
            self.added = {known for known in self.added if known.job != name}
        elif self.attempt(e.CreateJob(job(name, **PREPARED[name]))) and ends:
            self.driver.send(e.UpdateJob(key, max_parallel=1))
        self.completed = {known: attempt for known, attempt in self.completed.items() if known in self.added}

    @rule(name=st.sampled_from(JOBS), limit=st.sampled_from([-1, 1, 2]), ends=st.booleans())
    def update_job(self, name: str, limit: int, ends: bool) -> None:
        """A client changes how many tasks run at once, whose tasks give way, and what happens when all are complete."""
        action = "terminatejob" if ends and self.number > 10 else "noaction"
        self.attempt(e.UpdateJob(JobKey("acct", name), limit * 3, limit, not ends, action))

    @precondition(lambda self: self.added)
    @rule(data=st.data(), delete=st.booleans())
    def end_task(self, data: st.DataObject, delete: bool) -> None:
        """A client terminates or deletes a task."""
        key = data.draw(st.sampled_from(sorted(self.added)))
        if self.attempt(e.DeleteTask(key) if delete else e.TerminateTask(key)) and delete:
            self.added.discard(key)
            self.completed.pop(key, None)

    @precondition(lambda self: self.added)
    @rule(data=st.data(), retention=st.sampled_from([0.0, 50.0, 604800.0]))
    def change_or_reactivate_task(self, data: st.DataObject, retention: float) -> None:
        """A client changes the constraints of a task, and lets it run again if it has failed."""
        key = data.draw(st.sampled_from(sorted(self.added)))
        self.attempt(e.UpdateTask(key, 1, retention))
        if self.attempt(e.ReactivateTask(key)):
            self.completed.pop(key, None)

    @precondition(lambda self: self.driver.core.world.tasks.get(JOB))
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        """A task under an id that was used before, waiting for any other."""
        names = st.sampled_from([str(number) for number in range(1, self.number + 1)])
        again, needs = data.draw(names), data.draw(names)
        new = task(again, "job", depends_on=(needs,), depends_on_ranges=((1, data.draw(st.integers(1, 3))),))
        if self.attempt(e.AddTasks(JOB, (new,))):
            self.added.add(new.key)

    @rule(name=st.sampled_from(JOBS), force=st.booleans())
    def terminate_job(self, name: str, force: bool) -> None:
        """A client ends a job, once there was some work."""
        if self.number > 10:
            self.attempt(e.TerminateJob(JobKey("acct", name), "test", force=force))

    @rule(name=st.sampled_from(JOBS), option=st.sampled_from(["requeue", "terminate", "wait"]))
    def disable_job(self, name: str, option: str) -> None:
        """A client disables a job, also one that is disabled."""
        self.attempt(e.DisableJob(JobKey("acct", name), option))

    @rule(name=st.sampled_from(JOBS))
    def enable_job(self, name: str) -> None:
        """A client enables a job, whatever its state."""
        self.attempt(e.EnableJob(JobKey("acct", name)))

    @rule(
        action=st.sampled_from([e.DisableSchedule, e.EnableSchedule, e.TerminateSchedule, e.DeleteSchedule, None]),
        interval=st.sampled_from([None, 60, 300]),
        window=st.sampled_from([None, 60]),
        ends=st.booleans(),
        quota=st.sampled_from([None, 3]),
    )
    def schedule(
        self,
        action: type[e.DisableSchedule] | None,
        interval: int | None,
        window: int | None,
        ends: bool,
        quota: int | None,
    ) -> None:
        """A client makes a job schedule, changes it, or disables, enables, terminates or deletes it."""
        times = Timing(interval=interval, window=window, not_after=self.driver.at + 500 if ends else None)
        new = ScheduleState(SCHEDULE, "s", 0, "active", 0, job(""), times, quota=quota)
        if action is not None:
            self.attempt(action(SCHEDULE))
        elif not self.attempt(e.CreateSchedule(new)):
            self.attempt(e.UpdateSchedule(SCHEDULE, timing=times))
        self.forget_gone_jobs()

    @precondition(lambda self: self.driver.core.world.jobs_from[SCHEDULE])
    @rule(data=st.data(), option=st.sampled_from(["add", "terminate", "delete"]))
    def job_of_the_schedule(self, data: st.DataObject, option: str) -> None:
        """A client adds to a job of the schedule, or ends it."""
        key = data.draw(st.sampled_from(list(self.driver.core.world.jobs_from[SCHEDULE])))
        if option == "add":
            self.add(key.job, 1, 0, False, 0)
        else:
            self.attempt(e.TerminateJob(key, "test") if option == "terminate" else e.DeleteJob(key))
        self.forget_gone_jobs()

    @rule(kind=st.sampled_from(["job", "kept", "refused", "shared", "delete"]))
    def auto_pool(self, kind: str) -> None:
        """A job, or the jobs of a schedule, with a pool of their own."""
        auto = AutoPool("", "jobschedule" if kind == "shared" else "job", kind == "kept", pool(1, 1))
        auto = replace(auto, quota=0 if kind == "refused" else 6)
        pattern = replace(job("auto", auto_pool=auto), pool=PoolKey("acct", ""), pool_id="")
        if kind == "shared":
            new = ScheduleState(SCHEDULE, "s", 0, "active", 0, pattern, Timing(interval=300))
            self.attempt(e.CreateSchedule(new))
        elif kind == "delete":
            self.attempt(e.DeleteJob(pattern.key))
        elif self.attempt(e.CreateJob(pattern)):
            self.attempt(e.TerminateJob(pattern.key, "test") if self.number % 2 else e.DisableJob(pattern.key, "wait"))

    def forget_gone_jobs(self) -> None:
        """Tasks of the schedule's deleted jobs are deleted, too."""
        jobs = self.driver.core.world.jobs
        going = {key for key in self.added if ":" in key.job and gone(jobs.get(JobKey(key.account, key.job)))}
        self.added -= going
        self.completed = {known: attempt for known, attempt in self.completed.items() if known in self.added}

    @rule()
    def server_restarts(self) -> None:
        """Everything known comes from the records alone; commands of the dead server are void."""
        world = self.driver.core.world
        records: list[Record] = [*world.pools.values(), *world.nodes.values(), *world.jobs.values()]
        records += world.schedules.values()
        records += [item for tasks in world.tasks.values() for item in tasks.values()]
        fresh = Scheduler()
        fresh.load(decoder(type(record))(orjson.loads(encode(record))) for record in records)
        assert waiting(fresh) == waiting(self.driver.core), "a restart changed which tasks wait for others"
        self.driver.core, self.driver.pending = fresh, []
        self.driver.send(e.Restarted())

    @invariant()
    def consistent(self) -> None:
        """The core's own invariants, and: no task is lost, no attempt runs twice, what completed stays completed."""
        world = self.driver.core.world
        check_invariants(world)
        for key in self.added:
            found = world.task(key)
            assert found is not None, f"{key} was acknowledged and is lost"
            assert self.driver.told["task " + "/".join(key)] == found.state, f"{key}: its story ends otherwise"
            if key in self.completed:
                assert (found.state, found.attempt) == ("completed", self.completed[key])
            elif found.state == "completed":
                self.completed[key] = found.attempt

    def teardown(self) -> None:
        """Once the chaos is over and the agent answers everything, all that can run has run and nothing is stuck."""
        if POOL not in self.driver.core.world.pools:
            self.driver.send(e.CreatePool(pool()))
        self.calm()
        if POOL not in self.driver.core.world.pools:  # it was being deleted
            self.driver.send(e.CreatePool(pool()))
        for event in (e.SetAutoScale(POOL, None), e.LimitRegion(POOL, None), e.UpdatePool(POOL, clear_start_task=True)):
            self.driver.send(event)
        self.driver.advance(604800)  # nodes that wait for the retention of what tasks have left go
        self.calm()
        for targets in ((0, 0), (2, 1)):  # nodes that failed for good go, fresh ones come
            self.driver.send(e.ResizePool(POOL, *targets))
            self.calm()
        self.consistent()
        self.nothing_is_stuck()

    def calm(self) -> None:
        """The agent answers everything with success until there is nothing left to do."""
        for _ in range(12):
            self.driver.advance(100)
            while self.driver.pending:
                command = self.driver.pending.pop(0)
                self.driver.answer(command)
                if isinstance(command, c.RunTask):
                    self.driver.send(e.TaskEnded(command.task, command.attempt, 0, None))

    def nothing_is_stuck(self) -> None:
        """Every pool is steady, every job that was ending has ended, every task that may run has run."""
        world = self.driver.core.world
        assert world.pools[POOL].allocation == "steady"
        assert {node.state for node in world.pool_nodes(POOL)} == {"idle"}
        assert {one.state for one in world.schedules.values()} <= {"active", "disabled", "completed"}
        for state in world.jobs.values():
            assert state.state in {"active", "disabled", "completed"}
            tasks = world.tasks[state.key]
            for item in tasks.values():
                assert item.state in {"active", "completed"}
                if item.state == "active" and state.state == "active":
                    assert blocked(tasks, item) or too_large(world.pools[POOL], item), f"{item} is stuck"


Machine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestMachine = pytest.mark.ours(Machine.TestCase)
