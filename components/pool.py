"""A pool of dedicated and Spot nodes, autoscaled or of a fixed number.

ARM changes little of a pool that is there. Anything else makes a second pool with another name before the first one
goes: nodes that work are not taken away from their tasks, but the first pool's nodes end with it, so submit to the new
one. The preview shows such a change as a replacement; what is changed in place it names, and whether nodes that run
notice.

Does not own the account, the identity of its nodes, the start task's files, nor the jobs that run on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure

from batchite import autoscale
from components import arm_inputs, naming, pool_inputs
from components.images import end_of_agent
from components.lifetimes import judge
from components.place import Place, name_of
from components.pool_inputs import IN_PLACE, REPLACED, Parts
from components.pool_settings import PoolSettings
from components.records import judge as judge_settings
from components.sizes import end_of, sizes
from components.validation import Problem, SettingsError, broken, refuse

STALE = {
    "startTask": "nodes that run keep the start task they have had until they are rebooted or reimaged",
    "applicationPackages": "nodes that run keep their packages until they are rebooted or reimaged",
}
"""What changes in place, but not on nodes that run."""


def _today() -> date:
    return datetime.now(UTC).date()


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
    today: date = field(default_factory=_today)


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
        super().__init__("azure-batch:components:Pool", key, {"key": key}, opts)
        for text in warnings(args.settings, found["vmSize"], args.today):
            pulumi.log.warn(f"Pool {key}: {text}", self)
        pool_id = naming.pool_id(key, pool_inputs.generation(found, args.settings, args.parts))
        self.id = name_of(_pool(key, pool_id, found, args, self), pool_id)
        self.settings, self.vm_size = args.settings, found["vmSize"]
        self.max_dedicated, self.max_spot = limits(found["scaleSettings"])
        self.register_outputs({"id": self.id})


def read_formula(path: str, root: Path = Path()) -> str:
    """The formula in a file of this repository. Raises SettingsError: no such file, or the place of a syntax error."""
    try:
        text = (root / path).read_text(encoding="utf-8")
        autoscale.parse(text)
    except OSError:
        rule = "must be a file of this repository"
    except autoscale.FormulaError as error:
        rule = f"is no formula: {error}"
    else:
        return text
    raise SettingsError("Autoscale formula", [Problem("formulaFile", path, rule)])


def limits(scale: Mapping[str, Any]) -> tuple[int, int]:
    """The most dedicated and Spot nodes; 0 where a formula of one's own has no proved bound."""
    if "fixedScale" in scale:
        return scale["fixedScale"]["targetDedicatedNodes"], scale["fixedScale"]["targetLowPriorityNodes"]
    most = autoscale.ceiling(autoscale.parse(scale["autoScale"]["formula"]))
    return most.dedicated or 0, most.spot or 0


def ended(settings: PoolSettings, size: str, today: date) -> Iterator[Problem]:
    """Image and size that are past their end on that day, and an image that does not start on the size."""
    image, known = pool_inputs.preset(settings), sizes().get(size.lower())
    for key, value, end in _ends(settings, size):
        if refusal := judge(value, end, today).refusal:
            yield Problem(key, value, refusal)
    if image and known and image.generation not in known.generations:
        runs = " and ".join(sorted(known.generations))
        yield Problem("vmSize", size, f"runs machines of generation {runs} only; {settings.image} needs another")


def warnings(settings: PoolSettings, size: str, today: date) -> Iterator[str]:
    """What should be known before it is deployed."""
    image = pool_inputs.preset(settings)
    for _, value, end in _ends(settings, size):
        if warning := judge(value, end, today).warning:
            yield warning
    if image and not image.verified:
        yield f"{settings.image} is in no list of images that Batch verifies: see `az batch pool supported-images list`"
    for key in ("applicationLicenses", "certificates"):
        if getattr(settings, "certificates" if key == "certificates" else "application_licenses"):
            yield f"{key} is retired since 2024-02-29; Azure refuses it"


def changes_note(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, str]:
    """What is changed in place, and a warning where nodes that run do not notice; both may be empty."""
    changed = [name for name in IN_PLACE if old.get(name) != new.get(name)]
    if not changed:
        return "", ""
    unnoticed = "; ".join(STALE[name] for name in changed if name in STALE)
    return f"pool {key} changes in place: {', '.join(changed)}", f"pool {key}: {unnoticed}" if unnoticed else ""


def _ends(settings: PoolSettings, size: str) -> Iterator[tuple[str, str, Any]]:
    image = pool_inputs.preset(settings)
    yield (
        ("image", settings.image, image.end)
        if image
        else (
            "nodeAgentSkuId",
            settings.node_agent,
            end_of_agent(settings.node_agent),
        )
    )
    yield "vmSize", size, end_of(size)


def _problems(found: Mapping[str, Any]) -> Iterator[Problem]:
    names = {"accountName": "", "resourceGroupName": ""}  # Judged by those who make the account and the group.
    for problem in arm_inputs.problems(azure.batch.PoolArgs, {**names, **found}, "pool"):
        yield Problem(problem.key.removeprefix("pool."), problem.value, problem.rule)


def _pool(
    key: str, pool_id: str, found: Mapping[str, Any], args: PoolArgs, parent: pulumi.Resource
) -> azure.batch.Pool:
    names = {"poolName": pool_id, "accountName": args.account_name, "resourceGroupName": args.place.resource_group}
    return azure.batch.Pool(
        key,
        arm_inputs.build(azure.batch.PoolArgs, {**found, **names}),
        # The generation in the name lets the new pool be there before the old one goes.
        opts=pulumi.ResourceOptions(
            parent=parent,
            replace_on_changes=list(REPLACED),
            delete_before_replace=False,
            hooks=pulumi.ResourceHookBinding(before_update=[_noting(key)]),
        ),
    )


def _noting(key: str) -> pulumi.ResourceHook:
    """A hook that says, in previews too, what an update means for nodes that run."""
    return pulumi.ResourceHook(f"pool-{key}-changes", _teller(key), pulumi.ResourceHookOptions(on_dry_run=True))


def _teller(key: str) -> Callable[[pulumi.ResourceHookArgs], None]:
    def tell(change: pulumi.ResourceHookArgs) -> None:
        note, warning = changes_note(key, change.old_inputs or {}, change.new_inputs or {})
        if note:
            pulumi.log.info(note)
        if warning:
            pulumi.log.warn(warning)

    return tell
