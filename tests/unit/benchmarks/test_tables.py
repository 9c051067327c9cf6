"""The statistics and tables of the benchmarks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figures, paired_ratio, percentile
from benchmarks.table import Table, number, render, row

pytestmark = pytest.mark.ours

MEASURED = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20)


@given(MEASURED)
def test_figures_are_in_order_and_among_the_measurements(values: list[float]) -> None:
    """Smallest and largest were measured; the median lies between them."""
    figures = Figures.of(values)
    assert figures.low in values
    assert figures.high in values
    assert figures.low <= figures.median <= figures.high


@pytest.mark.parametrize("percent", [0, 50, 95, 100])
@given(values=MEASURED)
def test_a_percentile_was_measured(percent: float, values: list[float]) -> None:
    """Nearest rank: one of the values, the largest one for 100."""
    assert percentile(values, percent) in values
    assert percentile(values, 100) == max(values)


def test_a_ratio_is_taken_round_by_round() -> None:
    """A round that is slow for both does not move it."""
    assert paired_ratio([50, 10, 40], [100, 20, 80]) == pytest.approx(0.5)
    assert paired_ratio([50, 11, 40], [100, 20, 150]) == pytest.approx(0.5)


def test_nothing_measured_is_an_error() -> None:
    """No figure is made up; rounds must match."""
    for fails in (lambda: Figures.of([]), lambda: paired_ratio([], []), lambda: percentile([], 50)):
        with pytest.raises(ValueError, match="no measurement"):
            fails()
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1, 2], [1])


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (3.14159, "3.14"), (99.96, "100"), (1234.5, "1234"), (0, "0")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """More would only be noise."""
    assert number(value) == text


def test_a_table_is_markdown_with_aligned_columns() -> None:
    """All lines of the table have the same length; the ratio names what it is a ratio of."""
    table = Table("Title", "Note.", (row("floor", "1/s", [1, 2, 3]), row("ours", "1/s", [1, 1, 1], "floor", [1, 2, 3])))
    text = render(table)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert "50 % of floor" in lines[-1]
    assert text.startswith("### Title\n\nNote.\n\n|")


def test_a_table_becomes_json() -> None:
    """Every figure is in it."""
    table = Table("Title", "Note.", (row("floor", "1/s", [1, 2, 3]),))
    assert json.loads(json.dumps(table.as_dict()))["rows"][0]["figures"] == {"low": 1, "median": 2, "high": 3}
