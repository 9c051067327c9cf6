"""Whose turn it is: several jobs at once on one pool."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from scheduler.worlds import JOB, POOL, Driver, job, pool, ready, task

from batchite.scheduler import events as e

pytestmark = pytest.mark.documented


def jobs(order: str = "none", nodes: int = 4, **priorities: int) -> Driver:
    """Jobs of these priorities with nine tasks each, before the pool's nodes come up."""
    driver = Driver()
    driver.send(e.CreatePool(replace(pool(dedicated=nodes), job_order=order)))
    for name, priority in priorities.items():
        driver.send(e.CreateJob(job(name, priority=priority)))
        driver.send(e.AddTasks(job(name).key, tuple(task(f"{name}{number}", name) for number in range(9))))
    driver.boot()
    return driver


def shares(driver: Driver) -> Counter[str]:
    """How many attempts of each job were ordered."""
    return Counter(run.task.job for run in driver.runs())


def test_jobs_of_equal_priority_share_the_nodes_evenly() -> None:
    """The default order: none."""
    driver = jobs(a=0, b=0)
    assert shares(driver) == {"a": 2, "b": 2}
    driver.send(e.CreateJob(job("c")))
    driver.send(e.AddTasks(job("c").key, tuple(task(f"c{number}", "c") for number in range(9))))
    for name in ("a0", "a1"):
        driver.send(e.TaskEnded(driver.task(name, "a").key, 1, 0, None))
    assert shares(driver) == {"c": 1, "a": 1}


def test_the_older_job_goes_first_by_creation_time() -> None:
    """JobDefaultOrder creationtime."""
    assert shares(jobs("creationtime", a=0, b=0)) == {"a": 4}


def test_priority_goes_before_order() -> None:
    """Four nodes for three jobs: the highest priority takes all it can, whatever the order."""
    for order in ("none", "creationtime"):
        assert shares(jobs(order, a=0, b=10, c=-5)) == {"b": 4}
    driver = jobs(nodes=12, a=0, b=10, c=-5)
    assert shares(driver) == {"b": 9, "a": 3}


def test_a_job_at_its_limit_leaves_room_for_the_others() -> None:
    """MaxParallelTasks of the first; the next one of the same or a lower priority gets what is left."""
    for priority in (0, -1):
        driver = Driver()
        driver.send(e.CreatePool(pool(dedicated=4)))
        driver.boot()
        driver.send(e.CreateJob(job("a", max_parallel=1)))
        driver.send(e.CreateJob(job("b", priority=priority)))
        for name in ("a", "b"):
            driver.send(e.AddTasks(job(name).key, tuple(task(f"{name}{number}", name) for number in range(9))))
        assert shares(driver) == {"a": 1, "b": 3}
        assert driver.core.world.pools[POOL].job_order == "none"


def test_a_task_goes_to_the_node_it_asks_for_if_that_has_room() -> None:
    """Affinity is a hint: a node that is busy or gone is no reason to wait."""
    driver = ready(dedicated=3)
    wanted = driver.nodes()[2].key
    tasks = [task(name, affinity=node) for name, node in (("a", wanted.node), ("b", wanted.node), ("c", "tvmps_gone"))]
    driver.send(e.AddTasks(JOB, tuple(tasks)))
    first, second, third = driver.runs()
    assert first.node == wanted
    assert {second.node, third.node} == {node.key for node in driver.nodes()} - {wanted}


def test_a_raised_priority_counts_for_the_next_free_slot() -> None:
    """A client changes the priority while both jobs wait."""
    driver = jobs(nodes=1, a=0, b=0)
    (run,) = driver.runs()
    driver.send(e.UpdateJob(job("b").key, priority=1))
    for _ in range(3):
        driver.end(run)
        (run,) = driver.runs()
        assert run.task.job == "b"
