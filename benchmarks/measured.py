"""Values of interleaved rounds, by what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.table import Row, row


@dataclass(slots=True)
class Measured:
    """Values of every round, by what was measured."""

    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def take(self, name: str, measure: Callable[[], float]) -> None:
        """Measure once more."""
        self.values[name].append(measure())

    def rate(self, name: str, floor_name: str = "") -> Row:
        """A row of things a second."""
        base = self.values[floor_name] if floor_name else None
        return row(name, "1/s", self.values[name], floor_name, base)
