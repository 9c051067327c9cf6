"""The language as data: given metrics, a formula gives this result string or this error."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from batchite.autoscale import Evaluation, FormulaError, Metrics, RunError, Targets, evaluate, parse
from batchite.cli.autoscale import read_metrics

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
NOW = datetime.fromisoformat("2026-01-05T10:00:00Z").timestamp()


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["about"], marks=getattr(pytest.mark, c["basis"])) for c in CASES]
)
def test_case(case: dict[str, Any]) -> None:
    """The formula gives exactly the stated results or error."""
    metrics, targets = read_metrics(case["given"], NOW)
    run = run_text(case["formula"], metrics, targets)
    assert (run.error is None) == ("results" in case), run
    if run.error is None:
        assert run.results == case["results"]
        return
    assert run.error.code == case["error"]["code"]
    assert case["error"]["detail"] in (None, run.error.values[0][1])
    assert run.targets == targets
    unchanged = f"$TargetDedicatedNodes={targets.dedicated};$TargetLowPriorityNodes={targets.spot}"
    assert run.results in (f"{unchanged};$NodeDeallocationOption=requeue", NOT_RUN)


NOT_RUN = "not run"


def run_text(text: str, metrics: Metrics, targets: Targets) -> Evaluation:
    """The evaluation of a text; a text that is no formula gives its syntax error."""
    try:
        return evaluate(parse(text), metrics, NOW, targets)
    except FormulaError as error:
        return Evaluation(targets, "", NOT_RUN, RunError(error.code, error.message, (("Message", str(error)),)))
