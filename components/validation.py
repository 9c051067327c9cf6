"""Rules for settings, and one error that tells everything that is wrong with them. Pure but for the error's base class.

Does not own any rule of a particular setting: those stand beside the setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value has to be: in words, and as a test that never raises."""

    text: str
    holds: Callable[[Any], bool]


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
    return Rule(text, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None)


def whole(low: int, high: int) -> Rule:
    """A whole number within bounds, both included."""
    text = f"must be a whole number from {low} to {high}"
    return Rule(text, lambda value: type(value) is int and low <= value <= high)


def one_of(*choices: str) -> Rule:
    """One of a few strings."""
    return Rule(f"must be one of {', '.join(map(repr, choices))}", lambda value: value in choices)
