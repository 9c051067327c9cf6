"""Who may do what with the blobs: role assignments, each as narrow as its use allows.

| who | where | role | for |
|---|---|---|---|
| Batch account | storage account | Storage Blob Data Contributor | auto-storage |
| nodes | input, start-tasks | Storage Blob Data Reader | resource files |
| nodes | output, logs | Storage Blob Data Contributor | output files, results |
| deployer | storage account | Storage Blob Data Contributor | start-task files, a workload's input and results |

Does not own rights on the Batch account: whoever may deploy it may also submit to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components import naming
from components.identity import Identities
from components.storage import START_TASKS, Storage

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
SERVICE_PRINCIPAL = "ServicePrincipal"
NODE_ROLES = {"input": BLOB_READER, START_TASKS: BLOB_READER, "output": BLOB_CONTRIBUTOR, "logs": BLOB_CONTRIBUTOR}


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who gets a role; told its kind, Azure need not find an identity that was made a moment ago."""

    id: pulumi.Input[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for a principal on a scope (a resource id)."""

    scope: pulumi.Input[str]
    role: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class AccessArgs:
    """Who deploys, what is granted on, and the subscription and group that the assignments' names are made of."""

    subscription: str
    group_name: str
    storage: Storage
    identities: Identities
    deployer: Principal


class Access(pulumi.ComponentResource):
    """The role assignments of the deployment. Depend on it before using what they allow."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("azure-batch:components:Access", name, None, opts)
        where = f"/subscriptions/{args.subscription}/resourceGroups/{args.group_name}"
        for key, grant in grants(args).items():
            _assign(key, grant, args.subscription, naming.role_assignment(where, key), self)
        self.register_outputs({})


def grants(args: AccessArgs) -> Mapping[str, Grant]:
    """All grants by name."""
    nodes = Principal(args.identities.nodes.principal_id, SERVICE_PRINCIPAL)
    batch = Principal(args.identities.batch.principal_id, SERVICE_PRINCIPAL)
    account = args.storage.account_id
    return {
        "batch-auto-storage": Grant(account, BLOB_CONTRIBUTOR, batch),
        **{f"nodes-{key}": Grant(args.storage.container_ids[key], role, nodes) for key, role in NODE_ROLES.items()},
        "deployer-blobs": Grant(account, BLOB_CONTRIBUTOR, args.deployer),
    }


def _assign(key: str, grant: Grant, subscription: str, uuid: str, parent: pulumi.Resource) -> None:
    role = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{grant.role}"
    azure.authorization.RoleAssignment(
        key,
        role_assignment_name=uuid,
        scope=grant.scope,
        role_definition_id=role,
        principal_id=grant.principal.id,
        principal_type=grant.principal.kind,
        opts=pulumi.ResourceOptions(parent=parent),
    )
