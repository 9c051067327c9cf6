"""Attempts of multi-instance tasks, on two nodes of one agent, with real processes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from agent.nodes import PATH, USERS, BlobStore, transfer, wait_until

from batchite.agent import processes
from batchite.agent.agent import LocalAgent
from batchite.agent.launch import Instance, Launch, ResourceFile, node_directory, task_directory
from batchite.agent.node_logs import NodeLogs
from batchite.scheduler.events import (
    Event,
    NodePrepared,
    NodeRemoved,
    SubtaskEnded,
    SubtaskStarted,
    TaskEnded,
    TaskStarted,
)
from batchite.scheduler.model import Failure, NodeKey, TaskKey

NODES = (NodeKey("a", "p", "n0"), NodeKey("a", "p", "n1"))
TASK = TaskKey("a", "j", "t")
WHOLE = task_directory(TASK)


class Site:
    """An agent with two nodes, and what it has answered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.events: list[Event] = []
        journal = processes.Journal(root.parent / "journal")
        self.agent = LocalAgent(
            root, journal, transfer(), USERS, self.events.append, lambda _: None, NodeLogs(root / "logs")
        )

    def directory(self, number: int) -> Path:
        """The task's directory on a node, which all instances call the shared one."""
        return node_directory(self.root, NODES[number]) / WHOLE

    def launch(self, number: int, command_line: str, directory: str = WHOLE) -> Launch:
        """A command on a node."""
        root = node_directory(self.root, NODES[number])
        variables = {"AZ_BATCH_NODE_ROOT_DIR": str(root), "AZ_BATCH_TASK_DIR": str(root / directory), "PATH": PATH}
        return Launch(root, directory, command_line, {**variables, "NUMBER": str(number), "SHARED": str(root / WHOLE)})

    def run(
        self,
        command: str,
        coordination: str,
        files: tuple[ResourceFile, ...] = (),
        limit: float = 60,
        own: tuple[ResourceFile, ...] = (),
    ) -> None:
        """Begin an attempt of these scripts."""

        def instance(number: int) -> Instance:
            made = self.launch(number, f"/bin/sh -c '{coordination}'", f"{WHOLE}/{number}" if number else WHOLE)
            return Instance(NODES[number], replace(made, files_in=WHOLE, background=True, resource_files=files))

        instances = (instance(0), instance(1))
        whole = replace(self.launch(0, f"/bin/sh -c '{command}'"), resource_files=own)
        self.agent.run_task(TASK, NODES[0], 1, replace(whole, continues=True, instances=instances, wall_clock=limit))

    def ended(self) -> TaskEnded:
        """How the attempt ended; nothing of it runs any more."""
        wait_until(lambda: any(isinstance(event, TaskEnded) for event in self.events), "the attempt has ended")
        assert self.processes() == []
        return next(event for event in self.events if isinstance(event, TaskEnded))

    def processes(self) -> list[int]:
        """Pids of the nodes' processes."""
        prefix = f"AZ_BATCH_NODE_ROOT_DIR={self.root}/".encode()
        live = processes._live()
        return [pid for pid in live if any(entry.startswith(prefix) for entry in processes._environment(pid))]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An agent with two nodes."""
    made = Site(tmp_path / "nodes")
    for node in NODES:
        made.agent.prepare_node(node, 1)
    wait_until(lambda: set(made.events) == {NodePrepared(node, 1) for node in NODES}, "two nodes")
    made.events.clear()
    yield made
    made.agent.close()
    assert made.processes() == []


@pytest.mark.documented
def test_coordination_comes_first_on_all_nodes_and_what_it_starts_runs_with_the_command(site: Site) -> None:
    """Common files lie in the shared directory of every node; background services end with the primary."""
    with BlobStore({"c/data": b"common"}) as store:
        files = (ResourceFile(url=f"{store.url}/c/data", path="data"),)
        serve = "echo $NUMBER; cat $SHARED/data > copy; cd $SHARED; sleep 600 & echo $! > pid"
        both = f"kill -0 $(cat {site.directory(0)}/pid) && kill -0 $(cat {site.directory(1)}/pid) && cat copy"
        site.run(both, serve, files)
        assert site.ended().exit_code == 0
    assert (site.directory(0) / "stdout.txt").read_text() == "0\ncommon"
    assert (site.directory(1) / "1/stdout.txt").read_text() == "1\n"
    assert (site.directory(1) / "1/wd/copy").read_text() == "common"
    assert set(site.events[:-1]) == {
        TaskStarted(TASK, 1, files=1),
        SubtaskStarted(TASK, 1, 1),
        SubtaskEnded(TASK, 1, 1, 0, None),
    }


@pytest.mark.documented
@pytest.mark.parametrize("number", [0, 1])
def test_a_coordination_command_that_fails_is_the_failure_of_the_task(site: Site, number: int) -> None:
    """The command never runs, the other instance is ended, and the task may be retried."""
    site.run("touch ran", f"[ $NUMBER = {1 - number} ] && exec sleep 600; exit 3")
    ended = site.ended()
    assert (ended.exit_code, ended.retryable) == (3, True)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.details[-1].value) == ("FailureExitCode", str(number))
    assert not (site.directory(0) / "wd/ran").exists()


@pytest.mark.documented
def test_a_common_file_that_is_not_there_fails_the_task(site: Site) -> None:
    """As for a resource file; no command has run."""
    with BlobStore() as store:
        site.run("true", "touch ran", (ResourceFile(url=f"{store.url}/c/none", path="data"),))
        ended = site.ended()
    assert (ended.exit_code, ended.retryable) == (None, False)
    assert isinstance(ended.failure, Failure)
    assert ended.failure.code == "BlobNotFound"
    assert not list(site.root.rglob("ran"))


@pytest.mark.documented
@pytest.mark.parametrize("command", ["sleep 600", "true"])
def test_the_limit_of_time_is_for_all_of_it(site: Site, command: str) -> None:
    """Also where it is a coordination command that goes on for too long."""
    site.run(command, "true" if command != "true" else "exec sleep 600", limit=0.2)
    ended = site.ended()
    assert ended.failure is not None
    assert (ended.failure.code, ended.retryable) == ("TaskEnded", False)
    assert "maxWallClockTime" in ended.failure.message


@pytest.mark.ours
@pytest.mark.parametrize("coordination", ["true", "sleep 600"])
def test_a_stop_ends_everything_on_all_nodes(site: Site, coordination: str) -> None:
    """Before or after the coordination; TaskEnded comes when nothing of it runs."""
    site.run("sleep 600", f"sleep 600 & {coordination}")
    wait_until(lambda: len(site.processes()) >= 3, "it runs")
    site.agent.stop_task(TASK, 1)
    ended = site.ended()
    assert ended.failure is not None
    assert ended.failure.message == "Task Was Ended by User Request"


@pytest.mark.ours
@pytest.mark.parametrize("number", [0, 1])
def test_the_removal_of_a_node_ends_the_whole_attempt_before_it_is_answered(site: Site, number: int) -> None:
    """So that no two attempts of a task overlap."""
    site.run("sleep 600", "sleep 600 &")
    wait_until(lambda: len(site.processes()) >= 3, "it runs")
    site.agent.remove_node(NODES[number], 1)
    wait_until(lambda: NodeRemoved(NODES[number], 1) in site.events, "the node is gone")
    assert site.processes() == []
    wait_until(lambda: any(isinstance(event, TaskEnded) for event in site.events), "the attempt has ended")


@pytest.mark.ours
def test_an_output_that_has_become_a_link_is_not_written(site: Site, tmp_path: Path) -> None:
    """The server may be root: what it opens for a task must lead nowhere that a coordination command chose."""
    target = tmp_path / "elsewhere"
    target.write_text("")
    site.run("echo written", f'ln -sf "{target}" "$AZ_BATCH_TASK_DIR/stdout.txt"')
    failure = site.ended().failure
    assert failure is not None
    assert failure.code == "ResourceDirectoryCreateFailed"
    assert target.read_text() == ""


@pytest.mark.ours
def test_files_of_the_command_are_not_written_where_a_link_leads(site: Site, tmp_path: Path) -> None:
    """Its coordination command may have made the working directory a link to anywhere."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    with BlobStore({"c/data": b"content"}) as store:
        own = (ResourceFile(url=f"{store.url}/c/data", path="data"),)
        site.run("true", f"cd ..; rmdir wd; ln -s {target} wd", own=own)
        failure = site.ended().failure
    assert failure is not None
    assert failure.code == "ResourceDirectoryCreateFailed"
    assert not list(target.iterdir())
