"""Formulas written for the caller: parsed, bounded, guarded against missing samples, and at their minimum when idle."""

from __future__ import annotations

from batchite.autoscale.samples import PERIOD

# A sample is visible about a minute after it was taken; look-backs are longer by as much.
_HIDDEN_SECONDS = 60
_DEALLOCATIONS = ("requeue", "terminate", "taskcompletion")


def pending_tasks(  # noqa: PLR0913 - the settings of one formula, all by name
    *,
    max_dedicated: int,
    max_spot: int,
    min_dedicated: int = 0,
    min_spot: int = 0,
    task_slots_per_node: int = 1,
    start_dedicated: int | None = None,
    start_spot: int | None = None,
    window_seconds: int = 180,
    sample_percent: int = 70,
    deallocation: str = "taskcompletion",
) -> str:
    """A formula that gives every pending task (active or running) a slot, dedicated nodes first, the rest Spot.

    It follows the highest number of pending tasks of the last `window_seconds` that are visible (samples take a
    minute to appear, so the formula looks back a minute further): whole numbers, hence exact rounding up to nodes of
    `task_slots_per_node` slots, and a node is kept through a gap shorter than the window. While fewer than
    `sample_percent` of the samples are there, as on a pool just made, a target is its `start_*`, or without one what
    the last sample asks for. Tasks are taken to need one slot each. Raises ValueError for settings that contradict.
    """
    _check_nodes("dedicated", min_dedicated, start_dedicated, max_dedicated)
    _check_nodes("spot", min_spot, start_spot, max_spot)
    _check_samples(window_seconds, sample_percent)
    if not 1 <= task_slots_per_node <= 256:
        raise ValueError(f"task_slots_per_node must be from 1 to 256, not {task_slots_per_node}")
    if deallocation not in _DEALLOCATIONS:
        raise ValueError(f"deallocation must be one of {', '.join(_DEALLOCATIONS)}, not {deallocation!r}")
    return _PENDING_TASKS.format(
        slots=task_slots_per_node,
        back=window_seconds + _HIDDEN_SECONDS,
        percent=sample_percent,
        min_dedicated=min_dedicated,
        max_dedicated=max_dedicated,
        min_spot=min_spot,
        max_spot=max_spot,
        dedicated=_or_start("dedicated", start_dedicated),
        spot=_or_start("spot", start_spot),
        deallocation=deallocation,
    )


_PENDING_TASKS = """\
// One task slot for every pending task (active or running): dedicated nodes first, the rest Spot.
taskSlots = {slots};
lookBack = {back} * TimeInterval_Second;
enoughSamples = $PendingTasks.GetSamplePercent(lookBack) >= {percent};
// Without enough samples the last one counts; a new pool has none.
tasks = enoughSamples ? max($PendingTasks.GetSample(lookBack)) : max(0, $PendingTasks.GetSample(1));
// Targets are cut to whole nodes: this rounds up.
nodes = (tasks + taskSlots - 1) / taskSlots;
dedicated = max({min_dedicated}, min(nodes, {max_dedicated}));
spot = max({min_spot}, min(nodes - dedicated, {max_spot}));
$TargetDedicatedNodes = {dedicated};
$TargetLowPriorityNodes = {spot};
$NodeDeallocationOption = {deallocation};
"""


def _or_start(name: str, start: int | None) -> str:
    return name if start is None else f"enoughSamples ? {name} : {start}"


def _check_nodes(kind: str, low: int, start: int | None, high: int) -> None:
    between = low if start is None else start
    if not 0 <= low <= between <= high:
        raise ValueError(f"0 <= min_{kind} <= start_{kind} <= max_{kind} must hold, got {low}, {start}, {high}")


def _check_samples(window: int, percent: int) -> None:
    if window < PERIOD:
        raise ValueError(f"window_seconds must be at least {PERIOD:g}, the period of the samples, not {window}")
    possible = (window + _HIDDEN_SECONDS) // int(PERIOD)
    reachable = 100 * (possible - _HIDDEN_SECONDS // int(PERIOD)) // possible
    if not 0 < percent <= reachable:
        raise ValueError(f"sample_percent must be from 1 to {reachable} for a window of {window} s, not {percent}")
