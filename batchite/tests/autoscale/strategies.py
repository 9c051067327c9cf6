"""Random syntax trees and formula-like text for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from batchite.autoscale.functions import FUNCTIONS, METHODS
from batchite.autoscale.tree import (
    LEVELS,
    Binary,
    Call,
    Conditional,
    Expression,
    Formula,
    Member,
    MethodCall,
    Name,
    Number,
    Statement,
    Text,
    Unary,
)
from batchite.autoscale.values import CONSTANTS, MEMBERS
from batchite.autoscale.variables import METRICS, OPTIONS, TARGETS

USER = ("a", "b", "$c", "span", "$round")
numbers = st.sampled_from(["0", "1", "2.5", "0.5", "70", "400", "600.0"]).map(lambda text: Number(float(text), text))
names = st.sampled_from([*USER, *TARGETS, *sorted(METRICS), *CONSTANTS]).map(Name)
texts = st.sampled_from(["", "2026-01-05T10:00:00Z", "no time"]).map(Text)
metrics = st.sampled_from(sorted(METRICS))
binary_operators = st.sampled_from([operator for level in LEVELS for operator in level])


def _calls(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def arguments(name: str) -> st.SearchStrategy[Expression]:
        counts = [n for n in range(4) if any(one.takes(n) for one in FUNCTIONS[name])]
        lists = st.sampled_from(counts).flatmap(lambda n: st.lists(parts, min_size=n, max_size=n))
        return lists.map(lambda given: Call(name, tuple(given)))

    return st.sampled_from(sorted(FUNCTIONS)).flatmap(arguments)


def _methods(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def arguments(name: str) -> st.SearchStrategy[Expression]:
        counts = [n for n in range(4) if any(one.takes(n) for one in METHODS[name])]
        lists = st.sampled_from(counts).flatmap(lambda n: st.lists(parts, min_size=n, max_size=n))
        return st.builds(lambda variable, given: MethodCall(variable, name, tuple(given)), metrics, lists)

    return st.sampled_from(sorted(METHODS)).flatmap(arguments)


def _grown(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(Binary, binary_operators, parts, parts),
        st.builds(Unary, st.sampled_from(["-", "!"]), parts),
        st.builds(Conditional, parts, parts, parts),
        st.builds(Member, parts, st.sampled_from(MEMBERS)),
        _calls(parts),
        _methods(parts),
    )


leaves: st.SearchStrategy[Expression] = st.one_of(numbers, names, texts)
expressions: st.SearchStrategy[Expression] = st.recursive(leaves, _grown, max_leaves=12)
options = st.builds(Statement, st.just("$NodeDeallocationOption"), st.sampled_from(OPTIONS).map(Name))
assignments = st.builds(Statement, st.sampled_from([*USER, *TARGETS, "$TargetDedicated"]), expressions)
statements = st.one_of(assignments, options, st.builds(Statement, st.none(), expressions))
formulas = st.lists(statements, min_size=1, max_size=6).map(lambda given: Formula(tuple(given)))

_words = [
    *USER,
    *TARGETS,
    "$PendingTasks",
    ".GetSample(",
    "max(",
    "(",
    ")",
    ",",
    ";",
    "=",
    "==",
    "?",
    ":",
    "<",
    "-",
    "!",
]
_words += ["1", "2.5", '"', "//", "\n", " ", "&&", "||", "/", "*", "\\", "'", "time()", ".hour", "\u00e9", "\u0663"]
formula_like = st.lists(st.sampled_from(_words), max_size=60).map("".join)
