"""`jobs ssh`, with programs in place of OpenSSH's that note what they are asked."""

import json
from pathlib import Path

import pytest

from tests.unit.jobs.test_cli import Cli, run  # noqa: F401 - a fixture

pytestmark = pytest.mark.ours

SSH = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/asked
exit 3
"""
KEYGEN = """#!/bin/sh
for last; do :; done
echo secret > "$last"; echo "ssh-ed25519 AAAA" > "$last.pub"
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the words of `ssh` are noted."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("ssh", SSH.replace("{folder}", str(tmp_path))), ("ssh-keygen", KEYGEN)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path / "asked"


def test_a_command_on_a_node(run: Cli, asked: Path) -> None:  # noqa: F811 - the fixture
    """A user with a key comes and goes with the visit; the exit code is that of ssh."""
    run.batch.node_list = [{"id": "tvm-1", "state": "idle"}, {"id": "tvm-2", "state": "idle"}]
    code, out, _ = run("ssh", "tvm-2", "--outputs", run.outputs, "--json", "--", "ls", "-l")
    assert code == 3
    assert json.loads(out) == {"pool": "solar-pool", "node": "tvm-2", "exitCode": 3}
    (user,) = run.batch.users
    assert (user["isAdmin"], user["sshPublicKey"]) == (False, "ssh-ed25519 AAAA")
    name = user["name"]
    assert run.batch.calls == [f"add {name} to solar-pool/tvm-2", f"remove {name} from solar-pool/tvm-2"]
    words = asked.read_text().split("\n")
    assert words[-6:] == ["-p", "2222", f"{user['name']}@127.0.0.1", "ls", "-l", ""]
    assert not Path(words[words.index("-i") + 1]).exists()


def test_the_node_must_be_one(run: Cli, asked: Path) -> None:  # noqa: F811 - the fixture
    """The nodes are listed when none or several are meant; nobody is let in."""
    run.batch.node_list = [{"id": "tvm-1", "state": "idle"}, {"id": "tvm-2", "state": "idle"}]
    for wanted, words in (("tvm", "several nodes begin so"), ("x", "no node begins so")):
        code, _, err = run("ssh", wanted, "--outputs", run.outputs)
        assert (code, words in err, "tvm-1 (solar-pool)" in err) == (2, True, True)
    assert run.batch.calls == []
    assert not asked.exists()


def test_openssh_must_be_there(run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    """What is missing is said."""
    run.batch.node_list = [{"id": "tvm-1", "state": "idle"}]
    monkeypatch.setenv("PATH", "")
    code, _, err = run("ssh", "tvm-1", "--outputs", run.outputs)
    assert (code, "install the OpenSSH client" in err) == (2, True)
