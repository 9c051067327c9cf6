"""Parts that are deployed only where they are configured, without a decision in the program. Pure.

Does not own the parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Configured = TypeVar("Configured")
Made = TypeVar("Made")


def configured(what: Configured | None, make: Callable[[Configured], Made]) -> Made | None:
    """What `make` makes of it; None for None."""
    return None if what is None else make(what)


def present(*parts: Made | None) -> list[Made]:
    """The parts that are there."""
    return [part for part in parts if part is not None]
