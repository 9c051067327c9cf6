"""Statistics of interleaved runs. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Smallest, middle and largest of several measurements of one thing."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figures:
        """The figures of at least one value. Raises ValueError for none."""
        if not values:
            raise ValueError("no measurement")
        return cls(min(values), statistics.median(values), max(values))


def paired_ratio(values: Sequence[float], floor: Sequence[float]) -> float:
    """The median of value over floor, round by round: what slows a whole round down cancels out.

    Raises ValueError when the rounds do not match.
    """
    if not values:
        raise ValueError("no measurement")
    return statistics.median(value / base for value, base in zip(values, floor, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the measurements do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no measurement")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]
