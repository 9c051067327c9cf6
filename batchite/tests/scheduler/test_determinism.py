"""The core decides from events and moments alone."""

from __future__ import annotations

import pytest
from scheduler.worlds import JOB, POOL, Driver, job, pool, task

from batchite.scheduler import commands as c
from batchite.scheduler import events as e

pytestmark = pytest.mark.ours


def test_the_core_is_deterministic() -> None:
    """The same events at the same moments give the same commands and records."""

    def run() -> tuple[list[c.Command], object]:
        driver = Driver()
        driver.send(e.CreatePool(pool(2, 2, 2)))
        driver.boot()
        driver.send(e.CreateJob(job()))
        driver.send(e.AddTasks(JOB, tuple(task(str(number)) for number in range(9))))
        driver.send(e.Preempt(POOL))
        return driver.pending, driver.core.world.tasks

    assert run() == run()
