"""The autoscale formula language of Azure Batch as a library: pure, without dependencies.

`parse` and `evaluate` formulas, prove their `ceiling`, `lint` them, and write them with `builders`.
"""

from __future__ import annotations

from batchite.autoscale.bounds import Ceiling, ceiling
from batchite.autoscale.errors import EvaluationError, FormulaError, FormulaTooLongError, InsufficientSampleDataError
from batchite.autoscale.evaluate import Evaluation, RunError, Targets, evaluate
from batchite.autoscale.lint import Finding, lint
from batchite.autoscale.parser import parse
from batchite.autoscale.samples import Metrics, Sample
from batchite.autoscale.tree import Formula

__all__ = [
    "Ceiling",
    "Evaluation",
    "EvaluationError",
    "Finding",
    "Formula",
    "FormulaError",
    "FormulaTooLongError",
    "InsufficientSampleDataError",
    "Metrics",
    "RunError",
    "Sample",
    "Targets",
    "ceiling",
    "evaluate",
    "lint",
    "parse",
]
