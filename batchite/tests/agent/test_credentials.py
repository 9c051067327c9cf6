"""Commands of another user, started by a thread that is that user for a moment. All of it needs root on Linux."""

import os
import pwd
import subprocess
import threading
from pathlib import Path

import pytest

from batchite.agent import credentials
from batchite.agent.users import TaskUser

pytestmark = [
    pytest.mark.ours,
    pytest.mark.skipif(not credentials.per_thread(), reason="only root can start commands as another user"),
]

NOBODY = pwd.getpwnam("nobody")
USER = TaskUser("/usr/bin:/bin", NOBODY.pw_uid, NOBODY.pw_gid)


def said(script: str, user: TaskUser = USER) -> str:
    """What a script writes that runs as that user."""
    options = {"cwd": "/", "env": {"PATH": user.path}, "stdout": subprocess.PIPE, "start_new_session": True}
    with credentials.popen(["/bin/sh", "-c", script], user, **options) as process:
        return process.communicate()[0].decode()


def ids(uid: int, gid: int) -> set[str]:
    """The lines of a status that has these as its real, effective, saved and file system's ids."""
    return {"\t".join([f"{name}:", *[str(number)] * 4]) for name, number in (("Uid", uid), ("Gid", gid))}


def own() -> str:
    """The status of this thread."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/status").read_text()


def test_the_command_has_the_users_ids_and_nothing_of_roots() -> None:
    """No way back: no saved id, no group, no capability."""
    status = said("cat /proc/self/status").splitlines()
    assert ids(NOBODY.pw_uid, NOBODY.pw_gid) <= set(status)
    assert {f"Cap{kind}:\t0000000000000000" for kind in ("Inh", "Prm", "Eff", "Amb")} <= set(status)
    assert "Groups:\t" in {line.rstrip(" ") for line in status}


@pytest.mark.parametrize("per_thread", [True, False])
def test_both_ways_start_the_same(monkeypatch: pytest.MonkeyPatch, *, per_thread: bool) -> None:
    """The way of other systems: Python changes the user after a fork."""
    monkeypatch.setattr(credentials, "per_thread", lambda: per_thread)
    assert said("id -u; id -g; id -G") == f"{NOBODY.pw_uid}\n{NOBODY.pw_gid}\n{NOBODY.pw_gid}\n"


def test_the_thread_is_root_again_whatever_happens() -> None:
    """With all its groups and capabilities; a command that cannot be started changes nothing."""
    os.setgroups([4, 20])
    try:
        before = own()
        with pytest.raises(FileNotFoundError):
            credentials.popen(["no-such-program"], USER, env={"PATH": "/bin"})
        said("true")
        names = ("Uid", "Gid", "Groups", "Cap")
        assert [line for line in own().splitlines() if line.startswith(names)] == [
            line for line in before.splitlines() if line.startswith(names)
        ]
    finally:
        os.setgroups([])


def test_in_a_thread_of_its_own_the_process_stays_root() -> None:
    """As in the agent: the leader of the process, which the whole system sees as its user, is another thread."""
    leader: list[set[str]] = []

    def run() -> None:
        with credentials.of_user(NOBODY.pw_uid, NOBODY.pw_gid):
            leader.append(set(Path(f"/proc/{os.getpid()}/status").read_text().splitlines()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ids(0, 0) <= leader[0]


def test_the_user_may_not_trace_the_thread_in_that_moment() -> None:
    """Root stays the saved user, and that is what counts."""
    with credentials.of_user(NOBODY.pw_uid, NOBODY.pw_gid):
        thread = threading.get_native_id()
        script = f"head -c 1 /proc/{os.getpid()}/task/{thread}/maps || echo refused"
        done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False, env={})
    assert done.stdout == "refused\n"
