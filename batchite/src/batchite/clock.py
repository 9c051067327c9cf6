"""The service's clock: service time = origin + scale x elapsed real time, and the wire's time stamps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batchite.scheduler.events import Now


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads real time and derives the service's own time. `scale` service seconds pass in one real second."""

    scale: float = 1.0
    service_origin: float = 0.0
    real_origin: float = 0.0
    read: Callable[[], float] = time.time

    def now(self) -> Now:
        """The present moment on both time lines."""
        real = self.read()
        return Now(service=self.service_origin + self.scale * (real - self.real_origin), wire=real)

    def real_delay(self, service_at: float, now: Now) -> float:
        """Real seconds from `now` until the service's time reaches `service_at`; 0 when it is past."""
        return max(0.0, (service_at - now.service) / self.scale)

    def real_time(self, service_at: float, now: Now) -> float:
        """The real time at which the service's time reaches, or reached, `service_at`."""
        return now.wire + (service_at - now.service) / self.scale


def resume(scale: float, last: tuple[float, float] | None, read: Callable[[], float] = time.time) -> Clock:
    """A clock that goes on where an earlier run stopped: `last` is that run's (service, real) reading, if any.

    Time that passed while no server ran counts as real time, so service time never goes back.
    """
    real = read()
    service = real if last is None else last[0] + max(0.0, real - last[1])
    return Clock(scale, service, real, read)


def wire_time(seconds: float) -> str:
    """A time stamp as the service writes it: UTC with seven fractional digits."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return f"{text.removesuffix('+00:00')}0Z"


def http_date(seconds: float) -> str:
    """A time stamp for `Last-Modified` and `Date` headers (RFC 1123)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment.year} {moment:%H:%M:%S} GMT"
