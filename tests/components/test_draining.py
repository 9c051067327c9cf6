"""A pool that has a successor goes when its running tasks have ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import dill  # type: ignore[import-untyped]  # carries no types
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from batchite import autoscale
from components import draining
from components.draining import FORMULA, DrainingError, DrainingProvider, drain, drain_all, has_successor

pytestmark = pytest.mark.ours

OLD, NEW = "main-0123abcd", "main-89abcdef"
PROPS = {
    "account": "a",
    "endpoint": "https://e",
    "pools": {"main": OLD, "other": "other-0123abcd"},
    "minutes": {"main": 5, "other": 5},
    "__provider": "code",
}


class FakeBatch:
    """An account with pools by id and their nodes; the first requests for a formula find the pool being resized."""

    def __init__(self, nodes: dict[str, int], *, busy: int = 0) -> None:
        self.pools, self.busy = nodes, busy
        self.formulas: dict[str, str] = {}

    def list_pools(self, *, select: list[str]) -> list[Any]:
        """All pools."""
        assert select == ["id"]
        return [SimpleNamespace(id=one) for one in self.pools]

    def get_pool(self, pool_id: str) -> Any:
        """One pool."""
        if pool_id not in self.pools:
            raise ResourceNotFoundError("PoolNotFound")
        return SimpleNamespace(current_dedicated_nodes=self.pools[pool_id], current_low_priority_nodes=None)

    def enable_pool_auto_scale(self, pool_id: str, options: Any) -> None:
        """Take the formula."""
        self.busy -= 1
        if self.busy >= 0:
            raise ResourceExistsError("PoolBeingResized")
        self.formulas[pool_id] = options.auto_scale_formula

    def tick(self, _seconds: float) -> None:
        """A task ends, and with it a node goes, once no new ones come."""
        for pool_id in self.formulas:
            self.pools[pool_id] -= 1


class Refusing(FakeBatch):
    """An account that only says no."""

    def __init__(self, error: Exception) -> None:
        super().__init__({})
        self.error = error

    def list_pools(self, *, select: list[str]) -> list[Any]:
        """Say no."""
        raise self.error


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


@pytest.mark.parametrize("busy", [0, 2])
def test_a_pool_with_a_successor_is_emptied(busy: int) -> None:
    """It gets no nodes any more, keeps those that work, and is done when none is left."""
    service = FakeBatch({OLD: 3, NEW: 1}, busy=busy)
    drain(service, OLD, 60, lambda: 0.0, service.tick)
    assert service.pools == {OLD: 0, NEW: 1}
    assert service.formulas == {OLD: FORMULA}


@pytest.mark.parametrize("others", [{}, {"other-89abcdef": 1}, {"main-large-89abcdef": 1}, {"main": 1}])
def test_a_pool_without_a_successor_goes_at_once(others: dict[str, int]) -> None:
    """Whoever destroys a stack, or takes a pool out of it, waits for nothing."""
    service = FakeBatch({OLD: 3, **others})
    drain_all(service, {"main": OLD}, {"main": 60})
    assert service.formulas == {}
    assert not has_successor(service.pools, "main", OLD)


def test_pools_are_drained_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that has a successor, and no other."""
    service = FakeBatch({OLD: 2, NEW: 1, "b-0123abcd": 1, "b-89abcdef": 1, "c-0123abcd": 7})
    monkeypatch.setattr("time.sleep", service.tick)
    drain_all(service, {"main": OLD, "b": "b-0123abcd", "c": "c-0123abcd"}, {"main": 9, "b": 9, "c": 9})
    assert set(service.formulas) == {OLD, "b-0123abcd"}
    assert max(service.pools[OLD], service.pools["b-0123abcd"]) <= 0
    assert service.pools["c-0123abcd"] == 7


def test_a_pool_that_is_gone_is_drained() -> None:
    """Somebody else has deleted it."""
    service = FakeBatch({NEW: 1})
    drain(service, OLD, 60, lambda: 0.0, service.tick)
    assert service.formulas == {}


def test_an_account_that_is_gone_has_no_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever deleted it behind Pulumi's back is not asked for more."""
    monkeypatch.setattr(draining, "batch_client", lambda _endpoint: Refusing(ResourceNotFoundError("AccountNotFound")))
    DrainingProvider().delete("a", PROPS)


def test_patience_ends_without_cutting_anything() -> None:
    """The error names the pool, how many nodes work, and what to do; nothing was deleted."""
    service, clock = FakeBatch({OLD: 2, NEW: 1}), Clock()
    with pytest.raises(DrainingError, match=rf"{OLD} still has 2 node.*after 1 min.*run `pulumi up` again"):
        drain(service, OLD, 1, lambda: clock.now, clock.sleep)
    assert clock.now == 60
    assert service.pools[OLD] == 2


def test_the_formula_lets_tasks_complete() -> None:
    """It is valid, and its ceiling is no node at all."""
    found = autoscale.ceiling(autoscale.parse(FORMULA))
    assert (found.dedicated, found.spot) == (0, 0)
    assert "taskcompletion" in FORMULA


def test_draining_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no minutes, or for one deployment by its environment, the service is not even asked."""
    monkeypatch.setattr(draining, "batch_client", lambda _endpoint: pytest.fail("was asked"))
    DrainingProvider().delete("a", {**PROPS, "minutes": {"main": 0.0, "other": 0.0}})
    monkeypatch.setenv(draining.SWITCH, "off")
    DrainingProvider().delete("a", PROPS)


def test_a_service_that_can_not_be_asked_leaves_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a firewall, or without a role: the error says what happened and how to go on without an answer."""
    monkeypatch.setattr(draining, "batch_client", lambda _endpoint: Refusing(HttpResponseError("403 Forbidden")))
    with pytest.raises(DrainingError, match=r"can't be asked.*403 Forbidden.*BATCH_DRAINING=off pulumi up"):
        DrainingProvider().delete("a", PROPS)


def test_deleting_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's own endpoint is asked about the pool that the resource was made for."""
    service = FakeBatch({OLD: 1, NEW: 1})
    monkeypatch.setattr(draining, "batch_client", {"https://e": service}.__getitem__)
    monkeypatch.setattr("time.sleep", service.tick)
    DrainingProvider().delete("a", PROPS)
    assert service.pools == {OLD: 0, NEW: 1}


@pytest.mark.parametrize(
    ("changes", "changed", "replaces"),
    [
        ({}, False, []),
        ({"endpoint": None}, False, []),
        ({"minutes": {"main": 0, "other": 5}}, True, []),
        ({"pools": {"main": NEW, "other": "other-0123abcd"}}, True, ["pools"]),
        ({"pools": {"main": OLD}, "minutes": {"main": 5}}, True, []),
        ({"pools": {"main": OLD, "other": "other-0123abcd", "third": "third-0123abcd"}}, True, []),
        ({"account": "b"}, True, ["account"]),
    ],
)
def test_another_pool_is_another_resource(changes: dict[str, Any], changed: bool, replaces: list[str]) -> None:
    """The new one is there before the old one is deleted; minutes, and pools that come or go, change in place."""
    found = DrainingProvider().diff("a", PROPS, {**PROPS, **changes})
    assert (found.changes, found.replaces, found.delete_before_replace) == (changed, replaces, False)


def test_the_state_holds_no_more_than_is_needed() -> None:
    """Address, names and minutes: no credential."""
    made = DrainingProvider().create(PROPS)
    assert (made.id, set(made.outs or {})) == ("a", set(draining.INPUTS))
    assert set(DrainingProvider().update("a", PROPS, PROPS).outs or {}) == set(draining.INPUTS)


def test_the_provider_is_kept_by_name() -> None:
    """Pulumi keeps a pickle of the provider in the state: by name it is the same after every change of its code."""
    assert len(dill.dumps(DrainingProvider(), recurse=True)) < 200
