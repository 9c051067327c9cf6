"""Rows of what surrounds a Batch account: packages, vaults, registries, monitoring, budgets, roles, locks.

Force-new properties are those of azure-native's own list and of the specification's `x-ms-mutability`.
"""

from __future__ import annotations

from batchite.provider.schema import GROUP, GROUP_NAME, IDENTITIES, Function, NameRule, ResourceType

_ACCOUNT = GROUP + "/providers/Microsoft.Batch/batchAccounts/{accountName}"
_INSIGHTS = GROUP + "/providers/Microsoft.Insights/"
_VAULT = GROUP + "/providers/Microsoft.KeyVault/vaults/{vaultName}"
_IDENTITY = GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
_AUTHORIZATION = "/providers/Microsoft.Authorization/"
_UUID = NameRule(36, 36, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_BATCH_ACCOUNT_NAME = NameRule(3, 24, "^[a-zA-Z0-9]+$")
_BATCH_NAME = NameRule(1, 64, "^[a-zA-Z0-9_-]+$")
_ALERT_NAME = NameRule(1, 260, r"^[^*#&+:<>?@%{}\\/|]*[^*#&+:<>?@%{}\\/|. ]$")
_LOCK_NAME = NameRule(1, 90, r"^[^<>%&?/\\]+$")

APPLICATION = ResourceType(
    name="batch:Application",
    api_version="2024-07-01",
    path=_ACCOUNT + "/applications/{applicationName}",
    name_rules={
        "resourceGroupName": GROUP_NAME,
        "accountName": _BATCH_ACCOUNT_NAME,
        "applicationName": _BATCH_NAME,
    },
    top=frozenset({"tags"}),
)
APPLICATION_PACKAGE = ResourceType(
    name="batch:ApplicationPackage",
    api_version="2024-07-01",
    path=APPLICATION.path + "/versions/{versionName}",
    name_rules={**APPLICATION.name_rules, "versionName": NameRule(1, 64, r"^[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$")},
    top=frozenset({"tags"}),
)
VAULT = ResourceType(
    name="keyvault:Vault",
    api_version="2024-11-01",
    path=_VAULT,
    name_rules={
        "resourceGroupName": GROUP_NAME,
        "vaultName": NameRule(3, 24, "^[a-zA-Z](?!.*--)[a-zA-Z0-9-]*[a-zA-Z0-9]$"),
    },
    top=frozenset({"location", "properties", "tags"}),
    flat=False,
    kept=frozenset({"properties.accessPolicies"}),
)
KEY = ResourceType(
    name="keyvault:Key",
    api_version="2024-11-01",
    path=_VAULT + "/keys/{keyName}",
    name_rules={**VAULT.name_rules, "keyName": NameRule(1, 127, "^[a-zA-Z0-9-]+$")},
    top=frozenset({"properties", "tags"}),
)
SECRET = ResourceType(
    name="keyvault:Secret",
    api_version="2024-11-01",
    path=_VAULT + "/secrets/{secretName}",
    name_rules={**VAULT.name_rules, "secretName": NameRule(1, 127, "^[a-zA-Z0-9-]+$")},
    top=frozenset({"properties", "tags"}),
    flat=False,
)
REGISTRY = ResourceType(
    name="containerregistry:Registry",
    api_version="2023-01-01-preview",
    path=GROUP + "/providers/Microsoft.ContainerRegistry/registries/{registryName}",
    name_rules={"resourceGroupName": GROUP_NAME, "registryName": NameRule(5, 50, "^[a-zA-Z0-9]+$")},
    top=frozenset({"identity", "location", "sku", "tags"}),
    string_sets=IDENTITIES,
    force_new=frozenset({"location"}),
)
FEDERATED_CREDENTIAL = ResourceType(
    name="managedidentity:FederatedIdentityCredential",
    api_version="2023-01-31",
    path=_IDENTITY + "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
    name_rules={
        "resourceGroupName": GROUP_NAME,
        "federatedIdentityCredentialResourceName": NameRule(3, 120, "^[a-zA-Z0-9][a-zA-Z0-9_-]+$"),
    },
    top=frozenset(),
)
ACTION_GROUP = ResourceType(
    name="monitor:ActionGroup",
    api_version="2024-10-01-preview",
    path=_INSIGHTS + "actionGroups/{actionGroupName}",
    name_rules={"resourceGroupName": GROUP_NAME, "actionGroupName": _ALERT_NAME},
    top=frozenset({"identity", "location", "tags"}),
    string_sets=IDENTITIES,
    force_new=frozenset({"location"}),
)
METRIC_ALERT = ResourceType(
    name="monitor:MetricAlert",
    api_version="2018-03-01",
    path=_INSIGHTS + "metricAlerts/{ruleName}",
    name_rules={"resourceGroupName": GROUP_NAME, "ruleName": _ALERT_NAME},
    top=frozenset({"location", "tags"}),
    force_new=frozenset({"location"}),
)
ACTIVITY_LOG_ALERT = ResourceType(
    name="monitor:ActivityLogAlert",
    api_version="2020-10-01",
    path=_INSIGHTS + "activityLogAlerts/{activityLogAlertName}",
    name_rules={"resourceGroupName": GROUP_NAME, "activityLogAlertName": _ALERT_NAME},
    top=frozenset({"location", "tags"}),
    force_new=frozenset({"location"}),
)
SCHEDULED_QUERY_RULE = ResourceType(
    name="monitor:ScheduledQueryRule",
    api_version="2025-01-01-preview",
    path=_INSIGHTS + "scheduledQueryRules/{ruleName}",
    name_rules={"resourceGroupName": GROUP_NAME, "ruleName": _ALERT_NAME},
    top=frozenset({"identity", "kind", "location", "tags"}),
    string_sets=IDENTITIES,
    force_new=frozenset({"location"}),
)
DIAGNOSTIC_SETTING = ResourceType(
    name="monitor:DiagnosticSetting",
    api_version="2021-05-01-preview",
    path="/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    name_rules={"name": _ALERT_NAME},
    top=frozenset(),
)
WORKSPACE = ResourceType(
    name="operationalinsights:Workspace",
    api_version="2023-09-01",
    path=GROUP + "/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}",
    name_rules={
        "resourceGroupName": GROUP_NAME,
        "workspaceName": NameRule(4, 63, "^[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]$"),
    },
    top=frozenset({"identity", "location", "tags"}),
    string_sets=IDENTITIES,
    force_new=frozenset({"location"}),
)
BUDGET = ResourceType(
    name="consumption:Budget",
    api_version="2024-08-01",
    path="/{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
    name_rules={"budgetName": NameRule(1, 63, "^[a-zA-Z0-9_-]+$")},
    top=frozenset({"eTag"}),
)
ROLE_DEFINITION = ResourceType(
    name="authorization:RoleDefinition",
    api_version="2022-05-01-preview",
    path="/{scope}" + _AUTHORIZATION + "roleDefinitions/{roleDefinitionId}",
    name_rules={"roleDefinitionId": _UUID},
    top=frozenset(),
)
GROUP_LOCK = ResourceType(
    name="authorization:ManagementLockAtResourceGroupLevel",
    api_version="2020-05-01",
    path=GROUP + _AUTHORIZATION + "locks/{lockName}",
    name_rules={"resourceGroupName": GROUP_NAME, "lockName": _LOCK_NAME},
    top=frozenset(),
)
SCOPE_LOCK = ResourceType(
    name="authorization:ManagementLockByScope",
    api_version="2020-05-01",
    path="/{scope}" + _AUTHORIZATION + "locks/{lockName}",
    name_rules={"lockName": _LOCK_NAME},
    top=frozenset(),
)

ROWS = (
    ACTION_GROUP,
    ACTIVITY_LOG_ALERT,
    APPLICATION,
    APPLICATION_PACKAGE,
    BUDGET,
    DIAGNOSTIC_SETTING,
    FEDERATED_CREDENTIAL,
    GROUP_LOCK,
    KEY,
    METRIC_ALERT,
    REGISTRY,
    ROLE_DEFINITION,
    SCHEDULED_QUERY_RULE,
    SCOPE_LOCK,
    SECRET,
    VAULT,
    WORKSPACE,
)
FUNCTIONS = (
    Function("authorization:getManagementLockAtResourceGroupLevel", GROUP_LOCK),
    Function("authorization:getManagementLockByScope", SCOPE_LOCK),
    Function("authorization:getRoleDefinition", ROLE_DEFINITION),
    Function("batch:getApplication", APPLICATION),
    Function("batch:getApplicationPackage", APPLICATION_PACKAGE),
    Function("consumption:getBudget", BUDGET),
    Function("containerregistry:getRegistry", REGISTRY),
    Function("keyvault:getKey", KEY),
    Function("keyvault:getSecret", SECRET),
    Function("keyvault:getVault", VAULT),
    Function("managedidentity:getFederatedIdentityCredential", FEDERATED_CREDENTIAL),
    Function("monitor:getActionGroup", ACTION_GROUP),
    Function("monitor:getActivityLogAlert", ACTIVITY_LOG_ALERT),
    Function("monitor:getDiagnosticSetting", DIAGNOSTIC_SETTING),
    Function("monitor:getMetricAlert", METRIC_ALERT),
    Function("monitor:getScheduledQueryRule", SCHEDULED_QUERY_RULE),
    Function("operationalinsights:getWorkspace", WORKSPACE),
)
