"""Random configurations under mocks: whatever is configured, names obey ARM and nothing becomes insecure."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from policies.rules.secrets import looks_like
from tests.components.harness import PROJECT, Deployed, deploy, matches, strings
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
    },
)
ACCOUNT = st.fixed_dictionaries(
    {},
    optional={
        "poolAllocationMode": st.sampled_from(["BatchService", "UserSubscription"]),
        "customerManagedKey": st.booleans(),
        "lock": st.booleans(),
    },
)
NETWORK = st.fixed_dictionaries({}, optional={"internet": st.booleans(), "poolSubnet": st.just("10.80.128.0/17")})
MONITORING = st.fixed_dictionaries(
    {}, optional={"mails": MAILS, "readLogs": st.booleans(), "without": st.just(["spot-quota", "resize-errors"])}
)
BUDGET = st.fixed_dictionaries({"amount": st.integers(1, 10**6), "start": st.just("2026-12-01"), "mails": MAILS})
SUBMITTER = st.fixed_dictionaries({"objectId": UUIDS}, optional={"principalType": st.sampled_from(["User", "Group"])})
PIPELINE = st.fixed_dictionaries(
    {"subject": st.just("repo:example/azure-batch:environment:production")},
    optional={"may": st.sampled_from(["preview", "submit", "deploy"])},
)
CONFIGURATIONS = st.fixed_dictionaries(
    {
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
        made = deploy(monkeypatch, "dev", preview=preview, config=encoded, name=name)
    assert_named(made)
    assert_closed(made, configuration["publicAccess"])
    assert set(made.calls) == {"azure-native:authorization:getClientConfig"}
    assert [text for inputs in made.resources.values() for text in strings(inputs) if looks_like(text)] == []


def assert_named(made: Deployed) -> None:
    """All names obey the rule of their type, and no two assignments have the same."""
    for kind, (key, pattern) in ARM_NAMES.items():
        assert [inputs[key] for inputs in made.of(kind).values() if not matches(pattern, inputs[key])] == []
    assignments = [inputs["roleAssignmentName"] for inputs in made.of("authorization:RoleAssignment").values()]
    assert len(assignments) == len(set(assignments))


def assert_closed(made: Deployed, access: dict[str, Any]) -> None:
    """Entra only, HTTPS only; open to the internet only where that was configured."""
    account, storage = made.one("batch:BatchAccount"), made.one("storage:StorageAccount")
    assert account["allowedAuthenticationModes"] == ["AAD"]
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
