"""A storage account takes TLS 1.2 or newer; the default can be TLS 1.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

PROPERTY = "minimumTlsVersion"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """The default does not do."""
    found = get(props, PROPERTY)
    if found is UNDETERMINED:
        yield Unclear(PROPERTY)
    elif found not in {"TLS1_2", "TLS1_3"}:
        yield f"{PROPERTY} must be TLS1_2 or TLS1_3."


RULE = Rule(
    name="storage-tls12",
    description="Storage accounts take TLS 1.2 or newer.",
    resource="storage:StorageAccount",
    judge=judge,
)
