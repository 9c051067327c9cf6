"""Rules between the inbound NAT pools of a pool and their security rules.

Source: REST reference, BatchInboundNatPool and NetworkSecurityGroupRule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import TypeVar

from batchite.batch.rules import refuse
from batchite.http.types import Json

_Item = TypeVar("_Item", str, int)
_FEWEST_PORTS = 40
_MOST_RULES = 25  # of all endpoints of a pool together
_RESERVED_PORTS = range(50000, 55001)
_RESERVED_BACKENDS = (29876, 29877)
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9.]*")  # a service tag such as Internet or Storage.WestEurope
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def check_endpoints(pools: Sequence[Mapping[str, Json]]) -> None:
    """Raise a 400 naming the NAT pool or the security rule that cannot stand beside the others."""
    taken: list[range] = []
    names, backends, priorities = set[str](), set[int](), set[int]()
    for index, pool in enumerate(pools):
        path = f"networkConfiguration.endpointConfiguration.inboundNATPools[{index}]"
        _once(f"{path}.name", pool["name"].lower(), names)
        _once(f"{path}.backendPort", pool["backendPort"], backends)
        if pool["backendPort"] in _RESERVED_BACKENDS:
            raise refuse(f"{path}.backendPort", pool["backendPort"], "The port is reserved.")
        taken.append(_frontend(path, pool, taken))
        for number, rule in enumerate(pool.get("networkSecurityGroupRules") or ()):
            _check_rule(f"{path}.networkSecurityGroupRules[{number}]", rule, priorities)
    if len(priorities) > _MOST_RULES:
        path = "networkConfiguration.endpointConfiguration.inboundNATPools"
        raise refuse(path, [], f"All endpoints together have at most {_MOST_RULES} security rules.")


def _frontend(path: str, pool: Mapping[str, Json], taken: Sequence[range]) -> range:
    """The ports of a NAT pool that are reached from outside."""
    ports = range(pool["frontendPortRangeStart"], pool["frontendPortRangeEnd"] + 1)
    if len(ports) < _FEWEST_PORTS:
        raise refuse(path, pool, f"A range must contain at least {_FEWEST_PORTS} ports.")
    if any(_overlap(ports, other) for other in (*taken, _RESERVED_PORTS)):
        raise refuse(path, pool, "A range must not overlap another one, nor ports 50000 to 55000.")
    return ports


def _check_rule(path: str, rule: Mapping[str, Json], priorities: set[int]) -> None:
    _once(f"{path}.priority", rule["priority"], priorities)
    if not _is_source(rule["sourceAddressPrefix"]):
        reason = "An IP address, a subnet, a service tag or * is expected."
        raise refuse(f"{path}.sourceAddressPrefix", rule["sourceAddressPrefix"], reason)
    taken: list[range] = []
    for number, text in enumerate(rule.get("sourcePortRanges") or ()):
        name = f"{path}.sourcePortRanges[{number}]"
        ports = _port_range(name, text)
        if any(_overlap(ports, other) for other in taken):
            raise refuse(name, text, "It overlaps another entry.")
        taken.append(ports)


def _port_range(name: str, text: str) -> range:
    """The ports that `*`, `22` or `100-200` stands for."""
    found = _PORTS.fullmatch("0-65535" if text == "*" else text)
    first = int(found[1]) if found else 0
    last = int(found[2] or found[1]) if found else -1
    if not first <= last <= 65535:
        raise refuse(name, text, "*, a port or a range such as 100-200 is expected, between 0 and 65535.")
    return range(first, last + 1)


def _is_source(text: str) -> bool:
    if text == "*" or _TAG.fullmatch(text):
        return True
    try:
        return bool(ip_network(text, strict=False) if "/" in text else ip_address(text))
    except ValueError:
        return False


def _once(name: str, item: _Item, taken: set[_Item]) -> None:
    if item in taken:
        raise refuse(name, item, "Another one of the pool has it already.")
    taken.add(item)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop
