"""Failures of ARM that pass by themselves: the engine tries again after a pause, until patience ends.

Does not own which failures those are: that is known where the resource is made.
"""

from __future__ import annotations

import asyncio

import pulumi

PAUSE = 10.0
"""Seconds between two attempts."""


def is_passing(errors: list[str], code: str, attempts: int) -> bool:
    """Whether the last failure (the first of the list) has the code, and there is patience left."""
    return bool(errors) and code in errors[0] and len(errors) <= attempts


def patient(name: str, code: str, attempts: int) -> pulumi.ErrorHook:
    """A hook under that name for resources whose creation, change or deletion may fail with the code for a while."""

    async def again(failure: pulumi.ErrorHookArgs) -> bool:
        passing = is_passing(failure.errors, code, attempts)
        if passing:
            await asyncio.sleep(PAUSE)
        return passing

    return pulumi.ErrorHook(name, again)
