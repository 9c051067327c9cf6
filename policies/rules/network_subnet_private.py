"""A subnet has no way out by default and a security group: default outbound access ended on 31 March 2026."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get

OUTBOUND = "defaultOutboundAccess"
GROUP = "networkSecurityGroup"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Both have to be said."""
    outbound = get(props, OUTBOUND)
    if outbound is UNDETERMINED:
        yield Unclear(OUTBOUND)
    elif outbound is not False:
        yield f"{OUTBOUND} must be false: nodes leave by a NAT gateway or a route."
    if get(props, GROUP) is None:
        yield f"{GROUP} must be set."


RULE = Rule(
    name="network-subnet-private",
    description="Subnets have no default way out, and a security group.",
    resource="network:Subnet",
    judge=judge,
)
