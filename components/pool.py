"""A pool of dedicated and Spot nodes, autoscaled or of a fixed number.

ARM changes little of a pool that is there. Anything else makes a second pool with another name; the first one goes when
its running tasks have ended (draining, which the program has beside its pools). The preview says which change is made
in place, which replaces the pool, and whether nodes that run get a new start task.

Does not own the account, the identity of its nodes, the start task's files, nor the jobs that run on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pulumi
import pulumi_azure_native as azure
from pulumi.output import Unknown

from batchite import autoscale
from components import arm_inputs, naming, pool_inputs, sizes
from components.lifetimes import judge
from components.patience import patient
from components.place import Place, name_of
from components.pool_inputs import IN_PLACE, REPLACED, Parts
from components.pool_settings import PoolSettings
from components.preflight import ended, ends, today
from components.records import judge as judge_settings
from components.validation import Problem, broken, refuse

RESIZED, PATIENCE = "PoolBeingResized", 90
"""What ARM says of a fixed pool that still changes its number of nodes, and how often it is tried again: 15 minutes."""
STALE = {
    "startTask": "nodes that run keep the start task they have had until they are rebooted or reimaged",
    "applicationPackages": "nodes that run keep their packages until they are rebooted or reimaged",
}
"""What changes in place, but not on nodes that run."""


@dataclass(frozen=True, slots=True)
class PoolArgs:
    """Where the pool is, its settings, what other components give it, and the day its image and size are judged on.

    `inputs` are further inputs in ARM's names, laid over what the settings give; outputs of other resources are
    welcome.
    """

    place: Place
    account_name: pulumi.Input[str]
    settings: PoolSettings
    parts: Parts
    inputs: Mapping[str, Any] = field(default_factory=dict)
    today: date = field(default_factory=today)


class Pool(pulumi.ComponentResource):
    """A pool, named after its key and its generation (see naming).

    Raises SettingsError for a wrong key, for settings that ARM would refuse, and for images and sizes that have ended.
    """

    id: pulumi.Output[str]
    settings: PoolSettings
    vm_size: str
    max_dedicated: int
    max_spot: int

    def __init__(self, key: str, args: PoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Pool {key}", [*broken({"key": naming.POOL_KEY}, {"key": key}), *judge_settings(args.settings)])
        found = {**pool_inputs.inputs(args.settings, args.parts), **args.inputs}
        refuse(f"Pool {key}", [*_problems(found), *ended(args.settings, found["vmSize"], args.today)])
        fixed = pool_inputs.generation(found, args.settings, args.parts)
        pool_id = naming.pool_id(key, fixed)
        props = {"key": key, "poolId": pool_id, "fixed": fixed, "drainMinutes": args.settings.drain_minutes}
        if secrets := pool_inputs.secrets(found):
            props["secrets"] = pulumi.Output.secret(secrets)
        super().__init__("azure-batch:components:Pool", key, props, _saying(f"pool-{key}-replaced", replacing, opts))
        for text in warnings(args.settings, found["vmSize"], args.today):
            pulumi.log.warn(f"Pool {key}: {text}", self)
        self.id = name_of(_pool(key, pool_id, found, args, self), pool_id)
        self.settings, self.vm_size = args.settings, found["vmSize"]
        self.max_dedicated, self.max_spot = limits(found["scaleSettings"])
        self.register_outputs({"id": self.id})


def limits(scale: Mapping[str, Any]) -> tuple[int, int]:
    """The most dedicated and Spot nodes; 0 where a formula of one's own has no proved bound."""
    if "fixedScale" in scale:
        return scale["fixedScale"]["targetDedicatedNodes"], scale["fixedScale"]["targetLowPriorityNodes"]
    most = autoscale.ceiling(autoscale.parse(scale["autoScale"]["formula"]))
    return most.dedicated or 0, most.spot or 0


def warnings(settings: PoolSettings, size: str, today: date) -> Iterator[str]:
    """What should be known before it is deployed."""
    image = pool_inputs.preset(settings)
    for value, end in ends(settings, size):
        if warning := judge(value, end, today).warning:
            yield warning
    if sizes.end_of(size) is None and size.lower() not in sizes.sizes():
        yield f"{size} is not in the table of sizes (components/data): nothing is known of it here; is it spelt right?"
    if not image and sizes.is_arm64(size):
        yield f"{size} is an arm64 machine: your image has to be one for arm64"
    if image and not image.verified:
        yield f"{settings.image} is in no list of images that Batch verifies: see `az batch pool supported-images list`"
    for key in ("applicationLicenses", "certificates"):
        if getattr(settings, "certificates" if key == "certificates" else "application_licenses"):
            yield f"{key} is retired since 2024-02-29; Azure refuses it"


_SAME_NAME = (
    "a password or key has changed, which ARM refuses in place, and nothing of a secret is part of a pool's name: "
    "give the pool another `generation` with it"
)
Told = tuple[str, str]
"""What to say of a change, and what to warn of; both may be empty."""


def in_place(old: Mapping[str, Any], new: Mapping[str, Any]) -> Told:
    """What the update of a pool changes, from its inputs, and whether nodes that run notice.

    What is not known before another resource has changed is not called a change.
    """
    changed = [name for name in IN_PLACE if not _same(old.get(name), new.get(name))]
    if not changed:
        return "", ""
    pool = f"pool {new['poolName']}"
    unnoticed = "; ".join(STALE[name] for name in changed if name in STALE)
    return f"{pool} changes in place: {', '.join(changed)}", f"{pool}: {unnoticed}" if unnoticed else ""


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return isinstance(new, Unknown) or bool(old == new)


def replacing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Told:
    """What makes another pool, from the properties of the component, and what becomes of the one there is.

    Raises RunError for another secret in the same generation: the new pool would have the name of the old one.
    """
    if old.get("poolId") in (None, new["poolId"]):
        if old.get("secrets", new.get("secrets")) != new.get("secrets"):
            raise pulumi.RunError(f"pool {new['poolId']}: {_SAME_NAME}")
        return "", ""
    before, after = old["fixed"], new["fixed"]
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return "", (
        f"pool {old['poolId']} is replaced by {new['poolId']}: {', '.join(changed)} can't change in place. "
        f"All nodes are new and run the new start task. The old pool {_fate(int(old['drainMinutes']))}; tasks still "
        "queued for it stay in their jobs: submit them again to the new pool"
    )


def _fate(minutes: int) -> str:
    """What becomes of a pool that is replaced; see draining."""
    if minutes == 0:
        return "goes at once, its running tasks with it (drainMinutes is 0)"
    return f"takes no more tasks and goes when those that run have ended; the deployment waits up to {minutes} min"


def _problems(found: Mapping[str, Any]) -> Iterator[Problem]:
    names = {"accountName": "", "resourceGroupName": ""}  # Judged by those who make the account and the group.
    for problem in arm_inputs.problems(azure.batch.PoolArgs, {**names, **found}, "pool"):
        yield Problem(problem.key.removeprefix("pool."), problem.value, problem.rule)


def _pool(
    key: str, pool_id: str, found: Mapping[str, Any], args: PoolArgs, parent: pulumi.Resource
) -> azure.batch.Pool:
    names = {"poolName": pool_id, "accountName": args.account_name, "resourceGroupName": args.place.resource_group}
    inputs = arm_inputs.build(azure.batch.PoolArgs, {**found, **names})
    # The generation in the name lets the new pool be there before the old one goes.
    options = pulumi.ResourceOptions(
        parent=parent,
        replace_on_changes=list(REPLACED),
        delete_before_replace=False,
        hooks=pulumi.ResourceHookBinding(on_error=[patient(f"pool-{key}-resized", RESIZED, PATIENCE)]),
    )
    return azure.batch.Pool(key, inputs, opts=_saying(f"pool-{key}-changed", in_place, options))


async def _revealed(value: Any) -> Any:
    """The value of a hook's argument: secrets are outputs there, two of which are never equal."""
    if isinstance(value, pulumi.Output):
        return await _revealed(await value.future())
    if isinstance(value, Mapping):
        return {key: await _revealed(item) for key, item in value.items()}
    return [await _revealed(item) for item in value] if isinstance(value, list) else value


def _saying(
    name: str, told: Callable[[Mapping[str, Any], Mapping[str, Any]], Told], opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions:
    """The options with a hook that says, in previews too, what an update of the resource means."""

    async def tell(change: pulumi.ResourceHookArgs) -> None:
        note, warning = told(await _revealed(change.old_inputs or {}), await _revealed(change.new_inputs or {}))
        if note:
            pulumi.log.info(note)
        if warning:
            pulumi.log.warn(warning)

    hook = pulumi.ResourceHook(name, tell, pulumi.ResourceHookOptions(on_dry_run=True))
    hooks = pulumi.ResourceHookBinding(before_update=[hook])
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=hooks))
