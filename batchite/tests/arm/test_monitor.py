"""Workspaces, diagnostic settings, action groups and alerts as stored resources."""

from __future__ import annotations

from typing import Any

import pytest
from arm.refusals import code, located
from arm.worlds import GROUP, World, play

pytestmark = pytest.mark.documented

INSIGHTS = f"{GROUP}/providers/Microsoft.Insights"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs"
ACTION_GROUP = f"{INSIGHTS}/actionGroups/ag"


async def watched(world: World) -> str:
    """A Batch account and a workspace; the account's id."""
    await world.group()
    await world.ok("PUT", WORKSPACE, located(workspaceCapping={"dailyQuotaGb": 0.5}))
    return await world.account()


def setting(category: str = "AuditLog", **properties: Any) -> dict[str, Any]:
    """A diagnostic setting of one category to the workspace."""
    logs = [{"category": category, "enabled": True}]
    return {"properties": {"workspaceId": WORKSPACE, "logs": logs, **properties}}


def test_a_workspace_gets_a_customer_id_and_keeps_it() -> None:
    """Defaults and the id are there from the start; updates keep the id."""

    async def scenario(world: World) -> None:
        await watched(world)
        made = (await world.ok("GET", WORKSPACE))["properties"]
        assert (made["retentionInDays"], made["sku"]["name"]) == (30, "PerGB2018")
        assert made["workspaceCapping"]["dailyQuotaGb"] == 0.5
        changed = (await world.ok("PUT", WORKSPACE, located(retentionInDays=90)))["properties"]
        assert changed["customerId"] == made["customerId"]
        assert changed["workspaceCapping"]["dailyQuotaGb"] == -1
        zero = located(workspaceCapping={"dailyQuotaGb": 0})
        assert await code(world, "PUT", WORKSPACE, zero) == (400, "BadRequest")

    play(scenario)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (setting("NoSuchLog"), (400, "BadRequest")),
        ({"properties": {"logs": []}}, (400, "BadRequest")),
        (setting(workspaceId=f"{WORKSPACE}2"), (404, "ResourceNotFound")),
        (setting(serviceBusRuleId="x"), (501, "NotImplemented")),
    ],
)
def test_a_setting_needs_a_sink_and_known_categories(body: Any, expected: tuple[int, str]) -> None:
    """What no workspace could receive is refused."""

    async def scenario(world: World) -> None:
        account = await watched(world)
        path = f"{account}/providers/Microsoft.Insights/diagnosticSettings/s"
        assert await code(world, "PUT", path, body) == expected

    play(scenario)


def test_settings_belong_to_their_resource() -> None:
    """They are listed by it, five at most, and send a category to a place once."""

    async def scenario(world: World) -> None:
        account = await watched(world)
        settings = f"{account}/providers/Microsoft.Insights/diagnosticSettings"
        await world.ok("PUT", f"{settings}/s", setting())
        assert await code(world, "PUT", f"{settings}/t", setting()) == (409, "Conflict")
        for name in "abcd":
            store = await world.storage(f"store{name}")
            await world.ok("PUT", f"{settings}/{name}", {"properties": {"storageAccountId": store}})
        assert await code(world, "PUT", f"{settings}/e", setting("ServiceLog")) == (400, "BadRequest")
        assert len((await world.ok("GET", settings))["value"]) == 5
        blobs = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/storea/blobServices/default"
        below = f"{blobs}/providers/Microsoft.Insights/diagnosticSettings/s"
        await world.ok("PUT", below, setting("StorageRead"))
        none = f"{account}x/providers/Microsoft.Insights/diagnosticSettings/s"
        assert await code(world, "PUT", none, setting()) == (404, "ResourceNotFound")

    play(scenario)


def test_an_alert_watches_what_is_there_and_tells_a_group() -> None:
    """Scopes and action groups must exist; defaults are shown."""

    async def scenario(world: World) -> None:
        account = await watched(world)
        group = await world.ok("PUT", ACTION_GROUP, {"properties": {"groupShortName": "short"}})
        assert (group["location"], group["properties"]["webhookReceivers"]) == ("global", [])
        long = {"properties": {"groupShortName": "thirteen-long"}}
        assert await code(world, "PUT", ACTION_GROUP, long) == (400, "InvalidPropertyValue")
        condition = {
            "name": "c",
            "metricName": "CoreCount",
            "criterionType": "StaticThresholdCriterion",
            "operator": "GreaterThan",
            "timeAggregation": "Average",
            "threshold": 1,
        }
        kind = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
        properties: dict[str, Any] = {
            "criteria": {"odata.type": kind, "allOf": [condition]},
            "enabled": True,
            "evaluationFrequency": "PT5M",
            "windowSize": "PT15M",
            "severity": 2,
            "scopes": [account],
            "actions": [{"actionGroupId": ACTION_GROUP}],
        }
        alert = f"{INSIGHTS}/metricAlerts/a"
        made = await world.ok("PUT", alert, {"location": "Global", "properties": properties})
        assert made["properties"]["autoMitigate"] is True
        lost = {"properties": {**properties, "scopes": [f"{account}x"]}}
        assert await code(world, "PUT", alert, lost) == (404, "ResourceNotFound")
        untold = {"properties": {**properties, "actions": [{"actionGroupId": f"{ACTION_GROUP}x"}]}}
        assert await code(world, "PUT", alert, untold) == (404, "ResourceNotFound")
        severe = {"properties": {**properties, "severity": 5}}
        assert await code(world, "PUT", alert, severe) == (400, "InvalidPropertyValue")
        disabled = await world.ok("PATCH", alert, {"properties": {"enabled": False}})
        assert disabled["properties"]["scopes"] == [account]

    play(scenario)
