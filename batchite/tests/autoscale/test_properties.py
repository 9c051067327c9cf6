"""Properties of the language over random trees and random text."""

from __future__ import annotations

import pytest
from autoscale.strategies import formula_like, formulas
from hypothesis import given, settings
from hypothesis import strategies as st

from batchite.autoscale import Formula, FormulaError, Metrics, Sample, Targets, ceiling, evaluate, lint, parse

pytestmark = pytest.mark.ours
NOW = 1_767_607_200.0
MINUTES = st.lists(st.integers(0, 50), max_size=40)


def metrics(values: list[int]) -> Metrics:
    """The values as samples of the last minutes, newest last."""
    series = [Sample(NOW - 30.0 * (len(values) - place), float(value)) for place, value in enumerate(values)]
    return Metrics({"$PendingTasks": series, "$ActiveTasks": series}, NOW - 7200, {"$CurrentDedicatedNodes": 2.0})


@settings(deadline=None, max_examples=300)
@given(formulas)
def test_a_printed_tree_parses_to_itself(formula: Formula) -> None:
    """Printing loses nothing: parsing the text gives the same tree."""
    assert parse(str(formula)) == formula


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.text(max_size=200), formula_like))
def test_any_text_is_a_formula_or_a_formula_error(text: str) -> None:
    """Parser and linter never fail in any other way, and errors point into the text."""
    problem = error_of(text)
    if problem is None:
        assert parse(str(parse(text))) == parse(text)
        lint(text)
        return
    assert 1 <= problem.line <= text.count("\n") + 1
    assert problem.column >= 1
    assert problem.render(text).endswith("^")
    assert [finding.rule for finding in lint(text)] == ["syntax"]


def error_of(text: str) -> FormulaError | None:
    """What the parser says of a text; None for a formula."""
    try:
        parse(text)
    except FormulaError as error:
        return error
    return None


@pytest.mark.parametrize("text", ["(" * 8192, "-1" * 4096, "!" * 8192, "a?" * 4096, "1" + "+1" * 4095, "max(" * 2048])
def test_long_text_does_not_exhaust_the_stack(text: str) -> None:
    """Deep nesting and long chains are refused with a place."""
    with pytest.raises(FormulaError):
        parse(text)


@settings(deadline=None, max_examples=300)
@given(formulas, MINUTES, st.integers(0, 9), st.integers(0, 9))
def test_evaluation_is_deterministic_and_never_raises(formula: Formula, values: list[int], low: int, high: int) -> None:
    """The same inputs give the same evaluation, and an error keeps the targets."""
    given_metrics, targets = metrics(values), Targets(low, high)
    first = evaluate(formula, given_metrics, NOW, targets)
    assert first == evaluate(formula, given_metrics, NOW, targets)
    assert first.error is None or first.targets == targets


@settings(deadline=None, max_examples=300)
@given(formulas, st.lists(MINUTES, min_size=1, max_size=4))
def test_the_ceiling_is_never_exceeded(formula: Formula, runs: list[list[int]]) -> None:
    """From 0 nodes on, no series of evaluations passes what `ceiling` proved."""
    limit, targets = ceiling(formula), Targets()
    for values in runs:
        targets = evaluate(formula, metrics(values), NOW, targets).targets
        assert limit.dedicated is None or targets.dedicated <= limit.dedicated
        assert limit.spot is None or targets.spot <= limit.spot


@settings(deadline=None, max_examples=200)
@given(formulas)
def test_every_formula_can_be_linted(formula: Formula) -> None:
    """The linter answers for any tree, in the order of places."""
    findings = lint(str(formula))
    assert findings == sorted(findings, key=lambda one: (one.line, one.column, one.rule))
