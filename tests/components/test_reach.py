"""docs/pools.md: every input of the four Batch types, with settings that exist and verdicts that Batchite has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pulumi_azure_native as azure
import pytest

from batchite.arm.types.support import HONOURED, REFUSED, STORED
from components import reach
from components.arm_inputs import paths
from components.config import Settings
from components.pool_settings import PoolSettings
from components.records import key_of
from tests.components.harness import deploy
from tests.components.pool_samples import landed
from tests.components.pools_page import CLASSES, PAGE, bare, page, rows

pytestmark = pytest.mark.ours


def keys(kind: type[Any], prefix: str = "") -> Iterator[str]:
    """All settings of a class, and of those within: "fixed.dedicated", "packages.<key>.path"."""
    for item in dataclasses.fields(kind):
        key = f"{prefix}{key_of(item)}"
        yield key
        if record := item.metadata.get("record"):
            yield from keys(record, f"{key}.<key>." if "keys" in item.metadata else f"{key}.")


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.components.pools_page` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("token", CLASSES)
def test_every_input_has_its_row(token: str) -> None:
    """No input of the SDK's class is missing, and none has an empty cell."""
    found = list(rows(token, CLASSES[token]))
    assert [row[0] for row in found] == list(paths(CLASSES[token]))
    assert {row[2] for row in found} <= {"in place", "replacement"}
    assert {row[3] for row in found} <= {HONOURED, STORED, REFUSED, "the rows below"}
    assert all(row[1] for row in found)


@pytest.mark.parametrize("token", CLASSES)
def test_rows_name_settings_and_inputs_that_exist(token: str) -> None:
    """Neither a setting nor an input that was renamed is left in the table."""
    known = {*keys(PoolSettings), *keys(Settings)}
    named = {word for text in reach.TABLES[token].values() for word in re.findall(r"`([^`]+)`", text)}
    assert named - known == set()
    assert set(reach.TABLES[token]) - {bare(path) for path in paths(CLASSES[token])} == set()


def test_every_input_of_the_account_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """By configuration alone: the production example, and one with pools of the subscription."""
    service = '{"batchServiceObjectId": "7d0b1c9e-2f7a-4f43-9e0c-3f0d8a6b5c12"}'
    own = {"account": '{"poolAllocationMode": "UserSubscription", "sharedKey": true}', "keyVault": service}
    made = [deploy(monkeypatch, "production.example"), deploy(monkeypatch, "production.example", config=own)]
    kind = azure.batch.BatchAccountArgs
    found = {path for one in made for path in landed(kind, one.one("batch:BatchAccount"))}
    # Nodes have no list of addresses of their own: they come through the endpoint, or from anywhere.
    assert {
        path for path in set(paths(kind)) - found if not path.startswith("networkProfile.nodeManagementAccess.ip")
    } == set()
    assert made[1].one("batch:BatchAccount")["allowedAuthenticationModes"] == ["AAD", "SharedKey"]
