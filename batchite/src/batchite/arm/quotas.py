"""Quotas of Batch accounts that differ from Azure's defaults, by ARM's names; in Azure a support request changes them.

They are read again for whatever is made afterwards: pools and schedules keep those of their creation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from batchite.arm.resources import ResourceStore

KIND = "quota"
CORES, SPOT_CORES = "dedicatedCoreQuota", "lowPriorityCoreQuota"
POOLS, JOBS = "poolQuota", "activeJobAndJobScheduleQuota"
NAMES = (CORES, SPOT_CORES, POOLS, JOBS)


def quotas_of(resources: ResourceStore, account: str) -> dict[str, int]:
    """What was set for the account."""
    value = resources.store.get(KIND, account.lower())
    found: dict[str, int] = {} if value is None else json.loads(value)
    return found


async def set_quotas(resources: ResourceStore, account: str, changes: Mapping[str, int]) -> None:
    """Set some of the account's quotas, durably; the others stay."""
    quotas = {**quotas_of(resources, account), **changes}
    resources.store.put(KIND, account.lower(), json.dumps(quotas).encode())
    resources.revision += 1
    await resources.commit()


async def forget_quotas(resources: ResourceStore, account: str) -> None:
    """The account is gone; another one of its name begins with the defaults."""
    resources.store.delete(KIND, account.lower())
    resources.revision += 1
    await resources.commit()
