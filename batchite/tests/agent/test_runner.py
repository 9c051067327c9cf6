import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent.nodes import BlobStore, Node, Running, open_to_all, wait_until

from batchite.agent import processes
from batchite.agent.launch import OutputFile, ResourceFile
from batchite.agent.processes import Journal
from batchite.agent.runner import TASK_ENDED, Ended
from batchite.agent.users import TaskUser

pytestmark = pytest.mark.documented  # REST reference: Task, TaskExecutionInformation; "Files and directories" of a node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node."""
    (tmp_path / "node").mkdir()
    return Node(tmp_path / "node")


@pytest.fixture
def store() -> Iterator[BlobStore]:
    """An empty store."""
    with BlobStore() as running:
        yield running


def code(ended: Ended) -> str:
    """The failure's code, empty for none."""
    return ended.failure.code if ended.failure else ""


def test_success(node: Node) -> None:
    """Exit code 0: no failure, output in the task directory, the start reported once."""
    assert node.run("/bin/sh -c 'echo out; echo err >&2'") == Ended(0, None)
    assert (node.stdout, (node.task / "stderr.txt").read_text(), node.started) == ("out\n", "err\n", [True])


@pytest.mark.parametrize(("script", "expected"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_another_exit_code_and_a_signal_are_failures_that_may_be_retried(
    node: Node, script: str, expected: int
) -> None:
    """A signal counts as 128 + its number, as shells have it."""
    ended = node.run(f"/bin/sh -c '{script}'")
    assert (ended.exit_code, code(ended), ended.retryable) == (expected, "FailureExitCode", True)


@pytest.mark.parametrize(
    ("command_line", "expected"),
    [
        ("no-such-program --x", "CommandProgramNotFound"),
        ("./no-such-file", "CommandProgramNotFound"),
        ("/", "CommandLaunchFailed"),
        ("echo 'open", "CommandLaunchFailed"),
        ("", "CommandLaunchFailed"),
    ],
)
def test_a_command_that_cannot_be_started_is_no_matter_of_retries(node: Node, command_line: str, expected: str) -> None:
    """Nothing has run: no start, no exit code."""
    ended = node.run(command_line)
    assert (ended.exit_code, code(ended), ended.retryable, node.started) == (None, expected, False, [])


def test_no_shell_stands_between(node: Node) -> None:
    """Variables and redirections are for the command itself to interpret."""
    node.run("echo $HOME > x")
    assert node.stdout == "$HOME > x\n"


def test_the_environment_is_exactly_the_given_one(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the server's own is inherited."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret")
    launch = node.launch("/usr/bin/env")
    node.attempt(launch).run()
    assert dict(line.split("=", 1) for line in node.stdout.splitlines()) == dict(launch.environment)


def test_the_program_is_looked_up_on_the_tasks_path(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the server's, nor in its working directory."""
    own = node.root.parent / "bin"
    own.mkdir()
    (own / "only-here").write_text("#!/bin/sh\n")
    (own / "only-here").chmod(0o755)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    monkeypatch.chdir(own)
    assert code(node.run("only-here")) == code(node.run("./only-here")) == "CommandProgramNotFound"


def test_it_runs_in_wd_with_its_resource_files_already_there(node: Node, store: BlobStore) -> None:
    """They are fetched before the start, executable where their mode says so."""
    store.blobs["in/run.sh"] = b"#!/bin/sh\npwd; cat data/x"
    store.blobs["in/x"] = b"content"
    files = tuple(
        ResourceFile(url=f"{store.url}/in/{name}", path=path, mode="0755")
        for name, path in (("run.sh", "run.sh"), ("x", "data/x"))
    )
    assert node.run("./run.sh", resource_files=files) == Ended(0, None)
    assert node.stdout == f"{node.task}/wd\ncontent"


def test_a_missing_resource_file_keeps_the_command_from_starting(node: Node, store: BlobStore) -> None:
    """The failure is the download's."""
    ended = node.run("/bin/true", resource_files=(ResourceFile(url=f"{store.url}/in/x", path="x"),))
    assert (ended.exit_code, code(ended), node.started) == (None, "BlobNotFound", [])


def test_every_attempt_has_a_fresh_directory(node: Node) -> None:
    """Also after one that left a read-only folder."""
    node.run("/bin/sh -c 'mkdir -p d/e; touch d/e/f; chmod 555 d/e d; echo first'")
    node.run("ls")
    assert node.stdout == ""


def test_the_wall_clock_limit_ends_the_whole_tree(node: Node) -> None:
    """With TaskEnded, no retry, and the limit as the reason."""
    ended = node.run("/bin/sh -c 'setsid sleep 600 & sleep 600'", wall_clock=0.3)
    assert (ended.exit_code, code(ended), ended.retryable) == (137, "TaskEnded", False)
    assert ended.failure is not None
    assert "maxWallClockTime" in ended.failure.message
    assert runs_on(node) == []


def runs_on(node: Node) -> list[int]:
    """Pids of processes of the node."""
    marker = f"AZ_BATCH_NODE_ROOT_DIR={node.root}".encode()
    return [pid for pid in processes._live() if marker in processes._environment(pid)]


@pytest.mark.parametrize(
    ("script", "stored"),
    [("exit 0", {"success", "completion"}), ("exit 1", {"failure", "completion"})],
)
def test_uploads_depend_on_how_the_command_ended(node: Node, store: BlobStore, script: str, stored: set[str]) -> None:
    """tasksuccess, taskfailure, taskcompletion; what was stored is told to the ledger."""
    outputs = tuple(
        OutputFile("../stdout.txt", f"{store.url}/c", path=name, condition=f"task{name}")
        for name in ("success", "failure", "completion")
    )
    node.run(f"/bin/sh -c '{script}'", output_files=outputs)
    assert {name.removeprefix("c/") for name in store.blobs} == stored
    assert {one.url.rsplit("/", 1)[1] for one in node.uploaded} == stored


def test_a_failed_upload_is_the_tasks_failure_unless_it_has_failed_already(node: Node, store: BlobStore) -> None:
    """The exit code stays; the other outputs are stored all the same."""
    outputs = (OutputFile("../stdout.txt", f"{store.url}/c", "a"), OutputFile("../stderr.txt", f"{store.url}/c", "b"))
    for script, expected in (("exit 0", (0, "FileUploadAccessDenied")), ("exit 4", (4, "FailureExitCode"))):
        store.answers = [403]
        ended = node.run(f"/bin/sh -c '{script}'", output_files=outputs)
        assert (ended.exit_code, code(ended)) == expected
        assert store.blobs.pop("c/b") == b""


def test_nothing_is_uploaded_from_where_the_task_directory_has_become_a_link(
    node: Node, store: BlobStore, tmp_path: Path
) -> None:
    """A task may rename its directory; what the server may read is not the task's to have."""
    secrets = tmp_path / "secrets"
    (secrets / "wd").mkdir(parents=True)
    (secrets / "wd/key").write_text("secret")
    command = f"/bin/sh -c 'mv {node.task} {node.task}.old; ln -s {secrets} {node.task}'"
    ended = node.run(command, output_files=(OutputFile("**/*", f"{store.url}/c"),))
    assert (code(ended), store.blobs) == ("FileUploadMiscError", {})


def test_a_stop_before_the_start_keeps_the_command_from_running(node: Node) -> None:
    """A stop may overtake the thread that runs the attempt."""
    attempt = node.attempt(node.launch("/bin/true"))
    attempt.stop()
    assert attempt.run() == Ended(None, TASK_ENDED)
    assert node.started == []


def test_a_stop_while_downloading(node: Node, store: BlobStore) -> None:
    """The download ends; the command never starts."""
    store.blobs["in/x"] = bytes(2_000_000)
    store.slow = True
    running = Running(
        node.attempt(node.launch("/bin/true", resource_files=(ResourceFile(url=f"{store.url}/in/x", path="x"),)))
    )
    wait_until(lambda: store.requests, "the download has begun")
    running.attempt.stop()
    store.hold.set()
    assert running.end() == Ended(None, TASK_ENDED)
    assert node.started == []


def test_a_stop_while_running_ends_everything_and_uploads_nothing(node: Node, store: BlobStore) -> None:
    """When the end is reported, nothing of the attempt runs any more."""
    outputs = (OutputFile("../stdout.txt", f"{store.url}/c"),)
    running = Running(node.attempt(node.launch("/bin/sh -c 'setsid sleep 600 & sleep 600'", output_files=outputs)))
    wait_until(lambda: len(runs_on(node)) == 3, "the whole tree runs")
    threading.Thread(target=running.attempt.stop).start()
    assert running.end() == Ended(137, TASK_ENDED)
    assert runs_on(node) == []
    assert store.requests == []


def test_a_stop_while_uploading_ends_the_uploads(node: Node, store: BlobStore) -> None:
    """Without waiting for a store that is busy."""
    node.transfer._first_pause = 60
    store.answers = [503]
    outputs = (OutputFile("../stdout.txt", f"{store.url}/c"), OutputFile("../stderr.txt", f"{store.url}/c"))
    running = Running(node.attempt(node.launch("/bin/true", output_files=outputs)))
    wait_until(lambda: store.requests, "the upload has begun")
    running.attempt.stop()
    assert running.end() == Ended(0, TASK_ENDED)
    assert store.blobs == {}


def test_a_stop_after_the_end_changes_nothing(node: Node) -> None:
    """The pid may be another process's by then."""
    attempt = node.attempt(node.launch("/bin/true"))
    assert attempt.run() == Ended(0, None)
    attempt.stop()


def test_a_background_process_ends_with_its_task(node: Node) -> None:
    """What stayed in the task's process group is gone when the end is reported."""
    assert node.run("/bin/sh -c 'sleep 600 & exit 0'") == Ended(0, None)
    assert runs_on(node) == []


def test_a_full_disk_is_named(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the directory cannot be made, and where it is the journal that cannot be written: nothing keeps running."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "started", full)
        ended = node.run("sleep 600")
        assert (ended.exit_code, code(ended)) == (None, "DiskFull")
        assert runs_on(node) == []
    monkeypatch.setattr(Path, "mkdir", full)
    assert code(node.run("/bin/true")) == "DiskFull"


def test_a_task_directory_that_cannot_be_made_is_named(node: Node) -> None:
    """A file is where the folder of the job has to be."""
    (node.root / "workitems").write_text("")
    assert code(node.run("/bin/true")) == "ResourceDirectoryCreateFailed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_task_and_its_files_belong_to_the_tasks_user(tmp_path: Path, store: BlobStore) -> None:
    """Under root an unprivileged one, without root's groups, who may change what is in the task directory."""
    open_to_all(tmp_path)
    node = Node(tmp_path / "node", user=TaskUser("/usr/bin:/bin", 65534, 65534))
    store.blobs["in/x"] = b"x"
    files = (ResourceFile(url=f"{store.url}/in/x", path="d/x"),)
    ended = node.run("/bin/sh -c 'id -u; id -G; echo y >> d/x; touch d/y ../z'", resource_files=files)
    assert ended == Ended(0, None), (node.task / "stderr.txt").read_text()
    assert node.stdout == "65534\n65534\n"


def test_the_command_reads_nothing(node: Node) -> None:
    """Standard input is empty and no file of the server is open in it."""
    node.run("/bin/sh -c 'cat; ls /proc/self/fd | wc -l'")
    assert int(node.stdout) <= 4
