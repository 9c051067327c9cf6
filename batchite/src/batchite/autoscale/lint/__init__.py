"""The linter: what makes a formula fail, starve or kill work, each finding with its place and what to do.

Severities: `error`, the evaluation will fail; `warning`, it runs but does what users regret; `info`, worth knowing.
"""

from __future__ import annotations

from batchite.autoscale.errors import FormulaError
from batchite.autoscale.lint import expressions, names, samples, targets
from batchite.autoscale.lint.facts import Facts, Finding
from batchite.autoscale.parser import parse

RULES = (*names.RULES, *expressions.RULES, *samples.RULES, *targets.RULES)

__all__ = ["RULES", "Finding", "lint"]


def lint(text: str) -> list[Finding]:
    """The findings for a formula in the order of their places; a syntax error is the only finding of its formula."""
    try:
        facts = Facts(parse(text))
    except FormulaError as error:
        return [Finding("syntax", "error", error.line, error.column, error.message)]
    found = {finding for rule in RULES for finding in rule(facts)}
    return sorted(found, key=lambda finding: (finding.line, finding.column, finding.rule))
