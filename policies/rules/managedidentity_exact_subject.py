"""A federated credential believes one exact subject: whoever can mint a token for it is the identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

SUBJECT = "subject"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """No wildcard, and not nothing."""
    found = get(props, SUBJECT)
    if found is UNDETERMINED:
        yield Unclear(SUBJECT)
    elif not isinstance(found, str) or not found or set(found) & set("*?"):
        yield f"{SUBJECT} must be one exact subject."


RULE = Rule(
    name="managedidentity-exact-subject",
    description="Federated credentials believe one exact subject.",
    resource="managedidentity:FederatedIdentityCredential",
    judge=judge,
)
