"""Jobs that allow the pre-emption of their tasks (allowTaskPreemption) make room for jobs of a higher priority."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler.worlds import POOL, Driver, job, pool, task

from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import JobKey, TaskKey


def jobs(nodes: int = 2, slots: int = 1, **priorities: int) -> Driver:
    """A pool, and pre-emptible jobs of these priorities."""
    driver = Driver()
    driver.send(e.CreatePool(replace(pool(nodes, slots=slots), inter_node=True)))
    driver.boot()
    for name, priority in priorities.items():
        driver.send(e.CreateJob(job(name, priority=priority, preemptible=True)))
    return driver


def add(driver: Driver, job_name: str, *names: str, **fields: Any) -> None:
    """Add tasks."""
    driver.send(e.AddTasks(JobKey("acct", job_name), tuple(task(name, job_name, **fields) for name in names)))


def stopped(driver: Driver) -> list[str]:
    """The tasks that the agent was told to stop since the last call; it has done so."""
    stops = [command for command in driver.pending if isinstance(command, c.StopTask)]
    for command in stops:
        driver.pending.remove(command)
        driver.answer(command)
    return [command.task.task for command in stops]


@pytest.mark.documented
def test_a_job_of_a_higher_priority_takes_precedence() -> None:
    """The task that makes room is requeued: active again, one requeue more, and it runs later."""
    driver = jobs(1, low=0, high=1)
    add(driver, "low", "victim")
    (run,) = driver.runs()
    driver.send(e.TaskStarted(run.task, 1))
    add(driver, "high", "urgent")
    assert driver.task("victim", "low").state == "running", "until nothing of it runs any more"
    assert stopped(driver) == ["victim"]
    found = driver.task("victim", "low")
    assert (found.state, found.previous_state, found.requeue_count, found.retry_count) == ("active", "running", 1, 0)
    assert found.last_requeue_at == driver.at
    (run,) = driver.runs()
    assert run.task.task == "urgent"
    driver.end(run)
    assert [one.task.task for one in driver.runs()] == ["victim"]


@pytest.mark.documented
@pytest.mark.parametrize(("preemptible", "priority"), [(False, 0), (True, 1), (True, 2)])
def test_other_tasks_are_left_alone(preemptible: bool, priority: int) -> None:
    """Those of jobs that do not allow it, and of an equal or higher priority."""
    driver = jobs(1, high=1)
    driver.send(e.CreateJob(job("other", priority=priority, preemptible=preemptible)))
    add(driver, "other", "runs")
    add(driver, "high", "waits")
    assert (stopped(driver), driver.task("waits", "high").state) == ([], "active")


@pytest.mark.documented
def test_a_client_allows_it_later() -> None:
    """An update of the running job lets the waiting one go first, and another update ends that."""
    driver = jobs(2, high=1)
    driver.send(e.CreateJob(job("low")))
    add(driver, "low", "a", "b")
    add(driver, "high", "x", "y")
    assert stopped(driver) == []
    driver.send(e.UpdateJob(JobKey("acct", "low"), preemptible=True))
    assert len(stopped(driver)) == 1
    driver.send(e.UpdateJob(JobKey("acct", "low"), preemptible=False))
    driver.send(e.Tick())
    assert driver.core.world.preemptible == {JobKey("acct", "high")}


@pytest.mark.ours
def test_a_job_that_is_being_disabled_keeps_its_tasks() -> None:
    """Its client chose that they run to their end."""
    driver = jobs(1, low=0, high=1)
    add(driver, "low", "runs")
    driver.runs()
    driver.send(e.DisableJob(JobKey("acct", "low"), "wait"))
    add(driver, "high", "waits")
    assert (stopped(driver), driver.task("runs", "low").state) == ([], "preparing")


@pytest.mark.ours
def test_as_few_as_needed_and_the_latest_of_the_lowest_priority() -> None:
    """One waiting task stops one: of the least priority, the one that has run for the shortest time."""
    driver = jobs(4, low=-1, middle=0, high=1)
    for name, job_name in (("m", "middle"), ("l1", "low"), ("l2", "low"), ("l3", "low")):
        add(driver, job_name, name)
        driver.at += 1
    driver.runs()
    add(driver, "high", "urgent")
    driver.send(e.UpdateJob(JobKey("acct", "middle"), priority=0))  # another look while the first one is being stopped
    assert stopped(driver) == ["l3"]
    assert driver.task("urgent", "high").state == "preparing"


@pytest.mark.ours
def test_two_tasks_do_not_wait_for_the_same_slots() -> None:
    """Each of two waiting jobs has room made for it, one after the other in the order of their priority."""
    driver = jobs(2, low=0, high=1, higher=2)
    add(driver, "low", "a", "b")
    driver.runs()
    add(driver, "high", "x")
    add(driver, "higher", "y")
    assert sorted(stopped(driver)) == ["a", "b"]
    assert {run.task.task for run in driver.runs()} == {"x", "y"}


@pytest.mark.ours
def test_slots_of_a_node_are_gathered_and_not_given_away_meanwhile() -> None:
    """A task of several slots stops as many as it needs on one node; a smaller task does not take the free slots."""
    driver = jobs(1, slots=4, low=0, high=1)
    driver.send(e.CreateJob(job("small", priority=-5)))
    add(driver, "low", "a", "b", "c")
    add(driver, "high", "large", slots=3)
    add(driver, "small", "s")
    assert driver.task("s", "small").state == "active"
    assert len(stopped(driver)) == 2
    assert driver.task("large", "high").state == "preparing"


@pytest.mark.ours
def test_a_multi_instance_task_makes_room_on_all_its_nodes_or_on_none() -> None:
    """Nothing is stopped when that would not be enough."""
    driver = jobs(3, low=0, high=1)
    driver.send(e.CreateJob(job("fixed")))
    add(driver, "fixed", "f")
    add(driver, "low", "a", "b")
    add(driver, "high", "three", instances=3)
    assert stopped(driver) == []
    driver.send(e.DeleteTask(TaskKey("acct", "high", "three")))
    add(driver, "high", "two", instances=2)
    assert sorted(stopped(driver)) == ["a", "b"]
    assert driver.task("two", "high").state == "preparing"


@pytest.mark.ours
def test_a_multi_instance_task_is_preempted_as_a_whole() -> None:
    """One of its nodes is wanted: all are free, and it runs again on all."""
    driver = jobs(2, low=0, high=1)
    add(driver, "low", "mpi", instances=2)
    driver.runs()
    add(driver, "high", "x")
    assert stopped(driver) == ["mpi"]
    (run,) = driver.runs()
    assert [run.task.task] == ["x"]
    assert (driver.task("mpi", "low").state, driver.task("mpi", "low").subtasks) == ("active", ())
    driver.end(run)
    assert [one.task.task for one in driver.runs()] == ["mpi"]


WORK = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.booleans()),  # priority, instances or slots, all at once?
    min_size=1,
    max_size=12,
)


@pytest.mark.ours
@settings(deadline=None)
@given(work=WORK, nodes=st.integers(3, 4), slots=st.sampled_from([1, 3]), order=st.randoms(use_true_random=False))
def test_whatever_waits_runs_in_the_end(work: list[tuple[int, int, bool]], nodes: int, slots: int, order: Any) -> None:
    """Tasks of several sizes, priorities and jobs: all complete, and only those that allow it are ever requeued."""
    driver = jobs(nodes, slots, p0=0, p1=1, p2=2)
    driver.send(e.CreateJob(job("fixed", priority=0)))
    for number, (priority, size, fixed) in enumerate(work):
        size_field = {"instances": size} if slots == 1 else {"slots": size}
        add(driver, "fixed" if fixed else f"p{priority}", f"t{number}", **size_field)
    while open_now := [command for command in driver.pending if isinstance(command, c.RunTask | c.StopTask)]:
        command = order.choice(open_now)
        driver.pending.remove(command)
        if isinstance(command, c.RunTask):
            driver.end(command)
        else:
            driver.answer(command)
    for job_name, tasks in driver.core.world.tasks.items():
        for item in tasks.values():
            assert item.state == "completed", f"{item} waits for ever"
            assert item.requeue_count == 0 or job_name.job in {"p0", "p1"}, "nothing stands above the others"
    assert {node.state for node in driver.core.world.pool_nodes(POOL)} == {"idle"}
