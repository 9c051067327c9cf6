"""What ends when, judged against a day that is given: refused when past, warned of when near. Pure.

Does not own the dates: they stand beside the images and sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

NEAR = timedelta(days=365)
"""How long before its end something is warned of: a year is what moving a production pool may take."""


STALE = timedelta(days=180)
"""How long dates that were looked up are believed without a word."""


@dataclass(frozen=True, slots=True)
class End:
    """The last day of support, and where it is published."""

    day: date
    source: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say about something on a day: a refusal, a warning, or neither."""

    refusal: str = ""
    warning: str = ""


def stale(what: str, checked_on: date, today: date) -> str:
    """A warning when the dates of something were looked up long ago; else nothing."""
    age = today - checked_on
    return f"the ends of {what} were looked up {age.days} days ago, on {checked_on}" if age > STALE else ""


def judge(what: str, end: End | None, today: date) -> Verdict:
    """The verdict on something with that end."""
    if end is None:
        return Verdict()
    if end.day < today:
        return Verdict(refusal=f"has ended on {end.day} ({end.source})")
    if end.day - today <= NEAR:
        left = (end.day - today).days
        return Verdict(warning=f"{what} ends on {end.day}, in {left} days ({end.source})")
    return Verdict()
