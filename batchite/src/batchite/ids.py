"""Identifiers that the service makes up."""

from __future__ import annotations

import hashlib
import sys


def node_id(account: str, pool: str, created_at: float, generation: int, *, spot: bool) -> str:
    """A node id in the service's form `tvmps_<64 hex digits>_d|_p`, the same for the same arguments."""
    digest = hashlib.sha256(f"{account}/{pool}/{created_at!r}/{generation}".encode()).hexdigest()
    return f"tvmps_{digest}_{'p' if spot else 'd'}"


def guid(*parts: object) -> str:
    """A GUID in upper case, the same for the same parts."""
    digits = hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest().upper()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def node_address(node: str) -> str:
    """The node's own address on this machine: one of the loopback network, which Linux answers without set-up.

    Elsewhere all nodes share one address. Two nodes of a pool share theirs once in four million pairs.
    """
    if sys.platform != "linux":
        return "127.0.0.1"
    digest = hashlib.sha256(node.encode()).digest()
    return f"127.{64 + digest[0] % 64}.{digest[1]}.{1 + digest[2] % 254}"


def is_spot(node: str) -> bool:
    """Whether a node id is that of a Spot node."""
    return node.endswith("_p")
