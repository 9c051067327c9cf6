"""Ceilings proved from the text alone."""

from __future__ import annotations

import pytest

from batchite.autoscale import Ceiling, ceiling, parse

pytestmark = pytest.mark.ours
TASKS = "tasks = avg($PendingTasks.GetSample(TimeInterval_Minute * 10)); "


@pytest.mark.parametrize(
    ("text", "dedicated", "spot"),
    [
        ("$TargetDedicatedNodes = 4; $TargetLowPriority = 2.9", 4, 2),
        (TASKS + "$TargetDedicatedNodes = min(25, tasks)", 25, 0),
        (TASKS + "$TargetDedicatedNodes = max(0, min(tasks / 4, 8))", 8, 0),
        (TASKS + "$TargetDedicatedNodes = tasks > 5 ? 10 : 20", 20, 0),
        (TASKS + "$TargetDedicatedNodes = tasks > 12 ? 12 : tasks", 12, 0),
        (TASKS + "$TargetDedicatedNodes = 12 < tasks ? 12 : tasks", 12, 0),
        (TASKS + "cap = 6; $TargetDedicatedNodes = min(cap, tasks); $TargetLowPriorityNodes = cap - 1", 6, 5),
        (TASKS + "$TargetDedicatedNodes = tasks", None, 0),
        (TASKS + "$TargetDedicatedNodes = max(tasks, 5)", None, 0),
        ("$TargetDedicatedNodes = $TargetDedicatedNodes + 1", None, 0),
        ("$TargetDedicatedNodes = min(9, $TargetDedicatedNodes + 1)", 9, 0),
        (TASKS + "$TargetDedicatedNodes = tasks > 0 ? min(tasks, 20) : $TargetDedicatedNodes / 2", 20, 0),
        ("$TargetDedicatedNodes = 100; $TargetDedicatedNodes = 2", 2, 0),
        ("$TargetDedicatedNodes = 100; x = $PendingTasks > 3 ? stop() : 0; $TargetDedicatedNodes = 2", 100, 0),
        ("$TargetDedicatedNodes = 0 == 1 ? $PendingTasks : 3", 3, 0),
        ("$TargetDedicatedNodes = 100 / $TaskSlotsPerNode", 100, 0),
        ("$TargetDedicatedNodes = 100 / $PendingTasks", None, 0),
        ("$TargetDedicatedNodes = min($PendingTasks.GetSample(1), 7)", 7, 0),
        ("$TargetDedicatedNodes = time().hour", None, 0),
        ("x = 1", 0, 0),
    ],
)
def test_ceiling(text: str, dedicated: int | None, spot: int | None) -> None:
    """The bound that follows from the formula is found; where none follows there is none."""
    assert ceiling(parse(text)) == Ceiling(dedicated, spot)
