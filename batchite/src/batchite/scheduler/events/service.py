"""What happens to the service itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server came back: every attempt that was under way is lost and its processes are dead."""

    cause: str = "restart"


@dataclass(frozen=True, slots=True)
class Tick:
    """Timers may be due."""

    cause: str = "timer"


ServiceEvent: TypeAlias = Restarted | Tick
