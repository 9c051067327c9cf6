"""Random configurations under mocks: whatever is configured, names obey ARM and nothing becomes insecure."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from batchite import autoscale
from components import records
from components.pool_settings import PoolSettings
from components.validation import SettingsError
from policies.rules.secrets import looks_like
from tests.components.harness import PROJECT, Deployed, deploy, matches, strings
from tests.components.pool_samples import concealed, deployed, some_parts
from tests.components.test_program import ARM_NAMES

pytestmark = pytest.mark.ours

KEYS = st.from_regex(r"\A[a-z](-?[a-z0-9]){0,11}\Z")
UUIDS = st.uuids().map(str)
STACKS = st.from_regex(r"\A[a-zA-Z0-9_.-]{1,100}\Z")
MAILS = st.lists(st.sampled_from(["a@example.com", "b@example.com"]), min_size=1, unique=True)
PUBLIC = st.sampled_from([{}, {"allow": "anyone"}, {"allow": "listed", "ipRanges": ["20.61.97.129", "20.61.98.0/24"]}])
STORAGE = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.sampled_from(["Standard_LRS", "Standard_GZRS"]),
        "softDeleteDays": st.integers(1, 365),
        "versioning": st.booleans(),
        "logsDays": st.integers(0, 3650),
        "outputsDays": st.integers(0, 3650),
        "protect": st.booleans(),
        "containers": st.sampled_from([[], ["data"], ["data", "more-data"]]),
    },
)
ACCOUNT = st.fixed_dictionaries(
    {},
    optional={
        "poolAllocationMode": st.sampled_from(["BatchService", "UserSubscription"]),
        "customerManagedKey": st.booleans(),
        "lock": st.booleans(),
        "sharedKey": st.booleans(),
    },
)
NETWORK = st.fixed_dictionaries({}, optional={"internet": st.booleans(), "poolSubnet": st.just("10.80.128.0/17")})
MONITORING = st.fixed_dictionaries(
    {},
    optional={
        "mails": MAILS,
        "readLogs": st.booleans(),
        "without": st.just(["spot-quota", "resize-errors"]),
        "retentionDays": st.integers(30, 730),
        "dailyCapGb": st.none() | st.integers(1, 100),
        "failedTasks": st.integers(0, 100),
        "quotaPercent": st.integers(1, 100),
    },
)
BUDGET = st.fixed_dictionaries(
    {"amount": st.integers(1, 10**6), "start": st.just("2026-12-01"), "mails": MAILS},
    optional={
        "period": st.sampled_from(["Monthly", "Quarterly", "Annually"]),
        "actual": st.sampled_from([[50], [80, 100]]),
        "forecast": st.sampled_from([[100], [90, 110, 200]]),
    },
)
PASSWORD = "s3cr3t-of-a-pool"
USER = st.fixed_dictionaries(
    {"name": st.just("me"), "password": st.just(PASSWORD)},
    optional={"linuxUserConfiguration": st.just({"uid": 1, "gid": 1, "sshPrivateKey": PASSWORD})},
)
MOUNT = st.sampled_from(
    [
        {"azureBlobFileSystemConfiguration": {"accountName": "a", "containerName": "c", "relativeMountPath": "m"}},
        {"nfsMountConfiguration": {"source": "nfs.example.com:/a", "relativeMountPath": "n"}},
        {
            "azureFileShareConfiguration": {
                "accountName": "a",
                "azureFileUrl": "https://a.file.core.windows.net/f",
                "accountKey": PASSWORD,
                "relativeMountPath": "f",
            }
        },
    ]
)
START_TASK = st.fixed_dictionaries(
    {"scripts": st.sampled_from([[], [{"script": "start_tasks/python_packages.sh", "parameters": ["it's", "$x"]}]])},
    optional={
        "environment": st.dictionaries(st.sampled_from(["A", "B"]), st.text(max_size=5)),
        "retries": st.integers(-1, 3),
        "waitForSuccess": st.booleans(),
        "elevation": st.sampled_from(["Admin", "NonAdmin"]),
        "nodeStats": st.booleans(),
    },
)
OPTIONS = {
    "image": st.sampled_from(["ubuntu-24.04", "debian-12", "almalinux-9", "oraclelinux-9"]),
    "deallocation": st.sampled_from(["taskcompletion", "requeue", "terminate"]),
    "evaluationInterval": st.sampled_from(["PT5M", "PT1H30M"]),
    "taskSlotsPerNode": st.integers(1, 8),
    "nodeFillType": st.sampled_from(["Spread", "Pack"]),
    "startTask": START_TASK,
    "drainMinutes": st.integers(0, 100),
    "generation": st.text(st.characters(categories=["L", "N"]), max_size=3),
    "metadata": st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=5)),
    "tags": st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=5)),
    "userAccounts": st.lists(USER, max_size=1),
    "mountConfiguration": st.lists(MOUNT, max_size=2, unique_by=str),
    "containerConfiguration": st.just(
        {"type": "DockerCompatible", "containerRegistries": [{"registryServer": "example.azurecr.io"}]}
    ),
    "dataDisks": st.just([{"lun": 0, "diskSizeGB": 100}]),
    "upgradePolicy": st.just({"mode": "automatic"}),
}
SCALES = st.sampled_from(
    [
        {"maxDedicated": 1},
        {"maxSpot": 100, "minSpot": 1},
        {"maxDedicated": 10, "maxSpot": 10},
        {"fixed": {"dedicated": 1}},
        {"fixed": {"dedicated": 1, "spot": 5, "resizeTimeout": "PT1H"}},
    ]
)
MACHINES = st.sampled_from(
    [
        {"vmSize": "standard_d4s_v5"},
        {"vmSize": "Standard_E8s_v5"},
        {"size": {"vcpus": 4, "memoryGib": 16, "price": "spot"}},
    ]
)
POOLS = st.builds(
    lambda machine, scale, rest: {**machine, **scale, **rest},
    MACHINES,
    SCALES,
    st.fixed_dictionaries({}, optional=OPTIONS),
)
"""Pools that are right."""
ODD = {
    "vmSize": st.sampled_from(["standard_a1", "basic_a1", "standard_made_up", "standard_d2s_v3"]),
    "size": st.just({"vcpus": 1000}) | st.just({"vcpus": 8, "maxUsdPerHour": 0.0001}),
    "image": st.sampled_from(["windows-2022", "ubuntu-22.04", "rockylinux-9"]),
    "maxDedicated": st.integers(0, 20),
    "maxSpot": st.integers(0, 20),
    "minSpot": st.integers(0, 20),
    "fixed": st.fixed_dictionaries({}, optional={"dedicated": st.integers(0, 2), "spot": st.integers(0, 2)}),
    "formulaFile": st.just("formula.txt"),
    "taskSlotsPerNode": st.integers(1, 256),
    "interNodeCommunication": st.sampled_from(["Enabled", "Disabled"]),
    "imageReference": st.just({"publisher": "p", "offer": "o", "sku": "s"}),
    "nodeAgentSkuId": st.sampled_from(
        ["batch.node.ubuntu 20.04", "batch.node.ubuntu 24.04", "batch.node.windows amd64"]
    ),
    "windowsConfiguration": st.just({"enableAutomaticUpdates": True}),
    "networkConfiguration": st.just({"subnetId": "/subscriptions/1/subnet"}),
    "applicationLicenses": st.just(["maya"]),
    "resourceTags": st.just({"a": "b"}),
}
ANY_POOLS = st.fixed_dictionaries({}, optional={**OPTIONS, **ODD}) | st.builds(
    lambda right, odd: {**right, **odd}, POOLS, st.fixed_dictionaries({}, optional=ODD)
)
"""Pools of any kind, many of them wrong."""
SUBMITTER = st.fixed_dictionaries({"objectId": UUIDS}, optional={"principalType": st.sampled_from(["User", "Group"])})
PIPELINE = st.fixed_dictionaries(
    {"subject": st.just("repo:example/azure-batch:environment:production")},
    optional={"may": st.sampled_from(["preview", "submit", "deploy"])},
)
CONFIGURATIONS = st.fixed_dictionaries(
    {
        "pools": st.dictionaries(st.from_regex(r"\A[a-zA-Z][a-zA-Z0-9_-]{0,31}\Z"), POOLS, min_size=1, max_size=3),
        "namePrefix": st.from_regex(r"\A[a-z][a-z0-9]{1,11}\Z"),
        "publicAccess": PUBLIC,
        "network": NETWORK,
        "keyVault": st.builds(lambda one: {"batchServiceObjectId": one}, UUIDS),
        "storage": STORAGE,
        "account": ACCOUNT,
        "submitters": st.dictionaries(KEYS, SUBMITTER, max_size=3),
        "pipelines": st.dictionaries(KEYS, PIPELINE, max_size=3),
    },
    optional={"monitoring": MONITORING, "budget": BUDGET},
)


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])  # A run is slow: no shrinking.
@given(name=STACKS, configuration=CONFIGURATIONS, preview=st.booleans())
def test_nothing_becomes_insecure(name: str, configuration: dict[str, Any], preview: bool) -> None:
    """Whatever the sections say together, and before anything exists as well as after."""
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in configuration.items()}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", f"{PROJECT}:pools".__eq__)
        made = deploy(monkeypatch, "dev", preview=preview, config=encoded, name=name)
    assert_named(made)
    assert_closed(made, configuration)
    assert set(made.of("batch:Pool")) == set(configuration["pools"])
    for inputs in made.of("batch:Pool").values():
        assert_pool(inputs)
    assert set(made.calls) == {"azure-native:authorization:getClientConfig"}
    assert_no_secret(made)


@settings(max_examples=150, deadline=None)
@given(ANY_POOLS)
def test_a_pool_is_made_or_refused(values: dict[str, Any]) -> None:
    """Whatever settings say together: they are refused by name, or the pool is one that ARM takes."""
    if records.problems(PoolSettings, values, ""):
        return
    try:
        made = deployed(values, parts=some_parts(formula="$TargetDedicatedNodes = 1;"))
    except SettingsError as error:
        assert error.problems  # noqa: PT017 - the other outcome is as good
        return
    (inputs,) = made.of("batch:Pool").values()
    assert matches(ARM_NAMES["batch:Pool"][1], inputs["poolName"])
    assert_pool(inputs)
    assert_no_secret(made)


def assert_pool(inputs: dict[str, Any]) -> None:
    """One way to scale, an identity, no way in, and a size."""
    scale = inputs["scaleSettings"]
    assert len(scale) == 1
    if "autoScale" in scale:
        autoscale.parse(scale["autoScale"]["formula"])
    else:
        assert min(scale["fixedScale"]["targetDedicatedNodes"], scale["fixedScale"]["targetLowPriorityNodes"]) >= 0
    assert inputs["identity"]["type"] == "UserAssigned"
    assert inputs["vmSize"]
    assert 1 <= inputs["taskSlotsPerNode"] <= 256


def assert_no_secret(made: Deployed) -> None:
    """Neither a known secret nor anything that looks like one is in plain text."""
    texts = [text for inputs in made.resources.values() for text in strings(concealed(inputs))]
    assert [text for text in texts if looks_like(text) or PASSWORD in text] == []
    assert PASSWORD not in json.dumps(made.outputs, default=str)


def assert_named(made: Deployed) -> None:
    """All names obey the rule of their type, and no two assignments have the same."""
    for kind, (key, pattern) in ARM_NAMES.items():
        assert [inputs[key] for inputs in made.of(kind).values() if not matches(pattern, inputs[key])] == []
    assignments = [inputs["roleAssignmentName"] for inputs in made.of("authorization:RoleAssignment").values()]
    assert len(assignments) == len(set(assignments))


def assert_closed(made: Deployed, configuration: dict[str, Any]) -> None:
    """Entra only unless configured, HTTPS only; open to the internet only where that was configured."""
    account, storage = made.one("batch:BatchAccount"), made.one("storage:StorageAccount")
    shared, access = configuration["account"].get("sharedKey"), configuration["publicAccess"]
    assert account["allowedAuthenticationModes"] == (["AAD", "SharedKey"] if shared else ["AAD"])
    assert (storage["allowSharedKeyAccess"], storage["allowBlobPublicAccess"]) == (False, False)
    assert (storage["enableHttpsTrafficOnly"], storage["minimumTlsVersion"]) == (True, "TLS1_2")
    open_to_all = access.get("allow") == "anyone"
    action = "Allow" if open_to_all else "Deny"
    assert account["networkProfile"]["accountAccess"]["defaultAction"] == action
    assert storage["networkRuleSet"]["defaultAction"] == action
    assert account["networkProfile"]["nodeManagementAccess"]["defaultAction"] == "Deny"
    assert account["publicNetworkAccess"] == ("Enabled" if access else "Disabled")
    assert {inputs["defaultOutboundAccess"] for inputs in made.of("network:Subnet").values()} == {False}


def test_webhooks_are_secrets_of_the_state() -> None:
    """An address that alerts are posted to is never registered in plain text."""
    marked: list[Any] = []
    secret = pulumi.Output.secret

    def marking(value: Any) -> pulumi.Output[Any]:
        marked.append(value)
        return secret(value)

    config = {"monitoring": "{}", "webhooks": json.dumps({"oncall": "https://hooks.example.com/T0"})}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", f"{PROJECT}:webhooks".__eq__)
        monkeypatch.setattr(pulumi.Output, "secret", marking)
        deploy(monkeypatch, "dev", config=config)
    assert "https://hooks.example.com/T0" in marked
