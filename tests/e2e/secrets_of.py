"""Every secret of a local deployment, to search for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from azure.core.rest import HttpRequest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout

SHORTEST = 16


def secrets_of(checkout: Checkout, azure: Clients) -> dict[str, str]:
    """Secrets by where they come from: the server's own, and the keys that ARM lists."""
    own = dict(_texts(json.loads((checkout.data / "keys.json").read_text()), "keys.json"))
    group = f"/subscriptions/{checkout.outputs['subscriptionId']}/resourceGroups/{checkout.outputs['resourceGroup']}"
    storage = f"{group}/providers/Microsoft.Storage/storageAccounts/{checkout.outputs['storage']['account']}"
    listed = azure.arm.send_request(
        HttpRequest("POST", azure.arm.format_url(f"{storage}/listKeys"), params={"api-version": "2024-01-01"})
    )
    listed.raise_for_status()
    keys = {f"storage {key['keyName']}": key["value"] for key in listed.json()["keys"]}
    return {name: text for name, text in {**own, **keys}.items() if len(text) >= SHORTEST}


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text in a document, a private key without its first and last line."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{name} {key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{name} {number}")
    elif isinstance(value, str):
        yield name, value.splitlines()[1] if value.startswith("-----BEGIN") else value
