"""The formulas we write for others keep what they promise."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchite.autoscale import Ceiling, Metrics, Sample, Targets, ceiling, evaluate, lint, parse
from batchite.autoscale.builders import pending_tasks

pytestmark = pytest.mark.ours
NOW = 1_767_607_200.0


def series(values: list[int], phase: float = 0.0) -> Metrics:
    """One sample each 30 s, the last `phase` seconds ago."""
    last = len(values) - 1
    samples = [Sample(NOW - phase - 30.0 * (last - place), float(value)) for place, value in enumerate(values)]
    return Metrics({"$PendingTasks": samples}, NOW - 86_400)


@st.composite
def settings_of_builder(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that do not contradict each other."""
    chosen: dict[str, Any] = {"task_slots_per_node": draw(st.integers(1, 16))}
    for kind in ("dedicated", "spot"):
        low, start, high = sorted(draw(st.lists(st.integers(0, 200), min_size=3, max_size=3)))
        chosen |= {f"min_{kind}": low, f"max_{kind}": high, f"start_{kind}": draw(st.sampled_from([None, start]))}
    return chosen


@settings(deadline=None)
@given(settings_of_builder(), st.lists(st.integers(0, 5000), max_size=30), st.floats(0, 29.9))
def test_targets_stay_between_minimum_and_maximum(chosen: dict[str, Any], values: list[int], phase: float) -> None:
    """Whatever the samples, no evaluation fails or leaves the bounds, and the ceiling is found."""
    formula = parse(pending_tasks(**chosen))
    assert ceiling(formula) == Ceiling(chosen["max_dedicated"], chosen["max_spot"])
    run = evaluate(formula, series(values, phase), NOW, Targets(7, 7))
    assert run.error is None
    assert run.deallocation == "taskcompletion"
    assert chosen["min_dedicated"] <= run.targets.dedicated <= chosen["max_dedicated"]
    assert chosen["min_spot"] <= run.targets.spot <= chosen["max_spot"]


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 8), st.floats(0, 29.9))
def test_every_pending_task_has_a_slot(tasks: int, slots: int, phase: float) -> None:
    """Steady work gets exactly the nodes it needs, rounded up, dedicated ones filled before Spot."""
    formula = parse(pending_tasks(max_dedicated=5, max_spot=1000, task_slots_per_node=slots))
    targets = evaluate(formula, series([tasks] * 40, phase), NOW, Targets()).targets
    needed = ceil(tasks / slots)
    assert (targets.dedicated, targets.spot) == (min(5, needed), max(0, needed - 5))


@settings(deadline=None)
@given(settings_of_builder(), st.floats(0, 29.9))
def test_an_idle_pool_falls_to_its_minimum(chosen: dict[str, Any], phase: float) -> None:
    """With nothing pending for the window the targets are the minimum, whatever they were."""
    formula = parse(pending_tasks(**chosen))
    targets = evaluate(formula, series([900] * 30 + [0] * 9, phase), NOW, Targets(150, 150)).targets
    assert targets == Targets(chosen["min_dedicated"], chosen["min_spot"])


def test_a_new_pool_starts_as_told_or_by_its_last_sample() -> None:
    """Too few samples give the start values; without one the last sample decides."""
    formula = parse(pending_tasks(max_dedicated=2, max_spot=9, start_spot=1))
    assert evaluate(formula, series([]), NOW, Targets()).targets == Targets(0, 1)
    assert evaluate(formula, series([6, 6, 6]), NOW, Targets()).targets == Targets(2, 1)
    formula = parse(pending_tasks(max_dedicated=2, max_spot=9))
    assert evaluate(formula, series([6, 6, 6]), NOW, Targets()).targets == Targets(2, 4)


@pytest.mark.parametrize("slots", [1, 4])
def test_the_linter_finds_nothing_in_it(slots: int) -> None:
    """What we write for others has none of the traps."""
    assert lint(pending_tasks(max_dedicated=1, max_spot=3, start_spot=1, task_slots_per_node=slots)) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_dedicated": 3}, "min_dedicated"),
        ({"start_spot": 9}, "start_spot"),
        ({"task_slots_per_node": 0}, "task_slots_per_node"),
        ({"deallocation": "retaineddata"}, "taskcompletion"),
        ({"window_seconds": 10}, "window_seconds"),
        ({"sample_percent": 90}, "from 1 to 75"),
    ],
)
def test_contradicting_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    """A wrong setting is named when the formula is built, not when a pool fails."""
    with pytest.raises(ValueError, match=message):
        pending_tasks(**{"max_dedicated": 1, "max_spot": 3, **wrong})
