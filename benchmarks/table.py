"""Results as tables: Markdown, which reads well in a terminal and goes into the documentation as it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Figures, paired_ratio


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured. `ratio` is over the thing named `of`, in the same rounds; None = it is a floor itself."""

    name: str
    unit: str
    figures: Figures
    ratio: float | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title, with a sentence on what they mean."""

    title: str
    note: str
    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def row(name: str, unit: str, values: Sequence[float], of: str = "", floor: Sequence[float] | None = None) -> Row:
    """A row from the values of all rounds; with a floor, also the ratio to it."""
    return Row(name, unit, Figures.of(values), None if floor is None else paired_ratio(values, floor), of)


def render(table: Table) -> str:
    """The table as Markdown with aligned columns."""
    head = ("what", "unit", "min", "median", "max", "ratio")
    lines = [head, *(_cells(item) for item in table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    body = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([f"### {table.title}", "", table.note, "", body[0], rule, *body[1:], ""])


def number(value: float) -> str:
    """Three significant digits, whole from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cells(item: Row) -> tuple[str, ...]:
    figures = (item.figures.low, item.figures.median, item.figures.high)
    ratio = "" if item.ratio is None else f"{item.ratio * 100:.0f} % of {item.of}"
    return (item.name, item.unit, *(number(value) for value in figures), ratio)
