"""The part of the landscape that watches it, and what all parts have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_azure_native as azure

HOOK = "https://hooks.example.com/hidden-hook"


@dataclass(frozen=True)
class Monitored:
    """`edition` chooses the values that differ, `imports` are ids to take over."""

    edition: int = 1
    imports: Mapping[str, str] = field(default_factory=dict)

    def take(self, name: str) -> pulumi.ResourceOptions:
        """The options of a resource."""
        return pulumi.ResourceOptions(import_=self.imports.get(name))

    def of(self, name: str, place: Mapping[str, Any]) -> dict[str, Any]:
        """What every resource with tags gets."""
        return {**place, "tags": {"edition": str(self.edition)}, "opts": self.take(name)}

    def either(self, first: Any, second: Any) -> Any:
        """The value of this edition."""
        return first if self.edition == 1 else second

    def monitoring(
        self, place: Mapping[str, Any], account: azure.batch.BatchAccount
    ) -> Iterator[pulumi.CustomResource]:
        """A workspace and who is told about what."""
        workspace = azure.operationalinsights.Workspace("workspace", **self.of("workspace", place))
        log = azure.monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=self.either(True, False))
        setting = azure.monitor.DiagnosticSetting(
            "setting", resource_uri=account.id, workspace_id=workspace.id, logs=[log], opts=self.take("setting")
        )
        hook = azure.monitor.WebhookReceiverArgs(name="hook", service_uri=pulumi.Output.secret(HOOK))
        told = azure.monitor.ActionGroup(
            "told", group_short_name="told", location="Global", webhook_receivers=[hook], **self.of("told", place)
        )
        yield from (workspace, setting, told)
        yield from self.alerts(place, account, workspace, told)

    def alerts(self, place: Mapping[str, Any], account: Any, workspace: Any, told: Any) -> Iterator[Any]:
        """One alert of each kind."""
        metric = azure.monitor.MetricCriteriaArgs(
            name="cores",
            criterion_type="StaticThresholdCriterion",
            metric_name="CoreCount",
            time_aggregation="Average",
            operator="GreaterThan",
            threshold=self.either(10, 20),
        )
        yield azure.monitor.MetricAlert(
            "metric",
            location="Global",
            scopes=[account.id],
            criteria=azure.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[metric]
            ),
            actions=[azure.monitor.MetricAlertActionArgs(action_group_id=told.id)],
            severity=2,
            enabled=True,
            evaluation_frequency="PT5M",
            window_size="PT15M",
            **self.of("metric", place),
        )
        yield from self.log_alerts(place, account, workspace, told)

    def log_alerts(self, place: Mapping[str, Any], account: Any, workspace: Any, told: Any) -> Iterator[Any]:
        """An alert on operations, and one on what a query finds."""
        condition = azure.monitor.AlertRuleAnyOfOrLeafConditionArgs(field="category", equals="Administrative")
        yield azure.monitor.ActivityLogAlert(
            "activity",
            location="Global",
            scopes=[account.id],
            condition=azure.monitor.AlertRuleAllOfConditionArgs(all_of=[condition]),
            actions=azure.monitor.ActionListArgs(
                action_groups=[azure.monitor.ActionGroupArgs(action_group_id=told.id)]
            ),
            **self.of("activity", place),
        )
        query = azure.monitor.ConditionArgs(
            query="AzureDiagnostics", time_aggregation="Count", operator="GreaterThan", threshold=self.either(0, 1)
        )
        yield azure.monitor.ScheduledQueryRule(
            "query",
            scopes=[workspace.id],
            criteria=azure.monitor.ScheduledQueryRuleCriteriaArgs(all_of=[query]),
            actions=azure.monitor.ActionsArgs(action_groups=[told.id]),
            severity=2,
            evaluation_frequency="PT5M",
            window_size="PT15M",
            **self.of("query", place),
        )
