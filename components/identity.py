"""The identities of the deployment: one for the Batch service, one for the nodes and their tasks.

They are not interchangeable: the Batch account reaches its auto-storage as the first, tasks reach blobs as the second.
They carry no tags: a change of tags would show all their role assignments as replaced in the preview.
Does not own what they may do: that is access.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.naming import IDENTITY
from components.place import Place
from components.validation import broken, refuse


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned identity: its name, its resource, and how role assignments and tasks call it."""

    name: str
    resource_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    client_id: pulumi.Output[str]


class Identities(pulumi.ComponentResource):
    """The two user-assigned identities. Raises SettingsError for names that ARM would refuse."""

    batch: Identity
    nodes: Identity

    def __init__(
        self,
        name: str,
        *,
        place: Place,
        batch_name: str,
        nodes_name: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        chosen = {"batch_name": batch_name, "nodes_name": nodes_name}
        refuse(f"Identities {name}", broken(dict.fromkeys(chosen, IDENTITY), chosen))
        super().__init__("azure-batch:components:Identities", name, dict(chosen), opts)
        self.batch = _identity(f"{name}-batch", batch_name, place, self)
        self.nodes = _identity(f"{name}-nodes", nodes_name, place, self)
        self.register_outputs({"batch": self.batch.resource_id, "nodes": self.nodes.resource_id})


def _identity(name: str, resource_name: str, place: Place, parent: pulumi.Resource) -> Identity:
    made = azure.managedidentity.UserAssignedIdentity(
        name,
        resource_name_=resource_name,
        resource_group_name=place.resource_group,
        location=place.location,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Identity(name=resource_name, resource_id=made.id, principal_id=made.principal_id, client_id=made.client_id)
