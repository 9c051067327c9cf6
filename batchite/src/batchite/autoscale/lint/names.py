"""Rules about names: unassigned, unused, overwritten, misspelled, aliases, options."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from batchite.autoscale.lint.facts import Facts, Finding, finding, variable
from batchite.autoscale.tree import START, MethodCall, Name
from batchite.autoscale.values import CONSTANTS
from batchite.autoscale.variables import (
    ALIASES,
    DEALLOCATION,
    OPTIONS,
    RETIRED_METRICS,
    SERVICE_VARIABLES,
    TARGETS,
    WRITABLE,
    full_name,
    is_metric,
)

_BY_LOWER_CASE = {name.lower(): name for name in SERVICE_VARIABLES}


def unassigned_variable(facts: Facts) -> Iterator[Finding]:
    """A name that is neither of the service nor assigned before it is read."""
    for index, node in facts.nodes:
        if not isinstance(node, Name) or node.name in SERVICE_VARIABLES or node.name in CONSTANTS:
            continue
        if node.name not in OPTIONS and facts.assigned(node.name, index) is None:
            message = f"{node.name} is read but not assigned before{_suggestion(node.name)}"
            yield finding("unassigned-variable", "error", node.at, message)


def _suggestion(name: str) -> str:
    words = [*SERVICE_VARIABLES, *CONSTANTS, *OPTIONS]
    near = (
        [_BY_LOWER_CASE[name.lower()]] if name.lower() in _BY_LOWER_CASE else get_close_matches(name, sorted(words), 1)
    )
    return f"; did you mean {near[0]}?" if near else "; assign it first"


def not_a_metric(facts: Facts) -> Iterator[Finding]:
    """A sample method of something that has no samples."""
    for _, node in facts.nodes:
        if isinstance(node, MethodCall) and not is_metric(node.variable):
            message = f"{node.variable} has no samples{_suggestion(node.variable)}"
            yield finding("not-a-metric", "error", node.at, message)


def service_variable_case(facts: Facts) -> Iterator[Finding]:
    """An assigned name that differs from a service variable only by case."""
    for statement in facts.statements:
        meant = _BY_LOWER_CASE.get((statement.name or "").lower())
        if meant and meant != statement.name:
            message = f"{statement.name} is a variable of your own here; write {meant} for the service variable"
            yield finding("service-variable-case", "warning", statement.at, message)


def mixed_aliases(facts: Facts) -> Iterator[Finding]:
    """Both an old alias and the full name of a target."""
    written = {statement.name for statement in facts.statements}
    written |= {node.name for _, node in facts.nodes if isinstance(node, Name)}
    for statement in facts.statements:
        full = ALIASES.get(statement.name or "")
        if full and full in written:
            message = f"{statement.name} is an old alias of {full}, which wins over it: use {full} everywhere"
            yield finding("mixed-aliases", "warning", statement.at, message)


def unused_value(facts: Facts) -> Iterator[Finding]:
    """A value that nothing reads: never, or only after it was overwritten."""
    for index, statement in enumerate(facts.statements):
        if statement.name is None:
            continue
        rule = _fate(facts, index, full_name(statement.name))
        if rule == "overwritten-value":
            message = f"this value of {statement.name} is overwritten before anything reads it: drop this statement"
            yield finding(rule, "warning", statement.at, message)
        elif rule and full_name(statement.name) not in WRITABLE:
            yield finding(rule, "info", statement.at, f"{statement.name} is never read: drop it or use it")


def _fate(facts: Facts, index: int, name: str) -> str:
    for later in range(index + 1, len(facts.statements)):
        if name in facts.reads(later):
            return ""
        if full_name(facts.statements[later].name or "") == name:
            return "overwritten-value"
    return "unused-variable"


def target_never_assigned(facts: Facts) -> Iterator[Finding]:
    """A formula without any target does nothing."""
    if not list(facts.finals(*TARGETS)):
        message = "no target is assigned, so the pool never changes: assign $TargetDedicatedNodes"
        yield finding("target-never-assigned", "warning", START, message)


def deallocation_option(facts: Facts) -> Iterator[Finding]:
    """No option, or one that is going away."""
    if not list(facts.finals(DEALLOCATION)):
        message = f"{DEALLOCATION} is not assigned: shrinking requeues running tasks; assign taskcompletion"
        yield finding("no-deallocation-option", "warning", START, message)
    for _, node in facts.nodes:
        if isinstance(node, Name) and node.name == "retaineddata":
            message = "retaineddata is deprecated: use taskcompletion"
            yield finding("deprecated-option", "warning", node.at, message)


def retired_metric(facts: Facts) -> Iterator[Finding]:
    """A resource metric of which no samples are taken since 2024."""
    for _, node in facts.nodes:
        if variable(node) in RETIRED_METRICS:
            message = f"{variable(node)} was retired in 2024 and has no samples: decide by $PendingTasks"
            yield finding("retired-metric", "warning", node.at, message)


RULES = (
    unassigned_variable,
    not_a_metric,
    service_variable_case,
    mixed_aliases,
    unused_value,
    target_never_assigned,
    deallocation_option,
    retired_metric,
)
