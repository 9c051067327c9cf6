"""What keeps running work from being cut when a pool is replaced: the old pool goes only when its tasks have ended.

One resource beside all pools of a stack, made anew whenever one of them is. Deleting the old one, which Pulumi does
before it deletes the old pools, scales those in that have a successor, as their tasks complete, and waits until no node
of them is left; queued tasks stay in their jobs. A pool that is destroyed, or taken out of the configuration, goes at
once.

Does not own the pools, nor the jobs that were sent to them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
INPUTS = ("account", "endpoint", "pools", "minutes")


class Draining(dynamic.Resource, module="azure-batch", name="Draining"):
    """Waits for pools that have a successor.

    `pools` are the ids of the pools and `minutes` how long each is waited for, both by the pools' keys in the
    configuration. `account` is the account's name and `endpoint` the address of its data plane, where the deployer has
    to be let in.
    """

    def __init__(
        self,
        name: str,
        *,
        account: pulumi.Input[str],
        endpoint: pulumi.Input[str],
        pools: Mapping[str, pulumi.Input[str]],
        minutes: Mapping[str, int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"account": account, "endpoint": endpoint, "pools": pools, "minutes": minutes}
        super().__init__(DrainingProvider(), name, inputs, opts)


class DrainingProvider(dynamic.ResourceProvider):
    """Only deleting does anything. Its inputs are those of `Draining`; the id is the account's name."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another pool of a key is another resource: the old one is deleted, and drains, after the new pool is there.

        An endpoint belongs to its account; it is not known in the preview of any change of the account.
        """
        replaces = ["account"] if _olds.get("account") != _news.get("account") else []
        before, after = _olds.get("pools") or {}, _news.get("pools") or {}
        if any(before[key] != after[key] for key in before.keys() & after.keys()):
            replaces.append("pools")
        changed = bool(replaces) or any(_olds.get(key) != _news.get(key) for key in ("pools", "minutes"))
        return dynamic.DiffResult(changes=changed, replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Remember which pools there are."""
        return dynamic.CreateResult(props["account"], {key: props[key] for key in INPUTS})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Remember which pools there are now, and how long to wait."""
        return dynamic.UpdateResult({key: _news[key] for key in INPUTS})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Drain the pools that have a successor, all at once. Raises DrainingError; the pools then stay."""
        minutes = {key: int(found) for key, found in _props["minutes"].items()}
        waited = {key: pool_id for key, pool_id in _props["pools"].items() if minutes.get(key)}
        if not waited or os.environ.get(SWITCH) == "off":
            return
        try:
            drain_all(batch_client(_props["endpoint"]), waited, minutes)
        except sdk().ResourceNotFoundError:
            return  # The account has gone, and its pools with it.
        except sdk().AzureError as error:
            names = ", ".join(waited.values())
            raise DrainingError(names, f"can't be asked whether its tasks have ended: {error}") from error


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


def drain_all(client: Any, pools: Mapping[str, str], minutes: Mapping[str, int]) -> None:
    """Drain the pools (ids by key) that have a successor, side by side. Raises DrainingError for the slowest."""
    there = [pool.id for pool in client.list_pools(select=["id"])]
    old = {key: pool_id for key, pool_id in pools.items() if has_successor(there, key, pool_id)}
    if not old:
        return
    with ThreadPoolExecutor(len(old)) as threads:
        waits = [
            threads.submit(drain, client, pool_id, minutes[key], time.monotonic, time.sleep)
            for key, pool_id in old.items()
        ]
    for wait in waits:
        wait.result()


def drain(client: Any, pool_id: str, minutes: int, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """Let the nodes of a pool go as their tasks complete. Raises DrainingError."""
    deadline = clock() + 60 * minutes
    scaled_in = False
    while (left := nodes(client, pool_id)) > 0:
        scaled_in = scaled_in or scale_in(client, pool_id)
        if clock() >= deadline:
            raise DrainingError(pool_id, f"still has {left} node(s) whose tasks run, after {minutes} min")
        sleep(PAUSE)


def has_successor(there: Iterable[str], key: str, pool_id: str) -> bool:
    """Whether a pool of the same key and another generation is there."""
    generation = re.compile(rf"{re.escape(key)}-[0-9a-f]{{8}}")
    return any(generation.fullmatch(one) and one != pool_id for one in there)


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
