"""Locks, budgets, container registries, federated credentials: stored, with the rules that clients meet.

Locks are honoured (`arm.locks`). Nothing is spent here, so a budget never tells anybody. How far in the past a budget
may start is not checked, because a stack's configuration outlives that date. A registry holds no images.

Sources: REST references of Microsoft.Authorization (locks), Microsoft.Consumption, Microsoft.ContainerRegistry and
Microsoft.ManagedIdentity; "Important considerations and restrictions for federated identity credentials".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from batchite.arm import ids
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, new_uuid, value_at
from batchite.arm.locks import LOCK
from batchite.arm.resources import Resource
from batchite.arm.shapes import array, text
from batchite.arm.stored import Stored, in_turn, require_location, resource_type
from batchite.arm.types.private_links import with_connections
from batchite.clock import wire_time
from batchite.errors import ServiceError, invalid_property
from batchite.http.types import Request

BUDGETS = "Microsoft.Consumption/budgets"
REGISTRIES = "Microsoft.ContainerRegistry/registries"
CREDENTIALS = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
MOST_CREDENTIALS = 20
_MOST_NOTIFICATIONS = 5
_START = "properties.timePeriod.startDate"


def _day(value: str, path: str) -> str:
    """The date of a time, as a budget shows it."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(T[\d:.]+Z?)?", value)
    if not found:
        raise invalid_property(path, value, "A date such as 2026-12-01T00:00:00Z is expected.", "BadRequest")
    return found[1]


def _complete_budget(_arm: Arm, _rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    properties = wanted["properties"]
    period = properties["timePeriod"]
    start = _day(period["startDate"], _START)
    end = _day(period.get("endDate") or f"{int(start[:4]) + 10}{start[4:]}", "properties.timePeriod.endDate")
    if not start.endswith("-01") or end <= start:
        text_ = "A budget starts on the first of a month and ends after that."
        raise invalid_property(_START, start, text_, "BadRequest")
    if old and _day(value_at(old, _START), _START) != start:
        raise invalid_property(_START, start, "The start date of a budget can't be changed.", "BadRequest")
    if old and wanted.get("eTag", old["eTag"]) != old["eTag"]:
        raise ServiceError("Conflict", "The budget has changed since: its eTag is another one.")
    _check_notifications(properties)
    times = {"startDate": f"{start}T00:00:00Z", "endDate": f"{end}T00:00:00Z"}
    spent = {"currentSpend": {"amount": 0, "unit": "USD"}}
    return {**wanted, "eTag": f'"{new_uuid()}"', "properties": {**properties, "timePeriod": times, **spent}}


def _check_notifications(properties: Resource) -> None:
    notifications = properties.get("notifications", {})
    if properties["amount"] <= 0:
        raise invalid_property("properties.amount", properties["amount"], "It must be above 0.", "BadRequest")
    if len(notifications) > _MOST_NOTIFICATIONS:
        raise ServiceError("BadRequest", f"A budget has at most {_MOST_NOTIFICATIONS} notifications.")
    for name, one in notifications.items():
        told = [*one["contactEmails"], *one.get("contactGroups", []), *one.get("contactRoles", [])]
        if not told or not 0 < one["threshold"] <= 1000:
            raise ServiceError("BadRequest", f"Notification '{name}' needs a contact and a threshold up to 1000.")


def _listed(arm: Arm, scope: str, _request: Request) -> Iterable[Resource]:
    """The budgets of the scope itself."""
    return [one for one in arm.resources.of_type(BUDGETS, scope) if ids.same(ids.parse(one["id"]).scope, scope)]


def _complete_registry(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    if old is None and any(one["name"].lower() == rid.name.lower() for one in arm.resources.of_type(REGISTRIES)):
        raise ServiceError("AlreadyInUse", f"It is {rid.name.lower()}.azurecr.io.")
    created = value_at(old or {}, "properties.creationDate") or wire_time(arm.service.now().wire)
    outputs = {"loginServer": f"{rid.name.lower()}.azurecr.io", "creationDate": created}
    sku = {**wanted["sku"], "tier": wanted["sku"]["name"]}
    return {**wanted, "sku": sku, "properties": {**wanted["properties"], **outputs}}


def _complete_credential(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    assert rid.parent is not None
    others = [one for one in arm.resources.of_type(CREDENTIALS, rid.parent.text) if one["id"].lower() != rid.key]
    if old is None and len(others) >= MOST_CREDENTIALS:
        raise ServiceError("BadRequest", f"An identity has at most {MOST_CREDENTIALS} federated identity credentials.")
    if len(wanted["properties"]["audiences"]) != 1:
        raise invalid_property("properties.audiences", "", "Exactly one audience is expected.", "BadRequest")
    for other in others:
        if all(other["properties"][name] == wanted["properties"][name] for name in ("issuer", "subject")):
            text_ = "Issuer and subject combination already exists for this Managed Identity"
            raise ServiceError("Conflict", f"{text_}: '{other['name']}'.")
    return wanted


_SHORT_TEXT = text(pattern=r"\S(.{0,598}\S)?")  # no blanks around: a token's claim would never be equal

LOCK_TYPE = resource_type(
    Stored(LOCK, shapes={"properties.notes": text(high=512)}, unbuilt=frozenset({"properties.owners"}), extends=True),
    name_pattern=r"[^<>%&?/\\]{1,90}",
    not_found="LockNotFound",
    unlocked=True,
    stored=False,
)
BUDGET = resource_type(
    Stored(BUDGETS, extends=True),
    _complete_budget,
    name_pattern="[a-zA-Z0-9_-]{1,63}",
    listed=_listed,
)
REGISTRY = resource_type(
    Stored(
        REGISTRIES,
        defaults={
            "properties": {
                "adminUserEnabled": False,
                "anonymousPullEnabled": False,
                "dataEndpointEnabled": False,
                "encryption": {"status": "disabled"},
                "networkRuleBypassOptions": "AzureServices",
                "publicNetworkAccess": "Enabled",
                "zoneRedundancy": "Disabled",
            }
        },
    ),
    in_turn(require_location, _complete_registry),
    name_pattern="[a-zA-Z0-9]{5,50}",
    render=with_connections,
    patch=True,
    polled=True,
    long_delete=True,
)
CREDENTIAL = resource_type(
    Stored(
        CREDENTIALS,
        shapes={
            "properties.audiences": array(_SHORT_TEXT),
            "properties.issuer": text(pattern=r"https://\S{1,592}"),
            "properties.subject": _SHORT_TEXT,
        },
    ),
    _complete_credential,
    name_pattern=r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
)

TYPES = (LOCK_TYPE, BUDGET, REGISTRY, CREDENTIAL)
