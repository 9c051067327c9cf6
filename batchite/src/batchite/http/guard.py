"""Which hosts are answered.

The server runs commands for whoever it lets in. A browser page of another site can reach a loopback port by giving its
own name the address 127.0.0.1 ("DNS rebinding"); its requests then carry that name in `Host` and are refused here.
"""

from __future__ import annotations

_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def allowed_host(host: str | None) -> bool:
    """Whether a `Host` header names this machine's loopback, with any port or none."""
    if not host:
        return False
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        return host.lower() in _NAMES
    return name.lower() in _NAMES and port.isascii() and port.isdigit()
