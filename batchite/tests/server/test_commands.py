import json
import shlex
import socket
from pathlib import Path

import pytest
from servers import RunningServer

from batchite.cli import main

pytestmark = pytest.mark.ours


def test_the_ready_line_says_where_everything_is(running: RunningServer) -> None:
    """One line of JSON; each address answers by then."""
    ready = running.ready
    assert set(ready) == {"http", "https", "batch", "blob", "pid"}
    assert ready["pid"] == running.process.pid
    assert ready["batch"] == f"{ready['http']}/batch/batchite"
    for name in ("http", "https", "blob"):
        assert running.answer(f"{ready[name]}/", {})[0] in {400, 401, 403, 404}


def run(*arguments: str) -> int:
    """The exit code of a command that is run in this process, for speed."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("name", ["http", "https", "blob"])
def test_a_port_in_use_is_named_with_its_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """And what to do; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = [f"--{other}-port={port if other == name else 0}" for other in ("http", "https", "blob")]
        assert run("start", *flags, "--data", str(tmp_path)) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"batchite: port {port} is in use; choose another with --{name}-port (0 = any free one)\n"


@pytest.mark.parametrize("flags", [(), ("--detach",)])
def test_a_second_start_on_the_same_directory_is_refused(running: RunningServer, flags: tuple[str, ...]) -> None:
    """It names the process that is there, which goes on."""
    done = running.cli("start", "--http-port=0", "--https-port=0", "--blob-port=0", *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"(process {running.process.pid})" in done.stderr
    assert json.loads(running.cli("status").stdout)["running"]


def test_status_shows_where_it_runs(running: RunningServer) -> None:
    """The ready line again, with pools and jobs."""
    status = json.loads(running.cli("status").stdout)
    assert {name: status[name] for name in running.ready} == running.ready
    assert {"pools", "jobs"} <= set(status)


def test_env_in_every_format(running: RunningServer) -> None:
    """The same variables for a shell, for programs and for GitHub; the file in the directory holds them too."""
    variables = json.loads(running.cli("env", "--format", "json").stdout)
    assert variables == running.environment
    lines = running.cli("env").stdout.splitlines()
    shell = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)
    assert shell == variables
    github = running.cli("env", "--format", "github").stdout
    assert all(value in github for value in variables.values())


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("stop",), 0, "no Batchite runs on"),
        (("env",), 1, "begin with `batchite start`"),
        (("chaos", "preempt", "pool"), 1, "begin with `batchite start`"),
        (("chaos", "capacity", "pool"), 2, "--dedicated N, --spot N or both"),
        (("chaos", "earthquake"), 2, "invalid choice"),
        (("story", "job/task"), 1, "begin with `batchite start`"),
        (("start", "--time-scale", "0"), 2, "a number above 0"),
        (("autoscale", "simulate", "formula.txt"), 2, "not built yet"),
        ((), 2, "required"),
    ],
)
def test_commands_say_why_they_do_not_do_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    """Exit code 2 for what is not understood or not built, 1 for what fails; never half an answer."""
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == code
    assert text in capsys.readouterr().err
