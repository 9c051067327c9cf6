"""The lexer: a formula's text as tokens, each with its place.

What no source of the language documents is refused by name here, so that a formula accepted locally is one the
service is known to accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from batchite.autoscale.errors import FormulaError, Position

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n\f\v]+|//[^\n]*)
  | (?P<number>[0-9]+(?:\.[0-9]+)?)
  | (?P<name>\$?[A-Za-z_][A-Za-z0-9_]*)
  | (?P<string>"[^"\\\n]*")
  | (?P<operator><=|>=|==|!=|&&|\|\||[-+*/<>!?:(),;.=])
    """,
    re.VERBOSE,
)

_REFUSED = (
    ("/*", "block comments /* */ are not part of the language: use // to the end of the line"),
    ("+=", "+= is not part of the language: write x = x + y"),
    ("-=", "-= is not part of the language: write x = x - y"),
    ("*=", "*= is not part of the language: write x = x * y"),
    ("/=", "/= is not part of the language: write x = x / y"),
    ("++", "++ is not part of the language: write x + 1"),
    ("--", "-- is not part of the language: write x - 1, or -(-x)"),
    ('\\"', 'an escaped quote \\" is left over from JSON: write a plain "'),
)
_REFUSED_CHARACTERS = {
    "'": 'strings are written in double quotes: "..."',
    "%": "% is not part of the language: percentages are plain numbers from 0 to 100",
    "^": "^ is not part of the language",
    "[": "[ ] is not part of the language: read an element with val(vector, index)",
    "]": "[ ] is not part of the language: read an element with val(vector, index)",
    "&": "a single & is not part of the language: write &&",
    "|": "a single | is not part of the language: write ||",
    "$": "a name must follow $",
    '"': "the string is not closed on its line, or holds a backslash",
}


@dataclass(frozen=True, slots=True)
class Token:
    """kind: number | name | string | operator | end. `text` is as written, without the quotes of a string."""

    kind: str
    text: str
    at: Position


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of a formula, closed by one of kind `end`. Raises FormulaError for what is not of the language."""
    offset, line, line_start = 0, 1, 0
    while offset < len(text):
        at = Position(line, offset - line_start + 1)
        match = _match(text, offset, at)
        kind, found = match.lastgroup, match.group()
        if kind != "blank":
            yield Token(str(kind), found.strip('"') if kind == "string" else found, at)
        if "\n" in found:
            line += found.count("\n")
            line_start = offset + found.rindex("\n") + 1
        offset = match.end()
    yield Token("end", "", Position(line, offset - line_start + 1))


def _match(text: str, offset: int, at: Position) -> re.Match[str]:
    for spelling, message in _REFUSED:
        if text.startswith(spelling, offset):
            raise FormulaError(message, *at)
    match = _TOKEN.match(text, offset)
    if match is None:
        raise FormulaError(_REFUSED_CHARACTERS.get(text[offset], f"unexpected character {text[offset]!r}"), *at)
    _refuse_other_numbers(text, match, at)
    return match


def _refuse_other_numbers(text: str, match: re.Match[str], at: Position) -> None:
    following = text[match.end() : match.end() + 1]
    if match.lastgroup == "number" and (following.isalnum() or following in ("_", ".", "$")) and following:
        raise FormulaError("numbers are written as 12 or 12.5: no exponent, no hexadecimal, no suffix", *at)
    if match.group() == "." and following.isdigit():
        raise FormulaError("a number needs a digit before its point: 0.5", *at)
