"""The runner: order, parameters, where a failure is, and what becomes of the log."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.start_tasks.cloud import TOKEN, Cloud
from tests.start_tasks.node import Node

pytestmark = pytest.mark.ours

NewNode = Callable[[str], Node]


def test_scripts_run_in_their_order_with_their_parameters(node: Node) -> None:
    """Each gets its own words, and no other runs beside it."""
    for name in ("one.sh", "two.sh"):
        node.write(name, 'echo "${0##*/} has <$1> <$2>"\n')
    done = node.run("one.sh", "a b", "", "--", "two.sh", "$HOME", "*")
    assert (done.code, done.err) == (0, "")
    assert [line for line in done.out.splitlines() if "has" in line] == [
        "one.sh has <a b> <>",
        "two.sh has <$HOME> <*>",
    ]


@pytest.mark.parametrize(
    ("text", "line", "code", "command"),
    [
        ("set -e\ntrue\nls /is-not-there\n", 3, 2, "ls /is-not-there"),
        ("set -e\nwork() {\n  true\n  false\n}\nwork\n", 4, 1, "false"),
        ("work() {\n  exit 7\n}\nwork\n", 2, 7, "exit 7"),
        ("true\n(exit 4)\n", 2, 4, "( exit 4 )"),
        ("set -u\ntrue\nfail 'nothing to work on'\n", 3, 1, None),
    ],
)
def test_a_failure_names_script_and_line(node: Node, text: str, line: int, code: int, command: str | None) -> None:
    """Also of a script that does nothing for it; the scripts after it are not run."""
    node.write("bad.sh", f"{text}")
    node.write("after.sh", "echo ran anyway")
    done = node.run("bad.sh", "--", "after.sh")
    said = "nothing to work on" if command is None else f"exit code {code} of: {command}"
    assert done.code == code
    assert done.err.splitlines()[-2:] == [
        f"bad.sh: line {line}: {said}",
        f"run.sh: bad.sh failed with exit code {code}; no further script is run",
    ]
    assert "ran anyway" not in done.out


def test_a_failure_in_a_library_names_the_line_of_the_script(node: Node) -> None:
    """That is the line that its author can do something about."""
    node.write("lib/more.sh", 'deep() {\n  fail "no $1"\n}\n')
    node.write("bad.sh", 'source "${START_TASK_LIB}/more.sh"\nwork() {\n  deep water\n}\nwork\n')
    assert "bad.sh: line 3: no water\n" in node.run("bad.sh").err


def test_a_bash_that_a_script_starts_is_left_alone(node: Node) -> None:
    """Only the scripts of the start task are watched."""
    node.write("good.sh", "bash -c 'exit 3' || echo went on\n")
    done = node.run("good.sh")
    assert (done.code, done.err) == (0, "")
    assert "went on" in done.out


def test_a_misspelt_script_is_refused_before_any_runs(node: Node) -> None:
    """Nobody waits for the first to find out about the second."""
    node.write("good.sh", "echo ran")
    done = node.run("good.sh", "--", "god.sh")
    assert done.code == 1
    assert "run.sh: the script god.sh can't be read in " in done.err
    assert "ran" not in done.out.split()


def test_without_a_script_nothing_can_be_done(node: Node) -> None:
    """It says how it is called."""
    assert "a script is needed: run.sh SCRIPT" in node.run().err


def test_the_log_of_a_failure_lies_in_the_container(new_node: NewNode, cloud: Cloud) -> None:
    """Both streams, with the reason, below pool and node; the log holds no token."""
    node = new_node("node")
    node.write("bad.sh", "echo working\nls /is-not-there\n")
    assert node.run("bad.sh").code == 2
    error, output = cloud.names("logs/start-tasks/pool/node/")
    assert error.endswith("-stderr.txt")
    assert output.endswith("-stdout.txt")
    assert b"bad.sh: line 2: exit code 2 of: ls /is-not-there" in cloud.blobs[error]
    assert b"working" in cloud.blobs[output]
    assert TOKEN.encode() not in cloud.blobs[error] + cloud.blobs[output]


def test_a_log_that_cannot_be_uploaded_hides_nothing(new_node: NewNode, cloud: Cloud) -> None:
    """The exit code is the script's; that the log is on the node only is said."""
    cloud.answers += [403] * 2
    node = new_node("node")
    node.write("bad.sh", "exit 5")
    done = node.run("bad.sh")
    assert done.code == 5
    assert "stderr.txt could not be uploaded; it is on the node only" in done.err
    assert "403 AsTheTestAsked from https://store.blob.core.windows.net/logs/" in done.err
    assert cloud.blobs == {}


def test_success_uploads_nothing(new_node: NewNode, cloud: Cloud) -> None:
    """A pool of a thousand nodes makes no thousand blobs."""
    node = new_node("node")
    node.write("good.sh", "true")
    assert node.run("good.sh").code == 0
    assert cloud.asked == []


def test_work_for_root_is_refused_with_the_reason(node: Node) -> None:
    """On a local node that changes no host, and for whoever is not root."""
    node.write("root.sh", "true\nrequire_root 'painting the town'\necho painted\n")
    node.rights = "none"
    local = node.run("root.sh", BATCHITE_HOST_CHANGES="refused")
    assert (local.code, "painted" in local.out) == (1, False)
    assert "root.sh: line 2: painting the town needs root, and this local node never changes its host;" in local.err
    assert "--allow-host-changes" in local.err
    other = node.run("root.sh", BATCHITE_HOST_CHANGES="")
    assert (other.code, "painted" in other.out) == (1, False)
    assert "root.sh: line 2: painting the town needs root; give the start task elevation Admin" in other.err
