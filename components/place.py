"""Where resources go: the group, the region and the tags that all components share.

Does not own the group itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, slots=True)
class Place:
    """A resource group by name, the region, and tags for everything in it."""

    resource_group: pulumi.Input[str]
    location: pulumi.Input[str]
    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
