"""Nodes reach registries and blob mounts by the pool's identity: a key or password would be on every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rules.rule import Finding, Rule, Unclear
from policies.rules.values import UNDETERMINED, get, items

REGISTRIES = "deploymentConfiguration.virtualMachineConfiguration.containerConfiguration.containerRegistries"
MOUNTS = "mountConfiguration"
BLOBS = "azureBlobFileSystemConfiguration"
NEXT = "leave it out and give the pool's identity a role"


def judge(props: Any, _settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Those that take an identity. Azure Files and CIFS take none, and user accounts are made with a password."""
    for index, registry in enumerate(items(get(props, REGISTRIES))):
        yield from _without(registry, f"{REGISTRIES}[{index}]", ("password",))
    for index, mount in enumerate(items(get(props, MOUNTS))):
        yield from _without(get(mount, BLOBS), f"{MOUNTS}[{index}].{BLOBS}", ("accountKey", "sasKey"))


def _without(value: Any, path: str, keys: tuple[str, ...]) -> Iterator[Finding]:
    for key in keys:
        found = get(value, key)
        if found is UNDETERMINED:
            yield Unclear(f"{path}.{key}")
        elif found:
            yield f"{path}.{key} is a credential: {NEXT}."


RULE = Rule(
    name="batch-pool-credentials",
    description="Registries and blob mounts of pools need no key or password.",
    resource="batch:Pool",
    judge=judge,
)
