"""Rules about the targets: bounds, rounding, growth, idle branches, task slots, Spot nodes."""

from __future__ import annotations

from collections.abc import Iterator

from batchite.autoscale.bounds import target_ranges
from batchite.autoscale.lint.facts import Facts, Finding, finding, variable
from batchite.autoscale.tree import Binary, Call, Expression, Name, children
from batchite.autoscale.variables import TARGET_DEDICATED, TARGET_SPOT, TARGETS, TASK_SLOTS

_NODE_COUNTS = (*TARGETS, "$CurrentDedicatedNodes", "$CurrentLowPriorityNodes")
_ROUNDING = ("ceil", "floor", "round")
_TASKS = ("$ActiveTasks", "$PendingTasks", "$RunningTasks")


def no_ceiling(facts: Facts) -> Iterator[Finding]:
    """A target without a provable upper bound."""
    ranges = target_ranges(facts.formula)
    for name in TARGETS:
        for _, statement in facts.finals(name):
            if ranges[name].high == float("inf"):
                message = f"{name} has no upper bound: cap it, min(<the most you want to pay for>, ...)"
                yield finding("no-ceiling", "warning", statement.at, message)


def fraction_truncated(facts: Facts) -> Iterator[Finding]:
    """A quotient of tasks that is cut to whole nodes without being rounded up."""
    for index, statement in facts.finals(*TARGETS):
        for place, node in _unrounded(facts, index, statement.value):
            if _is_tasks_per_node(facts, place, node):
                message = "targets are cut to whole nodes, so tasks are left out: (tasks + slots - 1) / slots rounds up"
                yield finding("fraction-truncated", "warning", node.at, message)


def _unrounded(facts: Facts, index: int, node: Expression) -> Iterator[tuple[int, Expression]]:
    """Everything that flows into an expression, but not what is rounded on the way."""
    seen: set[int] = set()
    stack = [(index, node)]
    while stack:
        place, part = stack.pop()
        if isinstance(part, Call) and part.function in _ROUNDING:
            continue
        yield place, part
        source = facts.assigned(part.name, place) if isinstance(part, Name) else None
        if source is not None and source not in seen:
            seen.add(source)
            stack.append((source, facts.statements[source].value))
        stack.extend((place, child) for child in children(part))


def _is_tasks_per_node(facts: Facts, index: int, node: Expression) -> bool:
    if not isinstance(node, Binary) or node.operator != "/":
        return False
    rounds_up = isinstance(node.left, Binary) and node.left.operator in ("+", "-")
    return not rounds_up and any(variable(part) in _TASKS for _, part in facts.flow(index, node.left))


def slow_growth(facts: Facts) -> Iterator[Finding]:
    """`1.1 * n`: cut to n again while n is small."""
    for index, node in facts.nodes:
        if not isinstance(node, Binary) or node.operator != "*":
            continue
        for count, factor in ((node.left, node.right), (node.right, node.left)):
            value = facts.constant(index, factor)
            if variable(count) in _NODE_COUNTS and isinstance(value, float) and 1 < value < 2:
                least = -(-1 // (value - 1))
                message = f"grows by less than a node, that is not at all, below {least:g} nodes: add 1 or round up"
                yield finding("slow-growth", "warning", node.at, message)


def halving(facts: Facts) -> Iterator[Finding]:
    """An idle branch that divides a target: slow, and easily the other kind's."""
    for name in TARGETS:
        for index, statement in facts.finals(name):
            for place, node in facts.flow(index, statement.value):
                read = _divided_target(facts, place, node)
                if read == name:
                    message = (
                        "dividing the target takes several runs to reach 0: fall to the minimum when nothing is pending"
                    )
                    yield finding("halving", "info", node.at, message)
                elif read:
                    message = f"the {name} of an idle pool is computed from {read}: read the target that is assigned"
                    yield finding("other-kind-target", "warning", node.at, message)


def _divided_target(facts: Facts, index: int, node: Expression) -> str:
    if not isinstance(node, Binary) or node.operator != "/" or facts.constant(index, node.right) is None:
        return ""
    read = variable(node.left)
    return read if read in TARGETS and facts.assigned(read, index) is None else ""


def task_slots(facts: Facts) -> Iterator[Finding]:
    """Tasks taken for nodes: right for one slot per node only."""
    for index, statement in facts.finals(*TARGETS):
        parts = [part for _, part in facts.flow(index, statement.value)]
        divides = any(isinstance(part, Binary) and part.operator == "/" for part in parts)
        names = {variable(part) for part in parts}
        if names & set(_TASKS) and not divides and TASK_SLOTS not in names and not _multiplies(parts):
            message = "one node for each task: with several task slots per node divide by them, rounding up"
            yield finding("task-slots", "info", statement.at, message)


def _multiplies(parts: list[Expression]) -> bool:
    return any(isinstance(part, Binary) and part.operator == "*" for part in parts)


def spot_only(facts: Facts) -> Iterator[Finding]:
    """Work on Spot nodes alone, without a look at preempted ones."""
    names = {variable(node) for _, node in facts.nodes}
    dedicated = target_ranges(facts.formula)[TARGET_DEDICATED].high
    for _, statement in facts.finals(TARGET_SPOT):
        if dedicated == 0 and names & set(_TASKS) and "$PreemptedNodeCount" not in names:
            message = (
                "preempted Spot nodes still count toward this target while they run nothing: "
                "add dedicated nodes for $PreemptedNodeCount, or keep at least one"
            )
            yield finding("spot-only", "info", statement.at, message)


RULES = (no_ceiling, fraction_truncated, slow_growth, halving, task_slots, spot_only)
