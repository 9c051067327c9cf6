"""`make azure`: it says who deploys, and asks before the first time."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tools import azure
from tools.console import CommandError

pytestmark = pytest.mark.ours

LOGIN = azure.Login("me@example.com, the login of the Azure CLI", "")
ACCOUNT = {"name": "Team", "id": "0b4c417e-0000-4000-8000-000000000001", "user": {"name": "me@example.com"}}


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (
            {"ARM_CLIENT_ID": "app", "ARM_CLIENT_SECRET": "hunter2"},
            "the application app (ARM_CLIENT_ID), with a client",
        ),
        ({"ARM_CLIENT_ID": "app", "ARM_USE_OIDC": "true"}, "with the token of a pipeline"),
        ({"ARM_CLIENT_ID": "app"}, "with no proof"),
        ({"ARM_USE_MSI": "true"}, "the managed identity of this machine"),
    ],
)
def test_it_says_who_deploys(env: dict[str, str], words: str) -> None:
    """The variables that azure-native reads are told in words, without the secret among them."""
    login = azure.from_environment(env)
    assert login is not None
    assert words in login.who
    assert "hunter2" not in repr(login)


def test_the_cli_comes_after_the_variables(tmp_path: Path) -> None:
    """Without variables it is the login of the Azure CLI, and without both a sentence says how to get one."""
    env = {"PATH": str(tmp_path)}
    with pytest.raises(CommandError, match="no login to Azure") as caught:
        azure.find_login(env)
    assert "az login" in caught.value.next_step
    az = tmp_path / "az"
    az.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(ACCOUNT))})\n")
    az.chmod(stat.S_IRWXU)
    found = azure.find_login({**env, "PATH": f"{tmp_path}{os.pathsep}{os.defpath}"})
    assert found == azure.Login(LOGIN.who, "Team (0b4c417e-0000-4000-8000-000000000001)")


def test_two_identities_are_noticed() -> None:
    """Files are uploaded by another client than Pulumi's: it has to sign in as the same application."""
    assert azure.other_login({"ARM_CLIENT_ID": "a", "AZURE_CLIENT_ID": "a"}) == azure.other_login({}) == ""
    assert "set both alike" in azure.other_login({"ARM_CLIENT_ID": "a"})


@pytest.mark.parametrize(
    ("stacks", "first"),
    [
        ([], True),
        ([{"name": "dev"}], True),
        ([{"name": "dev", "resourceCount": 0}], True),
        ([{"name": "dev", "resourceCount": 21}], False),
        ([{"name": "team/dev", "resourceCount": 21}], False),
        ([{"name": "predev", "resourceCount": 21}], True),
    ],
)
def test_only_the_first_deployment_asks(stacks: list[dict[str, object]], first: bool) -> None:
    """A stack without resources is one that was never deployed."""
    assert azure.is_first("dev", stacks) is first


def test_nobody_to_ask_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline has to say --yes; a person says y."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match="nobody to ask") as caught:
        azure.agree("dev", LOGIN, [])
    assert caught.value.code == 2
    azure.agree("dev", LOGIN, ["--yes"])


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("no\n", False)])
def test_a_person_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, agreed: bool
) -> None:
    """Anything but yes deploys nothing; the question says as whom."""
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    try:
        azure.agree("dev", LOGIN, [])
    except CommandError:
        assert not agreed
    else:
        assert agreed
    assert "me@example.com" in capsys.readouterr().out
