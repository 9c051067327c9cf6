"""Whether an account's quotas are enough for what its pools may ask for: a new account may have none at all. Pure.

A pool beyond its quota is made without an error and has fewer nodes than it asks for, or none.
Does not own the quotas: the account tells them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.sizes import sizes

DEDICATED, SPOT, POOLS = "dedicatedCoreQuota", "lowPriorityCoreQuota", "poolQuota"
NEXT = "ask for more in the Azure portal, under Quotas of the Batch account"


@dataclass(frozen=True, slots=True)
class Demand:
    """What one pool may ask for: nodes of a size."""

    vm_size: str
    dedicated: int
    spot: int

    @property
    def vcpus(self) -> int:
        """The cores of a node; 0 for a size that is not in the data."""
        known = sizes().get(self.vm_size.lower())
        return known.vcpus if known else 0


def shortfalls(demands: Sequence[Demand], quotas: Mapping[str, float | None]) -> Iterator[str]:
    """One sentence for each quota that is too small. The account of a user subscription has no core quotas."""
    wanted = {
        DEDICATED: sum(one.vcpus * one.dedicated for one in demands),
        SPOT: sum(one.vcpus * one.spot for one in demands),
        POOLS: len(demands),
    }
    for name, most in wanted.items():
        quota = quotas.get(name)
        if quota is not None and most > quota:
            yield f"the pools may ask for {most}, and the account's {name} is {quota:g}: {NEXT}"
