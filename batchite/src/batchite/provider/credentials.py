"""Who the provider is at ARM: the service principal of the server's environment file."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchite.provider.errors import ProviderError, advice

_NAMES = ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client id and secret, and where to change them for a token."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


def read_credentials(file: Path) -> Credentials:
    """The credentials in a file of shell-quoted `NAME=value` lines. Raises ProviderError when they are not there.

    The file is read for every token, because the server writes it after it has started this provider.
    """
    values = _variables(file)
    missing = [name for name in _NAMES if name not in values]
    if missing:
        raise ProviderError("SignInFailed", f"{file} names no {', '.join(missing)}", "", advice("SignInFailed"))
    authority, tenant, client_id, secret = (values[name] for name in _NAMES)
    protocol = "token" if tenant == "adfs" else "v2.0/token"  # an AD FS tenant has the short path only
    return Credentials(f"{authority.rstrip('/')}/{tenant}/oauth2/{protocol}", client_id, secret)


def claims(token: str) -> Mapping[str, Any]:
    """The claims of a JWT, unverified: whoever receives it verifies it."""
    payload = token.split(".")[1]
    found: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def _variables(file: Path) -> dict[str, str]:
    try:
        words = shlex.split(file.read_text("utf-8"), comments=True)
    except OSError as error:
        raise ProviderError("SignInFailed", f"{file}: {error.strerror}", "", advice("SignInFailed")) from error
    return dict(word.split("=", 1) for word in words if "=" in word)
