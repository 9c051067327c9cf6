"""What the rules of the linter know of a formula: which assignment a name refers to, constants, flow of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batchite.autoscale.errors import Position
from batchite.autoscale.evaluate import constant
from batchite.autoscale.tree import Expression, Formula, MethodCall, Name, Statement, walk
from batchite.autoscale.values import Value
from batchite.autoscale.variables import full_name


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark of the linter. severity: error | warning | info; line and column are counted from 1."""

    rule: str
    severity: str
    line: int
    column: int
    message: str


def finding(rule: str, severity: str, at: Position, message: str) -> Finding:
    """A finding at a place."""
    return Finding(rule, severity, at.line, at.column, message)


def variable(node: Expression) -> str:
    """The full name of the variable a node reads, itself or through a method; empty for any other node."""
    name = node.variable if isinstance(node, MethodCall) else node.name if isinstance(node, Name) else ""
    return full_name(name)


class Facts:
    """A formula and what follows from its text. Statements are named by their index."""

    def __init__(self, formula: Formula) -> None:
        self.formula = formula
        self.statements = formula.statements
        self.nodes = [(index, node) for index, one in enumerate(self.statements) for node in walk(one.value)]
        self._constants = self._fold()

    def _fold(self) -> list[dict[str, Value]]:
        """The variables with a constant value before each statement."""
        known: dict[str, Value] = {}
        before = []
        for statement in self.statements:
            before.append(dict(known))
            if statement.name is not None:
                value = constant(statement.value, dict(known))
                known.pop(statement.name, None)
                known |= {} if value is None else {statement.name: value}
        return before

    def constant(self, index: int, node: Expression) -> Value | None:
        """The value of an expression of a statement when it is the same in every run, else None."""
        return constant(node, dict(self._constants[index]))

    def assigned(self, name: str, before: int) -> int | None:
        """The last statement before `before` that assigns the name or its alias."""
        found = (i for i in reversed(range(before)) if full_name(self.statements[i].name or "") == full_name(name))
        return next(found, None)

    def flow(self, index: int, node: Expression) -> Iterator[tuple[int, Expression]]:
        """The expression and everything that the variables in it were computed from."""
        seen: set[int] = set()
        stack = [(index, node)]
        while stack:
            place, top = stack.pop()
            for part in walk(top):
                yield place, part
                source = self.assigned(part.name, place) if isinstance(part, Name) else None
                if source is not None and source not in seen:
                    seen.add(source)
                    stack.append((source, self.statements[source].value))

    def resolved(self, index: int, node: Expression) -> tuple[int, Expression]:
        """The expression a name stands for, followed through plain copies; any other node is itself."""
        while isinstance(node, Name) and (source := self.assigned(node.name, index)) is not None:
            index, node = source, self.statements[source].value
        return index, node

    def finals(self, *names: str) -> Iterator[tuple[int, Statement]]:
        """The last assignment of each of the variables that is assigned at all."""
        for name in names:
            index = self.assigned(name, len(self.statements))
            if index is not None:
                yield index, self.statements[index]

    def methods(self, *names: str) -> Iterator[tuple[int, MethodCall]]:
        """The calls of the named methods."""
        for index, node in self.nodes:
            if isinstance(node, MethodCall) and node.method in names:
                yield index, node

    def reads(self, index: int) -> set[str]:
        """The variables a statement reads, by full name."""
        return {variable(part) for part in walk(self.statements[index].value)}
