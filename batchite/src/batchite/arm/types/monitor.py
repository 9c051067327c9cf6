"""Log Analytics workspaces, diagnostic settings, action groups, alerts: stored. Nothing is collected, nobody is told.

Sources: REST references of Microsoft.Insights and Microsoft.OperationalInsights, "Diagnostic settings in Azure
Monitor", "Supported resource logs" of Batch, storage and key vault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from batchite.arm import ids
from batchite.arm.ids import ResourceId
from batchite.arm.kinds import Arm, new_uuid, value_at
from batchite.arm.resources import Resource
from batchite.arm.shapes import number, text
from batchite.arm.stored import Reference, Stored, in_turn, require_location, resource_type
from batchite.clock import wire_time
from batchite.errors import ServiceError
from batchite.http.types import Request

WORKSPACES = "Microsoft.OperationalInsights/workspaces"
SETTINGS = "Microsoft.Insights/diagnosticSettings"
ACTION_GROUPS = "Microsoft.Insights/actionGroups"
_ALERT_NAME = r"[^*#&+:<>?@%{}\\/|]{0,259}[^*#&+:<>?@%{}\\/|. ]"
_RECEIVERS = (
    "armRoleReceivers",
    "automationRunbookReceivers",
    "azureAppPushReceivers",
    "azureFunctionReceivers",
    "emailReceivers",
    "eventHubReceivers",
    "itsmReceivers",
    "logicAppReceivers",
    "smsReceivers",
    "voiceReceivers",
    "webhookReceivers",
)
_CATEGORIES: Mapping[str, frozenset[str]] = {
    "Microsoft.Batch/batchAccounts": frozenset({"ServiceLog", "ServiceLogs", "AuditLog"}),
    "Microsoft.KeyVault/vaults": frozenset({"AuditEvent", "AzurePolicyEvaluationDetails"}),
    "Microsoft.Storage/storageAccounts": frozenset(),
    "Microsoft.Storage/storageAccounts/blobServices": frozenset({"StorageRead", "StorageWrite", "StorageDelete"}),
}
"""Categories of logs by resource type; what a type that is not here has, is not known here."""

_GROUPS = frozenset({"audit", "allLogs"})
_SINKS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
_MOST_SETTINGS = 5
_OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual", "GreaterOrLessThan")
_SEVERITY = number(0, 4)


def _complete_workspace(arm: Arm, _rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    now = wire_time(arm.service.now().wire)
    properties = wanted["properties"]
    if properties["workspaceCapping"]["dailyQuotaGb"] == 0:
        raise ServiceError("BadRequest", "workspaceCapping.dailyQuotaGb must be above 0, or -1 for no cap.")
    created = value_at(old or {}, "properties.createdDate") or now
    capping = {**properties["workspaceCapping"], "dataIngestionStatus": "RespectQuota"}
    times = {"createdDate": created, "modifiedDate": now, "workspaceCapping": capping}
    return {**wanted, "properties": {**properties, **times}}


def _complete_settings(arm: Arm, rid: ResourceId, wanted: Resource, old: Resource | None) -> Resource:
    properties = wanted["properties"]
    others = [one for one in _at(arm, rid.scope) if one["id"].lower() != rid.key]
    if not any(properties.get(sink) for sink in _SINKS):
        raise ServiceError("BadRequest", f"A diagnostic setting needs a sink: {', '.join(_SINKS)}.")
    if old is None and len(others) >= _MOST_SETTINGS:
        raise ServiceError("BadRequest", f"A resource has at most {_MOST_SETTINGS} diagnostic settings.")
    _check_categories(ids.parse(rid.scope).type, properties.get("logs", []))
    for other in others:
        _check_sink(properties, other)
    return wanted


def _check_categories(type_name: str, logs: list[dict[str, Any]]) -> None:
    known = _CATEGORIES.get(type_name)
    for log in logs:
        if "category" in log and known is not None and log["category"] not in known:
            raise ServiceError("BadRequest", f"Category '{log['category']}' is not supported by {type_name}.")
        if "categoryGroup" in log and log["categoryGroup"] not in _GROUPS:
            raise ServiceError("BadRequest", f"Category group '{log['categoryGroup']}' is not supported.")


def _check_sink(properties: Mapping[str, Any], other: Resource) -> None:
    """Two settings of a resource do not send one category to the same place."""
    shared = [sink for sink in _SINKS if properties.get(sink) and properties[sink] == other["properties"].get(sink)]
    twice = set(_sent(properties)) & set(_sent(other["properties"]))
    if shared and twice:
        where = f"'{properties[shared[0]]}' is already used in diagnostic setting '{other['name']}'"
        raise ServiceError("Conflict", f"Data sink {where} for category '{min(twice)}'.")


def _sent(properties: Mapping[str, Any]) -> Iterator[str]:
    for one in (*properties.get("logs", []), *properties.get("metrics", [])):
        if one["enabled"]:
            yield str(one.get("category") or one.get("categoryGroup"))


def _at(arm: Arm, scope: str) -> Iterator[Resource]:
    """The settings of one resource, without those of what lies below it."""
    for one in arm.resources.of_type(SETTINGS, scope):
        if ids.same(ids.parse(one["id"]).scope, scope):
            yield one


def _listed(arm: Arm, scope: str, _request: Request) -> Iterable[Resource]:
    return _at(arm, scope)


def _check_scopes(arm: Arm, rid: ResourceId, wanted: Resource, _old: Resource | None) -> Resource:
    """What is watched must be there."""
    for scope in value_at(wanted, "properties.scopes") or ():
        found = ids.parse(scope)
        kind = arm.kinds.get(found.type.lower())
        subscription = found.type == ids.SUBSCRIPTION
        if not subscription and (kind is None or kind.load(arm, found) is None):
            raise ServiceError("ResourceNotFound", f"'{scope}', which '{rid.name}' watches, was not found.")
    return wanted


WORKSPACE = resource_type(
    Stored(
        WORKSPACES,
        defaults={
            "properties": {
                "features": {"enableLogAccessUsingOnlyResourcePermissions": True},
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
                "retentionInDays": 30,
                "sku": {"name": "PerGB2018"},
                "workspaceCapping": {"dailyQuotaGb": -1},
            }
        },
        once={"customerId": new_uuid},
        shapes={"properties.retentionInDays": number(7, 730)},
        etag=True,
    ),
    in_turn(require_location, _complete_workspace),
    name_pattern="[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    patch=True,
    polled=True,
    long_delete=True,
)
DIAGNOSTIC_SETTING = resource_type(
    Stored(
        SETTINGS,
        required=("properties",),
        defaults={"properties": {"logs": [], "metrics": []}},
        refers={
            "properties.workspaceId": Reference((WORKSPACES,), "ResourceNotFound"),
            "properties.storageAccountId": Reference(("Microsoft.Storage/storageAccounts",), "ResourceNotFound"),
        },
        unbuilt=frozenset({"properties.serviceBusRuleId"}),
        extends=True,
    ),
    _complete_settings,
    name_pattern=_ALERT_NAME,
    created=200,
    listed=_listed,
)
ACTION_GROUP = resource_type(
    Stored(
        ACTION_GROUPS,
        defaults={
            "location": "global",
            "properties": {"enabled": True, **{name: [] for name in _RECEIVERS}},
        },
        shapes={"properties.groupShortName": text(pattern=".{1,12}")},
        unbuilt=frozenset({"properties.incidentReceivers"}),
    ),
    name_pattern=_ALERT_NAME,
    patch=True,
)
METRIC_ALERT = resource_type(
    Stored(
        "Microsoft.Insights/metricAlerts",
        defaults={"location": "global", "properties": {"autoMitigate": True, "actions": []}},
        refers={"properties.actions.actionGroupId": Reference((ACTION_GROUPS,), "ResourceNotFound")},
        shapes={"properties.criteria.allOf.operator": text(*_OPERATORS), "properties.severity": _SEVERITY},
    ),
    _check_scopes,
    name_pattern=_ALERT_NAME,
    created=200,
    patch=True,
)
ACTIVITY_LOG_ALERT = resource_type(
    Stored(
        "Microsoft.Insights/activityLogAlerts",
        defaults={"location": "global", "properties": {"enabled": True, "actions": {"actionGroups": []}}},
        refers={
            "properties.actions.actionGroups.actionGroupId": Reference((ACTION_GROUPS,), "ResourceNotFound"),
        },
    ),
    _check_scopes,
    name_pattern=_ALERT_NAME,
    patch=True,
)
QUERY_RULE = resource_type(
    Stored(
        "Microsoft.Insights/scheduledQueryRules",
        required=("properties",),
        defaults={"kind": "LogAlert", "properties": {"enabled": True, "actions": {"actionGroups": []}}},
        refers={"properties.actions.actionGroups": Reference((ACTION_GROUPS,), "ResourceNotFound")},
        shapes={"properties.criteria.allOf.operator": text(*_OPERATORS), "properties.severity": _SEVERITY},
    ),
    in_turn(require_location, _check_scopes),
    name_pattern=_ALERT_NAME,
    patch=True,
)

TYPES = (WORKSPACE, DIAGNOSTIC_SETTING, ACTION_GROUP, METRIC_ALERT, ACTIVITY_LOG_ALERT, QUERY_RULE)
