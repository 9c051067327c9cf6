import os
import pwd
from pathlib import Path

import pytest

from batchite.agent import users
from batchite.agent.users import TaskUser, choose_user, choose_users

pytestmark = pytest.mark.ours


def test_an_ordinary_user_runs_tasks_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to give up, nothing to warn of."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    chosen = choose_user(tmp_path)
    assert (chosen.uid, chosen.warning) == (None, "")
    assert "/usr/bin" in chosen.path.split(":")


def test_root_takes_an_unprivileged_user_that_reaches_what_tasks_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the server's own Python where that can be read, else with the system's."""
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(users, "_can_work", lambda _user, path, _root: path == users.SYSTEM_PATH)
    chosen = choose_user(tmp_path)
    assert (chosen.uid, chosen.path, chosen.warning) == (nobody.pw_uid, users.SYSTEM_PATH, "")


def test_root_says_why_tasks_run_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the unprivileged user cannot reach the nodes, and when there is none."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(users, "_can_work", lambda *_: False)
    assert str(tmp_path) in choose_user(tmp_path).warning
    monkeypatch.setattr(users, "_unprivileged", lambda: None)
    assert "no unprivileged user" in choose_user(tmp_path).warning


PLAIN = TaskUser("/bin", 1000, 1000)


@pytest.mark.parametrize(
    ("server", "allowed", "admin", "warning"),
    [
        (0, False, 1000, ""),
        (1000, False, 1000, ""),
        (0, True, None, "run as root"),
        (1000, True, 1000, "the server is not root"),
    ],
)
def test_elevation_gives_rights_only_where_the_host_may_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: int, *, allowed: bool, admin: int | None, warning: str
) -> None:
    """And only by a server that has them; that it does, or cannot, is said at start. Other tasks never get any."""
    monkeypatch.setattr(os, "geteuid", lambda: server)
    monkeypatch.setattr(users, "choose_user", lambda _: PLAIN)
    chosen = choose_users(tmp_path, allow_host_changes=allowed)
    assert (chosen.of(admin=False), chosen.of(admin=True).uid) == (PLAIN, admin)
    assert bool(chosen.warnings) == bool(warning)
    assert warning in "".join(chosen.warnings)


def test_behind_sudo_it_is_the_person_who_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """That user can reach its own files; root itself and unknown numbers are no such user."""
    monkeypatch.setenv("SUDO_UID", str(pwd.getpwnam("nobody").pw_uid))
    assert users._unprivileged() == pwd.getpwnam("nobody")
    for uid in ("0", "", "x", "4294000000"):
        monkeypatch.setenv("SUDO_UID", uid)
        assert users._unprivileged() == pwd.getpwnam("nobody")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_reach_is_tried_and_not_guessed(tmp_path: Path) -> None:
    """A folder closed to others is out of reach for the unprivileged user."""
    tmp_path.chmod(0o700)
    assert not users._can_work(pwd.getpwnam("nobody"), users.SYSTEM_PATH, tmp_path)
