"""What the core tells of a task's way, and why a task waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scheduler.worlds import JOB, POOL, Driver, job, ready, task

from batchite.scheduler import events as e
from batchite.scheduler import waiting
from batchite.scheduler.model import JobKey, PoolKey, TaskKey

pytestmark = pytest.mark.ours


def told(driver: Driver, event: e.Event) -> tuple[str, list[tuple[str, str, dict[str, Any]]]]:
    """Origin and notes of an event."""
    outcome = driver.core.handle(event, e.Now(driver.at, driver.at))
    driver.pending += outcome.commands
    return outcome.origin, list(outcome.notes)


def reason(driver: Driver, name: str) -> dict[str, Any] | None:
    """Why a task waits."""
    return waiting.reason(driver.core.world, driver.task(name))


def test_an_addition_tells_what_is_awaited_and_where_it_runs() -> None:
    """The request is the origin of both; a task that waits for another one is placed by that one's end."""
    driver = ready(1, uses_dependencies=True)
    origin, notes = told(driver, e.AddTasks(JOB, (task("a"), task("b", depends_on=("a",))), "request-1"))
    node = driver.nodes()[0].key.node
    assert origin == "AddTasks request-1"
    assert notes == [
        ("task acct/job/a", "added", {}),
        ("task acct/job/b", "added", {"waitsFor": ["a"]}),
        ("task acct/job/a", "preparing", {"attempt": 1, "node": node, "free": 1, "slots": 1, "fill": "spread"}),
    ]
    told(driver, e.TaskStarted(TaskKey("acct", "job", "a"), 1, files=3))
    origin, notes = told(driver, e.TaskEnded(TaskKey("acct", "job", "a"), 1, 0, None, uploaded=("logs/a.txt",)))
    done = {"attempt": 1, "result": "success", "exitCode": 0, "uploaded": ["logs/a.txt"]}
    assert notes[:2] == [("task acct/job/a", "completed", done), ("task acct/job/b", "ready", {"after": "a"})]
    assert [what for _, what, _ in notes[2:]] == ["preparing"]


def test_a_requeue_names_the_node_and_what_took_it() -> None:
    """The cause of the preemption is known when the node is gone, which is another event."""
    driver = ready(0, 1)
    told(driver, e.AddTasks(JOB, (task("a"),), "request-1"))
    key = driver.nodes()[0].key
    _, notes = told(driver, e.Preempt(POOL, cause="chaos preempt-7"))
    stopping = {"attempt": 1, "ending": "requeue", "node": key.node, "nodeState": "preempted"}
    assert ("task acct/job/a", "stopping", stopping) in notes
    origin, notes = told(driver, e.NodeRemoved(key, 1))
    [(_, what, facts)] = [note for note in notes if note[0] == "task acct/job/a"]
    assert (origin, what, facts["again"], facts["requeueCount"]) == ("NodeRemoved agent", "active", "requeued", 1)
    assert (facts["node"], facts["nodeState"], facts["because"]) == (key.node, "preempted", "Preempt chaos preempt-7")


def test_nodes_and_jobs_are_told_with_autoscale_as_origin() -> None:
    """A node tells how it came, not each task; a job its states."""
    driver = ready(1)
    _, notes = told(driver, e.DisableJob(JOB, "requeue", "request-2"))
    assert [note for note in notes if note[0] == "job acct/job"] == [
        ("job acct/job", "disabling", {}),
        ("job acct/job", "disabled", {}),
    ]
    told(driver, e.EnableJob(JOB))
    _, notes = told(driver, e.AddTasks(JOB, (task("a"),)))
    assert {subject for subject, _, _ in notes} == {"task acct/job/a"}


def test_the_reason_to_wait() -> None:
    """The foremost one: other tasks, the job, its own limit, larger nodes, nodes, slots; a task that runs has none."""
    driver = ready(1, uses_dependencies=True)
    names = (task("runs"), task("full"), task("large", slots=9), task("after", depends_on=("runs", "nobody")))
    told(driver, e.AddTasks(JOB, names))
    assert reason(driver, "runs") is None
    assert reason(driver, "full") == {"for": "slots", "requiredSlots": 1, "free": 0, "slots": 1}
    assert reason(driver, "large") == {"for": "larger nodes", "requiredSlots": 9, "taskSlotsPerNode": 1}
    awaited = {"for": "dependencies", "tasks": ["nobody", "runs"], "number": 2, "states": {"runs": "preparing"}}
    assert reason(driver, "after") == awaited
    told(driver, e.AddTasks(JOB, (task("twice", depends_on=("3",), depends_on_ranges=((3, 4),)),)))
    twice = {"for": "dependencies", "tasks": ["3", "4"], "number": 2, "states": {}}
    assert reason(driver, "twice") == twice
    told(driver, e.UpdateJob(JOB, max_parallel=1))
    assert reason(driver, "full") == {"for": "maxParallelTasks", "maxParallelTasks": 1}
    told(driver, e.UpdateJob(JOB, max_parallel=-1))
    told(driver, e.DisableJob(JOB, "wait"))
    assert reason(driver, "full") == {"for": "job", "jobState": "disabling"}


def test_a_task_of_several_instances_says_what_it_waits_for() -> None:
    """A pool that suits it, nodes that are there, nodes that are free."""
    driver = ready(2)
    told(driver, e.AddTasks(JOB, (task("one"), task("mpi", instances=2), task("large", instances=3))))
    unsuited = {"for": "another pool", "instances": 2, "taskSlotsPerNode": 1, "enableInterNodeCommunication": False}
    assert reason(driver, "mpi") == unsuited
    driver.core.world.pools[POOL] = replace(driver.core.world.pools[POOL], inter_node=True)
    assert reason(driver, "mpi") == {"for": "free nodes", "instances": 2, "free": 1, "nodes": 2}
    lacking = {"for": "nodes", "instances": 3, "up": 2, "nodes": {"running": 1, "idle": 1}, "resizeErrors": []}
    assert reason(driver, "large") == lacking


def test_a_task_that_makes_room_is_told_for_which_one() -> None:
    """The urgent task by its job and id, with the priority that gave it the place."""
    driver = ready(1, preemptible=True)
    told(driver, e.AddTasks(JOB, (task("a"),)))
    told(driver, e.CreateJob(job("high", priority=7)))
    _, notes = told(driver, e.AddTasks(JobKey("acct", "high"), (task("x", "high"),)))
    stopping = {"attempt": 1, "ending": "requeue", "for": "high/x", "priority": 7}
    assert ("task acct/job/a", "stopping", stopping) in notes


def test_a_pool_without_nodes_says_why_it_has_none() -> None:
    """Its nodes by state and its resize errors; a pool that is gone is named."""
    driver = ready(1)
    told(driver, e.FailNode(driver.nodes()[0].key, "fail-node-1"))
    told(driver, e.AddTasks(JOB, (task("a"),)))
    assert reason(driver, "a") == {"for": "nodes", "nodes": {"unusable": 1}, "resizeErrors": []}
    job = driver.core.world.jobs[JOB]
    driver.core.world.put(replace(job, pool=PoolKey("acct", "gone"), pool_id="Gone"))
    assert reason(driver, "a") == {"for": "pool", "pool": "Gone"}
