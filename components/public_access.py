"""Who may reach the deployment from the internet: one answer for Batch account, storage account and key vault.

Does not own the ways in from a virtual network: those are private endpoints.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi_azure_native as azure

from components.records import setting
from components.validation import Problem, Rule, each, one_of

NONE, LISTED, ANYONE = "none", "listed", "anyone"


def _is_public(value: object) -> bool:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        return False
    return isinstance(value, str) and network.is_global and (8 <= network.prefixlen <= 30 or network.prefixlen == 32)


RANGE = Rule(
    "must be a public IPv4 address, or a public range from /8 to /30",
    _is_public,
    {"type": "string", "pattern": "^[0-9.]+(/[0-9]{1,2})?$"},
)
"""Storage accounts refuse private ranges, /31 and /32; single addresses are written without a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAccess:
    """Nobody from the internet, unless configured otherwise. Entra tokens are asked for in any case."""

    allow: str = setting(
        "Who reaches the endpoints from the internet: nobody, the addresses of `ipRanges`, or every network.",
        one_of(NONE, LISTED, ANYONE),
        NONE,
        lands="publicNetworkAccess and the network rules of Batch account, storage account and key vault",
    )
    ip_ranges: tuple[str, ...] = setting(
        "With `listed`: the public addresses and ranges that are let in.", each(RANGE), (), lands="ipRules"
    )

    def conflicts(self) -> Iterator[Problem]:
        """Ranges and `listed` need each other."""
        if self.allow == LISTED and not self.ip_ranges:
            yield Problem("ipRanges", None, f"must name who is let in, because allow is {LISTED!r}")
        if self.allow != LISTED and self.ip_ranges:
            yield Problem("ipRanges", len(self.ip_ranges), f"has no effect, because allow is not {LISTED!r}")

    @property
    def enabled(self) -> str:
        """Whether there is a public endpoint at all, in the words of ARM."""
        return "Disabled" if self.allow == NONE else "Enabled"

    @property
    def default_action(self) -> str:
        """What happens to an address that no rule names."""
        return "Allow" if self.allow == ANYONE else "Deny"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The ranges as ARM takes them: a single address has no prefix."""
        return tuple(text.removesuffix("/32") for text in self.ip_ranges)


def batch_profile(access: PublicAccess, *, private_nodes: bool) -> azure.batch.NetworkProfileArgs:
    """The firewall of a Batch account. Nodes outside the network come from addresses that nobody knows before."""
    rules = [azure.batch.IPRuleArgs(action="Allow", value=address) for address in access.addresses]
    nodes = "Deny" if private_nodes else "Allow"
    return azure.batch.NetworkProfileArgs(
        account_access=azure.batch.EndpointAccessProfileArgs(default_action=access.default_action, ip_rules=rules),
        node_management_access=azure.batch.EndpointAccessProfileArgs(default_action=nodes, ip_rules=[]),
    )


def storage_rules(access: PublicAccess) -> azure.storage.NetworkRuleSetArgs:
    """The firewall of a storage account; the Batch service itself is let in as a trusted service."""
    return azure.storage.NetworkRuleSetArgs(
        bypass="AzureServices",
        default_action=access.default_action,
        ip_rules=[azure.storage.IPRuleArgs(i_p_address_or_range=one, action="Allow") for one in access.addresses],
        virtual_network_rules=[],
    )


def vault_rules(access: PublicAccess) -> azure.keyvault.NetworkRuleSetArgs:
    """The firewall of a key vault; only trusted services and the listed addresses, also where anyone reaches Batch."""
    return azure.keyvault.NetworkRuleSetArgs(
        bypass="AzureServices",
        default_action="Deny",
        ip_rules=[azure.keyvault.IPRuleArgs(value=address) for address in access.addresses],
        virtual_network_rules=[],
    )
