"""Multi-instance tasks: all their nodes at once or none, and all of them given back at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scheduler.worlds import FAILED, JOB, POOL, Driver, job, pool, task

from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import JobKey, JobPreparation, JobTaskKey, NodeKey
from batchite.scheduler.world import nodes_of_attempt


def nodes(dedicated: int = 3, spot: int = 0, **fields: Any) -> Driver:
    """A job on a pool whose nodes talk to each other and run one task at a time."""
    driver = Driver()
    driver.send(e.CreatePool(replace(pool(dedicated, spot), inter_node=True)))
    driver.boot()
    driver.send(e.CreateJob(job(**fields)))
    return driver


def add(driver: Driver, name: str, instances: int = 0, job_name: str = "job", **fields: Any) -> None:
    """Add a task of so many instances."""
    driver.send(e.AddTasks(JobKey("acct", job_name), (task(name, job_name, instances=instances, **fields),)))


def where(driver: Driver, name: str, job_name: str = "job") -> tuple[NodeKey, ...]:
    """The nodes a task has."""
    return nodes_of_attempt(driver.task(name, job_name))


def states(driver: Driver) -> list[str]:
    """Of the pool's nodes."""
    return [node.state for node in driver.nodes()]


@pytest.mark.documented
def test_a_task_takes_all_its_nodes_at_once() -> None:
    """One primary and as many subtasks as there are instances beside it, each on a node of its own."""
    driver = nodes(3)
    add(driver, "mpi", 3)
    (run,) = driver.runs()
    assert (run.node, len(set(where(driver, "mpi")))) == (where(driver, "mpi")[0], 3)
    assert states(driver) == ["running"] * 3
    driver.send(e.SubtaskStarted(run.task, 1, 1))
    driver.send(e.SubtaskEnded(run.task, 1, 1, 0, None))
    first, second = driver.task("mpi").subtasks
    assert (first.state, first.exit_code, second.state) == ("completed", 0, "preparing")
    driver.end(run)
    assert [one.state for one in driver.task("mpi").subtasks] == ["completed"] * 2, "no subtask outlives the primary"
    assert states(driver) == ["idle"] * 3


@pytest.mark.documented
def test_a_task_waits_until_all_its_nodes_are_free() -> None:
    """All or nothing: no node is held while another is not to be had."""
    driver = nodes(2)
    add(driver, "one")
    add(driver, "mpi", 2)
    (run,) = driver.runs()
    assert (driver.task("mpi").state, sorted(states(driver))) == ("active", ["idle", "running"])
    driver.end(run)
    assert (driver.task("mpi").state, len(driver.runs())) == ("preparing", 1)


@pytest.mark.documented
@pytest.mark.parametrize("change", [{"inter_node": False}, {"slots_per_node": 2}])
def test_a_task_stays_active_in_a_pool_that_does_not_suit_it(change: dict[str, Any]) -> None:
    """Inter-node communication off, or several task slots on a node: it is never scheduled and blocks no other."""
    driver = Driver()
    driver.send(e.CreatePool(replace(pool(2), **{"inter_node": True, **change})))
    driver.boot()
    driver.send(e.CreateJob(job()))
    add(driver, "mpi", 2)
    add(driver, "plain")
    assert [run.task.task for run in driver.runs()] == ["plain"]
    assert driver.task("mpi").state == "active"


@pytest.mark.documented
def test_a_retry_takes_all_nodes_again() -> None:
    """The failure of a coordination command is that of the task, which is tried again up to its limit."""
    driver = nodes(2)
    add(driver, "mpi", 2, max_retries=1)
    for attempt in (1, 2):
        (run,) = driver.runs()
        assert run.attempt == attempt
        driver.send(e.SubtaskEnded(run.task, attempt, 1, 3, FAILED))
        driver.send(e.TaskEnded(run.task, attempt, 3, FAILED, retryable=True))
    found = driver.task("mpi")
    assert (found.state, found.result, found.retry_count) == ("completed", "failure", 1)
    assert (found.subtasks[0].exit_code, states(driver)) == (3, ["idle", "idle"])


@pytest.mark.ours
@pytest.mark.parametrize("lost", [0, 1])
def test_the_loss_of_any_node_requeues_the_whole_task(lost: int) -> None:
    """The node of the primary or of a subtask is pre-empted: what runs elsewhere of the task has ended, too."""
    driver = nodes(0, spot=2)
    add(driver, "mpi", 2)
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, 1))
    driver.send(e.Preempt(POOL, (where(driver, "mpi")[lost].node,)))
    driver.send(e.TaskEnded(run.task, 1, None, FAILED))
    assert driver.task("mpi").state == "running", "not before the node is gone"
    driver.answer_nodes()
    found = driver.task("mpi")
    assert (found.state, found.requeue_count, found.subtasks, found.node) == ("active", 1, (), None)
    assert sorted(states(driver)) == ["idle", "preempted"]
    driver.advance(400)
    driver.boot()
    assert (driver.task("mpi").state, driver.task("mpi").attempt) == ("preparing", 2)


@pytest.mark.ours
def test_two_nodes_of_a_task_go_at_once() -> None:
    """The first removal requeues it, the second finds nothing to do."""
    driver = nodes(0, spot=3)
    add(driver, "mpi", 3)
    driver.send(e.Preempt(POOL))
    driver.answer_nodes()
    assert (driver.task("mpi").state, driver.task("mpi").requeue_count) == ("active", 1)
    assert set(states(driver)) == {"preempted"}


@pytest.mark.ours
@pytest.mark.parametrize("state", ["rebooting", "reimaging"])
@pytest.mark.parametrize("option", ["requeue", "terminate", "taskcompletion"])
def test_a_restart_of_one_node(state: str, option: str) -> None:
    """The whole task is requeued or terminated, or the node waits for it; the other node is free afterwards."""
    driver = nodes(2)
    add(driver, "mpi", 2)
    (run,) = driver.runs()
    driver.send(e.RestartNode(where(driver, "mpi")[1], state, option))
    if option == "taskcompletion":
        driver.end(run)
    driver.answer_nodes()
    expected = {"requeue": "active", "terminate": "completed", "taskcompletion": "completed"}
    assert driver.task("mpi").state == expected[option]
    assert sorted(states(driver)) == ["idle", "starting"]


@pytest.mark.ours
@pytest.mark.parametrize("option", ["requeue", "terminate", "taskcompletion"])
def test_a_node_of_a_task_is_removed(option: str) -> None:
    """The whole task is requeued or terminated, or the node stays until it has ended; the others stay and are free."""
    driver = nodes(3)
    add(driver, "mpi", 2)
    (run,) = driver.runs()
    leaving = where(driver, "mpi")[1]
    driver.send(e.RemoveNodes(POOL, (leaving.node,), option))
    driver.answer_nodes()
    assert (leaving in driver.core.world.nodes) == (option == "taskcompletion")
    if option == "taskcompletion":
        driver.end(run)
        driver.answer_nodes()
    assert leaving not in driver.core.world.nodes
    again = {"requeue": ("preparing", ["running", "running"])}.get(option, ("completed", ["idle", "idle"]))
    assert (driver.task("mpi").state, states(driver)) == again


@pytest.mark.ours
@pytest.mark.parametrize("delete", [True, False])
def test_a_client_ends_a_task(delete: bool) -> None:
    """Its nodes are free once nothing runs any more; a deletion removes its directory on all of them."""
    driver = nodes(2)
    add(driver, "mpi", 2)
    driver.runs()
    key, held = driver.task("mpi").key, set(where(driver, "mpi"))
    driver.send(e.DeleteTask(key) if delete else e.TerminateTask(key))
    assert states(driver) == ["running"] * 2
    for command in list(driver.pending):
        driver.answer(command)
    assert states(driver) == ["idle"] * 2
    removed = {command.node for command in driver.pending if isinstance(command, c.RemoveTaskFiles)}
    assert removed == (held if delete else set())


@pytest.mark.ours
def test_retention_ends_on_all_nodes() -> None:
    """The directories of primary and subtasks go together."""
    driver = nodes(2)
    add(driver, "mpi", 2, retention=10.0)
    driver.end(driver.runs()[0])
    driver.advance(11)
    removed = {command.node for command in driver.pending if isinstance(command, c.RemoveTaskFiles)}
    assert removed == set(where(driver, "mpi"))


@pytest.mark.ours
def test_every_node_is_prepared_before_the_task_runs() -> None:
    """A job preparation task runs on all of its nodes; where it fails, the task gives back all of them."""
    driver = nodes(3, preparation=JobPreparation("prepare"))
    add(driver, "mpi", 2)
    first, second = (command.task for command in driver.pending if isinstance(command, c.RunJobTask))
    driver.send(e.JobTaskEnded(first, 1, 0, None))
    assert driver.runs() == []
    driver.send(e.JobTaskEnded(second, 1, 1, FAILED))
    assert second.node not in where(driver, "mpi"), "another node takes its place"
    third = JobTaskKey(JOB, where(driver, "mpi")[1], "preparation")
    driver.send(e.JobTaskEnded(third, 1, 0, None))
    assert [run.task.task for run in driver.runs()] == ["mpi"]


@pytest.mark.ours
def test_disabling_a_job_requeues_its_task_and_a_restart_of_the_server_does() -> None:
    """In both cases everything of the attempt has ended before it is active."""
    driver = nodes(2)
    add(driver, "mpi", 2)
    driver.send(e.DisableJob(JOB, "requeue"))
    for command in list(driver.pending):
        driver.answer(command)
    assert (driver.task("mpi").state, driver.core.world.jobs[JOB].state) == ("active", "disabled")
    driver.send(e.EnableJob(JOB))
    driver.pending = []
    driver.send(e.Restarted())
    assert (driver.task("mpi").attempt, driver.task("mpi").requeue_count, states(driver)) == (3, 2, ["running"] * 2)


@pytest.mark.ours
@pytest.mark.parametrize("older", ["job", "plain"])
def test_a_task_does_not_starve_beside_a_stream_of_small_ones(older: str) -> None:
    """Of equal priority, whichever job is older: it gathers its nodes and runs, then the others have their turn."""
    driver = nodes(3)
    first, second = ("job", "plain") if older == "job" else ("plain", "job")
    driver.send(e.DeleteJob(JOB))
    for name in (first, second):
        driver.send(e.CreateJob(job(name)))
    for number in range(30):
        add(driver, f"p{number}", job_name="plain")
    for number in range(3):
        add(driver, f"mpi{number}", 3)
    order = []
    running = driver.runs()
    while running:
        run = running.pop(0)
        order.append(run.task.task)
        driver.end(run)
        running += driver.runs()
    turns = [order.index(f"mpi{number}") for number in range(3)]
    assert len(order) == 33
    assert turns[0] <= 4
    assert turns[2] <= 12, f"the streams alternate: {order}"


@pytest.mark.ours
def test_a_lower_priority_takes_no_node_that_a_waiting_task_gathers() -> None:
    """Else it would never have all of them; nodes it does not need go to the others."""
    driver = nodes(4)
    driver.send(e.CreateJob(job("low", priority=-1)))
    for number in range(4):
        add(driver, f"l{number}", job_name="low")
    add(driver, "mpi", 2)
    add(driver, "l4", job_name="low")
    first, second, *_ = driver.runs()
    driver.end(first)
    assert driver.runs() == []
    driver.end(second)
    assert [run.task.task for run in driver.runs()] == ["mpi"]


@pytest.mark.ours
def test_a_task_that_is_too_large_for_the_pool_blocks_no_other() -> None:
    """More instances than nodes: it stays active until the pool has grown."""
    driver = nodes(2)
    add(driver, "mpi", 3)
    add(driver, "plain")
    (run,) = driver.runs()
    assert run.task.task == "plain"
    driver.send(e.ResizePool(POOL, 3, 0))
    driver.boot()
    driver.end(run)
    assert [one.task.task for one in driver.runs()] == ["mpi"]


@pytest.mark.ours
def test_two_tasks_that_need_all_nodes_do_not_block_each_other() -> None:
    """Two jobs, each with tasks of all nodes: no deadlock, they alternate."""
    driver = nodes(2)
    driver.send(e.CreateJob(job("other")))
    for number in range(3):
        add(driver, f"a{number}", 2)
        add(driver, f"b{number}", 2, "other")
    order = []
    while runs := driver.runs():
        (run,) = runs
        order.append(run.task.task[0])
        driver.end(run)
    assert order == ["a", "b", "a", "b", "a", "b"]
