"""Formulas published by others, read from the file that PUBLISHED_FORMULAS names."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from batchite.autoscale import Evaluation, Metrics, Sample, Targets, ceiling, evaluate, parse

pytestmark = pytest.mark.documented
SOURCE = os.environ.get("PUBLISHED_FORMULAS")
if not SOURCE:
    pytest.skip("PUBLISHED_FORMULAS names no file", allow_module_level=True)
FORMULAS: dict[str, dict[str, Any]] = {one["id"]: one for one in json.loads(Path(SOURCE).read_text(encoding="utf-8"))}
NOW = datetime.fromisoformat("2026-01-05T10:00:20Z").timestamp()
SAMPLED = ("$PendingTasks", "$ActiveTasks", "$RunningTasks", "$PreemptedNodeCount", "$CPUPercent")
SOME = Targets(2, 0)
CURRENT = {"$CurrentDedicatedNodes": 2.0, "$CurrentLowPriorityNodes": 1.0, "$TaskSlotsPerNode": 1.0}


def run(name: str, *, value: float | None = 5, now: float = NOW, targets: Targets = SOME) -> Evaluation:
    """Evaluate a published formula with two hours of equal samples, or with none."""
    series = [] if value is None else [Sample(now - 20 - 30 * place, value) for place in reversed(range(240))]
    metrics = Metrics(dict.fromkeys(SAMPLED, series), now - 7200, CURRENT)
    return evaluate(parse(FORMULAS[name]["formula"]), metrics, now, targets)


def at(text: str) -> float:
    """Unix seconds of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


def test_every_published_formula_is_judged_as_stated() -> None:
    """Valid formulas evaluate with full samples; invalid ones fail."""
    for name, one in FORMULAS.items():
        error = run(name).error
        assert one["valid"] == "unknown" or (error is None) == one["valid"], (name, error)
        formula = parse(one["formula"])
        assert parse(str(formula)) == formula, name


@pytest.mark.parametrize(
    ("name", "now", "given", "targets", "expected"),
    [
        ("sdk-evaluate-3", NOW, None, (0, 0), "$TargetDedicatedNodes=3;$TargetLowPriorityNodes=0"),
        ("sdk-useless", NOW, None, (2, 0), "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=0"),
        ("sdk-useless-old", NOW, None, (2, 0), "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=0"),
        ("ps-testaz", NOW, None, (0, 0), "$TargetDedicatedNodes=5;"),
        ("doc-pending-tasks", NOW, None, (0, 0), "$TargetDedicatedNodes=1;"),
        ("doc-pending-tasks", NOW, 7, (0, 0), "$TargetDedicatedNodes=7;"),
        ("doc-pending-tasks", NOW, 70, (0, 0), "$TargetDedicatedNodes=25;"),
        ("doc-preempted", NOW, 3, (0, 0), "$TargetDedicatedNodes=3;$TargetLowPriorityNodes=22;"),
        ("doc-cpu-400", NOW, 0.8, (0, 0), "$TargetDedicatedNodes=2;"),
        ("doc-example1-time", at("2026-01-05T17:59:00Z"), None, (0, 0), "$TargetDedicatedNodes=20;"),
        ("doc-example1-time", at("2026-01-05T18:00:00Z"), None, (0, 0), "$TargetDedicatedNodes=10;"),
        ("doc-example1-time", at("2026-01-10T12:00:00Z"), None, (0, 0), "$TargetDedicatedNodes=10;"),
        ("doc-example3-parallel", NOW, 5, (1, 0), "$TargetDedicatedNodes=2;"),
        ("doc-example3-parallel", NOW, 50, (1, 0), "$TargetDedicatedNodes=3;"),
        ("doc-example4-initial", NOW, 0, (2, 0), "$TargetDedicatedNodes=0;"),
        ("doc-example4-initial", NOW, 1, (2, 0), "$TargetDedicatedNodes=4;"),
        ("bx-task", NOW, 0, (8, 0), "$TargetDedicatedNodes=4;"),
        ("bx-task", NOW, 30, (8, 0), "$TargetDedicatedNodes=20;"),
        ("nf-dedicated", at("2026-08-21T12:00:00Z"), 40, (0, 0), "$TargetDedicatedNodes=5;"),
        ("nf-dedicated", at("2026-08-21T13:00:00Z"), 60, (0, 0), "$TargetDedicatedNodes=50;"),
        ("tes-sku-dedicated", NOW, None, (0, 0), "$TargetDedicatedNodes=1;"),
        ("tes-sku-dedicated", NOW, 0, (1, 0), "$TargetDedicatedNodes=0;"),
        ("dap-queue", NOW, 0, (1, 0), "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=5;"),
    ],
)
def test_stated_targets(name: str, now: float, given: float | None, targets: tuple[int, int], expected: str) -> None:
    """The targets are those the publisher states."""
    assert run(name, value=given, now=now, targets=Targets(*targets)).results.startswith(expected)


def test_result_strings_of_the_service() -> None:
    """User variables follow the service variables in the published order and formatting."""
    hours = run("doc-workhours-eval", now=at("2016-10-13T19:18:47.805Z")).results
    listed = "$curTime=2016-10-13T19:18:47.805Z;$isWeekday=1;$isWorkingWeekdayHour=0;$workHours=0"
    assert hours.endswith(f"$NodeDeallocationOption=requeue;{listed}")
    queue = run("dap-queue", value=0, targets=Targets(1, 0)).results
    assert queue.endswith("$maxTasksPerNode=4;$round=3;$samples=96.6667;$targetVMs=1;$tasks=0")
    assert run("sdk-net-terminate").results == FORMULAS["sdk-net-terminate"]["formula"]
    assert run("sdk-net-getsample5").results.endswith("myActiveSamples=[5,5,5,5,5]")


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("bs-issue-138", "Line 9, Col 43: Insufficient data from data set: $PendingTasks wanted 70%, received 0%"),
        ("bs-active-nolast", "Line 9, Col 43: Insufficient data from data set: $ActiveTasks wanted 70%, received 0%"),
        ("tes-dedicated", "Line 6, Col 69: Insufficient data from data set: $PendingTasks wanted 10%, received 0%"),
    ],
)
def test_missing_samples(name: str, detail: str) -> None:
    """A new pool without samples gives the published error."""
    error = run(name, value=None).error
    assert error is not None
    assert error.code == "InsufficientSampleData"
    assert error.message == "Autoscale evaluation failed due to insufficient sample data"
    assert error.values == (("Message", detail),)


def test_ceilings_hold_for_every_published_formula() -> None:
    """No evaluation from within the proved ceiling ever leaves it."""
    for name, one in FORMULAS.items():
        limit = ceiling(parse(one["formula"]))
        for value in (None, 0, 1, 7, 1000):
            reached = run(name, value=value, targets=Targets(0, 0)).targets
            assert limit.dedicated is None or reached.dedicated <= limit.dedicated, name
            assert limit.spot is None or reached.spot <= limit.spot, name
