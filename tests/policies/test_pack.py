"""The pack as the engine meets it: through the analyzer service of the policy SDK, in this process."""

from __future__ import annotations

import json
from typing import Any

import pulumi_policy.policy as sdk
import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.rules import RULES
from policies.rules.engine import policy
from tests.components.harness import ROOT

pytestmark = pytest.mark.ours

ACCOUNT = "azure-native:batch:BatchAccount"
POOL = "azure-native:batch:Pool"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "login --password hunter2"}
SCALE = {"formula": "$TargetDedicatedNodes = 5; $NodeDeallocationOption = requeue;"}
POOL_INPUTS = {
    "identity": {"type": "UserAssigned"},
    "targetNodeCommunicationMode": "Simplified",
    "scaleSettings": {"autoScale": SCALE},
}


@pytest.fixture
def servicer() -> Any:
    """The pack behind the service the engine calls. It is private to the SDK, whose version is pinned."""
    return sdk._PolicyAnalyzerServicer("pack", "0", [policy(rule) for rule in RULES], EnforcementLevel.MANDATORY)


def ask(servicer: Any, token: str, props: dict[str, Any]) -> dict[str, Any]:
    """What the pack says about a resource, by policy."""
    request = analyzer_pb2.AnalyzeRequest(type=token, name="r", urn=f"urn:pulumi:dev::p::{token}::r")
    json_format.ParseDict(props, request.properties)
    return {diagnostic.policyName: diagnostic for diagnostic in servicer.Analyze(request, None).diagnostics}


def configure(servicer: Any, stack: str) -> None:
    """What `--policy-pack-config` does."""
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, values in json.loads((ROOT / "policies" / "config" / f"{stack}.json").read_text()).items():
        assert values.pop("enforcementLevel") == "mandatory"
        request.policyConfig[name].enforcementLevel = analyzer_pb2.MANDATORY
        json_format.ParseDict(values, request.policyConfig[name].properties)
    servicer.Configure(request, None)


def test_a_violation_is_mandatory_and_has_a_severity(servicer: Any) -> None:
    """An account with keys stops the deployment."""
    found = ask(servicer, ACCOUNT, {})["batch-account-entra-only"]
    assert found.enforcementLevel == analyzer_pb2.MANDATORY
    assert found.severity == analyzer_pb2.POLICY_SEVERITY_CRITICAL
    assert "allowedAuthenticationModes" in found.message


def test_what_keeps_the_rules_is_silent(servicer: Any) -> None:
    """A pool in order gives no diagnostic."""
    assert ask(servicer, POOL, POOL_INPUTS) == {}


def test_an_unknown_value_is_an_advisory(servicer: Any) -> None:
    """In a preview what can't be seen is said to be unseen, and stops nothing."""
    found = ask(servicer, ACCOUNT, {"allowedAuthenticationModes": UNKNOWN_STRING_VALUE})["batch-account-entra-only"]
    assert found.enforcementLevel == analyzer_pb2.ADVISORY
    assert "can't run policy" in found.message


def test_a_secret_is_judged_and_not_shown(servicer: Any) -> None:
    """Policies see secrets in the clear: a password in a secret command line is found, and stays out of the message."""
    props = {**POOL_INPUTS, "startTask": {"commandLine": SECRET}}
    found = ask(servicer, POOL, props)["batch-pool-start-task-secrets"]
    assert found.enforcementLevel == analyzer_pb2.MANDATORY
    assert "hunter2" not in found.message


def test_limits_follow_the_configuration_of_the_stack(servicer: Any) -> None:
    """Five dedicated nodes are too many for dev and not for prod."""
    configure(servicer, "dev")
    assert "above the limit of 4" in ask(servicer, POOL, POOL_INPUTS)["batch-pool-autoscale-caps"].message
    configure(servicer, "prod")
    assert ask(servicer, POOL, POOL_INPUTS) == {}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_configuration_files_name_existing_settings(stack: str) -> None:
    """The engine fails oddly on an unknown policy: the files of the pack name none."""
    known = {rule.name: {"enforcementLevel", *rule.settings} for rule in RULES}
    configured = json.loads((ROOT / "policies" / "config" / f"{stack}.json").read_text())
    assert [key for name, values in configured.items() for key in values if key not in known[name]] == []
