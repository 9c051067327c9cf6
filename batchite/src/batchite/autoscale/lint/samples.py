"""Rules about samples: windows that are empty at first, too short, of the wrong metric, compared on the wrong scale."""

from __future__ import annotations

from collections.abc import Iterator

from batchite.autoscale.lint.facts import Facts, Finding, finding, variable
from batchite.autoscale.samples import PERIOD
from batchite.autoscale.tree import Binary, Call, Conditional, Expression, MethodCall, Name, children, walk
from batchite.autoscale.values import TICKS_PER_SECOND, Interval

_GUARDS = ("GetSamplePercent", "Count", "HistoryBeginTime")
_COMPARISONS = ("<", "<=", "==", ">=", ">", "!=")
_HIDDEN = 60.0  # seconds until a sample is visible


def _window(facts: Facts, index: int, call: MethodCall) -> float | None:
    """The look-back of a call in seconds when it is a constant interval, else None."""
    bounds = [facts.constant(index, argument) for argument in call.arguments[:2]]
    lengths = [bound.ticks / TICKS_PER_SECOND for bound in bounds if isinstance(bound, Interval)]
    return max(lengths, default=None)


def _single(facts: Facts, index: int, call: MethodCall) -> bool:
    """GetSample(count)."""
    return isinstance(facts.constant(index, call.arguments[0]), float)


def unguarded_sample(facts: Facts) -> Iterator[Finding]:
    """A window read without a look at how many samples it holds."""
    for index, statement in enumerate(facts.statements):
        for call in _unguarded(facts, index, statement.value):
            if call.method == "GetSample" and not _single(facts, index, call):
                message = (
                    f"fails while samples of {call.variable} are missing, as on a new pool: "
                    f"{call.variable}.GetSamplePercent(...) < 70 ? max(0, {call.variable}.GetSample(1)) : ..."
                )
                yield finding("unguarded-sample", "warning", call.opening, message)


def _unguarded(facts: Facts, index: int, node: Expression) -> Iterator[MethodCall]:
    if isinstance(node, Conditional) and _guards(facts, index, node.test):
        return
    if isinstance(node, MethodCall):
        yield node
    for part in children(node):
        yield from _unguarded(facts, index, part)


def _guards(facts: Facts, index: int, test: Expression) -> bool:
    return any(isinstance(part, MethodCall) and part.method in _GUARDS for _, part in facts.flow(index, test))


def short_window(facts: Facts) -> Iterator[Finding]:
    """A look-back in which no sample is visible yet, or hardly one."""
    for index, call in facts.methods("GetSample", "GetSamplePercent"):
        seconds = _window(facts, index, call)
        if seconds is not None and 0 <= seconds <= _HIDDEN + PERIOD:
            message = (
                f"samples appear after about a minute: {seconds:g} s hold one at most; look back 3 minutes or more"
            )
            yield finding("short-window", "warning", call.opening, message)


def unreachable_guard(facts: Facts) -> Iterator[Finding]:
    """A sample percentage that the minute without visible samples can keep out of reach."""
    for index, node in facts.nodes:
        if isinstance(node, Binary) and node.operator in _COMPARISONS:
            _, source = facts.resolved(index, node.left)
            limit = facts.constant(index, node.right)
            seconds = _window(facts, index, source) if isinstance(source, MethodCall) else None
            if isinstance(limit, float) and seconds and seconds > _HIDDEN + PERIOD and _percent(source):
                yield from _reach(node, limit, seconds)


def _reach(node: Binary, limit: float, seconds: float) -> Iterator[Finding]:
    reachable = 100 * (seconds - _HIDDEN) / seconds
    if reachable < limit <= 100:
        message = (
            f"in {seconds:g} s about {reachable:.0f} % of the samples are visible, {limit:g} % may never be reached: "
            "look back further or ask for less"
        )
        yield finding("unreachable-guard", "info", node.at, message)


def _percent(node: Expression) -> bool:
    return isinstance(node, MethodCall) and node.method == "GetSamplePercent"


def active_tasks_only(facts: Facts) -> Iterator[Finding]:
    """$ActiveTasks without the tasks that are running."""
    used = {variable(node) for _, node in facts.nodes}
    if "$ActiveTasks" in used and not used & {"$RunningTasks", "$PendingTasks"}:
        at = next(node.at for _, node in facts.nodes if variable(node) == "$ActiveTasks")
        message = "$ActiveTasks leaves out running tasks, so busy pools shrink: use $PendingTasks, the sum of both"
        yield finding("active-tasks-only", "warning", at, message)


def single_sample(facts: Facts) -> Iterator[Finding]:
    """One sample as the only datum."""
    calls = list(facts.methods("GetSample"))
    if calls and all(
        _single(facts, index, call) and facts.constant(index, call.arguments[0]) == 1 for index, call in calls
    ):
        message = "one sample alone may be missing or an outlier: use a window, with this as the fallback"
        yield finding("single-sample", "warning", calls[0][1].opening, message)


def percent_scale(facts: Facts) -> Iterator[Finding]:
    """A percentage (0 to 100) compared with a fraction, or a ratio (0 to 1) with a percentage."""
    for index, node in facts.nodes:
        if not isinstance(node, Binary) or node.operator not in _COMPARISONS:
            continue
        limit = facts.constant(index, node.right)
        _, source = facts.resolved(index, node.left)
        if isinstance(limit, float) and _percent(source) and 0 < limit < 1:
            message = f"GetSamplePercent gives 0 to 100: compare with {limit * 100:g}, not {limit:g}"
            yield finding("percent-scale", "warning", node.at, message)
        if isinstance(limit, float) and limit > 1 and _ratio(node.left, source):
            message = f"this is a ratio from 0 to 1, it never reaches {limit:g}: multiply it by 100"
            yield finding("percent-scale", "warning", node.at, message)


def _ratio(name: Expression, source: Expression) -> bool:
    """A variable called a percentage or ratio that is a plain quotient."""
    called = isinstance(name, Name) and any(word in name.name.lower() for word in ("percent", "ratio"))
    operators = {part.operator for part in walk(source) if isinstance(part, Binary)}
    return called and "/" in operators and "*" not in operators


def minimum_with_samples(facts: Facts) -> Iterator[Finding]:
    """min(cap, samples): without samples it is the cap."""
    for index, node in facts.nodes:
        if not isinstance(node, Call) or node.function != "min" or len(node.arguments) < 2:
            continue
        sources = [facts.resolved(index, argument)[1] for argument in node.arguments]
        if any(isinstance(source, MethodCall) and source.method == "GetSample" for source in sources):
            message = (
                "takes the least of all samples, and the cap itself when there are none: use avg, max or val of them"
            )
            yield finding("min-with-samples", "warning", node.at, message)


RULES = (
    unguarded_sample,
    short_window,
    unreachable_guard,
    active_tasks_only,
    single_sample,
    percent_scale,
    minimum_with_samples,
)
