"""The moment at which something happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of an event: the service's own (scaled) time and the wire's real time, both Unix seconds."""

    service: float
    wire: float
