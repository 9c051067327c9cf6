"""Logs in one place, alerts on what goes wrong, and who is told.

Does not own the services it watches, dashboards, nor what tasks write: that goes to Blob storage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
import pulumi_azure_native as azure

from components.account import USER_SUBSCRIPTION, Account, AccountSettings
from components.alerts import (
    ALERTS,
    DEDICATED_QUOTA,
    FREQUENCY,
    LOGS,
    METRICS,
    SPOT_QUOTA,
    TASK_FAILURES,
    WINDOW,
    Log,
    Metric,
    quota_threshold,
)
from components.naming import KEY, STEM
from components.place import Place
from components.records import judge, setting
from components.validation import FLAG, MAIL, Problem, Rule, broken, each, number, one_of, refuse, whole

SHORT_NAME = 12
_ADDRESS = Rule("", lambda value: isinstance(value, str) and value.startswith("https://"))
WEBHOOKS = Rule(
    "must map names (lower-case letters, digits, hyphens) to https addresses",
    lambda value: isinstance(value, dict) and all(KEY.holds(key) and _ADDRESS.holds(one) for key, one in value.items()),
    {"type": "object", "additionalProperties": {"type": "string", "pattern": "^https://"}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """Logs and alerts."""

    mails: tuple[str, ...] = setting(
        "Who is told of alerts.", each(MAIL), (), lands="emailReceivers of monitor:ActionGroup"
    )
    retention_days: int = setting("Days that logs are kept.", whole(30, 730), 30, lands="retentionInDays")
    daily_cap_gb: float | None = setting(
        "Gigabytes of logs a day, above which the rest is dropped; null is no limit.",
        number(0, 10_000),
        None,
        lands="workspaceCapping.dailyQuotaGb",
    )
    read_logs: bool = setting(
        "Whether every read of a blob is logged, beside writes and deletions: much data for most workloads.",
        FLAG,
        False,
        lands="category StorageRead of monitor:DiagnosticSetting",
    )
    failed_tasks: int = setting(
        "Failed tasks in 15 minutes above which it is an alert.", whole(0, 1_000_000), 0, lands="criteria.threshold"
    )
    quota_percent: int = setting(
        "Percentage of the account's core quotas above which it is an alert.",
        whole(1, 100),
        80,
        lands="criteria.threshold",
    )
    without: tuple[str, ...] = setting("Alerts that are not wanted.", each(one_of(*ALERTS)), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringArgs:
    """Where, the end of all names, what is watched (a Batch account, and resource ids), and the settings.

    `webhooks` are addresses by name; they become secrets of the state.
    """

    place: Place
    stem: str
    account: Account
    storage_id: pulumi.Input[str]
    vault_id: pulumi.Input[str] | None = None
    account_settings: AccountSettings = field(default_factory=AccountSettings)
    settings: MonitoringSettings = field(default_factory=MonitoringSettings)
    webhooks: Mapping[str, str] = field(default_factory=dict, repr=False)

    def problems(self) -> Iterator[Problem]:
        """What ARM would refuse, as far as it is known already. Webhooks are shown in no error."""
        yield from broken({"stem": STEM}, {"stem": self.stem})
        yield from judge(self.settings, "settings.")
        if not WEBHOOKS.holds(dict(self.webhooks)):
            yield Problem("webhooks", None, WEBHOOKS.text)


class Monitoring(pulumi.ComponentResource):
    """Workspace, diagnostic settings, action group and alerts. Raises SettingsError for settings that ARM would refuse.

    `workspace_id` is the resource id of the workspace.
    """

    workspace_id: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Monitoring {name}", args.problems())
        super().__init__("azure-batch:components:Monitoring", name, {"without": list(args.settings.without)}, opts)
        workspace = _workspace(name, args, self)
        for key, what in watched(args).items():
            _diagnostics(key, what, workspace, self)
        group = _action_group(name, args, self)
        wanted = [key for key in ALERTS if key not in unwanted(args)]
        for key in wanted:
            _alert(key, args, workspace, group, self)
        self.workspace_id = workspace.id
        self.register_outputs({"workspaceId": self.workspace_id, "alerts": wanted})


@dataclass(frozen=True, slots=True)
class Watched:
    """A resource whose logs are kept: its id, and which logs and metrics, by category or by group of categories."""

    resource_id: pulumi.Input[str]
    categories: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def watched(args: MonitoringArgs) -> Mapping[str, Watched]:
    """What is logged, by key."""
    reads = ("StorageRead",) if args.settings.read_logs else ()
    blobs = pulumi.Output.concat(args.storage_id, "/blobServices/default")
    found = {
        "batch": Watched(args.account.id, groups=("allLogs",), metrics=("AllMetrics",)),
        "blobs": Watched(blobs, categories=("StorageWrite", "StorageDelete", *reads), metrics=("Transaction",)),
    }
    return found if args.vault_id is None else {**found, "vault": Watched(args.vault_id, groups=("audit",))}


def unwanted(args: MonitoringArgs) -> set[str]:
    """Alerts that are not made: the account of a user subscription has no core quota of its own."""
    own = args.account_settings.pool_allocation_mode == USER_SUBSCRIPTION
    return {*args.settings.without, *((DEDICATED_QUOTA, SPOT_QUOTA) if own else ())}


def threshold(key: str, args: MonitoringArgs) -> pulumi.Input[int]:
    """The value of a metric above which it is an alert."""
    quotas = {DEDICATED_QUOTA: "dedicatedCoreQuota", SPOT_QUOTA: "lowPriorityCoreQuota"}
    if key in quotas:
        return args.account.quotas[quotas[key]].apply(partial(quota_threshold, percent=args.settings.quota_percent))
    return args.settings.failed_tasks if key == TASK_FAILURES else 0


def _workspace(name: str, args: MonitoringArgs, parent: pulumi.Resource) -> azure.operationalinsights.Workspace:
    cap = args.settings.daily_cap_gb
    return azure.operationalinsights.Workspace(
        name,
        workspace_name=f"log-{args.stem}",
        resource_group_name=args.place.resource_group,
        location=args.place.location,
        tags=args.place.tags,
        sku=azure.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=args.settings.retention_days,
        # Entra only: the workspace's shared keys take in nothing.
        features=azure.operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
        workspace_capping=azure.operationalinsights.WorkspaceCappingArgs(daily_quota_gb=cap) if cap else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _diagnostics(
    key: str, what: Watched, workspace: azure.operationalinsights.Workspace, parent: pulumi.Resource
) -> None:
    logs = [azure.monitor.DiagnosticsLogSettingsArgs(category=one, enabled=True) for one in what.categories]
    groups = [azure.monitor.DiagnosticsLogSettingsArgs(category_group=one, enabled=True) for one in what.groups]
    metrics = [azure.monitor.DiagnosticsMetricSettingsArgs(category=one, enabled=True) for one in what.metrics]
    azure.monitor.DiagnosticSetting(
        key,
        name="to-workspace",
        resource_uri=what.resource_id,
        workspace_id=workspace.id,
        logs=[*logs, *groups],
        metrics=metrics,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _action_group(name: str, args: MonitoringArgs, parent: pulumi.Resource) -> azure.monitor.ActionGroup:
    mails = [
        azure.monitor.MicrosoftCommonEmailReceiverArgs(name=mail, email_address=mail, use_common_alert_schema=True)
        for mail in args.settings.mails
    ]
    hooks = [
        azure.monitor.WebhookReceiverArgs(
            name=key, service_uri=pulumi.Output.secret(address), use_common_alert_schema=True
        )
        for key, address in args.webhooks.items()
    ]
    return azure.monitor.ActionGroup(
        name,
        action_group_name=f"ag-{args.stem}",
        group_short_name=args.stem[:SHORT_NAME],
        resource_group_name=args.place.resource_group,
        location="Global",
        tags=args.place.tags,
        enabled=True,
        email_receivers=mails,
        webhook_receivers=hooks,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _alert(
    key: str,
    args: MonitoringArgs,
    workspace: azure.operationalinsights.Workspace,
    group: azure.monitor.ActionGroup,
    parent: pulumi.Resource,
) -> None:
    if key in METRICS:
        _metric_alert(key, METRICS[key], args, group, parent)
    else:
        _log_alert(key, LOGS[key], args, workspace, group, parent)


def _metric_alert(
    key: str, what: Metric, args: MonitoringArgs, group: azure.monitor.ActionGroup, parent: pulumi.Resource
) -> None:
    condition = azure.monitor.MetricCriteriaArgs(
        name=key,
        criterion_type="StaticThresholdCriterion",
        metric_namespace="Microsoft.Batch/batchAccounts",
        metric_name=what.metric,
        time_aggregation=what.aggregation,
        operator="GreaterThan",
        threshold=threshold(key, args),
    )
    azure.monitor.MetricAlert(
        key,
        **_rule(key, what, args),
        location="Global",
        scopes=[args.account.id],
        criteria=azure.monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[condition]
        ),
        actions=[azure.monitor.MetricAlertActionArgs(action_group_id=group.id)],
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _log_alert(
    key: str,
    what: Log,
    args: MonitoringArgs,
    workspace: azure.operationalinsights.Workspace,
    group: azure.monitor.ActionGroup,
    parent: pulumi.Resource,
) -> None:
    condition = azure.monitor.ConditionArgs(
        query=what.query,
        time_aggregation="Count",
        operator="GreaterThan",
        threshold=0,
        failing_periods=azure.monitor.ConditionFailingPeriodsArgs(
            number_of_evaluation_periods=1, min_failing_periods_to_alert=1
        ),
    )
    azure.monitor.ScheduledQueryRule(
        key,
        **_rule(key, what, args),
        kind="LogAlert",
        location=args.place.location,
        scopes=[workspace.id],
        criteria=azure.monitor.ScheduledQueryRuleCriteriaArgs(all_of=[condition]),
        actions=azure.monitor.ActionsArgs(action_groups=[group.id]),
        # A table of a new workspace exists after its first row.
        skip_query_validation=True,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _rule(key: str, what: Metric | Log, args: MonitoringArgs) -> dict[str, Any]:
    return {
        "rule_name": f"{key}-{args.stem}",
        "resource_group_name": args.place.resource_group,
        "tags": args.place.tags,
        "description": what.text,
        "severity": what.severity,
        "enabled": True,
        "evaluation_frequency": FREQUENCY,
        "window_size": WINDOW,
        "auto_mitigate": True,
    }
