"""Where resources go: the group, the region and the tags that all components share; and names that stay known.

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


def name_of(resource: pulumi.Resource, name: pulumi.Input[str]) -> pulumi.Output[str]:
    """The resource's name for those that come after it.

    The provider's own `name` is unknown in the preview of any change, and would show whatever lies below as replaced.
    """
    return pulumi.Output.all(resource.urn, name).apply(second)


def second(pair: list[str]) -> str:
    """The name of a pair of urn and name."""
    return pair[1]
