"""What the stack tells those who use it: everything `python -m jobs` needs, and no secret. Pure.

Does not own the reading side: that is `jobs.target`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.account import Account
from components.config import Settings
from components.identity import Identity
from components.naming import Names
from components.package import Package
from components.pipeline import Pipeline
from components.pool import Pool
from components.storage import Storage

TASK_CONTAINERS = ("input", "output", "logs")


def stack_outputs(
    settings: Settings,
    names: Names,
    subscription: str,
    account: Account,
    storage: Storage,
    nodes: Identity,
    pools: Mapping[str, Pool],
    pipelines: Mapping[str, Pipeline],
) -> Mapping[str, Any]:
    """The outputs by name. `environmentFile` is there only when it is configured."""
    found = {
        "subscriptionId": subscription,
        "resourceGroup": names.resource_group,
        "location": settings.location,
        "batch": {"account": account.name, "endpoint": account.endpoint, "quotas": account.quotas},
        "storage": {
            "account": storage.account_name,
            "blobEndpoint": storage.blob_endpoint,
            "containers": {name: name for name in (*TASK_CONTAINERS, *settings.storage.containers)},
        },
        "pools": {key: pool_output(pool, nodes) for key, pool in pools.items()},
        "pipelines": {key: {"clientId": pipeline.client_id} for key, pipeline in pipelines.items()},
    }
    return found | ({"environmentFile": settings.environment_file} if settings.environment_file else {})


def package_outputs(packages: Mapping[str, Package]) -> Mapping[str, Any]:
    """The packages as pools and tasks refer to them: application (a resource id) and version."""
    return {"packages": {key: package.reference for key, package in packages.items()}}


def pool_output(pool: Pool, nodes: Identity) -> Mapping[str, Any]:
    """One pool: where to send jobs, as whom its tasks act, and how much runs at once."""
    return {
        "id": pool.id,
        "identityResourceId": nodes.resource_id,
        "identityClientId": nodes.client_id,
        "vmSize": pool.vm_size,
        "taskSlotsPerNode": pool.settings.task_slots_per_node,
        "maxDedicated": pool.max_dedicated,
        "maxSpot": pool.max_spot,
    }
