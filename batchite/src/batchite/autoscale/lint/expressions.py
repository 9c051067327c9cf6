"""Rules about single expressions: types, times, impossible conditions, what the documentation does not promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batchite.autoscale.functions import FUNCTIONS, LATE_FUNCTIONS, METHODS, Signature, resolve
from batchite.autoscale.lint.facts import Facts, Finding, finding
from batchite.autoscale.tree import (
    Binary,
    Call,
    Conditional,
    Expression,
    Member,
    MethodCall,
    Name,
    Number,
    Text,
    Unary,
    children,
)
from batchite.autoscale.values import CONSTANTS, OPERATIONS, UNARY_OPERATIONS, RefusedError, Type, parse_time
from batchite.autoscale.variables import OPTIONS, is_metric, is_target

_LIMITS = {"<": (False, True), "<=": (True, True), ">": (False, False), ">=": (True, False)}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def undocumented_operation(facts: Facts) -> Iterator[Finding]:
    """Operands or arguments for which the language has no operation."""
    before = _types_before(facts)
    for index, node in facts.nodes:
        types = [_type(before[index], part) for part in children(node)]
        if None not in types and (problem := _problem(node, [kind for kind in types if kind])):
            yield finding("undocumented-operation", "error", node.at, problem)


def _problem(node: Expression, types: list[Type]) -> str:
    names = [kind.value for kind in types]
    if isinstance(node, Binary) and (node.operator, types[0], types[1]) not in OPERATIONS:
        return f"{names[0]} {node.operator} {names[1]} is not in the language{_instead(node.operator, types)}"
    if isinstance(node, Unary) and (node.operator, types[0]) not in UNARY_OPERATIONS:
        return f"{node.operator} {names[0]} is not in the language"
    if isinstance(node, Call | MethodCall):
        return _call_problem(node, types)
    return ""


def _instead(operator: str, types: list[Type]) -> str:
    if types == [Type.DOUBLE, Type.VECTOR]:
        return ": put the vector on the left"
    if operator == "-" and types == [Type.TIMESTAMP, Type.INTERVAL]:
        return ": add a negative interval, time() + (-6 * TimeInterval_Hour)"
    return ": reduce the vector with avg, max or val" if Type.VECTOR in types else ""


def _call_problem(node: Call | MethodCall, types: list[Type]) -> str:
    try:
        resolve(*_callee(node), types)
    except RefusedError as refused:
        return str(refused)
    return ""


def _callee(node: Call | MethodCall) -> tuple[str, tuple[Signature[Any], ...]]:
    name = node.function if isinstance(node, Call) else node.method
    return name, FUNCTIONS[name] if isinstance(node, Call) else METHODS[name]


_Types = dict[str, Type | None]


def _types_before(facts: Facts) -> list[_Types]:
    """The types of the variables before each statement."""
    known: _Types = {}
    before = []
    for statement in facts.statements:
        before.append(known)
        if statement.name is not None:
            known = {**known, statement.name: _type(known, statement.value)}
    return before


def _type(known: _Types, node: Expression) -> Type | None:
    """The type of an expression; None when it is not known."""
    match node:
        case Number() | Member():
            return Type.DOUBLE
        case Text():
            return Type.STRING
        case Name():
            return _name_type(known, node.name)
        case Conditional():
            branches = {_type(known, part) for part in (node.then, node.otherwise)}
            return branches.pop() if len(branches) == 1 else None
        case Unary() | Binary():
            return _operation_type(node, [_type(known, part) for part in children(node)])
        case Call() | MethodCall():
            return _call_type(node, [_type(known, part) for part in node.arguments])


def _name_type(known: _Types, name: str) -> Type | None:
    if is_target(name) or is_metric(name):
        return Type.DOUBLE
    if name in known:
        return known[name]
    return Type.INTERVAL if name in CONSTANTS else Type.OPTION if name in OPTIONS else None


def _operation_type(node: Unary | Binary, types: list[Type | None]) -> Type | None:
    known = [kind for kind in types if kind is not None]
    if len(known) < len(types):
        return None
    if isinstance(node, Unary):
        change = UNARY_OPERATIONS.get((node.operator, known[0]))
        return change[0] if change else None
    combination = OPERATIONS.get((node.operator, known[0], known[1]))
    return combination[0] if combination else None


def _call_type(node: Call | MethodCall, types: list[Type | None]) -> Type | None:
    known = [kind for kind in types if kind is not None]
    try:
        return resolve(*_callee(node), known).result if len(known) == len(types) else None
    except RefusedError:
        return None


def late_function(facts: Facts) -> Iterator[Finding]:
    """Functions that the documentation gained after 2021."""
    for _, node in facts.nodes:
        if isinstance(node, Call) and node.function in LATE_FUNCTIONS:
            message = (
                f"{node.function} was added to the language after 2021: (n + slots - 1) / slots rounds up everywhere"
            )
            yield finding("late-function", "info", node.at, message)


def bare_ternary(facts: Facts) -> Iterator[Finding]:
    """A chain of ?: whose grouping no documentation fixes."""
    for _, node in facts.nodes:
        if isinstance(node, Conditional) and node.bare:
            message = "how the service groups a ? b : c ? d : e is not documented: put the inner ?: in parentheses"
            yield finding("bare-ternary", "info", node.at, message)


def time_literal(facts: Facts) -> Iterator[Finding]:
    """A time that the service does not read."""
    for _, node in facts.nodes:
        if isinstance(node, Call) and node.function == "time" and node.arguments:
            text = node.arguments[0]
            try:
                if isinstance(text, Text) and text.value:
                    parse_time(text.value)
            except RefusedError as refused:
                yield finding("time-literal", "error", text.at, str(refused))


def utc_hours(facts: Facts) -> Iterator[Finding]:
    """Hours and weekdays of time(), which is UTC."""
    for index, node in facts.nodes:
        if isinstance(node, Member) and node.member in ("hour", "weekday", "day"):
            _, source = facts.resolved(index, node.value)
            if isinstance(source, Call) and not source.arguments:
                message = (
                    f"{node.member} is UTC, without daylight saving: add an offset, time() + (-6 * TimeInterval_Hour)"
                )
                yield finding("utc-hours", "info", node.at, message)


def contradiction(facts: Facts) -> Iterator[Finding]:
    """`x < 1 && x > 5`: limits of one value that exclude each other."""
    for index, node in facts.nodes:
        if not isinstance(node, Binary) or node.operator != "&&":
            continue
        left, right = (_limit(facts, index, part) for part in (node.left, node.right))
        if left and right and left[0] == right[0] and _exclude(left, right):
            message = "both sides can never hold together, so this is always 0: did you mean ||?"
            yield finding("contradiction", "warning", node.at, message)


_Limit = tuple[Expression, str, float]


def _limit(facts: Facts, index: int, node: Expression) -> _Limit | None:
    """`value operator constant`, whichever side the constant stands on."""
    if not isinstance(node, Binary) or node.operator not in _LIMITS:
        return None
    for value, sign, other in (
        (node.left, node.operator, node.right),
        (node.right, _MIRRORED[node.operator], node.left),
    ):
        number = facts.constant(index, other)
        if isinstance(number, float) and facts.constant(index, value) is None:
            return value, sign, number
    return None


def _exclude(left: _Limit, right: _Limit) -> bool:
    (_, first, low), (_, second, high) = sorted((left, right), key=lambda limit: _LIMITS[limit[1]][1])
    upper = _LIMITS[second][1]
    if _LIMITS[first][1] == upper:
        return False
    return low > high or (low == high and not (_LIMITS[first][0] and _LIMITS[second][0]))


RULES = (undocumented_operation, late_function, bare_ternary, time_literal, utc_hours, contradiction)
