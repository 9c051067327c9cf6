"""What keeps running work from being cut when a pool is replaced: the old pool goes only when its tasks have ended.

A resource beside each pool. Deleting it, which Pulumi does before it deletes the pool, scales the pool in as its tasks
complete and waits until no node is left; queued tasks stay in their jobs. It does so only if the pool has a successor:
a pool that is destroyed, or taken out of the configuration, goes at once.

Does not own the pool, nor the jobs that were sent to it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pulumi
from pulumi import dynamic

from components.sdk import credential, sdk

PAUSE = 2.0
"""Seconds between two looks at the pool."""
SWITCH = "BATCH_DRAINING"
"""The variable of the environment that, set to "off", lets one deployment delete without waiting."""
FORMULA = "$TargetDedicatedNodes = 0;\n$TargetLowPriorityNodes = 0;\n$NodeDeallocationOption = taskcompletion;"
INTERVAL = timedelta(minutes=5)
"""The shortest evaluation interval that Batch takes."""
INPUTS = ("account", "endpoint", "key", "poolId", "minutes")


class Draining(dynamic.Resource, module="azure-batch", name="Draining"):
    """Waits, when the pool `pool_id` (called `key` in the configuration) has a successor, for as many minutes.

    `account` is the account's name and `endpoint` the address of its data plane, where the deployer has to be let in.
    """

    def __init__(
        self,
        key: str,
        *,
        account: pulumi.Input[str],
        endpoint: pulumi.Input[str],
        pool_id: pulumi.Input[str],
        minutes: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"account": account, "endpoint": endpoint, "key": key, "poolId": pool_id, "minutes": minutes}
        super().__init__(DrainingProvider(), key, inputs, opts)


class DrainingProvider(dynamic.ResourceProvider):
    """Only deleting does anything. Its inputs are those of `Draining`; the id is the pool's."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another pool is another resource: the old one is deleted, and drains, after the new pool is there.

        An endpoint belongs to its account; it is not known in the preview of any change of the account.
        """
        replaces = [key for key in ("account", "poolId") if _olds.get(key) != _news.get(key)]
        changed = bool(replaces) or _olds.get("minutes") != _news.get("minutes")
        return dynamic.DiffResult(changes=changed, replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Remember where the pool is."""
        return dynamic.CreateResult(props["poolId"], {key: props[key] for key in INPUTS})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Remember how long to wait."""
        return dynamic.UpdateResult({key: _news[key] for key in INPUTS})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Drain the pool, if it has a successor. Raises DrainingError; the pool then stays."""
        pool_id, minutes = _props["poolId"], int(_props["minutes"])
        if minutes == 0 or os.environ.get(SWITCH) == "off":
            return
        try:
            drain(batch_client(_props["endpoint"]), _props["key"], pool_id, minutes, time.monotonic, time.sleep)
        except sdk().ResourceNotFoundError:
            return  # The account has gone, and its pools with it.
        except sdk().AzureError as error:
            raise DrainingError(pool_id, f"can't be asked whether its tasks have ended: {error}") from error


class DrainingError(Exception):
    """A pool has tasks when the time is over, or nobody knows. It stays, and so does what waits for it."""

    def __init__(self, pool_id: str, what: str) -> None:
        super().__init__(
            f"pool {pool_id} {what}. It is still there: run `pulumi up` again to wait on, "
            f"or `{SWITCH}=off pulumi up` to delete it with whatever runs on it"
        )


def batch_client(endpoint: str) -> Any:
    """A client of the account's data plane, signed in as DefaultAzureCredential finds."""
    return sdk().BatchClient(endpoint, credential())


def drain(
    client: Any,
    key: str,
    pool_id: str,
    minutes: int,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Let the nodes of a pool that has a successor go as their tasks complete. Raises DrainingError."""
    if not has_successor(client, key, pool_id):
        return
    deadline = clock() + 60 * minutes
    scaled_in = False
    while (left := nodes(client, pool_id)) > 0:
        scaled_in = scaled_in or scale_in(client, pool_id)
        if clock() >= deadline:
            raise DrainingError(pool_id, f"still has {left} node(s) whose tasks run, after {minutes} min")
        sleep(PAUSE)


def has_successor(client: Any, key: str, pool_id: str) -> bool:
    """Whether the account has a pool of the same key and another generation."""
    generation = re.compile(rf"{re.escape(key)}-[0-9a-f]{{8}}")
    ids = [pool.id for pool in client.list_pools(select=["id"])]
    return any(generation.fullmatch(one) and one != pool_id for one in ids)


def nodes(client: Any, pool_id: str) -> int:
    """The nodes of a pool; none when it is gone."""
    try:
        pool = client.get_pool(pool_id)
    except sdk().ResourceNotFoundError:
        return 0
    return int(pool.current_dedicated_nodes or 0) + int(pool.current_low_priority_nodes or 0)


def scale_in(client: Any, pool_id: str) -> bool:
    """Ask for no nodes; whether the pool has agreed. A pool of a fixed number refuses while it is being resized."""
    options = sdk().BatchPoolEnableAutoScaleOptions(auto_scale_formula=FORMULA, auto_scale_evaluation_interval=INTERVAL)
    try:
        client.enable_pool_auto_scale(pool_id, options)
    except sdk().ResourceExistsError:  # 409
        return False
    return True
