"""The resource group that holds the deployment.

Does not own what lies in it, nor locks or budgets: those belong to whoever owns the subscription.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_azure_native as azure

from components.naming import RESOURCE_GROUP
from components.place import name_of
from components.validation import broken, refuse


class Group(pulumi.ComponentResource):
    """A resource group. Raises SettingsError for a name that ARM would refuse."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        group_name: pulumi.Input[str],
        location: pulumi.Input[str],
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        refuse(f"Resource group {name}", broken({"group_name": RESOURCE_GROUP}, {"group_name": group_name}))
        super().__init__("azure-batch:components:Group", name, {"groupName": group_name, "location": location}, opts)
        group = azure.resources.ResourceGroup(
            name,
            resource_group_name=group_name,
            location=location,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id, self.name = group.id, name_of(group, group_name)
        self.register_outputs({"name": self.name})
