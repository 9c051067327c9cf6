"""The syntax tree. Nodes compare by meaning: places are carried along but do not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from batchite.autoscale.errors import Position

START = Position(1, 1)

# From the loosest to the tightest, as in C.
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_LEVEL_OF = {operator: level for level, operators in enumerate(LEVELS, start=1) for operator in operators}
_UNARY_LEVEL = len(LEVELS) + 1


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float
    text: str = field(compare=False)
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A string, without its quotes."""

    value: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, a constant or a deallocation option."""

    name: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `!x`."""

    operator: str
    operand: Expression
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `at` is the operator's place."""

    operator: str
    left: Expression
    right: Expression
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`test ? then : otherwise`; only one branch is evaluated. `bare`: it follows a `:` without parentheses."""

    test: Expression
    then: Expression
    otherwise: Expression
    at: Position = field(default=START, compare=False)
    bare: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    function: str
    arguments: tuple[Expression, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class MethodCall:
    """`$Variable.Method(arguments)`; `opening` is the place of the parenthesis, which sample errors name."""

    variable: str
    method: str
    arguments: tuple[Expression, ...]
    at: Position = field(default=START, compare=False)
    opening: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`value.member`, of a timestamp."""

    value: Expression
    member: str
    at: Position = field(default=START, compare=False)


Expression: TypeAlias = Number | Text | Name | Unary | Binary | Conditional | Call | MethodCall | Member


@dataclass(frozen=True, slots=True)
class Statement:
    """`name = value`, or a bare expression when `name` is None."""

    name: str | None
    value: Expression
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula; `str(formula)` writes it back, one statement a line, without comments."""

    statements: tuple[Statement, ...]
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return "".join(f"{_statement(statement)};\n" for statement in self.statements)


def children(node: Expression) -> tuple[Expression, ...]:
    """The direct parts of an expression, in evaluation order."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.test, node.then, node.otherwise)
        case Call() | MethodCall():
            return node.arguments
        case Member():
            return (node.value,)
        case _:
            return ()


def walk(node: Expression) -> Iterator[Expression]:
    """The expression and everything in it, outside in, left to right."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def depth(node: Expression) -> int:
    """The number of levels of an expression; 1 for a leaf."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest


def _statement(statement: Statement) -> str:
    return unparse(statement.value) if statement.name is None else f"{statement.name} = {unparse(statement.value)}"


def unparse(node: Expression) -> str:  # noqa: PLR0911 - one return for each kind of node
    """The expression as text, with the parentheses it needs."""
    match node:
        case Number():
            return node.text
        case Text():
            return f'"{node.value}"'
        case Name():
            return node.name
        case Unary():
            return node.operator + _inside(node.operand, _UNARY_LEVEL + 1)
        case Binary():
            level = _LEVEL_OF[node.operator]
            return f"{_inside(node.left, level)} {node.operator} {_inside(node.right, level + 1)}"
        case Conditional():
            parts = (_inside(part, 1) for part in children(node))
            return "{} ? {} : {}".format(*parts)
        case Call():
            return f"{node.function}({', '.join(map(unparse, node.arguments))})"
        case MethodCall():
            return f"{node.variable}.{node.method}({', '.join(map(unparse, node.arguments))})"
        case Member():
            return f"{_inside(node.value, _UNARY_LEVEL + 2)}.{node.member}"


def _inside(node: Expression, level: int) -> str:
    """The text of a part whose surroundings bind as tightly as `level`."""
    own = {Conditional: 0, Unary: _UNARY_LEVEL, Number: _UNARY_LEVEL + 1}.get(type(node), _UNARY_LEVEL + 2)
    if isinstance(node, Binary):
        own = _LEVEL_OF[node.operator]
    return unparse(node) if own >= level else f"({unparse(node)})"
