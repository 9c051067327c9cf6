"""What lets a user into a node: no secret, only what a secret can be checked against."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NodeUser:
    """A user of a node. `expires_at` is a wire time; `password` is a salted hash, empty without a password."""

    name: str
    expires_at: float
    admin: bool = False
    password: str = field(default="", repr=False)
    public_key: str = ""  # one line as OpenSSH writes it; empty without a key
