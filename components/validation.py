"""Rules for settings, and one error that tells everything that is wrong with them. Pure but for the error's base class.

Does not own any rule of a particular setting: those stand beside the setting.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value has to be: in words, as a test that never raises, and as JSON Schema (which may say less).

    `part` picks what of a value breaks the rule: an entry of a list or mapping is shown rather than all of it.
    """

    text: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = field(default_factory=dict)
    part: Callable[[Any], object] = lambda value: value


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that breaks a rule. `value` is shown: never put a secret there, but None, which is not."""

    key: str
    value: object
    rule: str

    def __str__(self) -> str:
        """One line: key, value and rule."""
        return f"{self.key}: {self.rule}" if self.value is None else f"{self.key} = {self.value!r}: {self.rule}"


class SettingsError(pulumi.RunError):
    """Settings break rules; the message lists all of them. Nothing has been deployed."""

    def __init__(self, subject: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"{subject}: {len(self.problems)} setting(s) to correct{lines}")


def refuse(subject: str, problems: Iterable[Problem]) -> None:
    """Raise SettingsError when there is any problem."""
    if found := list(problems):
        raise SettingsError(subject, found)


def broken(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> Iterator[Problem]:
    """The values that break their rule. What is known only during deployment (an Output) is left to Azure."""
    for key, rule in rules.items():
        value = values[key]
        if not isinstance(value, pulumi.Output) and not rule.holds(value):
            yield Problem(key, value, rule.text)


def matching(pattern: str, text: str) -> Rule:
    """A string that the pattern matches wholly."""
    compiled = re.compile(pattern)
    # JavaScript, which editors use for schemas, knows no inline flags.
    schema = {"type": "string"} if "(?i)" in pattern else {"type": "string", "pattern": f"^(?:{pattern})$"}
    return Rule(text, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None, schema)


def whole(low: int, high: int) -> Rule:
    """A whole number within bounds, both included."""
    text = f"must be a whole number from {low} to {high}"
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Rule(text, lambda value: type(value) is int and low <= value <= high, schema)


def number(above: float, up_to: float) -> Rule:
    """A number above the first bound and up to the second."""
    text = f"must be a number above {above:g}, up to {up_to:g}"
    schema = {"type": "number", "exclusiveMinimum": above, "maximum": up_to}
    return Rule(text, lambda value: type(value) in {int, float} and above < value <= up_to, schema)


def one_of(*choices: str) -> Rule:
    """One of a few strings."""
    text = f"must be one of {', '.join(map(repr, choices))}"
    return Rule(text, lambda value: value in choices, {"type": "string", "enum": list(choices)})


def each(rule: Rule) -> Rule:
    """A list whose items all keep to the rule."""
    schema = {"type": "array", "items": rule.schema, "uniqueItems": True}
    text = f"must be a list without repetition, each of which {rule.text}"
    return Rule(text, lambda value: _is_set(value) and all(map(rule.holds, value)), schema, entry(rule.holds))


def entry(holds: Callable[[Any], bool]) -> Callable[[Any], object]:
    """Of a list: the entry that breaks the rule, or else the one that is there twice."""

    def part(value: Any) -> object:
        if not isinstance(value, list | tuple):
            return value
        wrong = [item for item in value if not holds(item)]
        again = [item for index, item in enumerate(value) if item in value[:index]]
        return next(iter((*wrong, *again)), value)

    return part


def _is_set(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(item not in value[:index] for index, item in enumerate(value))


def _holds_prefix(shortest: int, longest: int) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        try:
            return isinstance(value, str) and shortest <= ipaddress.IPv4Network(value).prefixlen <= longest
        except ValueError:
            return False

    return holds


def prefix(shortest: int, longest: int) -> Rule:
    """An IPv4 range in CIDR notation whose prefix is within bounds, or, up to 32, a single address."""
    text = f"must be an IPv4 range such as 10.0.0.0/{longest}, its prefix from /{shortest} to /{longest}"
    return Rule(text, _holds_prefix(shortest, longest), {"type": "string", "pattern": r"^[0-9.]+(/[0-9]{1,2})?$"})


FLAG = Rule("must be true or false", lambda value: type(value) is bool, {"type": "boolean"})
MAIL = matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "must be a mail address")
UUID = matching(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "must be a uuid")
