"""Identifiers that the service makes up."""

from __future__ import annotations

import hashlib


def node_id(account: str, pool: str, created_at: float, generation: int, *, spot: bool) -> str:
    """A node id in the service's form `tvmps_<64 hex digits>_d|_p`, the same for the same arguments."""
    digest = hashlib.sha256(f"{account}/{pool}/{created_at!r}/{generation}".encode()).hexdigest()
    return f"tvmps_{digest}_{'p' if spot else 'd'}"
