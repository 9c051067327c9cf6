"""The production example under mocks: what is switched on by configuration alone, and that it is closed."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any, cast

import pulumi
import pulumi_azure_native as azure
import pytest

from components.alerts import ALERTS, LOGS, METRICS, quota_threshold
from components.grants import (
    ACCESS_ADMINISTRATOR,
    BLOB_READER,
    CONTRIBUTOR,
    JOB_SUBMITTER,
    KEY_USER,
    PATIENCE,
    READER,
    UNKNOWN_PRINCIPAL,
)
from components.patience import is_passing
from components.pipeline import DEPLOYED_ROLES
from tests.components.harness import Deployed, deploy

pytestmark = pytest.mark.ours

STACK = "production.example"
POOL = {"vmSize": "standard_d2s_v5", "maxSpot": 1}
METRIC_NAMES = {  # Source: "Supported metrics for Microsoft.Batch/batchaccounts".
    "StartTaskFailedNodeCount",
    "UnusableNodeCount",
    "CoreCount",
    "LowPriorityCoreCount",
    "TaskFailEvent",
}


@pytest.fixture(scope="module")
def production() -> Deployed:
    """The example, deployed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return deploy(monkeypatch, STACK)


def changed(monkeypatch: pytest.MonkeyPatch, **config: Any) -> Deployed:
    """The example with other settings."""
    return deploy(monkeypatch, STACK, config=config)


def test_there_is_all_that_a_platform_team_asks_for(production: Deployed) -> None:
    """The example is a full deployment, not a small one with other names."""
    assert len([token for token, _ in production.resources if token.startswith("azure-native:")]) >= 40


def test_a_preview_of_it_runs_to_its_end(production: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything exists the same resources are planned, under the same names."""
    planned = deploy(monkeypatch, STACK, preview=True)
    assert planned.resources.keys() == production.resources.keys()
    for (token, name), inputs in planned.resources.items():
        names = [key for key in inputs if key.endswith("Name") and isinstance(inputs[key], str)]
        assert {key: inputs[key] for key in names} == {key: production.resources[token, name][key] for key in names}


def test_the_account_is_closed_but_for_the_listed(production: Deployed) -> None:
    """Listed addresses reach account and blobs; nodes come through their endpoint only."""
    account = production.one("batch:BatchAccount")
    assert account["publicNetworkAccess"] == "Enabled"
    profile = account["networkProfile"]
    assert profile["accountAccess"] == {
        "defaultAction": "Deny",
        "ipRules": [{"action": "Allow", "value": "20.61.97.129"}],
    }
    assert profile["nodeManagementAccess"] == {"defaultAction": "Deny", "ipRules": []}
    rules = production.one("storage:StorageAccount")["networkRuleSet"]
    assert (rules["defaultAction"], rules["bypass"]) == ("Deny", "AzureServices")
    assert [rule["iPAddressOrRange"] for rule in rules["ipRules"]] == ["20.61.97.129"]


def test_without_public_access_it_is_off_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default lets nobody in from the internet."""
    made = changed(monkeypatch, publicAccess="{}")
    assert made.one("batch:BatchAccount")["publicNetworkAccess"] == "Disabled"
    assert made.one("storage:StorageAccount")["publicNetworkAccess"] == "Disabled"
    assert made.one("keyvault:Vault")["properties"]["publicNetworkAccess"] == "Disabled"


def test_private_endpoints_resolve_by_name(production: Deployed) -> None:
    """Both endpoints of the account, blobs and vault have one, each with the zone of its names."""
    groups = {
        name: inputs["privateLinkServiceConnections"][0]["groupIds"]
        for name, inputs in production.of("network:PrivateEndpoint").items()
    }
    assert groups == {
        "batch": ["batchAccount"],
        "nodes": ["nodeManagement"],
        "blobs": ["blob"],
        "vault": ["vault"],
    }
    zones = {inputs["privateZoneName"] for inputs in production.of("privatedns:PrivateZone").values()}
    assert zones == {
        "privatelink.batch.azure.com",
        "privatelink.blob.core.windows.net",
        "privatelink.vaultcore.azure.net",
    }
    assert production.of("network:PrivateDnsZoneGroup").keys() == groups.keys()
    assert len(production.of("privatedns:VirtualNetworkLink")) == len(zones)


def test_nodes_reach_batch_and_storage_and_nothing_reaches_them(production: Deployed) -> None:
    """Outbound: node management and storage of the region, the web; no inbound rule at all; then a denial."""
    rules = production.of("network:NetworkSecurityGroup")["pools"]["securityRules"]
    found = [(one["destinationAddressPrefix"], one["destinationPortRanges"], one["access"]) for one in rules]
    assert found == [
        ("BatchNodeManagement.westeurope", ["443"], "Allow"),
        ("Storage.westeurope", ["443"], "Allow"),
        ("Internet", ["80", "443"], "Allow"),
        ("Internet", ["*"], "Deny"),
    ]
    assert {one["direction"] for one in rules} == {"Outbound"}
    assert len({one["priority"] for one in rules}) == len(rules)


def test_nodes_are_in_the_network(production: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without addresses of their own; a pool that moves into a network is another generation."""
    pool = production.one("batch:Pool")
    assert pool["networkConfiguration"]["subnetId"].endswith("/pools")
    assert pool["networkConfiguration"]["publicIPAddressConfiguration"]["provision"] == "NoPublicIPAddresses"
    sizes = '{"main": {"vmSize": "standard_d8s_v5", "maxDedicated": 4, "maxSpot": 60, "taskSlotsPerNode": 8}}'
    outside = deploy(monkeypatch, "dev", config={"pools": sizes}, name=STACK).one("batch:Pool")
    assert "networkConfiguration" not in outside
    assert outside["poolName"] != pool["poolName"]


def test_subnets_are_private(production: Deployed) -> None:
    """Every subnet has a security group and no default way out; that of the nodes leaves through the gateway."""
    subnets = production.of("network:Subnet")
    assert all(subnet["networkSecurityGroup"]["id"] for subnet in subnets.values())
    assert {subnet["defaultOutboundAccess"] for subnet in subnets.values()} == {False}
    assert subnets["pools"]["natGateway"]["id"]
    assert "natGateway" not in subnets["endpoints"]
    assert not IPv4Network(subnets["pools"]["addressPrefix"]).overlaps(
        IPv4Network(subnets["endpoints"]["addressPrefix"])
    )
    assert production.one("network:PublicIPAddress")["sku"]["name"] == "Standard"
    assert "publicIp" in production.outputs


def test_the_account_is_encrypted_with_the_vaults_key(production: Deployed) -> None:
    """The vault can't be purged and knows roles only; the account's identity may use the key."""
    vault = production.one("keyvault:Vault")["properties"]
    assert (vault["enablePurgeProtection"], vault["enableSoftDelete"], vault["enableRbacAuthorization"]) == (True,) * 3
    assert vault["networkAcls"]["defaultAction"] == "Deny"
    encryption = production.one("batch:BatchAccount")["encryption"]
    assert encryption["keySource"] == "Microsoft.KeyVault"
    assert encryption["keyVaultProperties"]["keyIdentifier"].endswith("/keys/batch-account")
    grant = production.of("authorization:RoleAssignment")["batch-key"]
    assert grant["roleDefinitionId"].endswith(KEY_USER)


def test_what_was_deleted_can_be_had_back(production: Deployed) -> None:
    """Soft delete and versions, and an end to logs and old versions; outputs stay."""
    service = production.one("storage:BlobServiceProperties")
    assert service["deleteRetentionPolicy"] == {"days": 30, "enabled": True}
    assert service["containerDeleteRetentionPolicy"]["enabled"] is True
    assert service["isVersioningEnabled"] is True
    rules = {rule["name"]: rule for rule in production.one("storage:ManagementPolicy")["policy"]["rules"]}
    assert set(rules) == {"delete-logs", "delete-versions"}
    assert rules["delete-logs"]["definition"]["filters"]["prefixMatch"] == ["logs/"]


def test_further_containers_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By nodes and submitters, who change nothing there; jobs find them among the outputs."""
    made = changed(monkeypatch, storage='{"containers": ["weather-data"]}')
    assert made.of("storage:BlobContainer")["weather-data"]["publicAccess"] == "None"
    grants = {key: one for key, one in made.of("authorization:RoleAssignment").items() if "weather-data" in key}
    assert set(grants) == {"nodes-reads-weather-data", "analysts-reads-weather-data"}
    assert {one["roleDefinitionId"].rpartition("/")[2] for one in grants.values()} == {BLOB_READER}
    assert {one["scope"].rpartition("/")[2] for one in grants.values()} == {"weather-data"}
    assert made.outputs["storage"]["containers"]["weather-data"] == "weather-data"


def test_submitters_submit_and_nothing_else(production: Deployed) -> None:
    """They get jobs of the account and the three containers of tasks, not the account, nor the start tasks."""
    grants = production.of("authorization:RoleAssignment")
    theirs = {name: grant for name, grant in grants.items() if name.startswith("analysts-")}
    assert theirs["analysts-jobs"]["roleDefinitionId"].endswith(JOB_SUBMITTER)
    scopes = {grant["scope"].rpartition("/")[2] for name, grant in theirs.items() if name != "analysts-jobs"}
    assert scopes == {"input", "output", "logs"}
    assert {grant["principalType"] for grant in theirs.values()} == {"Group"}


def test_pipelines_have_no_secret_and_cannot_raise_themselves(production: Deployed) -> None:
    """One exact subject each; who deploys may grant only what a deployment grants."""
    trusted = production.of("managedidentity:FederatedIdentityCredential")
    assert {one["subject"] for one in trusted.values()} == {
        "repo:example/azure-batch:pull_request",
        "repo:example/azure-batch:environment:production",
    }
    grants = production.of("authorization:RoleAssignment")
    assert grants["pipeline-review-read"]["roleDefinitionId"].endswith(READER)
    assert grants["pipeline-release-deploy"]["roleDefinitionId"].endswith(CONTRIBUTOR)
    granting = grants["pipeline-release-grant"]
    assert granting["roleDefinitionId"].endswith(ACCESS_ADMINISTRATOR)
    assert all(role in granting["condition"] for role in DEPLOYED_ROLES)
    assert granting["conditionVersion"] == "2.0"
    assert not {CONTRIBUTOR, ACCESS_ADMINISTRATOR} & set(DEPLOYED_ROLES)
    assert set(production.outputs["pipelines"]) == {"review", "release"}


def test_every_alert_reaches_somebody(production: Deployed) -> None:
    """All alerts are on, tell the action group, and name metrics that Batch has."""
    metrics, logs = production.of("monitor:MetricAlert"), production.of("monitor:ScheduledQueryRule")
    assert {*metrics, *logs} == set(ALERTS)
    names = {alert["criteria"]["allOf"][0]["metricName"] for alert in metrics.values()}
    assert names == {one.metric for one in METRICS.values()} == METRIC_NAMES
    assert all(alert["actions"] for alert in (*metrics.values(), *logs.values()))
    assert all("AzureDiagnostics" in one.query for one in LOGS.values())
    receivers = production.one("monitor:ActionGroup")["emailReceivers"]
    assert [one["emailAddress"] for one in receivers] == ["batch-oncall@example.com"]


def test_alerts_follow_the_quota(production: Deployed) -> None:
    """Thresholds are shares of what the account may have; a new account may have nothing."""
    alerts = production.of("monitor:MetricAlert")
    assert alerts["dedicated-quota"]["criteria"]["allOf"][0]["threshold"] == 720
    assert alerts["spot-quota"]["criteria"]["allOf"][0]["threshold"] == 400
    assert quota_threshold(0, 80) == quota_threshold(None, 80) == 1


def test_logs_of_account_blobs_and_vault_are_kept(production: Deployed) -> None:
    """Each has a diagnostic setting; reads of blobs are left out unless configured."""
    settings = production.of("monitor:DiagnosticSetting")
    assert set(settings) == {"batch", "blobs", "vault"}
    assert settings["batch"]["logs"] == [{"categoryGroup": "allLogs", "enabled": True}]
    assert settings["blobs"]["resourceUri"].endswith("/blobServices/default")
    assert {one["category"] for one in settings["blobs"]["logs"]} == {"StorageWrite", "StorageDelete"}


def test_the_budget_says_when_and_before(production: Deployed) -> None:
    """Actual and forecast shares, a pinned start, and a mail address."""
    budget = production.one("consumption:Budget")
    assert budget["timePeriod"] == {"startDate": "2026-12-01T00:00:00Z"}
    assert budget["scope"].endswith("rg-batch-production-example")
    kinds = {(one["thresholdType"], one["threshold"]) for one in budget["notifications"].values()}
    assert kinds == {("Actual", 50), ("Actual", 80), ("Actual", 100), ("Forecasted", 100)}
    assert {tuple(one["contactEmails"]) for one in budget["notifications"].values()} == {("batch-owner@example.com",)}


def test_what_is_not_configured_is_not_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small stack has no network, vault, alerts or budget."""
    made = deploy(monkeypatch, "dev")
    kinds = {token.split(":")[1] for token, _ in made.resources if token.startswith("azure-native:")}
    assert kinds == {"authorization", "batch", "managedidentity", "resources", "storage"}


def test_a_lock_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account can be locked against deletion."""
    made = changed(monkeypatch, account='{"lock": true}')
    assert made.one("authorization:ManagementLockByScope")["level"] == "CanNotDelete"


def test_a_lock_goes_before_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs on all that lies in the account, so a deployment without it deletes it, then what it held back."""
    held: list[pulumi.Resource] = []

    def record(_name: str, *, opts: pulumi.ResourceOptions, **_inputs: object) -> None:
        held.extend(cast("list[pulumi.Resource]", opts.depends_on))

    monkeypatch.setattr(azure.authorization, "ManagementLockByScope", record)
    changed(monkeypatch, account='{"lock": true}', pools=json.dumps({"a": POOL, "b": POOL}))
    kinds = [type(one).__name__ for one in held]
    assert kinds == ["Pool", "Pool", "Monitoring", "PrivateEndpoints", "Submitters"]


def test_pools_of_the_subscription(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch keeps its secrets in the vault; core quotas of the account mean nothing then."""
    service = "7d0b1c9e-2f7a-4f43-9e0c-3f0d8a6b5c12"
    made = changed(
        monkeypatch,
        account='{"poolAllocationMode": "UserSubscription"}',
        keyVault=f'{{"batchServiceObjectId": "{service}"}}',
    )
    account = made.one("batch:BatchAccount")
    assert account["keyVaultReference"]["url"].startswith("https://")
    assert "encryption" not in account
    assert made.of("authorization:RoleAssignment")["batch-service-secrets"]["principalId"] == service
    assert not {"dedicated-quota", "spot-quota"} & set(made.of("monitor:MetricAlert"))


@pytest.mark.parametrize(
    ("errors", "again"),
    [
        (["PrincipalNotFound: Principal 1 does not exist in the directory"], True),
        (["AuthorizationFailed"], False),
        (["AuthorizationFailed", "PrincipalNotFound"], False),
        (["PrincipalNotFound"] * 31, False),
        ([], False),
    ],
)
def test_only_a_new_identity_is_waited_for(errors: list[str], again: bool) -> None:
    """Any other failure of a role assignment is told at once, and patience has an end."""
    assert is_passing(errors, UNKNOWN_PRINCIPAL, PATIENCE) is again
