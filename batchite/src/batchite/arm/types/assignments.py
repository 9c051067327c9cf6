"""Role assignments, at any scope. The name is a uuid; nothing that decides who may do what can be changed.

A principal is looked up only where the request does not say what it is: with `principalType`, ARM takes it unseen, so
that one that was made a moment ago can be given a role (documented for replication delays). A condition is kept but not
evaluated: who holds a role under one may do nothing by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, ResourceType
from batchite.arm.resources import Resource
from batchite.arm.roles import ASSIGNMENT, ROLES, find_definition, role_id
from batchite.arm.shapes import read_only, record, text, unbuilt
from batchite.arm.types.identities import NAME as IDENTITY_TYPE
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request

_APPLICATION = "ServicePrincipal"
_FIXED = "RoleAssignmentUpdateNotPermitted"


def _complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    properties = dict(wanted["properties"])
    role = role_id(properties["roleDefinitionId"])
    if role not in ROLES:
        _check_custom(arm, rid, role)
    if old is None:
        _check_principal(arm, properties)
        _check_new(arm, rid, properties)
    given = properties["roleDefinitionId"]
    definition = given if given.startswith("/") else f"/{given}"
    subscription = f"/subscriptions/{arm.directory.subscription}"
    definition = definition if definition.lower().startswith("/subscriptions/") else f"{subscription}{definition}"
    now = wire_time(arm.service.now().wire)
    made = old["properties"]["createdOn"] if old else now
    filled = {"principalType": _APPLICATION, "condition": None, "conditionVersion": None, **properties}
    times = {"createdOn": made, "updatedOn": now}
    return {**wanted, "properties": {**filled, "scope": rid.scope, "roleDefinitionId": definition, **times}}


def _check_custom(arm: Arm, rid: ResourceId, role: str) -> None:
    """A custom role must be there, and assignable at the scope or above."""
    custom = find_definition(arm.resources, role)
    if custom is None:
        known = ", ".join(sorted(found.name for found in ROLES.values()))
        raise ServiceError(
            "RoleDefinitionDoesNotExist", f"Its id is '{role}'; Batchite knows: {known}, and custom ones."
        )
    scopes = [scope.rstrip("/").lower() for scope in custom["properties"]["assignableScopes"]]
    if not any(f"{rid.scope.lower()}/".startswith(f"{scope}/") for scope in scopes):
        raise ServiceError("BadRequest", f"The role '{role}' can't be assigned at '{rid.scope}': see assignableScopes.")


def _check_principal(arm: Arm, properties: Resource) -> None:
    principal = properties["principalId"]
    if "principalType" in properties:
        return
    if principal.lower() not in {known.lower() for known in _principals(arm)}:
        raise ServiceError("PrincipalNotFound", f"The principal is '{principal}'.")


def _principals(arm: Arm) -> Iterator[str]:
    """Everyone the directory knows: the developer, user-assigned identities, system identities of resources."""
    yield arm.directory.developer
    for resource in arm.resources.inside(f"/subscriptions/{arm.directory.subscription}"):
        if resource["type"] == IDENTITY_TYPE:
            yield resource["properties"]["principalId"]
        if "principalId" in resource.get("identity", {}):
            yield resource["identity"]["principalId"]


def _check_new(arm: Arm, rid: ResourceId, properties: Resource) -> None:
    for other in arm.resources.of_type(ASSIGNMENT, rid.scope):
        held = other["properties"]
        if (
            held["scope"].lower() == rid.scope.lower()
            and held["principalId"].lower() == properties["principalId"].lower()
            and role_id(held["roleDefinitionId"]) == role_id(properties["roleDefinitionId"])
        ):
            raise ServiceError("RoleAssignmentExists", f"Its id is {other['name']}.")


def _listed(arm: Arm, scope: str, request: Request) -> Iterable[Resource]:
    """Assignments at the scope, above and below it; `$filter` takes atScope(), principalId eq or assignedTo."""
    wanted = request.query_value("$filter") or ""
    by_principal = re.fullmatch(r"(?:principalId eq|assignedTo)\s*\(?'([^']+)'\)?", wanted)
    if wanted and wanted != "atScope()" and not by_principal:
        raise invalid_property("$filter", wanted, "atScope(), principalId eq '…' or assignedTo('…').", _BAD_QUERY)
    lower = scope.lower()
    for found in arm.resources.of_type(ASSIGNMENT):
        held = found["properties"]["scope"].lower()
        above = f"{lower}/".startswith(f"{held}/")
        below = held.startswith(f"{lower}/") and wanted != "atScope()"
        mine = not by_principal or found["properties"]["principalId"].lower() == by_principal[1].lower()
        if (above or below) and mine:
            yield found


_BAD_QUERY = "InvalidQueryParameterValue"
_READ_ONLY = ("scope", "createdOn", "updatedOn", "createdBy", "updatedBy")

ROLE_ASSIGNMENT = ResourceType(
    name=ASSIGNMENT,
    template=f"/{{scope+}}/providers/{ASSIGNMENT}/{{roleAssignmentName}}",
    collections=(f"/{{scope+}}/providers/{ASSIGNMENT}",),
    body=record(
        {
            "properties": record(
                {
                    "roleDefinitionId": text(),
                    "principalId": text(),
                    "principalType": text("User", "Group", _APPLICATION, "ForeignGroup", "Device"),
                    "description": text(),
                    "condition": text(),
                    "conditionVersion": text("2.0"),
                    "delegatedManagedIdentityResourceId": unbuilt,
                    **dict.fromkeys(_READ_ONLY, read_only),
                },
                required=("roleDefinitionId", "principalId"),
            )
        },
        required=("properties",),
    ),
    name_pattern=r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    not_found="RoleAssignmentNotFound",
    immutable={"properties.principalId": _FIXED, "properties.roleDefinitionId": _FIXED, "properties.scope": _FIXED},
    listed=_listed,
    list_query=frozenset({"$filter"}),
    complete=_complete,
)
