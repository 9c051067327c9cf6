"""The parser: recursive descent, each function's docstring is its grammar rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchite.autoscale.errors import FormulaError, FormulaTooLongError, Position
from batchite.autoscale.functions import FUNCTIONS, METHODS, Signature, check_count
from batchite.autoscale.tokens import Token, tokenize
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
    depth,
)
from batchite.autoscale.values import CONSTANTS, MEMBERS, RefusedError
from batchite.autoscale.variables import OPTIONS, is_metric

MAX_CHARACTERS = 8192
MAX_STATEMENTS = 100
# Bounds of our own, far above any published formula, so that no text can exhaust the interpreter's stack.
MAX_NESTING = 40
MAX_DEPTH = 200


def parse(text: str) -> Formula:
    """The formula's syntax tree. Raises FormulaError (FormulaTooLongError over 8192 characters) with the place."""
    if len(text) > MAX_CHARACTERS:
        raise FormulaTooLongError(f"the formula has {len(text)} characters; at most {MAX_CHARACTERS} are allowed", 1, 1)
    return Formula(_Parser(list(tokenize(text))).program(), text)


class _Parser:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._nesting = 0

    def program(self) -> tuple[Statement, ...]:
        """`program := statement (';' statement)* ';'? end`"""
        statements = [self._statement()]
        while self._take(";") and self._token.kind != "end":
            if len(statements) == MAX_STATEMENTS:
                raise self._error(f"the formula has more than {MAX_STATEMENTS} statements")
            statements.append(self._statement())
        if self._token.kind != "end":
            raise self._not_ended(statements[-1])
        return tuple(statements)

    def _statement(self) -> Statement:
        """`statement := name '=' expression | expression`"""
        at, name = self._token.at, None
        if self._token.kind == "name" and self._peek().text == "=":
            name = self._assigned_name()
        value = self._expression()
        if depth(value) > MAX_DEPTH:
            raise FormulaError(f"the expression has more than {MAX_DEPTH} levels", *at)
        return Statement(name, value, at)

    def _assigned_name(self) -> str:
        """`name: not a read-only service variable, a constant or a deallocation option`"""
        name = self._token.text
        if is_metric(name):
            raise self._error(f"{name} is a read-only service variable")
        if name in CONSTANTS or name in OPTIONS:
            raise self._error(f"{name} is a word of the language and cannot be assigned")
        self._index += 2
        return name

    def _expression(self, *, bare: bool = False) -> Expression:
        """`expression := binary ('?' expression ':' expression)?`"""
        self._enter()
        test = self._binary(0)
        mark = self._token
        if self._take("?"):
            then = self._expression()
            self._expect(":")
            test = Conditional(test, then, self._expression(bare=True), mark.at, bare)
        self._nesting -= 1
        return test

    def _binary(self, level: int) -> Expression:
        """`binary(n) := binary(n+1) (operator(n) binary(n+1))* ; n from || over && == < + to *, then unary`"""
        if level == len(LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (token := self._token).kind == "operator" and token.text in LEVELS[level]:
            self._index += 1
            left = Binary(token.text, left, self._binary(level + 1), token.at)
        return left

    def _unary(self) -> Expression:
        """`unary := ('-' | '!') unary | postfix`"""
        token = self._token
        if not (self._take("-") or self._take("!")):
            return self._postfix()
        self._enter()
        operand = self._unary()
        self._nesting -= 1
        return Unary(token.text, operand, token.at)

    def _postfix(self) -> Expression:
        """`postfix := primary ('.' name arguments?)*`"""
        value = self._primary()
        while self._take("."):
            token = self._name()
            value = self._method(value, token) if self._token.text == "(" else self._member(value, token)
        return value

    def _member(self, value: Expression, token: Token) -> Member:
        """`member := 'year' | 'month' | 'day' | 'weekday' | 'hour' | 'minute' | 'second'`"""
        if token.text not in MEMBERS:
            raise FormulaError(f"{token.text} is not a member of a timestamp: {', '.join(MEMBERS)}", *token.at)
        return Member(value, token.text, token.at)

    def _method(self, value: Expression, token: Token) -> MethodCall:
        """`method := metric '.' name arguments`"""
        if not isinstance(value, Name):
            raise FormulaError(f"{token.text} must be called on a service variable", *token.at)
        opening, arguments = self._arguments()
        self._check(METHODS, token, len(arguments))
        return MethodCall(value.name, token.text, arguments, value.at, opening)

    def _primary(self) -> Expression:
        """`primary := number | string | name | name arguments | '(' expression ')'`"""
        token = self._token
        self._index += 1
        match token.kind:
            case "number":
                return self._number(token)
            case "string":
                return Text(token.text, token.at)
            case "name":
                return self._call(token) if self._token.text == "(" else Name(token.text, token.at)
        if token.text != "(":
            raise FormulaError(f"expected an expression, found {_shown(token)}", *token.at)
        value = self._expression()
        self._expect(")")
        return value

    def _number(self, token: Token) -> Number:
        """`number := digits ('.' digits)?`"""
        value = float(token.text)
        if value == float("inf"):
            raise FormulaError("the number is too large for a double", *token.at)
        return Number(value, token.text, token.at)

    def _call(self, token: Token) -> Call:
        """`call := name arguments`"""
        _, arguments = self._arguments()
        self._check(FUNCTIONS, token, len(arguments))
        return Call(token.text, arguments, token.at)

    def _arguments(self) -> tuple[Position, tuple[Expression, ...]]:
        """`arguments := '(' (expression (',' expression)*)? ')'`"""
        opening = self._token.at
        self._expect("(")
        if self._take(")"):
            return opening, ()
        arguments = [self._expression()]
        while self._take(","):
            arguments.append(self._expression())
        self._expect(")")
        return opening, tuple(arguments)

    @property
    def _token(self) -> Token:
        return self._tokens[min(self._index, len(self._tokens) - 1)]

    def _peek(self) -> Token:
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    def _take(self, text: str) -> bool:
        found = self._token.kind == "operator" and self._token.text == text
        self._index += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._error(f"expected '{text}', found {_shown(self._token)}")

    def _name(self) -> Token:
        token = self._token
        if token.kind != "name":
            raise self._error(f"expected a name after '.', found {_shown(token)}")
        self._index += 1
        return token

    def _check(self, table: Mapping[str, tuple[Signature[Any], ...]], token: Token, count: int) -> None:
        try:
            check_count(token.text, table.get(token.text), count)
        except RefusedError as refused:
            raise FormulaError(str(refused), *token.at) from None

    def _enter(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self._error(f"expressions are nested more than {MAX_NESTING} deep")

    def _error(self, message: str) -> FormulaError:
        return FormulaError(message, *self._token.at)

    def _not_ended(self, statement: Statement) -> FormulaError:
        token = self._token
        if token.at.line > statement.at.line and token.kind == "name":
            return self._error(f"a ';' is missing before {_shown(token)}: the statement before it is not ended")
        return self._error(f"expected an operator or ';', found {_shown(token)}")


def _shown(token: Token) -> str:
    return "the end of the formula" if token.kind == "end" else f"'{token.text}'"
