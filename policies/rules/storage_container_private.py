"""A container is not public."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

PROPERTY = "publicAccess"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Absent is private."""
    found = get(props, PROPERTY)
    if found is UNDETERMINED:
        yield Unclear(PROPERTY)
    elif found not in {None, "None"}:
        yield f"{PROPERTY} must be None: blobs are read with an identity."


RULE = Rule(
    name="storage-container-private",
    description="Containers are private.",
    resource="storage:BlobContainer",
    judge=judge,
)
