"""No container of a storage account can be made public."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

PROPERTY = "allowBlobPublicAccess"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """The default differs with the age of the account: say it."""
    found = get(props, PROPERTY)
    if found is UNDETERMINED:
        yield Unclear(PROPERTY)
    elif found is not False:
        yield f"{PROPERTY} must be false: no container may be opened to everybody."


RULE = Rule(
    name="storage-no-public-blob",
    description="Storage accounts forbid public containers.",
    resource="storage:StorageAccount",
    judge=judge,
)
