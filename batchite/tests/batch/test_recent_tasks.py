"""Tasks that ran on a node lately, as the unmodified client sees them."""

import pytest
from azure.batch import BatchClient, models
from batch.sdk import finish


@pytest.mark.documented
def test_a_node_shows_the_tasks_that_ran_on_it_lately(working: BatchClient) -> None:
    """Nothing before the first of them; then each with its state and how it ended; a deleted one is shown no more."""
    assert [node.recent_tasks for node in working.list_nodes("Pool")] == [None, None]
    for name, command in (("good", "exit 0"), ("bad", "exit 3")):
        working.create_task("Job", models.BatchTaskCreateOptions(id=name, command_line=command))
        finish(working, name)
    (node,) = [node for node in working.list_nodes("Pool", select=["id", "recentTasks"]) if node.recent_tasks]
    shown = {one.task_id: one for one in node.recent_tasks or []}
    assert set(shown) == {"good", "bad"}
    bad = shown["bad"]
    assert (bad.job_id, bad.task_state, bad.subtask_id) == ("Job", "completed", None)
    assert bad.task_url is not None
    assert bad.task_url.endswith("/jobs/Job/tasks/bad")
    assert bad.execution_info is not None
    assert (bad.execution_info.exit_code, bad.execution_info.retry_count) == (3, 0)
    working.delete_task("Job", "bad")
    left = working.get_node("Pool", str(node.id)).recent_tasks or []
    assert [one.task_id for one in left] == ["good"]


@pytest.mark.ours
def test_a_node_shows_ten_tasks_at_most_the_latest_before(working: BatchClient) -> None:
    """The service documents no number."""
    for number in range(12):
        working.create_task("Job", models.BatchTaskCreateOptions(id=f"t{number}", command_line="exit 0"))
        finish(working, f"t{number}")
    (node,) = [node for node in working.list_nodes("Pool") if node.recent_tasks]
    assert [one.task_id for one in node.recent_tasks or []] == [f"t{number}" for number in range(11, 1, -1)]
