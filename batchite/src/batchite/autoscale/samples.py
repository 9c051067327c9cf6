"""The samples of service variables, and what of them an evaluation sees.

One sample of every variable is taken each 30 s and becomes visible about a minute later. Windows count the samples
that could be in them, so the minute that is not visible yet lowers the percentage: 18 of 20 in ten minutes, 90 %.
A sample is visible 45 s after it was taken: the newest visible one is then 45 to 75 s old, a minute on average.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batchite.autoscale.values import Interval, RefusedError, Timestamp, Vector, timestamp
from batchite.autoscale.variables import full_name

PERIOD = 30.0
VISIBLE_AFTER = 45.0
DEFAULT_PERCENT = 70.0
_MILLISECOND = 10_000  # ticks


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a service variable at a moment in Unix seconds of service time."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is known of a pool: samples by variable, oldest first.

    `start` is when autoscale was enabled: nothing older counts. `current` holds values read without sampling
    ($CurrentDedicatedNodes, $CurrentLowPriorityNodes, $TaskSlotsPerNode); a variable that is not in it has the
    value of its newest visible sample.
    """

    samples: Mapping[str, Sequence[Sample]]
    start: float
    current: Mapping[str, float] = field(default_factory=dict)


class TooFewSamplesError(Exception):
    """A window holds fewer samples than wanted; both in percent."""

    def __init__(self, wanted: float, received: float) -> None:
        super().__init__(wanted, received)
        self.wanted = wanted
        self.received = received


class History:
    """The samples of one variable as an evaluation at `now` (Unix seconds) sees them."""

    def __init__(self, metrics: Metrics, variable: str, now: float) -> None:
        self._now = now
        self._start = metrics.start
        samples = metrics.samples.get(full_name(variable), ())
        # Places are compared in whole milliseconds before now: sums of 30.0 as floats must not lose a sample.
        oldest = bisect_right(samples, self._place(metrics.start) - 1, key=self._place_of)
        visible = bisect_right(samples, -round(VISIBLE_AFTER * 1000), key=self._place_of)
        self._samples = samples[oldest:visible]

    def _place(self, at: float) -> int:
        return round((at - self._now) * 1000)

    def _place_of(self, sample: Sample) -> int:
        return self._place(sample.at)

    def count(self) -> float:
        """The number of visible samples."""
        return float(len(self._samples))

    def begin(self) -> Timestamp:
        """The oldest visible sample's time; when there is none, that of the history's start."""
        return timestamp(self._samples[0].at if self._samples else self._start)

    def latest(self, count: float) -> Vector:
        """The newest `count` samples, newest first, however old; fewer when there are fewer."""
        if count < 1:
            raise RefusedError("the number of samples must be at least 1")
        return _newest_first(self._samples[-int(count) :])

    def window(self, start: Interval | Timestamp, end: Interval | Timestamp, percent: float) -> Vector:
        """The samples after `start` up to `end`, newest first. Raises TooFewSamplesError."""
        if not 0 <= percent <= 100:
            raise RefusedError("the sample percentage must be from 0 to 100")
        received = self.percent(start, end)
        if received < percent:
            raise TooFewSamplesError(percent, received)
        return _newest_first(self._between(*self._places(start, end)))

    def percent(self, start: Interval | Timestamp, end: Interval | Timestamp) -> float:
        """Visible samples of the window in percent of those that could be in it, at most 100."""
        first, last = self._places(start, end)
        possible = max(1, (last - first) // round(PERIOD * 1000))
        return min(100.0, 100.0 * len(self._between(first, last)) / possible)

    def _between(self, first: int, last: int) -> Sequence[Sample]:
        low = bisect_right(self._samples, first, key=self._place_of)
        return self._samples[low : bisect_right(self._samples, last, key=self._place_of)]

    def _places(self, start: Interval | Timestamp, end: Interval | Timestamp) -> tuple[int, int]:
        """The window in milliseconds before now; the two bounds may come in either order."""
        first, last = sorted(map(self._bound, (start, end)))
        return first, last

    def _bound(self, bound: Interval | Timestamp) -> int:
        ticks = -bound.ticks if isinstance(bound, Interval) else bound.ticks - timestamp(self._now).ticks
        return round(ticks / _MILLISECOND)


def _newest_first(samples: Sequence[Sample]) -> Vector:
    return tuple(float(sample.value) for sample in reversed(samples))
