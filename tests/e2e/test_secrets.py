"""No secret of the deployment lies anywhere in plain text, except in the files that are made to hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout
from tests.e2e.secrets_of import secrets_of

pytestmark = pytest.mark.ours

KEEPERS = {"keys.json", "env", "state.db", "state.db-wal", "state.db-shm"}
INSTALLED = {"python", "uv-cache"}  # packages on nodes
LOOKS_SECRET = re.compile(rb"[?&]sig=\w|AccountKey=\w|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.")


def written(local: Checkout) -> Iterator[Path]:
    """Files that the deployment and its jobs have written, but for blobs, installed packages and the keepers."""
    for root in (local.data, local.root / ".jobs", local.root / "outputs"):
        for path in root.rglob("*"):
            parts = path.relative_to(root).parts
            keeper = root == local.data and (parts[0] in KEEPERS or parts[0] in {"blob", "ca"})
            if path.is_file() and not keeper and not INSTALLED & set(parts):
                yield path


def test_files_hold_no_secret(local: Checkout, azure: Clients) -> None:
    """State of the engine, outputs, logs, task directories, memory of `jobs`: no key, client secret, token or SAS."""
    secrets = {name: secret.encode() for name, secret in secrets_of(local, azure).items()}
    assert len(secrets) >= 4
    found, seen = [], set()
    for path in written(local):
        content = path.read_bytes()
        seen.add(path.relative_to(local.root).parts[1])
        found += [f"{path}: {name}" for name, secret in secrets.items() if secret in content]
        found += [f"{path}: {match[0][:12]!r}" for match in LOOKS_SECRET.finditer(content)]
    assert found == []
    assert seen >= {"pulumi", "log", "nodes", "outputs.json", "last.json"}


def test_secrets_are_the_owners_alone(local: Checkout) -> None:
    """The files that hold secrets can be read by their owner only."""
    modes = {path.name: path.stat().st_mode & 0o077 for path in local.data.iterdir() if path.name in KEEPERS}
    assert set(modes.values()) == {0}


def test_export_and_outputs_hold_no_secret(local: Checkout, azure: Clients) -> None:
    """Nor does what Pulumi shows to whoever may read the stack, secrets decrypted."""
    shown = local.pulumi("stack", "export", "--show-secrets").stdout
    shown += local.pulumi("stack", "output", "--json", "--show-secrets").stdout
    assert [name for name, secret in secrets_of(local, azure).items() if secret in shown] == []
