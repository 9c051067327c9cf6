"""How commands fail."""

from __future__ import annotations


class CommandError(Exception):
    """A command that cannot go on: what happened and what to do next, for people."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code
