"""Scripts for Windows nodes. They are parsed and compared with those for Linux; running them takes a Windows node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from tests.start_tasks.node import ROOT
from tools import powershell

pytestmark = pytest.mark.ours

FOLDER = ROOT / "start_tasks"
SCRIPTS = sorted(FOLDER.glob("**/*.ps1"))
LIBRARY = FOLDER / "lib" / "blob.ps1"
PARSER = Parser(Language(tree_sitter_powershell.language()))
TWINS = ("run", "python_packages", "fetch_program", "node_stats")
CMDLETS = """
    Compress-Archive ConvertFrom-Json ConvertTo-Json Copy-Item Expand-Archive ForEach-Object Get-CimInstance
    Get-Command Get-Content Get-Date Get-FileHash Get-Location Get-ScheduledTask Invoke-RestMethod Invoke-WebRequest
    Join-Path Measure-Object Move-Item New-Item New-Object New-ScheduledTaskAction New-ScheduledTaskPrincipal
    New-ScheduledTaskSettingsSet Out-Host Register-ScheduledTask Remove-Item Select-Object Select-String Set-Content
    Set-StrictMode Split-Path Start-Process Start-ScheduledTask Start-Sleep Stop-ScheduledTask Test-Path
    Where-Object Write-Host Write-Output
"""
"""Cmdlets of Windows PowerShell 5.1 that the scripts use; another one is added here once it has been looked up."""


def nodes(path: Path, kind: str) -> Iterator[Node]:
    """All nodes of a kind in a script."""
    waiting = [PARSER.parse(path.read_bytes()).root_node]
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if node.type == kind:
            yield node


def texts(path: Path, kind: str) -> set[str]:
    """What the nodes of a kind say."""
    return {node.text.decode() for node in nodes(path, kind) if node.text}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_parses(path: Path) -> None:
    """No place of it is unknown to the grammar."""
    assert list(powershell.problems(path.read_bytes())) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("$x = 1\nif ($x { 1 }\n", 2),
        ("function Get-X {\n    1\n", 2),
        ('"abc\n', 1),
        ("1 \n", 1),
        ("x" * 121 + "\n", 1),
    ],
)
def test_what_does_not_parse_is_named_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    """The check itself can fail."""
    (tmp_path / "x.ps1").write_text(text)
    assert line in [number for number, _ in powershell.problems(text.encode())]
    assert powershell.main([str(tmp_path / "x.ps1")]) == 1


@pytest.mark.parametrize("name", TWINS)
def test_both_systems_take_the_same_parameters(name: str) -> None:
    """In the same order, as the head of each script says."""
    linux, windows = (_usage(FOLDER / f"{name}.{ending}") for ending in ("sh", "ps1"))
    assert linux == windows != []


def _usage(path: Path) -> list[str]:
    head = path.read_text().split("\n\n", 1)[0]
    found = re.findall(rf"^#   .*?{path.name} ?(.*?)(?:    .*)?$", head, re.MULTILINE)
    return [re.sub(r"\s+", " ", line).strip() for line in found]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_command_is_there(path: Path) -> None:
    """Defined in the script or the library, or a cmdlet of every Windows: a misspelt one shows on the node only."""
    defined = {name for file in {path, LIBRARY} for name in texts(file, "function_name")}
    called = {name for name in texts(path, "command_name") if re.fullmatch(r"[A-Za-z]+-[A-Za-z]+", name)}
    assert called - defined - set(CMDLETS.split()) == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_variables_of_a_script_are_not_hidden(path: Path) -> None:
    """A function sees its caller's variables: those of a script must not be named like parameters of the library."""
    parameters = {name.lower() for node in nodes(LIBRARY, "script_parameter") for name in _variables(node)}
    root = PARSER.parse(path.read_bytes()).root_node
    own = {name.lower() for node in _top_level(root) for name in _variables(node)} if path != LIBRARY else set()
    assert parameters
    assert own & (parameters | {"$mutex", "$attempt", "$status", "$passes"}) == set()


def _variables(node: Node) -> set[str]:
    return set(re.findall(r"\$[A-Za-z]\w*", node.text.decode())) if node.text else set()


def _top_level(root: Node) -> Iterator[Node]:
    """The left sides of assignments outside functions."""
    for child in root.children:
        if child.type == "left_assignment_expression":
            yield child
        elif child.type != "function_statement":
            yield from _top_level(child)


def test_both_libraries_trust_the_same_hosts() -> None:
    """And speak the same versions."""
    python, script = (FOLDER / "lib/blob.py").read_text(), LIBRARY.read_text()
    hosts = set(re.findall(r'"(\.(?:blob|vault)\.[\w.]+)"', python))
    assert hosts == set(re.findall(r"'(\.(?:blob|vault)\.[\w.]+)'", script))
    assert len(hosts) == 7
    for version in ("2023-11-03", "7.4"):
        assert f'"{version}"' in python
        assert f"'{version}'" in script


def test_both_install_the_same_uv() -> None:
    """One version to change."""
    found = {re.search(r"VERSION ?= ?'?([\d.]+)", path.read_text(), re.IGNORECASE) for path in FOLDER.glob("python_*")}
    assert len({match[1] for match in found if match}) == 1


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        ("greet==1.0", True),
        ("greet[fast]==1!2.0.post1+local ; python_version < '3.12'  # why", True),
        ("greet==1.0     --hash=sha256:ab12     --hash=sha256:cd34", True),
        ("", True),
        ("    # via words", True),
        ("greet", False),
        ("greet>=1.0", False),
        ("greet==1.*", False),
        ("-r more.txt", False),
        ("greet @ https://example.com/x.whl", False),
    ],
)
def test_windows_knows_a_pinned_line(line: str, pinned: bool) -> None:
    """By the same rule as on Linux; the expression is one that both engines read alike."""
    text = (FOLDER / "python_packages.ps1").read_text()
    name, version = (re.search(rf"\${key} = '(.*)'", text) for key in ("name", "version"))
    assert name is not None
    assert version is not None
    assert '$pinned = "^\\s*($name$version\\s*(\\s#.*)?|#.*)?`$"' in text
    assert bool(re.search(rf"^\s*({name[1]}{version[1]}\s*(\s#.*)?|#.*)?$", line)) == pinned
