"""Calls to the running server's control routes, as the developer."""

from __future__ import annotations

import http.client
import json
import shlex
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from batchite.cli.errors import CommandError
from batchite.data import DataDirectory

SECONDS = 30


def read_environment(data: DataDirectory) -> dict[str, str]:
    """The variables of DIR/env. Raises CommandError when no server has run here."""
    try:
        text = data.environment.read_text()
    except FileNotFoundError:
        raise CommandError(f"no Batchite has run on {data.root}; begin with `batchite start`") from None
    return dict(word.split("=", 1) for word in shlex.split(text))


def call(data: DataDirectory, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON answer of a control route. Raises CommandError with the server's own text when it refuses."""
    if not data.locked():
        raise CommandError(f"no Batchite runs on {data.root}; begin with `batchite start`")
    variables = read_environment(data)
    context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    base = variables["AZURE_AUTHORITY_HOST"]
    token = _token(opener, base, variables)
    request = urllib.request.Request(  # noqa: S310 - our own server's address
        base + path, json.dumps(body or {}).encode() if method == "POST" else None, method=method
    )
    request.add_header("Authorization", f"Bearer {token}")
    return _answer(opener, request)


def _token(opener: urllib.request.OpenerDirector, base: str, variables: dict[str, str]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": variables["AZURE_CLIENT_ID"],
        "client_secret": variables["AZURE_CLIENT_SECRET"],
        "resource": "https://management.azure.com/",
    }
    request = urllib.request.Request(  # noqa: S310 - our own server's address
        f"{base}/adfs/oauth2/token", urllib.parse.urlencode(form).encode()
    )
    return str(_answer(opener, request)["access_token"])


def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> dict[str, Any]:
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise CommandError(_text(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise CommandError(f"the server does not answer: {error}") from None
    return found


def _text(error: urllib.error.HTTPError) -> str:
    try:
        details = json.load(error)["error"]
        return f"{details['code']}: {details['message']}"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
