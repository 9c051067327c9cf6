"""Warnings of quotas that are too small."""

from __future__ import annotations

import pulumi
import pytest

from components.quotas import DEDICATED, POOLS, SPOT, Demand, shortfalls
from tests.components.harness import deploy

pytestmark = pytest.mark.ours

DEMANDS = [Demand("standard_d4s_v5", 2, 10), Demand("Standard_D8s_v3", 1, 0), Demand("standard_unknown", 5, 5)]


def test_cores_of_all_pools_count_together() -> None:
    """Two nodes of four cores and one of eight; a size that is not known counts as nothing."""
    assert list(shortfalls(DEMANDS, {DEDICATED: 16.0, SPOT: 40.0, POOLS: 3.0})) == []
    found = list(shortfalls(DEMANDS, {DEDICATED: 15.0, SPOT: 0.0, POOLS: 2.0}))
    assert ["16" in found[0], "is 15" in found[0], "40" in found[1], "is 0" in found[1], "3" in found[2]] == [True] * 5


def test_a_quota_that_is_not_told_is_not_judged() -> None:
    """The account of a user subscription has none of its own."""
    assert list(shortfalls(DEMANDS, {DEDICATED: None})) == []


def test_a_deployment_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the account tells; before there is one nothing is said, and neither with enough."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_rest: said.append(text))
    many = '{"main": {"vmSize": "standard_d4s_v5", "maxSpot": 200}}'
    deploy(monkeypatch, "dev", config={"pools": many}, preview=True)
    deploy(monkeypatch, "dev")
    assert said == []
    deploy(monkeypatch, "dev", config={"pools": many})
    (text,) = said
    assert "may ask for 800, and the account's lowPriorityCoreQuota is 500" in text
