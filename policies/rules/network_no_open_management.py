"""Nobody reaches SSH or RDP of a node from the internet; Batch itself needs neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get, items

RULES = "securityRules"
ANYWHERE = {"*", "0.0.0.0/0", "internet", "any"}
MANAGEMENT = (22, 3389)


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Inbound rules that allow a management port from anywhere."""
    for index, rule in enumerate(items(get(props, RULES))):
        if rule is UNDETERMINED:
            yield Unclear(f"{RULES}[{index}]")
        elif _opens(rule):
            yield f"{RULES}[{index}] must not let the internet in to port 22 or 3389."


def _opens(rule: Any) -> bool:
    inbound = get(rule, "direction") == "Inbound" and get(rule, "access") == "Allow"
    return inbound and _from_anywhere(rule) and any(_covers(ports, one) for ports in _ports(rule) for one in MANAGEMENT)


def _from_anywhere(rule: Any) -> bool:
    sources = [get(rule, "sourceAddressPrefix"), *items(get(rule, "sourceAddressPrefixes"))]
    return any(str(source).lower() in ANYWHERE for source in sources)


def _ports(rule: Any) -> list[str]:
    found = [get(rule, "destinationPortRange"), *items(get(rule, "destinationPortRanges"))]
    return [str(ports) for ports in found if ports]


def _covers(ports: str, one: int) -> bool:
    low, _, high = ports.partition("-")
    return ports == "*" or (low.isdigit() and int(low) <= one <= int(high or low))


RULE = Rule(
    name="network-no-open-management",
    description="SSH and RDP are closed to the internet.",
    resource="network:NetworkSecurityGroup",
    judge=judge,
)
