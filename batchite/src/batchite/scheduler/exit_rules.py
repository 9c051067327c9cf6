"""What a task's end is to mean for others: `exitConditions` on the wire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExitAction:
    """What the end of a task means for others. Empty = the default: a success satisfies, a failure ends the job."""

    dependency: str = ""  # satisfy | block
    job: str = ""  # none | disable | terminate


@dataclass(frozen=True, slots=True)
class ExitCodes:
    """Exit codes with an action of their own; both ends belong to the range."""

    first: int
    last: int
    action: ExitAction


@dataclass(frozen=True, slots=True)
class ExitRules:
    """`exitConditions` of a task. The earlier of two entries for a code counts."""

    codes: tuple[ExitCodes, ...] = ()
    pre_processing: ExitAction | None = None
    file_upload: ExitAction | None = None
    default: ExitAction = ExitAction()
