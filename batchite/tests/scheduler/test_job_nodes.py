"""Preparation and release tasks of jobs, and job managers, in the core."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scheduler.worlds import ENDED, FAILED, JOB, POOL, Driver, job, ready, task

from batchite.errors import ServiceError
from batchite.scheduler import commands as c
from batchite.scheduler import events as e
from batchite.scheduler.model import JobOnNode, JobPreparation, JobState, JobTaskState, StartTaskState

pytestmark = pytest.mark.documented
NEXT = job("next")


def prepared(dedicated: int = 1, slots: int = 1, *, release: bool = True, **policy: object) -> Driver:
    """A job with a preparation task, and a release task unless told otherwise; it has three tasks."""
    preparation = JobPreparation("prep", **policy)  # type: ignore[arg-type]  # fields of the record
    driver = ready(dedicated, slots=slots, preparation=preparation, release="release" * release)
    driver.send(e.AddTasks(JOB, (task("a"), task("b"), task("c"))))
    return driver


def orders(driver: Driver, kind: str) -> list[c.RunJobTask]:
    """Take the preparation or release tasks that were ordered."""
    found = [one for one in driver.pending if isinstance(one, c.RunJobTask) and one.task.kind == kind]
    driver.pending = [one for one in driver.pending if one not in found]
    return found


def end(driver: Driver, order: c.RunJobTask, code: int = 0) -> None:
    """End one of them."""
    failure = FAILED if code else None
    driver.send(e.JobTaskEnded(order.task, order.attempt, code, failure, retryable=bool(code)))


def state(driver: Driver) -> JobState:
    """The job's record."""
    return driver.core.world.jobs[JOB]


def entry(driver: Driver) -> JobOnNode:
    """What the job knows of its one node."""
    (found,) = state(driver).on_nodes
    return found


def released(driver: Driver) -> JobTaskState:
    """The release task on the one node."""
    found = entry(driver).release
    assert found is not None
    return found


def test_tasks_wait_for_the_preparation_of_their_node() -> None:
    """Preparing until it has succeeded; it runs once for all tasks of the job on that node."""
    driver = prepared(slots=2)
    (order,) = orders(driver, "preparation")
    assert [driver.task(name).state for name in "abc"] == ["preparing", "preparing", "active"]
    assert driver.runs() == []
    end(driver, order)
    first, second = driver.runs()
    driver.end(first)
    assert len(driver.runs()) == 1
    assert orders(driver, "preparation") == []
    assert entry(driver).preparation.result == "success"
    driver.end(second)


def test_each_node_is_prepared() -> None:
    """The tasks of one node do not wait for the other."""
    driver = prepared(dedicated=2)
    first, second = orders(driver, "preparation")
    assert first.task.node != second.task.node
    end(driver, first)
    assert [run.node for run in driver.runs()] == [first.task.node]


def test_a_failed_preparation_sends_its_tasks_elsewhere() -> None:
    """After its retries; the node takes no task of the job any more, and tasks of other jobs as before."""
    driver = prepared(dedicated=2, max_retries=1)
    bad, good = orders(driver, "preparation")
    end(driver, good)
    (run,) = driver.runs()
    end(driver, bad, code=4)
    (again,) = orders(driver, "preparation")
    assert (again.task, again.attempt) == (bad.task, 2)
    end(driver, again, code=5)
    info = next(one.preparation for one in state(driver).on_nodes if one.node == bad.task.node)
    assert (info.state, info.result, info.exit_code, info.retry_count) == ("completed", "failure", 5, 1)
    assert sorted(driver.task(name).state for name in "abc") == ["active", "active", "preparing"]
    driver.end(run)
    (run,) = driver.runs()
    assert run.node == good.task.node
    driver.send(e.CreateJob(NEXT))
    driver.send(e.AddTasks(NEXT.key, (task("x", "next"),)))
    assert [run.node for run in driver.runs()] == [bad.task.node]


def test_a_failed_preparation_holds_until_the_node_is_reimaged() -> None:
    """A reboot does not make the node eligible, a reimage does (documented)."""
    driver = prepared()
    end(driver, orders(driver, "preparation")[0], code=1)
    for kind, runs in (("rebooting", 0), ("reimaging", 1)):
        driver.send(e.RestartNode(driver.nodes()[0].key, kind))
        reboot(driver)
        assert len(orders(driver, "preparation")) == runs


def reboot(driver: Driver) -> None:
    """Let the node go down and come up, but no task on it."""
    for _ in range(2):
        for command in [one for one in driver.pending if isinstance(one, c.RemoveNode | c.PrepareNode)]:
            driver.pending.remove(command)
            driver.answer(command)
        driver.advance(100)
    for command in [one for one in driver.pending if isinstance(one, c.PrepareNode)]:
        driver.pending.remove(command)
        driver.answer(command)


@pytest.mark.parametrize("rerun", [True, False])
def test_a_reboot_prepares_again_if_the_job_wants_it(rerun: bool) -> None:
    """RerunOnNodeRebootAfterSuccess."""
    driver = prepared(rerun_on_reboot=rerun)
    end(driver, orders(driver, "preparation")[0])
    driver.runs()
    driver.send(e.RestartNode(driver.nodes()[0].key, "rebooting"))
    reboot(driver)
    assert len(orders(driver, "preparation")) == rerun
    assert len(driver.runs()) == (not rerun)


def test_without_waiting_tasks_run_beside_the_preparation() -> None:
    """WaitForSuccess false: a failure changes nothing for them."""
    driver = prepared(wait_for_success=False)
    (order,) = orders(driver, "preparation")
    (run,) = driver.runs()
    end(driver, order, code=1)
    driver.end(run)
    assert len(driver.runs()) == 1


def test_the_release_runs_on_the_nodes_that_ran_tasks() -> None:
    """The job is terminating until it has ended, also when it fails."""
    driver = prepared(dedicated=2)
    first, second = orders(driver, "preparation")
    end(driver, first)
    (run,) = driver.runs()
    driver.send(e.TerminateJob(JOB, "enough"))
    stops = [one for one in driver.pending if isinstance(one, c.StopJobTask)]
    assert [stop.task for stop in stops] == [second.task]
    driver.send(e.JobTaskEnded(second.task, second.attempt, None, ENDED))
    driver.send(e.TaskEnded(driver.task("b").key, 1, None, ENDED))
    assert orders(driver, "release") == []
    driver.send(e.TaskEnded(run.task, run.attempt, None, ENDED))
    (order,) = orders(driver, "release")
    assert (order.task.node, state(driver).state) == (first.task.node, "terminating")
    end(driver, order, code=1)
    assert (state(driver).state, state(driver).terminate_reason) == ("completed", "enough")
    assert state(driver).on_nodes[0].release is not None


def test_a_deleted_job_is_released_and_cleaned_up() -> None:
    """An active job runs its release before it goes; both directories are removed. A completed one runs none."""
    driver = prepared()
    end(driver, orders(driver, "preparation")[0])
    driver.end(driver.runs()[0])
    driver.end(driver.runs()[0])
    driver.end(driver.runs()[0])
    driver.send(e.DeleteJob(JOB))
    (order,) = orders(driver, "release")
    assert state(driver).state == "deleting"
    end(driver, order)
    assert JOB not in driver.core.world.jobs
    removed = [one.task.task for one in driver.pending if isinstance(one, c.RemoveTaskFiles)]
    assert removed == ["prep", "release", "a", "b", "c"]


def test_force_ends_a_job_without_release() -> None:
    """None is begun; one that runs is stopped, also when the job is terminating or deleting already."""
    driver = prepared()
    end(driver, orders(driver, "preparation")[0])
    driver.end(driver.runs()[0])
    (run,) = driver.runs()
    driver.send(e.TerminateJob(JOB, "x", force=True))
    driver.send(e.TaskEnded(run.task, run.attempt, None, ENDED))
    assert (state(driver).state, orders(driver, "release")) == ("completed", [])
    for first, second in ((e.TerminateJob(JOB, "x"), e.TerminateJob(JOB, "y", force=True)), (e.DeleteJob(JOB),) * 2):
        driver = prepared()
        end(driver, orders(driver, "preparation")[0])
        driver.end(driver.runs()[0])
        (run,) = driver.runs()
        driver.send(first)
        driver.send(e.TaskEnded(run.task, run.attempt, None, ENDED))
        (order,) = orders(driver, "release")
        driver.send(replace(second, force=True))
        assert [one.task for one in driver.pending if isinstance(one, c.StopJobTask)] == [order.task]
        driver.send(e.JobTaskEnded(order.task, order.attempt, None, ENDED))
        assert JOB not in driver.core.world.jobs or state(driver).terminate_reason == "x"
        with pytest.raises(ServiceError, match=r"JobCompleted|JobNotFound"):
            driver.send(e.TerminateJob(JOB, "z", force=True))


def test_a_lost_node_ends_what_ran_there() -> None:
    """A job does not wait for the release of a node that has gone; a rebooted one runs it again."""
    driver = prepared()
    end(driver, orders(driver, "preparation")[0])
    (run,) = driver.runs()
    driver.send(e.TerminateJob(JOB, "x"))
    driver.send(e.TaskEnded(run.task, run.attempt, None, ENDED))
    (order,) = orders(driver, "release")
    driver.send(e.RestartNode(order.task.node, "rebooting"))
    driver.send(e.JobTaskEnded(order.task, order.attempt, None, ENDED))
    reboot(driver)
    assert (state(driver).state, released(driver).state) == ("terminating", "running")
    (again,) = orders(driver, "release")
    assert again.attempt == 2
    driver.send(e.ResizePool(POOL, 0, 0))
    reboot(driver)
    assert (state(driver).state, released(driver).result) == ("completed", "failure")


def test_a_restart_loses_preparations_and_repeats_releases() -> None:
    """Tasks that waited are queued again and the node is prepared anew; a release starts again."""
    driver = prepared()
    orders(driver, "preparation")
    driver.send(e.Restarted())
    (order,) = orders(driver, "preparation")
    assert (order.attempt, driver.task("a").state, driver.task("a").requeue_count) == (2, "preparing", 1)
    end(driver, order)
    driver.runs()
    driver.send(e.TerminateJob(JOB, "x"))
    driver.send(e.Restarted())
    (order,) = orders(driver, "release")
    driver.send(e.Restarted())
    (again,) = orders(driver, "release")
    assert (order.attempt, again.attempt) == (1, 2)
    end(driver, order)
    assert state(driver).state == "terminating"
    end(driver, again)
    assert state(driver).state == "completed"


def test_a_restart_that_makes_a_node_anew_prepares_it_again() -> None:
    """Its start task was under way, so it boots with an empty directory; a release that ran there is over."""
    for release in (False, True):
        driver = prepared()
        end(driver, orders(driver, "preparation")[0])
        (run,) = driver.runs()
        if release:
            driver.send(e.TerminateJob(JOB, "x"))
            driver.send(e.TaskEnded(run.task, run.attempt, None, ENDED))
        (node,) = driver.nodes()
        driver.core.world.put(replace(node, start_task=StartTaskState("running", driver.at)))
        driver.pending = []
        driver.send(e.Restarted())
        assert orders(driver, "release") == []
        assert state(driver).state == ("completed" if release else "active")
        driver.advance(100)
        reboot(driver)
        assert len(orders(driver, "preparation")) == (not release)


def test_ids_of_the_jobs_own_tasks_are_taken() -> None:
    """409 for each of them."""
    driver = prepared()
    for name, code in (("prep", "TaskIdSameAsJobPreparationTask"), ("release", "TaskIdSameAsJobReleaseTask")):
        with pytest.raises(ServiceError, match=code):
            driver.send(e.AddTasks(JOB, (task(name),)))


def managed(slots: int = 2, spot: int = 0, **fields: object) -> Driver:
    """A job with a manager, and another task."""
    driver = ready(1 - spot, spot, slots=slots, manager=task("manager", "pattern", **fields))
    driver.send(e.AddTasks(JOB, (task("a"),)))
    return driver


def test_a_job_begins_with_its_manager() -> None:
    """It is added with the job and runs before the others; alone on its node if it wants to."""
    for exclusive, names in ((False, ["manager", "a"]), (True, ["manager"])):
        driver = managed(exclusive=exclusive)
        runs = driver.runs()
        assert [run.task.task for run in runs] == names
        driver.end(runs[0])
        assert [run.task.task for run in driver.runs()] == ["a"][: 2 - len(names)]


def test_the_end_of_a_manager_may_be_the_end_of_its_job() -> None:
    """KillJobOnCompletion: others are stopped, the reason is JMComplete; a failure counts after its retries."""
    driver = managed(kills_job=True, max_retries=1)
    run, other = driver.runs()
    driver.end(run, exit_code=1)
    assert state(driver).state == "active"
    driver.end(driver.runs()[0], exit_code=1)
    assert state(driver).state == "terminating"
    driver.send(e.TaskEnded(other.task, other.attempt, None, ENDED))
    assert (state(driver).state, state(driver).terminate_reason) == ("completed", "JMComplete")
    driver = managed()
    driver.end(driver.runs()[0])
    assert state(driver).state == "active"


def test_a_manager_may_keep_to_dedicated_nodes() -> None:
    """AllowLowPriorityNode false: it waits, and with it those behind it."""
    assert managed(spot=1, dedicated=True).runs() == []
    assert len(managed(spot=0, dedicated=True).runs()) == 2
