"""The start task's script, with stand-ins for Python's venv module, pip and uv."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.components.harness import ROOT

pytestmark = pytest.mark.ours

SCRIPT = ROOT / "start_tasks" / "python_packages.sh"
PYTHON = """#!/bin/bash
echo "python3 $*" >>"$CALLS"
if [[ $1 == -c ]]; then [[ ! -e $NODE/no-venv ]]; exit; fi
target=${!#}
mkdir -p "$target/bin"
printf '#!/bin/bash\\necho "pip $*" >>"$CALLS"\\n' >"$target/bin/python"
printf '#!/bin/bash\\necho "uv $*" >>"$CALLS"\\n[[ ! -e $NODE/no-packages ]]\\n' >"$target/bin/uv"
chmod +x "$target"/bin/*
"""
APT = """#!/bin/bash
echo "apt-get $*" >>"$CALLS"
rm -f "$NODE/no-venv"
"""


@dataclass(frozen=True)
class Node:
    """A node's directories with stand-ins on its PATH."""

    root: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script as a start task is run: without a shell, with the documented variables only."""
        environment = {
            "PATH": f"{self.root / 'stand-ins'}:/usr/bin:/bin",
            "AZ_BATCH_NODE_ROOT_DIR": str(self.root),
            "AZ_BATCH_NODE_SHARED_DIR": str(self.root / "shared"),
            "CALLS": str(self.root / "calls"),
            "NODE": str(self.root),
        }
        command = ["/bin/bash", SCRIPT.name, *arguments]
        return subprocess.run(
            command, cwd=self.root / "wd", env=environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        """What was called since the last time, first word only."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return [line.split()[0] for line in lines]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A fresh node."""
    for name in ("wd", "shared", "volatile", "stand-ins"):
        (tmp_path / name).mkdir()
    for name, text in (("python3", PYTHON), ("apt-get", APT)):
        (tmp_path / "stand-ins" / name).write_text(text)
        (tmp_path / "stand-ins" / name).chmod(0o755)
    shutil.copy(SCRIPT, tmp_path / "wd")
    (tmp_path / "wd" / "requirements.txt").write_text("pvlib==0.16.1\n")
    return Node(tmp_path)


def test_a_fresh_node_gets_an_environment_with_the_packages(node: Node) -> None:
    """Environment, uv, requirements, in this order; the script says that it is done."""
    done = node.run("requirements.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert node.calls() == ["python3", "python3", "pip", "uv"]
    assert "is ready" in done.stdout


def test_after_a_reboot_there_is_nothing_to_do(node: Node) -> None:
    """A second run with the same files touches nothing."""
    node.run("requirements.txt")
    node.calls()
    assert node.run("requirements.txt").returncode == 0
    assert node.calls() == []


def test_other_requirements_make_the_environment_anew(node: Node) -> None:
    """Nothing of the old environment is left."""
    node.run("requirements.txt")
    node.calls()
    (node.root / "wd" / "requirements.txt").write_text("pvlib==0.15.0\n")
    assert node.run("requirements.txt").returncode == 0
    assert node.calls() == ["python3", "python3", "pip", "uv"]


def test_a_failed_run_names_script_and_line_and_is_repeated(node: Node) -> None:
    """The reason stands on stderr; the next run does the work again, to its end."""
    (node.root / "no-packages").touch()
    failed = node.run("requirements.txt")
    assert failed.returncode == 1
    assert "python_packages.sh: line " in failed.stderr
    assert "pip install" in failed.stderr
    (node.root / "no-packages").unlink()
    assert node.run("requirements.txt").returncode == 0
    assert node.calls() == ["python3", "python3", "pip", "uv"] * 2


def test_a_system_without_the_venv_module_is_completed_by_root_only(node: Node) -> None:
    """Root installs the package; anybody else is told what is missing and what to do."""
    (node.root / "no-venv").touch()
    done = node.run("requirements.txt")
    if os.geteuid() == 0:
        assert done.returncode == 0
        assert "apt-get" in node.calls()
    else:
        assert done.returncode == 1
        assert "only root can install it" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("missing.txt",)])
def test_wrong_arguments_are_refused(node: Node, arguments: tuple[str, ...]) -> None:
    """Without a readable requirements file nothing is done."""
    done = node.run(*arguments)
    assert done.returncode == 1
    assert "python_packages.sh: line " in done.stderr
    assert node.calls() == []
