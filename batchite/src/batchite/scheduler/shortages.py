"""What a drill has written into the records of pools and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RegionLimit(NamedTuple):
    """How many nodes the region gives a pool, None = as many as it wants; `drill` is the id of who set it."""

    dedicated: int | None
    spot: int | None
    drill: str = ""

    def of(self, *, spot: bool) -> int | None:
        """That of one kind of nodes."""
        return self.spot if spot else self.dedicated


@dataclass(frozen=True, slots=True)
class NodeOutage:
    """A node that was made to fail. `recovers`: service seconds from then until it is back, None = not by itself.

    `down`: nothing of it runs any more.
    """

    drill: str
    recovers: float | None
    down: bool = False
