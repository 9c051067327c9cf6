import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent.nodes import PYTHON, wait_until

from batchite.agent import processes
from batchite.agent.processes import Journal

pytestmark = [pytest.mark.ours, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if len(sys.argv) > 2:
        script = f"import os,time; open({sys.argv[1]!r}, 'w').write(str(os.getpid())); time.sleep(600)"
        os.execve(sys.executable, [sys.executable, "-c", script], {})
    open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return pid in processes._live()


class Family:
    """A process, leader of a session, with a child in another session."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        file = folder / f"child-{len(list(folder.iterdir()))}"
        self.leader = subprocess.Popen(
            [PYTHON, "-c", DAEMON, str(file), *arguments], env=dict(variables), start_new_session=True
        )
        self.child = int(wait_until(lambda: file.exists() and file.read_text(), "the child has its own session"))

    def clear(self) -> None:
        """Whatever the test did not kill."""
        for pid in (self.leader.pid, self.child):
            if alive(pid):
                os.kill(pid, 9)
        self.leader.wait()


@pytest.fixture
def families() -> Iterator[list[Family]]:
    """Families that go at the end of the test."""
    made: list[Family] = []
    yield made
    for family in made:
        family.clear()


def test_a_tree_dies_with_its_children_of_other_sessions(tmp_path: Path, families: list[Family]) -> None:
    """Also one that has given up its environment: it is still a descendant."""
    families += [Family(tmp_path), Family(tmp_path, "without-environment")]
    for family in families:
        processes.kill_tree(family.leader.pid)
        assert not alive(family.leader.pid)
        assert not alive(family.child)


def test_an_orphan_in_a_session_of_its_own_is_found_by_its_marker(tmp_path: Path, families: list[Family]) -> None:
    """Its parent has gone, its environment has not; another task's processes live on."""
    families += [Family(tmp_path, AZ_BATCH_TASK_DIR="/n/t"), Family(tmp_path, AZ_BATCH_TASK_DIR="/n/t2")]
    mine, other = families
    os.kill(mine.leader.pid, 9)
    processes.kill_tree(mine.leader.pid, "AZ_BATCH_TASK_DIR=/n/t")
    assert not alive(mine.child)
    assert alive(other.leader.pid)
    assert alive(other.child)


def test_leftovers_of_a_dead_server_are_ended(tmp_path: Path, families: list[Family]) -> None:
    """Those in the journal, even where the root has moved, and those of a node below the root."""
    journal = Journal(tmp_path / "journal")
    families += [Family(tmp_path), Family(tmp_path, AZ_BATCH_NODE_ROOT_DIR=f"{tmp_path}/nodes/a/p/n")]
    journal.started(families[0].leader.pid)
    journal.end_leftovers(tmp_path / "nodes")
    assert not any(alive(pid) for family in families for pid in (family.leader.pid, family.child))
    assert (tmp_path / "journal").read_text() == ""
    journal.close()


def test_a_pid_that_another_process_has_by_now_is_left_alone(tmp_path: Path, families: list[Family]) -> None:
    """The journal names pid and start time; a stranger has another start time, or a node below another root."""
    families.append(Family(tmp_path, AZ_BATCH_NODE_ROOT_DIR=f"{tmp_path}/nodes-of-another/a/p/n"))
    stranger = families[0].leader.pid
    (tmp_path / "journal").write_text(f"{stranger} 12345\n{stranger}\nnonsense\n\n")
    journal = Journal(tmp_path / "journal")
    journal.end_leftovers(tmp_path / "nodes")
    assert alive(stranger)
    journal.close()


def test_what_an_ended_leader_left_in_its_group_is_ended() -> None:
    """A background process does not outlive its task."""
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)"
    leader = subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    leader.communicate()
    assert alive(child)
    processes.end_session(leader.pid)
    assert not alive(child)


def test_an_empty_marker_matches_nothing() -> None:
    """Environments hold an empty last entry; that must not make every process a match."""
    assert processes._marked(processes._live(), "") == set()
