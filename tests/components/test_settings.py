"""The sections of the configuration: what each refuses, and that nothing secret stands in plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.config import parse
from components.public_access import PublicAccess
from components.records import judge, plain, record
from components.validation import SettingsError
from tests.components.harness import PROJECT, configuration

pytestmark = pytest.mark.ours

PREFIX = f"{PROJECT}:"
EXAMPLE = {
    key.removeprefix(PREFIX): value
    for key, value in configuration("production.example").items()
    if key.startswith(PREFIX)
}
SMALL = {"vmSize": "standard_d2s_v3", "maxDedicated": 1}
HOOK = "https://hooks.example.com/T0/s3cr3t"


def problems(secret: tuple[str, ...] = (), **changes: Any) -> dict[str, str]:
    """What is wrong with the production example after changes to it, rule by key."""
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes.items()}
    with pytest.raises(SettingsError) as caught:
        parse(PROJECT, {**EXAMPLE, **encoded}, secret)
    assert "s3cr3t" not in str(caught.value)
    return {problem.key.removeprefix(PREFIX): problem.rule for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("section", "settings", "keys"),
    [
        ("publicAccess", {"allow": "some"}, {"publicAccess.allow"}),
        ("publicAccess", {"allow": "listed"}, {"publicAccess.ipRanges"}),
        ("publicAccess", {"ipRanges": ["20.61.97.129"]}, {"publicAccess.ipRanges"}),
        ("publicAccess", {"allow": "listed", "ipRanges": ["10.0.0.0/8"]}, {"publicAccess.ipRanges"}),
        ("publicAccess", {"allow": "listed", "ipRanges": ["0.0.0.0/0"]}, {"publicAccess.ipRanges"}),
        ("publicAccess", {"allow": "listed", "ipRanges": ["20.61.97.128/31"]}, {"publicAccess.ipRanges"}),
        ("account", {"poolAllocationMode": "Mine", "lock": "yes"}, {"account.poolAllocationMode", "account.lock"}),
        ("account", {"poolAllocationMode": "UserSubscription"}, {"keyVault.batchServiceObjectId"}),
        ("storage", {"softDeleteDays": 0, "sku": "Premium_LRS"}, {"storage.softDeleteDays", "storage.sku"}),
        (
            "network",
            {"addressSpace": "172.17.0.0/16"},
            {"network.poolSubnet", "network.endpointSubnet", "network.addressSpace"},
        ),
        (
            "network",
            {"addressSpace": "20.0.0.0/8"},
            {"network.poolSubnet", "network.endpointSubnet", "network.addressSpace"},
        ),
        ("network", {"poolSubnet": "10.80.16.0/24"}, {"network.endpointSubnet"}),
        ("network", {"poolSubnet": "10.80.0.1/20"}, {"network.poolSubnet"}),
        ("network", {"poolSubnet": "10.80.0.0/26"}, {"network.poolSubnet"}),
        ("network", {"natGateway": False, "internet": True}, {"network.internet"}),
        ("storage", {"containers": ["Data"]}, {"storage.containers"}),
        ("storage", {"containers": ["data", "logs"]}, {"storage.containers[1]"}),
        ("submitters", {"nodes": {"objectId": "7d0b1c9e-2f7a-4f43-9e0c-3f0d8a6b5c11"}}, {"submitters.nodes"}),
        ("submitters", {"pipeline-x": {"objectId": "7d0b1c9e-2f7a-4f43-9e0c-3f0d8a6b5c11"}}, {"submitters.pipeline-x"}),
        ("pools", {"main": {**SMALL, "resourceTags": {"a": "b"}}}, {"pools.main.resourceTags"}),
        ("pools", {"main": {**SMALL, "maxSpot": 5000}}, {"network.poolSubnet"}),
        ("keyVault", {"softDeleteDays": 6}, {"keyVault.softDeleteDays"}),
        ("submitters", {"me": {"objectId": "me@example.com"}}, {"submitters.me.objectId"}),
        ("submitters", {"Me!": {"objectId": "7d0b1c9e-2f7a-4f43-9e0c-3f0d8a6b5c11"}}, {"submitters"}),
        ("pipelines", {"ci": {"subject": "repo:example/*"}}, {"pipelines.ci.subject"}),
        ("pipelines", {"ci": {"subject": "repo:a/b:pull_request", "may": "deploy"}}, {"pipelines.ci.subject"}),
        ("pipelines", {"ci": {"subject": "repo:a/b", "issuer": "http://example.com"}}, {"pipelines.ci.issuer"}),
        ("monitoring", {"mails": ["nobody"], "retentionDays": 7}, {"monitoring.mails", "monitoring.retentionDays"}),
        ("monitoring", {"without": ["noise"]}, {"monitoring.without"}),
        ("budget", {}, {"budget.amount", "budget.start", "budget.mails"}),
        (
            "budget",
            {"amount": 0, "start": "2026-12-15", "mails": []},
            {"budget.amount", "budget.start", "budget.mails"},
        ),
        ("budget", {"amount": 1, "start": "2026-12-01", "mails": ["a@b.cd"], "forecast": []}, {"budget.forecast"}),
    ],
)
def test_wrong_settings_are_named(section: str, settings: dict[str, Any], keys: set[str]) -> None:
    """Each with its full key; all of a section at once."""
    assert set(problems((), **{section: settings})) == keys


def test_sections_need_each_other() -> None:
    """What a section needs of another is told before anything is deployed."""
    values = {key: value for key, value in EXAMPLE.items() if key not in {"network", "keyVault", "monitoring"}}
    with pytest.raises(SettingsError) as caught:
        parse(PROJECT, {**values, "webhooks": json.dumps({"oncall": HOOK})}, ["webhooks"])
    assert {problem.key.removeprefix(PREFIX) for problem in caught.value.problems} == {
        "publicAccess.allow",
        "account.customerManagedKey",
        "webhooks",
    }


def test_a_pool_in_a_network_of_its_own_takes_no_addresses() -> None:
    """Only those in the stack's subnet count."""
    elsewhere = {"main": {**SMALL, "maxSpot": 5000, "networkConfiguration": {"subnetId": "/subscriptions/1/subnet"}}}
    assert parse(PROJECT, {**EXAMPLE, "pools": json.dumps(elsewhere)}).pools["main"].max_spot == 5000


def test_conflicts_are_told_beside_wrong_values() -> None:
    """Whatever does not hang on a value that is wrong by itself, of stack and pools; nothing is guessed."""
    image = {"imageReference": {"publisher": "p"}}
    pool = {"vmSize": "d2s", "maxDedicated": "1", "minSpot": 2, **image, "startTask": {"userName": "x"}}
    found = problems(
        pools={"main": pool},
        network={"privateEndpoints": False},
        location="West Europe",
        keyVault={"softDeleteDays": 1},
        monitoring={"mails": ["nobody"]},
    )
    assert set(found) == {
        "location",
        "keyVault.softDeleteDays",
        "monitoring.mails",
        "publicAccess.allow",
        "pools.main.vmSize",
        "pools.main.maxDedicated",
        "pools.main.minSpot",
        "pools.main.nodeAgentSkuId",
        "pools.main.startTask.userName",
    }


def test_private_endpoints_are_needed_where_the_internet_is_closed() -> None:
    """Otherwise no node would reach its account."""
    assert set(problems(network={"privateEndpoints": False})) == {"publicAccess.allow"}


def test_a_secret_in_plain_text_is_refused() -> None:
    """A setting that is a secret has to be encrypted; the error does not repeat it."""
    assert "must be encrypted" in problems(webhooks={"oncall": HOOK})["webhooks"]
    read = parse(PROJECT, {**EXAMPLE, "webhooks": json.dumps({"oncall": HOOK})}, ["webhooks"])
    assert read.webhooks == {"oncall": HOOK}


@pytest.mark.parametrize(
    "inputs",
    [
        {"userAccounts": [{"name": "me", "password": "s3cr3t"}]},
        {"extensions": [{"name": "e", "publisher": "p", "type": "t", "protectedSettings": {"a": "s3cr3t"}}]},
        {"startTask": {"containerSettings": {"imageName": "i", "registry": {"password": "s3cr3t"}}}},
    ],
)
def test_passwords_of_pools_are_encrypted(inputs: dict[str, Any]) -> None:
    """At any depth among inputs of ARM; the error names the place, not the value."""
    pools = {"main": {**SMALL, **inputs}}
    (found,) = problems(pools=pools).items()
    assert found[0].startswith("pools.main.")
    assert "must be encrypted" in found[1]
    assert parse(PROJECT, {**EXAMPLE, "pools": json.dumps(pools)}, ["pools"]).pools["main"].vm_size


@pytest.mark.parametrize(
    "text",
    [
        "https://example.blob.core.windows.net/input?sv=2026-02-06&sig=s3cr3t",
        "DefaultEndpointsProtocol=https;AccountKey=s3cr3t",
        "-----BEGIN RSA PRIVATE KEY-----s3cr3t",
    ],
)
def test_what_looks_like_a_secret_is_refused_anywhere(text: str) -> None:
    """A key, or a link that carries one, has no place in a stack file under any name."""
    assert "must be encrypted" in problems(tags={"source": text})["tags.source"]


@pytest.mark.parametrize("secret", [(), ("pools",)])
def test_a_start_task_holds_no_secret(secret: tuple[str, ...]) -> None:
    """Encrypted or not: the error has the whole path and says how a start task gets one."""
    link = "https://example.blob.core.windows.net/input?sv=2026-02-06&sig=s3cr3t"
    scripts = [{"script": "start_tasks/monitoring_tools.sh", "parameters": ["a", link]}]
    pools = {"main": {**SMALL, "startTask": {"environment": {"SOURCE": link}, "scripts": scripts}}}
    found = problems(secret, pools=pools)
    wanted = {"pools.main.startTask.environment.SOURCE", "pools.main.startTask.scripts[0].parameters[1]"}
    assert set(found) == wanted
    assert all("at run time" in rule for rule in found.values())


def test_what_looks_like_a_secret_is_not_shown_as_a_wrong_value() -> None:
    """A link with a signature where a number belongs."""
    assert "pools.main.maxDedicated" in problems(pools={"main": {**SMALL, "maxDedicated": "a?sig=s3cr3t"}})


def test_a_wrong_secret_is_not_shown() -> None:
    """Neither in the rule nor as the value."""
    assert set(problems(("webhooks",), webhooks={"oncall": "s3cr3t"})) == {"webhooks"}


def test_records_are_judged_like_configuration() -> None:
    """A component that is used from Python refuses the same values."""
    assert [problem.key for problem in judge(PublicAccess(allow="listed"), "access.")] == ["access.ipRanges"]
    given = PublicAccess(allow="listed", ip_ranges=("20.61.97.129",))
    assert judge(given) == []
    assert record(PublicAccess, plain(given)) == given
