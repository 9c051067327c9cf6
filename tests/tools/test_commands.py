"""The commands of the Makefile: what they decide and how they end."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import azure, check, console, demo, down, local_stack, lock, run_tests

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[2]


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """A second command in the same folder ends with a sentence and a next step; after the first it may go."""
    with console.turn(tmp_path), pytest.raises(console.CommandError, match="at work in this folder") as caught:
        console.turn(tmp_path).__enter__()
    assert "jobs watch" in caught.value.next_step
    with console.turn(tmp_path):
        pass


def test_a_second_demo_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make demo` beside another one exits non-zero at once and starts nothing."""
    with (tmp_path / "make.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        monkeypatch.setattr(demo, "turn", lambda: console.turn(tmp_path))
        monkeypatch.setattr(demo, "demo", lambda _: pytest.fail("it went on"))
        assert demo.main() == 1
    assert "next: wait for it" in capsys.readouterr().err


def test_the_callers_logins_stay_out() -> None:
    """Nothing of the caller's Azure or Pulumi login reaches the local stack; the rest of the environment does."""
    caller = {
        "PATH": "/usr/bin",
        "LANG": "C",
        "AZURE_CLIENT_SECRET": "s",
        "PULUMI_ACCESS_TOKEN": "t",
        "ARM_USE_CLI": "1",
    }
    kept = local_stack.clean_environment(caller)
    assert kept["PATH"] == f"{ROOT}/.tools/bin:{ROOT}/.venv/bin:/usr/bin"
    assert {name: value for name, value in kept.items() if name != "PATH"} == {"LANG": "C"}


def test_bytecode_is_kept() -> None:
    """A caller who keeps no bytecode would wait two seconds at every deployment for the SDKs to be compiled."""
    caller = {"PATH": "/usr/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    assert "PYTHONDONTWRITEBYTECODE" not in local_stack.clean_environment(caller)
    assert console.compiling_once(caller) == {"PATH": "/usr/bin"}


def test_only_a_dead_pulumis_lock_is_released() -> None:
    """A lock is dead when its process is gone from this very machine."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = socket.gethostname()
    assert local_stack._is_dead({"pid": gone.pid, "hostname": here})
    assert not local_stack._is_dead({"pid": gone.pid, "hostname": f"not-{here}"})
    assert not local_stack._is_dead({"pid": os.getpid(), "hostname": here})


def test_exit_codes_pass_through() -> None:
    """A program's exit code is ours; one ended by a signal counts as interrupted."""
    assert console.run([sys.executable, "-c", "raise SystemExit(4)"]) == 4
    assert console.run(["sh", "-c", f"kill -{signal.SIGINT.value} $$"]) == console.INTERRUPTED


def test_a_failing_question_gives_the_programs_words() -> None:
    """What a program said on its way out is in the error."""
    with pytest.raises(console.CommandError, match="no such stack"):
        console.ask(["sh", "-c", "echo no such stack >&2; exit 255"])


@pytest.mark.parametrize(
    ("latest", "expected"), [(None, False), ({}, False), ({"resources": []}, False), ({"resources": [{}]}, True)]
)
def test_an_empty_stack_is_not_destroyed_again(latest: object, expected: bool) -> None:
    """`make down` starts nothing when the state holds no resource."""
    assert down.holds_resources({"checkpoint": {"latest": latest}}) is expected


@pytest.mark.parametrize(
    ("stack", "env"),
    [
        ("local", {}),
        ("dev", {"AZURE_AUTHORITY_HOST": "https://127.0.0.1:10011"}),
        ("dev", {"PULUMI_DEBUG_PROVIDERS": "azure-native:4711"}),
    ],
)
def test_azure_is_not_batchite(stack: str, env: dict[str, str]) -> None:
    """`make azure` refuses the stack of Batchite and a shell that points at it, as a usage error."""
    with pytest.raises(console.CommandError) as caught:
        azure.refuse_local(stack, env)
    assert caught.value.code == 2


def test_azure_asks_before_it_changes_anything() -> None:
    """The caller's own stack is selected and deployed under the policy pack, without --yes."""
    azure.refuse_local("dev", {"AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com"})
    assert azure.select("dev") == ["pulumi", "stack", "select", "--create", "dev"]
    pack = ["--policy-pack", "policies", "--policy-pack-config", "policies/config/dev.json"]
    assert azure.up("dev", ["--diff"]) == ["pulumi", "up", "--stack", "dev", *pack, "--diff"]
    assert azure.up("other", []) == ["pulumi", "up", "--stack", "other", "--policy-pack", "policies"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("12 passed in 0.50s", (12, 0, 0)),
        ("1 failed, 12 passed, 2 skipped, 3 deselected in 65.03s (0:01:05)", (12, 1, 2)),
        ("2 passed, 1 xfailed, 3 errors in 1.00s", (3, 3, 0)),
        ("no tests ran in 0.01s", (0, 0, 0)),
        ("ERROR: file or directory not found: x", (0, 0, 0)),
    ],
)
def test_pytests_closing_line_is_counted(line: str, expected: tuple[int, int, int]) -> None:
    """Passed, failed (with errors) and skipped tests are read from the last line."""
    found = run_tests.count(f"....F\nFAILED a.py::b - 3 passed\n{line}\n")
    assert (found["passed"], found["failed"], found["skipped"]) == expected


def test_the_total_is_one_plain_line() -> None:
    """After the table comes one line that adds everything up."""
    counts = {"passed": 2, "failed": 1, "skipped": 0}
    results = [run_tests.Result("tests/unit", 90.0, counts, False), run_tests.Result("tests/e2e", 30.0, counts, True)]
    lines = run_tests.report(results).splitlines()
    assert lines[-1] == "4 passed, 2 failed"
    assert "1.5 min" in lines[1]
    assert "2.0 min" in lines[3]


def test_every_test_belongs_to_a_suite() -> None:
    """`make test` misses no file of tests, and runs the slowest suite last."""
    suites = run_tests.suites()
    files = [p for top in ("tests", "batchite/tests") for p in (ROOT / top).rglob("test_*.py")]
    assert [path for path in files if not any(path.is_relative_to(suite) for suite in suites)] == []
    assert not any(suite.name == "e2e" for suite in suites[:-1])


def test_shell_scripts_are_checked() -> None:
    """The CI entry and every start task are among the scripts that are linted."""
    scripts = check.shell_scripts()
    assert ".ci/run" in scripts
    assert {str(p.relative_to(ROOT)) for p in (ROOT / "start_tasks").glob("*.sh")} <= set(scripts)


def test_locking_names_no_registry() -> None:
    """The pinned files are made without addresses in them."""
    assert {"--no-emit-index-url", "--no-emit-find-links", "--universal"} <= set(
        lock.command("deploy.in", "requirements.txt")
    )
