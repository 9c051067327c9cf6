"""The configurations that the documents show are configurations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import config

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "azure-batch"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
STACK = {"location": "westeurope", "publicAccess": {"allow": "anyone"}, "pools": {"main": {}}}
MACHINE = {"vmSize": "standard_d2s_v5"}
SCALE = {"maxSpot": 1}


def shown() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every block of a document that is (a part of) a stack's configuration, by document and number."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, text in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), start=1):
            found = yaml.safe_load(text)
            settings = found.get("config", found) if isinstance(found, dict) else {}
            if settings and all(str(key).startswith(f"{PROJECT}:") for key in settings):
                yield f"{path.name} {number}", {key.removeprefix(f"{PROJECT}:"): one for key, one in settings.items()}


def completed(pool: dict[str, Any]) -> dict[str, Any]:
    """A pool with what each has to say, where the example is about something else."""
    machine = {} if "size" in pool else MACHINE
    scale = {} if {"fixed", "formulaFile", "maxDedicated"} & pool.keys() else SCALE
    return {**machine, **scale, **pool}


@pytest.mark.parametrize("settings", [pytest.param(found, id=name) for name, found in shown()])
def test_an_example_is_a_configuration(settings: dict[str, Any]) -> None:
    """With what every stack has, each example is read without a problem."""
    stack: dict[str, Any] = {**STACK, **settings}
    stack["pools"] = {key: completed(pool) for key, pool in stack["pools"].items()}
    values = {key: one if isinstance(one, str) else json.dumps(one) for key, one in stack.items()}
    assert config.parse(PROJECT, values).pools


def test_the_readme_shows_one() -> None:
    """The README is among the documents with an example."""
    assert "README.md 1" in dict(shown())
