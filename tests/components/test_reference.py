"""The page and the JSON Schema of the configuration."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from components import reference
from tests.components.harness import ROOT

pytestmark = pytest.mark.ours

STACKS = ("local", "dev", "production.example")
VALIDATOR = jsonschema.Draft7Validator(reference.schema())


def stack_file(stack: str) -> dict[str, Any]:
    """A stack file as an editor reads it."""
    found: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    return found


def with_config(**changes: Any) -> dict[str, Any]:
    """The example of a production stack with other settings."""
    document = stack_file("production.example")
    return {"config": {**document["config"], **{f"azure-batch:{key}": value for key, value in changes.items()}}}


def test_page_and_schema_are_up_to_date() -> None:
    """Both are written from the settings; `python -m components.reference` writes them again."""
    assert (ROOT / reference.PAGE).read_text() == reference.page()
    assert json.loads((ROOT / reference.SCHEMA).read_text()) == reference.schema()


@pytest.mark.parametrize("stack", STACKS)
def test_editors_accept_the_stacks_of_the_project(stack: str) -> None:
    """The schema takes the files that come with the project, and they name it."""
    assert [error.message for error in VALIDATOR.iter_errors(stack_file(stack))] == []
    first = (ROOT / f"Pulumi.{stack}.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={reference.SCHEMA.as_posix()}"


@pytest.mark.parametrize(
    "changes",
    [
        {"locations": "westeurope"},
        {"location": "West Europe"},
        {"network": {"adressSpace": "10.0.0.0/16"}},
        {"budget": {"amount": 10, "start": "2026-12-02", "mails": ["a@example.com"]}},
        {"monitoring": {"without": ["everything"]}},
        {"webhooks": {"oncall": "https://example.com/in-plain-text"}},
        {"pools": {"main": {"vmSize": "standard_d2s_v3", "maxDedicated": "many", "maxSpot": 1}}},
    ],
)
def test_editors_show_what_is_wrong(changes: dict[str, Any]) -> None:
    """Unknown keys, wrong values and secrets in plain text are marked."""
    assert list(VALIDATOR.iter_errors(with_config(**changes)))


def test_editors_accept_secrets_that_are_encrypted() -> None:
    """A secret has Pulumi's own shape; settings of other projects are none of our business."""
    document = with_config(webhooks={"oncall": {"secure": "AAABAG"}})
    document["config"]["azure-native:subscriptionId"] = "0b4c417e-0000-4000-8000-000000000001"
    assert list(VALIDATOR.iter_errors(document)) == []


def test_every_setting_is_explained() -> None:
    """The page names each key of the schema."""
    page = reference.page()
    keys = {name.removeprefix("azure-batch:") for name in reference.schema()["properties"]["config"]["properties"]}
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_every_setting_of_a_pool_becomes_something() -> None:
    """The page names the input of ARM, or the resource, behind each."""
    lines = reference.page().split("## `pools.<key>`", maxsplit=1)[1].splitlines()
    others = [index for index, line in enumerate(lines) if line.startswith("## `") and "pools.<key>" not in line]
    rows = [line.split("|")[1:-1] for line in lines[: others[0]] if line.startswith("| `")]
    assert len(rows) > 50
    assert [cells[0].strip() for cells in rows if not cells[-1].strip()] == []
