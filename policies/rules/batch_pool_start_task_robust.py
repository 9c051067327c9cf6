"""Nodes take no task before the start task has succeeded, and don't try it for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

WAIT = "startTask.waitForSuccess"
RETRIES = "startTask.maxTaskRetryCount"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Wait for success (the service's default), retry a limited number of times."""
    wait, retries = get(props, WAIT), get(props, RETRIES)
    yield from (Unclear(path) for path, value in ((WAIT, wait), (RETRIES, retries)) if value is UNDETERMINED)
    if wait is False:
        yield f"{WAIT} must be true: otherwise tasks run on nodes that are only half prepared."
    if isinstance(retries, int | float) and retries < 0:
        yield f"{RETRIES} must not be -1: a start task that can't succeed would be tried for ever on paid nodes."


RULE = Rule(
    name="batch-pool-start-task-robust",
    description="Start tasks have to succeed before tasks run, and end.",
    resource="batch:Pool",
    judge=judge,
    severity="medium",
)
