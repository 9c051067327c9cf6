"""The `$filter` language the service documents: and, or, comparisons, startswith, property paths, DateTime literals.

A filter is parsed into a predicate over rendered documents. Each resource says which properties it may use and of which
kind they are; any other is a 400. Strings compare without regard to case, as ids do.

    either     = both *( "or" both )
    both       = factor *( "and" factor )
    factor     = "(" either ")" | "startswith" "(" path "," text ")" | path operator literal
    literal    = text | DateTime text | number | "true" | "false"
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from batchite.batch.durations import parse_time
from batchite.errors import ServiceError
from batchite.http.types import Json

Predicate: TypeAlias = Callable[[Mapping[str, Json]], bool]
Kinds: TypeAlias = Mapping[str, str]  # property path -> text | time | number | boolean

_TOKEN = re.compile(
    r"\s*(?:(?P<time>DateTime)?'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+(?:\.\d+)?)(?![\w/])"
    r"|(?P<word>[A-Za-z_][\w/]*)|(?P<mark>[(),]))",
    re.IGNORECASE,
)
_OPERATORS: Mapping[str, Callable[[Json, Json], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of the text. kind: text | time | number | word | mark | end."""

    kind: str
    text: str
    at: int


def parse_filter(text: str, kinds: Kinds) -> Predicate:
    """The predicate of a filter. Raises InvalidQueryParameterValue with the position and the reason."""
    return _Parser(text, kinds).parse()


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, kinds: Kinds) -> None:
        self._source = text
        self._kinds = {path.lower(): (path, kind) for path, kind in kinds.items()}
        self._tokens = self._scan()
        self._at = 0
        self._depth = 0

    def parse(self) -> Predicate:
        found = self._either()
        if self._peek().kind != "end":
            raise self._error("'and', 'or' or the end was expected")
        return found

    def _scan(self) -> list[Token]:
        tokens, at, text = [], 0, self._source.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise self._error("a character that does not belong here", at)
            kind = "time" if found["time"] else str(found.lastgroup)
            tokens.append(Token(kind, found[found.lastgroup or 0], at))
            at = found.end()
        return [*tokens, Token("end", "", at)]

    def _either(self) -> Predicate:
        """Parse either = both *( "or" both )."""
        terms = [self._both()]
        while self._accept("or"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else lambda item: any(term(item) for term in terms)

    def _both(self) -> Predicate:
        """Parse both = factor *( "and" factor )."""
        terms = [self._factor()]
        while self._accept("and"):
            terms.append(self._factor())
        return terms[0] if len(terms) == 1 else lambda item: all(term(item) for term in terms)

    def _factor(self) -> Predicate:
        """Parse factor = "(" either ")" | startswith | comparison."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("the filter is nested too deeply")
        if self._accept("("):
            found = self._either()
            self._expect(")")
        elif self._accept("startswith"):
            found = self._startswith()
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _startswith(self) -> Predicate:
        self._expect("(")
        path, kind = self._property()
        if kind != "text":
            raise self._error(f"startswith needs a text property, {path} is none")
        self._expect(",")
        prefix = str(self._literal("text")).lower()
        self._expect(")")
        return lambda item: str(_value(item, path, kind) or "").startswith(prefix)

    def _comparison(self) -> Predicate:
        path, kind = self._property()
        name = self._next().text.lower()
        if name not in _OPERATORS:
            raise self._error("one of eq, ne, gt, ge, lt, le was expected")
        literal = self._literal(kind)
        compare = _OPERATORS[name]

        def holds(item: Mapping[str, Json]) -> bool:
            value = _value(item, path, kind)
            return name == "ne" if value is None else compare(value, literal)

        return holds

    def _property(self) -> tuple[str, str]:
        token = self._next()
        if token.kind != "word" or token.text.lower() not in self._kinds:
            allowed = ", ".join(path for path, _ in self._kinds.values())
            raise self._error(f"{token.text!r} cannot be filtered on; properties: {allowed}", token.at)
        return self._kinds[token.text.lower()]

    def _literal(self, kind: str) -> Json:
        token = self._next()
        if token.kind == "text" and kind == "text":
            return token.text.replace("''", "'").lower()
        if token.kind in ("time", "text") and kind == "time":
            return self._moment(token)
        if token.kind == "number" and kind == "number":
            return float(token.text)
        if token.kind == "word" and kind == "boolean" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        raise self._error(f"a literal of kind {kind} was expected", token.at)

    def _moment(self, token: Token) -> float:
        try:
            return parse_time(token.text)
        except ValueError as error:
            raise self._error(str(error), token.at) from None

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _accept(self, word: str) -> bool:
        token = self._peek()
        found = token.kind in ("word", "mark") and token.text.lower() == word
        self._at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            raise self._error(f"{mark!r} was expected")

    def _error(self, reason: str, at: int | None = None) -> ServiceError:
        position = self._peek().at if at is None else at
        return invalid_query("$filter", self._source, f"At character {position + 1}: {reason}.")


def _value(item: Mapping[str, Json], path: str, kind: str) -> Json:
    value: Json = item
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return None
    if kind == "time":
        return parse_time(value)
    return value.lower() if kind == "text" else value


def invalid_query(name: str, value: str, reason: str) -> ServiceError:
    """The 400 for a query option, with the name, the value and the reason."""
    return ServiceError(
        "InvalidQueryParameterValue",
        values={"QueryParameterName": name, "QueryParameterValue": value, "Reason": reason},
    )
