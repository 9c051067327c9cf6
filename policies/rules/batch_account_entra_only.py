"""A Batch account takes Entra tokens only; without the setting all modes are on and its keys work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get, items

MODES = "allowedAuthenticationModes"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """The one mode must be AAD."""
    modes = items(get(props, MODES))
    if UNDETERMINED in modes:
        yield Unclear(MODES)
    elif modes != ["AAD"]:
        yield f'{MODES} must be ["AAD"]: with any other mode whoever has a key or a task token may use the account.'


RULE = Rule(
    name="batch-account-entra-only",
    description="Batch accounts take Entra identities only, no account keys.",
    resource="batch:BatchAccount",
    judge=judge,
    severity="critical",
)
