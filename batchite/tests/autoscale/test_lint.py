"""Every trap is found where it is, and a sound formula is left alone."""

from __future__ import annotations

import pytest

from batchite.autoscale import lint

pytestmark = pytest.mark.ours
END = "; $NodeDeallocationOption = taskcompletion"
W = "TimeInterval_Minute * 10"


@pytest.mark.parametrize(
    ("text", "rule", "severity", "column"),
    [
        ("x = ", "syntax", "error", 5),
        (f"$TargetDedicatedNodes = min(5, avg($PendingTasks.GetSample({W})))", "unguarded-sample", "warning", 59),
        ("$TargetDedicatedNodes = min(5, $ActiveTasks)", "active-tasks-only", "warning", 32),
        ("$TargetDedicatedNodes = 1", "no-deallocation-option", "warning", 1),
        ("$NodeDeallocationOption = retaineddata", "deprecated-option", "warning", 27),
        ("t = $PendingTasks / 4; $TargetDedicatedNodes = min(5, t)", "fraction-truncated", "warning", 19),
        ("$TargetDedicatedNodes = min(5, $CurrentDedicatedNodes * 1.1)", "slow-growth", "warning", 55),
        ("$TargetDedicatedNodes = min(5, $TargetDedicatedNodes / 2)", "halving", "info", 54),
        ("$TargetLowPriorityNodes = min(5, $TargetDedicatedNodes / 2)", "other-kind-target", "warning", 56),
        ("x = $PendingTasks.GetSamplePercent(TimeInterval_Minute)", "short-window", "warning", 35),
        ("x = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 3) < 70", "unreachable-guard", "info", 61),
        ("$TargetDedicatedNodes = min(5, val($PendingTasks.GetSample(1), 0))", "single-sample", "warning", 59),
        ("$TargetDedicatedNodes = min(5, $PendingTasks)", "task-slots", "info", 1),
        (f"x = $PendingTasks.GetSamplePercent({W}) < 0.7", "percent-scale", "warning", 62),
        ("lost = 1; percent = lost / $PendingTasks; x = percent > 50", "percent-scale", "warning", 55),
        ("t = time(); x = t.weekday < 1 && t.weekday > 5", "contradiction", "warning", 31),
        ("x = $Pendingtasks", "unassigned-variable", "error", 5),
        ("x = y", "unassigned-variable", "error", 5),
        ("x = $Foo.Count()", "not-a-metric", "error", 5),
        ("$targetDedicatedNodes = 1", "service-variable-case", "warning", 1),
        ("$TargetDedicatedNodes = 1; $TargetDedicated = 2", "mixed-aliases", "warning", 28),
        ('x = time("2023-04-14T09:00:00.123456789Z")', "time-literal", "error", 10),
        ("x = time().hour", "utc-hours", "info", 12),
        ("x = $CPUPercent.Count()", "retired-metric", "warning", 5),
        ("$TargetDedicatedNodes = $PendingTasks", "no-ceiling", "warning", 1),
        ("$TargetLowPriorityNodes = min(5, $PendingTasks)", "spot-only", "info", 1),
        ("$TargetDedicatedNodes = min(5, $PendingTasks.GetSample(3))", "min-with-samples", "warning", 25),
        ("x = 1; $TargetDedicatedNodes = 1", "unused-variable", "info", 1),
        ("$TargetDedicatedNodes = 1; $TargetDedicatedNodes = 2", "overwritten-value", "warning", 1),
        ("x = 1", "target-never-assigned", "warning", 1),
        ("x = 4 * $PendingTasks.GetSample(3)", "undocumented-operation", "error", 7),
        ("x = time() - TimeInterval_Hour", "undocumented-operation", "error", 12),
        ("$TargetDedicatedNodes = ceil(1.5)", "late-function", "info", 25),
        ("x = 1 ? 2 : 3 ? 4 : 5", "bare-ternary", "info", 15),
    ],
)
def test_trap(text: str, rule: str, severity: str, column: int) -> None:
    """The trap is found once, at its place."""
    found = [one for one in lint(text) if one.rule == rule]
    assert [(one.severity, one.line, one.column) for one in found] == [(severity, 1, column)]


GUARDED = (
    f"p = $PendingTasks.GetSamplePercent({W}); v = p < 70 ? max(0, $PendingTasks.GetSample(1)) : "
    f"avg($PendingTasks.GetSample({W})); $TargetDedicatedNodes = max(0, min(5, (v + 3) / 4)){END}"
)
LOCAL_HOURS = (
    f"local = time() + (-6 * TimeInterval_Hour); $TargetDedicatedNodes = local.hour > 8 && local.hour < 18 ? 9 : 0{END}"
)
ROUNDED = f"t = $PendingTasks; $TargetDedicatedNodes = min(5, ceil(t / 4)){END}"


@pytest.mark.parametrize("text", [GUARDED, LOCAL_HOURS, ROUNDED])
def test_sound_formulas_have_no_warnings(text: str) -> None:
    """Guards, caps, offsets and rounding up satisfy the linter."""
    assert [one for one in lint(text) if one.severity != "info"] == []
