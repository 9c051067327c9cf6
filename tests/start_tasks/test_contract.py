"""What the page about start tasks says, what the deployment uploads, and what the scripts need: all the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.records import problems, record
from components.start_task_settings import COLLECTOR, RUNNER, WINDOWS_RUNNER, StartTaskSettings, node_name
from tests.start_tasks.node import ROOT

pytestmark = pytest.mark.ours

FOLDER = ROOT / "start_tasks"
PAGE = (ROOT / "docs" / "start-tasks.md").read_text()
SCRIPTS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".sh", ".ps1"})
EXAMPLES: dict[str, Any] = {
    name: pool["startTask"]
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for name, pool in yaml.safe_load(block)["azure-batch:pools"].items()
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_page_can_be_deployed(name: str) -> None:
    """Their settings are known, and the files that they name are there."""
    assert problems(StartTaskSettings, EXAMPLES[name], "") == []
    settings = record(StartTaskSettings, EXAMPLES[name])
    missing = [path for path in settings.files(windows=name == "windows") if not (ROOT / path).is_file()]
    assert missing == []


def test_the_page_has_an_example_for_each_system() -> None:
    """Of the name by which the test above tells them apart."""
    assert set(EXAMPLES) == {"main", "windows"}


@pytest.mark.parametrize("path", [path for path in SCRIPTS if path.stem != "run"], ids=lambda path: path.name)
def test_the_page_names_every_script(path: Path) -> None:
    """There is none that only its author knows of."""
    assert f"`{path.name}" in PAGE


@pytest.mark.parametrize("path", [*SCRIPTS, *sorted((FOLDER / "lib").glob("*.*"))], ids=lambda path: path.name)
def test_the_deployment_uploads_what_a_script_needs(path: Path) -> None:
    """Beside the script itself, its library; the collector's module comes with the setting `nodeStats`."""
    uploaded = {node_name(name) for name in (*RUNNER, *WINDOWS_RUNNER, COLLECTOR)}
    needed = {f"lib/{name}" for name in re.findall(r"\{?START_TASK_LIB[^}/]*\}?/([\w.]+)", path.read_text())}
    needed |= {f"lib/{name}" for name in re.findall(r"lib\\(\w+\.\w+)", path.read_text())}
    assert needed <= uploaded
    assert all((FOLDER / name).is_file() for name in needed)
