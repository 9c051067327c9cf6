"""A storage account takes Entra tokens only; the default is to take keys too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

PROPERTY = "allowSharedKeyAccess"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """The default does not do."""
    found = get(props, PROPERTY)
    if found is UNDETERMINED:
        yield Unclear(PROPERTY)
    elif found is not False:
        yield f"{PROPERTY} must be false: a key opens everything to whoever has it, for ever."


RULE = Rule(
    name="storage-no-shared-key",
    description="Storage accounts refuse account keys.",
    resource="storage:StorageAccount",
    judge=judge,
)
