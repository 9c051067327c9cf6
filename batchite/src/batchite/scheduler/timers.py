"""Deadlines on both time lines: the service's own (scaled) and real time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

from batchite.scheduler.commands import Key
from batchite.scheduler.events import Now


class Timer(NamedTuple):
    """A deadline. `stamp` tells a timer of an older boot, attempt or setting, which is then ignored."""

    at: float
    order: int  # of setting, so that equal deadlines fire in the order they were set
    kind: str  # allocate | boot | recover | autoscale | resize | sample | jobwall | schedule | retention | retained
    key: Key | None
    stamp: float


@dataclass(slots=True)
class Timers:
    """Two heaps. A timer is never cancelled: its handler checks that it still applies."""

    service: list[Timer] = field(default_factory=list)
    wire: list[Timer] = field(default_factory=list)
    _order: int = 0

    def at_service(self, at: float, kind: str, key: Key | None, stamp: float = 0) -> None:
        """Fire at a moment of the service's time."""
        heapq.heappush(self.service, self._timer(at, kind, key, stamp))

    def at_wire(self, at: float, kind: str, key: Key | None, stamp: float = 0) -> None:
        """Fire at a moment of real time."""
        heapq.heappush(self.wire, self._timer(at, kind, key, stamp))

    def due(self, now: Now) -> list[Timer]:
        """Remove and return the timers whose moment has come, service time first, each line in order."""
        return _pop(self.service, now.service) + _pop(self.wire, now.wire)

    def next(self) -> tuple[float | None, float | None]:
        """The earliest deadline of each line: (service, wire)."""
        return (self.service[0].at if self.service else None, self.wire[0].at if self.wire else None)

    def _timer(self, at: float, kind: str, key: Key | None, stamp: float) -> Timer:
        self._order += 1
        return Timer(at, self._order, kind, key, stamp)


def _pop(heap: list[Timer], now: float) -> list[Timer]:
    fired = []
    while heap and heap[0].at <= now:
        fired.append(heapq.heappop(heap))
    return fired
