import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from agent.nodes import PATH, SAME_USER, USERS, open_to_all, transfer, wait_until

from batchite.agent import processes
from batchite.agent.agent import DIRECTORIES, LocalAgent
from batchite.agent.launch import Launch, node_directory, task_directory
from batchite.agent.node_logs import NodeLogs
from batchite.agent.users import TaskUser, TaskUsers
from batchite.scheduler.events import (
    Event,
    JobTaskEnded,
    NodePrepared,
    NodeRemoved,
    NodeUnusable,
    StartTaskEnded,
    TaskEnded,
    TaskStarted,
)
from batchite.scheduler.model import JobKey, JobTaskKey, NodeKey, TaskKey

pytestmark = pytest.mark.ours

NODE = NodeKey("a", "p", "n")
TASK = TaskKey("a", "j", "t")
DAEMON = """/bin/sh -c 'setsid -f sh -c "touch ready; exec sleep 600"; until [ -e ready ]; do :; done'"""


class Site:
    """An agent and what it has answered."""

    def __init__(self, root: Path, users: TaskUsers = USERS) -> None:
        self.root = root
        self.events: list[Event] = []
        self.journal = processes.Journal(root.parent / "journal")
        self.agent = LocalAgent(
            root, self.journal, transfer(), users, self.events.append, lambda _: None, NodeLogs(root / "logs")
        )

    @property
    def node(self) -> Path:
        """The node's directory."""
        return node_directory(self.root, NODE)

    def launch(self, command_line: str, directory: str = task_directory(TASK)) -> Launch:
        """A launch on the node."""
        variables = {
            "PATH": PATH,
            "AZ_BATCH_NODE_ROOT_DIR": str(self.node),
            "AZ_BATCH_TASK_DIR": str(self.node / directory),
        }
        return Launch(self.node, directory, command_line, variables)

    def wait_for(self, event: Event) -> None:
        """Until the agent has answered so."""
        wait_until(lambda: event in self.events, f"{event} in {self.events}")

    def processes(self) -> list[int]:
        """Pids of the node's processes."""
        marker = f"AZ_BATCH_NODE_ROOT_DIR={self.node}".encode()
        return [pid for pid in processes._live() if marker in processes._environment(pid)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An agent with one node."""
    made = Site(tmp_path / "nodes")
    made.agent.prepare_node(NODE, 1)
    made.wait_for(NodePrepared(NODE, 1))
    yield made
    made.agent.close()
    assert made.processes() == []


def test_a_node_has_the_documented_folders_and_nothing_of_an_earlier_life(site: Site) -> None:
    """Preparing again empties it, whatever modes a task gave to folders."""
    assert sorted(path.name for path in site.node.iterdir()) == sorted(DIRECTORIES)
    (site.node / "shared/a/b").mkdir(parents=True)
    (site.node / "shared/a").chmod(0o500)
    site.agent.prepare_node(NODE, 2)
    site.wait_for(NodePrepared(NODE, 2))
    assert list((site.node / "shared").iterdir()) == []


def test_a_node_that_reboots_keeps_its_files_and_none_of_its_processes(site: Site) -> None:
    """Folders that a task has removed are there again."""
    (site.node / "shared/installed").write_text("yes")
    (site.node / "volatile").rmdir()
    site.agent.run_start_task(NODE, 1, 0, site.launch(DAEMON, "startup"))
    site.wait_for(StartTaskEnded(NODE, 1, 0, None))
    assert site.processes()
    site.agent.remove_node(NODE, 1, keep=True)
    site.wait_for(NodeRemoved(NODE, 1))
    assert site.processes() == []
    site.agent.prepare_node(NODE, 2, keep=True)
    site.wait_for(NodePrepared(NODE, 2))
    assert (site.node / "shared/installed").read_text() == "yes"
    assert {path.name for path in site.node.iterdir()} >= set(DIRECTORIES)


def test_a_node_that_cannot_be_made_is_unusable(site: Site) -> None:
    """With the place in its error."""
    site.root.joinpath("a", "q").write_text("a file in the way")
    site.agent.prepare_node(NodeKey("a", "q", "n"), 1)
    event = wait_until(lambda: [one for one in site.events if isinstance(one, NodeUnusable)], "the node is refused")[0]
    assert event.failure.code == "NodeDirectoryCreateFailed"
    assert str(site.root / "a/q/n") in repr(event.failure)


def test_start_task_and_task_answer_with_their_events(site: Site) -> None:
    """In their order."""
    site.agent.run_start_task(NODE, 1, 0, site.launch("/bin/false", "startup"))
    wait_until(lambda: [e for e in site.events if isinstance(e, StartTaskEnded) and e.exit_code == 1], "it has failed")
    site.agent.run_task(TASK, NODE, 7, site.launch("/bin/true"))
    site.wait_for(TaskEnded(TASK, 7, 0, None))
    assert site.events.index(TaskStarted(TASK, 7)) < site.events.index(TaskEnded(TASK, 7, 0, None))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_elevation_decides_as_whom_a_task_runs(tmp_path: Path) -> None:
    """And to whom its files belong."""
    open_to_all(tmp_path)
    site = Site(tmp_path / "nodes", TaskUsers(TaskUser(PATH, 65534, 65534), SAME_USER))
    for number, admin in enumerate((False, True)):
        directory = f"workitems/{number}"
        launch = replace(site.launch("id -u", directory), admin=admin)
        site.agent.run_task(TASK, NODE, number, launch)
        site.wait_for(TaskEnded(TASK, number, 0, None))
        output = site.node / directory / "stdout.txt"
        expected = 0 if admin else 65534
        assert (output.read_text(), output.stat().st_uid) == (f"{expected}\n", expected)
    site.agent.close()


def test_a_stop_right_after_the_order_to_run_is_not_lost(site: Site) -> None:
    """However the threads are scheduled."""
    for attempt in range(20):
        site.agent.run_task(TASK, NODE, attempt, site.launch("sleep 600"))
        site.agent.stop_task(TASK, attempt)
        ended = wait_until(
            lambda: [e for e in site.events if isinstance(e, TaskEnded) and e.attempt == attempt],  # noqa: B023 - used in this turn of the loop
            "it has ended",
        )
        assert ended[0].failure.code == "TaskEnded"
    assert site.processes() == []


def test_a_preparation_task_answers_and_is_stopped(site: Site) -> None:
    """By its job, node and kind; one that does not run any more is answered, too."""
    key = JobTaskKey(JobKey("a", "j"), NODE, "preparation")
    site.agent.run_job_task(key, 1, site.launch("/bin/sh -c 'exit 4'", "workitems/prepare"))
    ended = wait_until(lambda: [e for e in site.events if isinstance(e, JobTaskEnded) and e.attempt == 1], "it ended")
    assert (ended[0].key, ended[0].exit_code, ended[0].retryable) == (key, 4, True)
    for attempt in (2, 3):
        if attempt == 2:
            site.agent.run_job_task(key, attempt, site.launch("sleep 600", "workitems/prepare"))
        site.agent.stop_job_task(key, attempt)
        stopped = wait_until(
            lambda: [e for e in site.events if isinstance(e, JobTaskEnded) and e.attempt == attempt],  # noqa: B023 - used in this turn of the loop
            "it is stopped",
        )
        assert stopped[0].failure.code == "TaskEnded"
    assert site.processes() == []


def test_a_stop_of_what_does_not_run_is_answered(site: Site) -> None:
    """The core waits for an answer to every stop."""
    site.agent.stop_task(TASK, 3)
    wait_until(lambda: [e for e in site.events if isinstance(e, TaskEnded) and e.attempt == 3], "it is answered")


def test_a_removed_node_answers_when_nothing_of_it_is_left(site: Site) -> None:
    """Tasks, start task, daemons that left every session, and the directory are gone when it is reported."""
    site.agent.run_start_task(NODE, 1, 0, site.launch(DAEMON, "startup"))
    site.wait_for(StartTaskEnded(NODE, 1, 0, None))
    site.agent.run_task(TASK, NODE, 1, site.launch("/bin/sh -c 'setsid sleep 600 & sleep 600'"))
    wait_until(lambda: len(site.processes()) == 4, "all of it runs")
    answered = threading.Event()
    original = site.agent._post

    def post(event: Event) -> None:
        if isinstance(event, NodeRemoved):
            assert site.processes() == []
            assert not site.node.exists()
            answered.set()
        original(event)

    site.agent._post = post
    site.agent.remove_node(NODE, 1)
    assert answered.wait(20)


def test_a_removed_tasks_files_are_away_at_once(site: Site) -> None:
    """So that a new task of the same id cannot lose its own."""
    site.agent.run_task(TASK, NODE, 1, site.launch("/bin/true"))
    site.wait_for(TaskEnded(TASK, 1, 0, None))
    site.agent.remove_task_files(TASK, NODE, task_directory(TASK))
    assert not (site.node / task_directory(TASK)).exists()
    wait_until(lambda: not list(site.node.glob(".removed-*")), "the files are gone")
    site.agent.remove_task_files(TASK, NODE, task_directory(TASK))


def test_an_error_of_the_agent_ends_the_task(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug must not leave a task running for ever."""
    monkeypatch.setattr("batchite.agent.runner.Attempt._run", lambda _: 1 / 0)
    site.agent.run_task(TASK, NODE, 1, site.launch("/bin/true"))
    event = wait_until(lambda: [e for e in site.events if isinstance(e, TaskEnded)], "the task has ended")[0]
    assert (event.failure.category, event.failure.code) == ("servererror", "Unknown")


def test_closing_ends_everything(tmp_path: Path) -> None:
    """Also a daemon of a start task; the journal is empty afterwards."""
    site = Site(tmp_path / "nodes")
    site.agent.run_start_task(NODE, 1, 0, site.launch(DAEMON, "startup"))
    for number in range(5):
        site.agent.run_task(TaskKey("a", "j", f"t{number}"), NODE, 1, site.launch("sleep 600", f"workitems/{number}"))
    wait_until(lambda: len(site.processes()) == 6, "all of it runs")
    site.agent.close()
    assert site.processes() == []
    assert (tmp_path / "journal").read_text() == ""
