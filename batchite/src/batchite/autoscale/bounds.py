"""Static bounds of a formula: the highest node counts it can ever ask for, proved without running it.

Every expression is given a range that surely holds its value. Ranges of targets are computed until the formula's own
results, fed back as the pool's current targets, stay inside them: a pool deployed with autoscale starts at 0 nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from batchite.autoscale.tree import (
    Binary,
    Call,
    Conditional,
    Expression,
    Formula,
    MethodCall,
    Name,
    Number,
    Unary,
    walk,
)
from batchite.autoscale.variables import ALIASES, TARGETS, TASK_SLOTS, full_name, is_metric

_INFINITY = math.inf
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The proved upper bound of each target; None when there is none. A target never assigned stays 0."""

    dedicated: int | None
    spot: int | None


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; of a vector, which may be empty, every element."""

    low: float
    high: float
    vector: bool = False

    def join(self, other: Range) -> Range:
        """The smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high), self.vector or other.vector)


Variables = Mapping[str, Range]

_ANY = Range(-_INFINITY, _INFINITY)
_COUNT = Range(0.0, _INFINITY)
_TRUTH = Range(0.0, 1.0)
_ZERO = Range(0.0, 0.0)
_SLOTS = Range(1.0, 256.0)  # the service's limits of task slots per node


def ceiling(formula: Formula) -> Ceiling:
    """The highest targets the formula can ask for of a pool that started at 0 nodes, as a deployed one does."""
    highest = target_ranges(formula)
    dedicated, spot = (highest[name].high for name in TARGETS)
    return Ceiling(*(int(high) if high < _INFINITY else None for high in (dedicated, spot)))


def target_ranges(formula: Formula) -> dict[str, Range]:
    """The range of each target over all runs of the formula."""
    ranges = dict.fromkeys(TARGETS, _ZERO)
    for attempt in range(2 * _ROUNDS):
        reached = _one_run(formula, ranges)
        wider = {name: ranges[name].join(reached[name]) for name in TARGETS}
        if wider == ranges:
            break
        ranges = {name: _widened(ranges[name], wider[name]) if attempt >= _ROUNDS else wider[name] for name in TARGETS}
    # What one more run reaches from ranges that hold every run holds every run too, and undoes needless widening.
    return {name: _ZERO.join(reached) for name, reached in _one_run(formula, ranges).items()}


def _widened(before: Range, after: Range) -> Range:
    """What still grows after some rounds is taken to grow for ever."""
    low = after.low if after.low == before.low else -_INFINITY
    return Range(low, after.high if after.high == before.high else _INFINITY)


def _one_run(formula: Formula, current: Variables) -> dict[str, Range]:
    """The targets after one run, wherever a stop() may end it."""
    variables: dict[str, Range] = {}
    ends = []
    for statement in formula.statements:
        if any(isinstance(node, Call) and node.function == "stop" for node in walk(statement.value)):
            ends.append(dict(variables))
        value = _range(statement.value, variables, current)
        if statement.name is not None:
            variables[statement.name] = _whole(value) if full_name(statement.name) in TARGETS else value
    ends.append(variables)
    return {name: _joined([_target(name, end, current) for end in ends]) for name in TARGETS}


def _joined(ranges: list[Range]) -> Range:
    first, *others = ranges
    for other in others:
        first = first.join(other)
    return first


def _whole(value: Range) -> Range:
    """Targets are cut toward zero, and a negative one is refused by the evaluation."""
    return Range(max(0.0, _cut(value.low)), max(0.0, _cut(value.high)))


def _cut(number: float) -> float:
    return float(math.trunc(number)) if math.isfinite(number) else number


def _target(name: str, variables: Variables, current: Variables) -> Range:
    spellings = (name, *(alias for alias, full in ALIASES.items() if full == name))
    return next((variables[spelling] for spelling in spellings if spelling in variables), current[name])


def _range(  # noqa: PLR0911 - one return for each kind of node
    node: Expression, variables: Variables, current: Variables
) -> Range:
    match node:
        case Number():
            return Range(node.value, node.value)
        case Name():
            return _name(node.name, variables, current)
        case Unary():
            return _unary(node.operator, _range(node.operand, variables, current))
        case Binary():
            parts = (_range(part, variables, current) for part in (node.left, node.right))
            return _binary(node.operator, *parts)
        case Conditional():
            return _conditional(node, variables, current)
        case Call():
            return _call(node.function, [_range(argument, variables, current) for argument in node.arguments])
        case MethodCall():
            return _METHODS.get(node.method, _ANY)
        case _:
            return _ANY  # a time, a string or a part of a time


def _name(name: str, variables: Variables, current: Variables) -> Range:
    if full_name(name) in TARGETS:
        return _target(full_name(name), variables, current)
    if name in variables:
        return variables[name]
    if full_name(name) == TASK_SLOTS:
        return _SLOTS
    return _COUNT if is_metric(name) else _ANY


_METHODS = {
    "GetSample": replace(_COUNT, vector=True),
    "GetSamplePercent": Range(0.0, 100.0),
    "Count": _COUNT,
}


def _unary(sign: str, value: Range) -> Range:
    return Range(-value.high, -value.low, value.vector) if sign == "-" else _TRUTH


def _binary(sign: str, left: Range, right: Range) -> Range:
    if sign in _ARITHMETIC:
        result = replace(_ARITHMETIC[sign](left, right), vector=left.vector or right.vector)
        return _ANY if math.isnan(result.low) or math.isnan(result.high) else result  # overflowed
    return _COMPARISON[sign](left, right) if sign in _COMPARISON else _logic(sign, left, right)


def _times(left: Range, right: Range) -> Range:
    products = [_product(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return Range(min(products), max(products))


def _product(left: float, right: float) -> float:
    return 0.0 if left == 0 or right == 0 else left * right


def _over(left: Range, right: Range) -> Range:
    if right.low <= 0 <= right.high:
        # Division by zero itself is an error, but numbers near zero make the quotient as large as one likes.
        return left if left == _ZERO else _ANY if left.low < 0 or right.low < 0 else _COUNT
    return _times(left, Range(1 / right.high, 1 / right.low))


_ARITHMETIC: Mapping[str, Callable[[Range, Range], Range]] = {
    "+": lambda left, right: Range(left.low + right.low, left.high + right.high),
    "-": lambda left, right: Range(left.low - right.high, left.high - right.low),
    "*": _times,
    "/": _over,
}


def _less(left: Range, right: Range) -> Range:
    return _decided(left.high < right.low, left.low >= right.high)


def _less_or_equal(left: Range, right: Range) -> Range:
    return _decided(left.high <= right.low, left.low > right.high)


def _equal(left: Range, right: Range) -> Range:
    apart = left.high < right.low or right.high < left.low
    return _decided(left.low == left.high == right.low == right.high, apart)


def _decided(surely: bool, never: bool) -> Range:
    return Range(1.0, 1.0) if surely else _ZERO if never else _TRUTH


_COMPARISON: Mapping[str, Callable[[Range, Range], Range]] = {
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _less_or_equal(right, left),
    "==": _equal,
    "!=": lambda left, right: _negated(_equal(left, right)),
}


def _negated(truth: Range) -> Range:
    return Range(1.0 - truth.high, 1.0 - truth.low)


def _logic(sign: str, left: Range, right: Range) -> Range:
    if sign == "&&":
        return _decided(_true(left) and _true(right), _ZERO in (left, right))
    return _decided(_true(left) or _true(right), left == right == _ZERO)


def _true(value: Range) -> bool:
    return value.low > 0 or value.high < 0


def _conditional(node: Conditional, variables: Variables, current: Variables) -> Range:
    test = _range(node.test, variables, current)
    then = _range(node.then, _assuming(node.test, variables, holds=True), current)
    otherwise = _range(node.otherwise, _assuming(node.test, variables, holds=False), current)
    if _true(test):
        return then
    return otherwise if test == _ZERO else then.join(otherwise)


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _assuming(test: Expression, variables: Variables, *, holds: bool) -> Variables:
    """What `x < 10 ? x : 10` tells about the variable x in its branches."""
    if not isinstance(test, Binary) or test.operator not in _MIRRORED:
        return variables
    sign = test.operator if holds else _OPPOSITE[test.operator]
    known = _narrowed(test.left, sign, test.right, variables)
    return known or _narrowed(test.right, _MIRRORED[sign], test.left, variables) or variables


def _narrowed(name: Expression, sign: str, limit: Expression, variables: Variables) -> Variables | None:
    if not isinstance(name, Name) or name.name not in variables or full_name(name.name) in TARGETS:
        return None
    if not isinstance(limit, Number | Name):
        return None
    own, bound = variables[name.name], _range(limit, variables, dict.fromkeys(TARGETS, _COUNT))
    if bound == _ANY or own.vector or bound.vector:
        return None
    narrow = (
        Range(own.low, min(own.high, bound.high)) if sign in ("<", "<=") else Range(max(own.low, bound.low), own.high)
    )
    return {**variables, name.name: narrow} if narrow.low <= narrow.high else None


def _call(function: str, arguments: list[Range]) -> Range:
    return _FUNCTIONS[function](arguments) if function in _FUNCTIONS else _ANY


def _numbers(arguments: list[Range]) -> list[Range]:
    """The arguments that surely give an element: doubles; when there are none, a vector must have given one."""
    return [argument for argument in arguments if not argument.vector]


def _least(arguments: list[Range]) -> Range:
    sure = _numbers(arguments)
    high = min(one.high for one in sure) if sure else max(one.high for one in arguments)
    return Range(min(one.low for one in arguments), high)


def _greatest(arguments: list[Range]) -> Range:
    sure = _numbers(arguments)
    low = max(one.low for one in sure) if sure else min(one.low for one in arguments)
    return Range(low, max(one.high for one in arguments))


def _spread(arguments: list[Range]) -> Range:
    whole = _joined(arguments)
    return Range(0.0, whole.high - whole.low if math.isfinite(whole.high - whole.low) else _INFINITY)


def _sum(arguments: list[Range]) -> Range:
    low = sum(-_INFINITY if one.vector and one.low < 0 else 0.0 if one.vector else one.low for one in arguments)
    high = sum(_INFINITY if one.vector and one.high > 0 else 0.0 if one.vector else one.high for one in arguments)
    return Range(low, high)


def _rounded(function: Callable[[float], float]) -> Callable[[list[Range]], Range]:
    def apply(arguments: list[Range]) -> Range:
        whole = _joined(arguments)
        ends = [float(function(end)) if math.isfinite(end) else end for end in (whole.low, whole.high)]
        return Range(ends[0], ends[1], len(arguments) > 1 or whole.vector)

    return apply


_FUNCTIONS: Mapping[str, Callable[[list[Range]], Range]] = {
    "avg": lambda arguments: replace(_joined(arguments), vector=False),
    "min": _least,
    "max": _greatest,
    "sum": _sum,
    "range": _spread,
    "len": lambda _: _COUNT,
    "norm": lambda _: _COUNT,
    "std": lambda _: _COUNT,
    "rand": lambda _: _TRUTH,
    "val": lambda arguments: replace(arguments[0].join(_ZERO), vector=False),
    "percentile": lambda arguments: replace(arguments[0], vector=False),
    "ceil": _rounded(math.ceil),
    "floor": _rounded(math.floor),
    "round": _rounded(lambda number: math.copysign(math.floor(abs(number) + 0.5), number)),
}
