"""Role definitions: the built-in roles that Batchite knows, to read, and custom ones, which are honoured like them.

Sources: REST reference of Microsoft.Authorization (role definitions), "Azure custom roles".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, value_at
from batchite.arm.resources import Resource
from batchite.arm.roles import ASSIGNMENT, DEFINITION, ROLES, Role, role_id
from batchite.arm.shapes import array, read_only, record, text
from batchite.arm.stored import Stored, resource_type
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request

_CUSTOM, _BUILT_IN = "CustomRole", "BuiltInRole"
_ACTIONS = ("actions", "notActions", "dataActions", "notDataActions")


def _complete(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if rid.name.lower() in ROLES:
        raise ServiceError("BadRequest", f"'{ROLES[rid.name.lower()].name}' is a built-in role and can't be changed.")
    properties = wanted["properties"]
    if not properties["assignableScopes"]:
        raise invalid_property("properties.assignableScopes", "", "At least one scope is expected.", "BadRequest")
    for other in arm.resources.of_type(DEFINITION):
        same = other["properties"]["roleName"].lower() == properties["roleName"].lower()
        if same and other["name"].lower() != rid.name.lower():
            raise ServiceError("RoleDefinitionWithSameNameExists", f"Its name is '{properties['roleName']}'.")
    now = wire_time(arm.service.now().wire)
    permissions = [{**{name: [] for name in _ACTIONS}, **one} for one in properties["permissions"]]
    made = value_at(old or {}, "properties.createdOn") or now
    outputs = {"type": _CUSTOM, "permissions": permissions, "createdOn": made, "updatedOn": now}
    return {**wanted, "properties": {**properties, **outputs}}


def _load(arm: Arm, rid: ResourceId) -> Resource | None:
    """A custom role is found at every scope; so is a built-in one."""
    name = rid.name.lower()
    if name in ROLES:
        return _built_in(arm, name, ROLES[name])
    return next((one for one in arm.resources.of_type(DEFINITION) if one["name"].lower() == name), None)


def _built_in(arm: Arm, name: str, role: Role) -> Resource:
    permissions = dict(
        zip(_ACTIONS, (role.actions, role.not_actions, role.data_actions, role.not_data_actions), strict=True)
    )
    properties = {
        "roleName": role.name,
        "type": _BUILT_IN,
        "description": "",
        "assignableScopes": ["/"],
        "permissions": [{key: list(held) for key, held in permissions.items()}],
    }
    identifier = f"/subscriptions/{arm.directory.subscription}/providers/{DEFINITION}/{name}"
    return {"id": identifier, "name": name, "type": DEFINITION, "properties": properties}


def _listed(arm: Arm, scope: str, request: Request) -> Iterable[Resource]:
    """The roles that can be assigned at the scope; `$filter` takes roleName eq, type eq and atScopeAndBelow()."""
    wanted = request.query_value("$filter") or ""
    found = re.fullmatch(r"(roleName|type) eq '([^']+)'|atScopeAndBelow\(\)", wanted)
    if wanted and not found:
        text_ = "roleName eq '…', type eq '…' or atScopeAndBelow() is expected."
        raise invalid_property("$filter", wanted, text_, "InvalidQueryParameterValue")
    name, value = (found[1], found[2]) if found else (None, None)
    return [one for one in _all(arm, scope) if name is None or one["properties"][name].lower() == str(value).lower()]


def _all(arm: Arm, scope: str) -> Iterator[Resource]:
    yield from (_built_in(arm, name, role) for name, role in ROLES.items())
    for one in arm.resources.of_type(DEFINITION):
        held = (found.rstrip("/").lower() for found in one["properties"]["assignableScopes"])
        if any(f"{scope.lower()}/".startswith(f"{found}/") for found in held):
            yield one


def _check_unassigned(arm: Arm, definition: Resource) -> None:
    if definition["properties"]["type"] == _BUILT_IN:
        raise ServiceError("BadRequest", "A built-in role can't be deleted.")
    for one in arm.resources.of_type(ASSIGNMENT):
        if role_id(one["properties"]["roleDefinitionId"]) == definition["name"].lower():
            raise ServiceError("RoleDefinitionHasAssignments", f"One is '{one['id']}'.")


ROLE_DEFINITION = resource_type(
    Stored(
        DEFINITION,
        required=("properties",),
        shapes={
            "properties": record(
                {
                    "roleName": text(high=512),
                    "description": text(high=2048),
                    "type": text(_CUSTOM),
                    "assignableScopes": array(text()),
                    "permissions": array(
                        record(
                            {
                                **{name: array(text()) for name in _ACTIONS},
                                **dict.fromkeys(("condition", "conditionVersion"), read_only),
                            }
                        )
                    ),
                    **dict.fromkeys(("createdBy", "createdOn", "updatedBy", "updatedOn"), read_only),
                },
                required=("roleName", "assignableScopes", "permissions"),
            )
        },
        extends=True,
    ),
    _complete,
    name_pattern=r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    not_found="ResourceNotFound",
    load=_load,
    listed=_listed,
    list_query=frozenset({"$filter"}),
    check_delete=_check_unassigned,
    stored=False,
)

TYPES = (ROLE_DEFINITION,)
