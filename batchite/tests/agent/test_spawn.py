"""Processes started by the C library: what they have of the server, and what is refused."""

import os
import signal
from pathlib import Path

import pytest

from batchite.agent import spawn

pytestmark = [
    pytest.mark.ours,
    pytest.mark.skipif(not spawn.available(), reason="needs glibc 2.34; elsewhere subprocess starts processes"),
]

PATH = {"PATH": "/usr/bin:/bin"}


def said(folder: Path, script: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and output of a script."""
    with (folder / "out").open("wb") as out:
        child = spawn.spawn(["sh", "-c", script], folder, PATH if env is None else env, (out.fileno(), out.fileno()))
        code = child.wait()
    assert child.wait() == code == child.returncode
    return code, (folder / "out").read_text()


def test_it_leads_a_session_in_its_directory_with_an_empty_input(tmp_path: Path) -> None:
    """The variables are those that were given; both outputs go where they should."""
    script = 'read x; pwd; echo "$A" >&2; test "$(cut -d" " -f6 /proc/$$/stat)" = $$ && echo leader'
    assert said(tmp_path, script, {**PATH, "A": "é=1"}) == (0, f"{tmp_path}\né=1\nleader\n")


def test_no_file_of_the_server_is_inherited(tmp_path: Path) -> None:
    """Not even one that was made to be: only input and outputs are open."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        assert said(tmp_path, "for n in /proc/$$/fd/*; do echo ${n##*/}; done")[1].split()[:3] == ["0", "1", "2"]
        assert said(tmp_path, f"test -e /proc/$$/fd/{write}")[0] == 1
    finally:
        os.close(read)
        os.close(write)


def test_signals_are_as_a_program_expects_them(tmp_path: Path) -> None:
    """The interpreter ignores SIGPIPE and a thread may block others; a task begins with neither."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        text = said(tmp_path, "exec grep -E '^Sig(Blk|Ign)' /proc/self/status")[1]
        blocked, ignored = (int(word, 16) for word in text.split()[1::2])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert blocked == 0
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_a_signal_is_told_as_subprocess_tells_it(tmp_path: Path) -> None:
    """As its negative number."""
    assert said(tmp_path, "kill -9 $$")[0] == -9


@pytest.mark.parametrize(
    ("command", "env", "expected"),
    [
        (["no-such-program"], PATH, FileNotFoundError),
        (["./no-such-program"], PATH, FileNotFoundError),
        (["/"], PATH, PermissionError),
        (["sh", "a\0b"], PATH, ValueError),
        (["sh"], {**PATH, "A": "a\0b"}, ValueError),
        (["sh"], {**PATH, "A=B": "c"}, ValueError),
        ([], PATH, IndexError),
    ],
)
def test_what_cannot_be_started_is_an_error(
    tmp_path: Path, command: list[str], env: dict[str, str], expected: type[Exception]
) -> None:
    """With the kernel's reason; no text is cut short."""
    with (tmp_path / "out").open("wb") as out, pytest.raises(expected):
        spawn.spawn(command, tmp_path, env, (out.fileno(), out.fileno()))
