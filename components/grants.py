"""Role assignments: under names that a second deployment finds again, and retried while Entra learns of an identity.

Does not own who gets what: that is in the components that grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components import naming
from components.patience import patient

# Source: "Azure built-in roles".
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
JOB_SUBMITTER = "48e5e92e-a480-4e71-aa9c-2778f4c13781"
KEY_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
"""Key Vault Crypto Service Encryption User: wraps and unwraps with a key, and sees nothing else."""
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"

SERVICE_PRINCIPAL = "ServicePrincipal"
UNKNOWN_PRINCIPAL = "PrincipalNotFound"
PATIENCE = 30
"""Attempts at one assignment: Entra needs up to a few minutes to know a new identity everywhere."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who gets a role; told its kind, Azure need not find an identity that was made a moment ago."""

    id: pulumi.Input[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for a principal on a scope (a resource id). A `condition` narrows it (Azure's language for it, 2.0)."""

    scope: pulumi.Input[str]
    role: str
    principal: Principal
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Granting:
    """The subscription and the group that the assignments' names are made of."""

    subscription: str
    group_name: str

    @property
    def group(self) -> str:
        """The resource id of the group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group_name}"


def assign(grants: Mapping[str, Grant], where: Granting, parent: pulumi.Resource) -> None:
    """Make the role assignments; the keys are their logical names."""
    if not grants:
        return
    hook = patient(f"{next(iter(grants))}-wait-for-principal", UNKNOWN_PRINCIPAL, PATIENCE)
    for key, grant in grants.items():
        azure.authorization.RoleAssignment(
            key,
            role_assignment_name=naming.role_assignment(where.group, key),
            scope=grant.scope,
            role_definition_id=role_id(where.subscription, grant.role),
            principal_id=grant.principal.id,
            principal_type=grant.principal.kind,
            condition=grant.condition or None,
            condition_version="2.0" if grant.condition else None,
            opts=pulumi.ResourceOptions(parent=parent, hooks=pulumi.ResourceHookBinding(on_error=[hook])),
        )


def role_id(subscription: str, role: str) -> str:
    """The resource id of a built-in role."""
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def only_roles(roles: tuple[str, ...]) -> str:
    """A condition: who has it may give and take these roles only."""
    ids = ", ".join(roles)
    action, role = "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleAssignments:RoleDefinitionId"
    parts = (("write", "@Request"), ("delete", "@Resource"))
    return " AND ".join(
        f"((!(ActionMatches{{'{action}/{verb}'}})) OR ({side}[{role}] ForAnyOfAnyValues:GuidEquals {{{ids}}}))"
        for verb, side in parts
    )
