"""What ARM's bodies may hold, beside the SDK it was taken from."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from arm import sdk_bodies

pytestmark = pytest.mark.documented


def test_bodies_are_those_of_the_installed_sdk() -> None:
    """The stored bodies equal what pulumi_azure_native declares."""
    stored = json.loads(resources.files("batchite.arm").joinpath("bodies.json").read_text())
    assert stored == sdk_bodies.bodies()
