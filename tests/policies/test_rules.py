"""Every rule on documents that keep it and documents that break it, the way the engine hands them over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.rules import RULES
from policies.rules.engine import policy
from policies.rules.rule import Rule

pytestmark = pytest.mark.ours

DOCUMENTS = Path(__file__).parent / "documents"
CASES = {rule.name: json.loads((DOCUMENTS / f"{rule.name}.json").read_text()) for rule in RULES}
BY_NAME = {rule.name: rule for rule in RULES}


def cases(verdict: str) -> list[Any]:
    """All documents of a kind, with their rule."""
    return [
        pytest.param(BY_NAME[name], document, id=f"{name}-{index}")
        for name, case in CASES.items()
        for index, document in enumerate(case[verdict])
    ]


def violations(rule: Rule, props: dict[str, Any], token: str = "") -> list[str]:
    """What the policy reports for a resource of its type. Raises UnknownValueError as the engine would see it."""
    found: list[str] = []
    settings = {name: setting.default for name, setting in rule.settings.items()}
    kind = token or f"azure-native:{rule.resource}"
    urn = f"urn:pulumi:dev::p::{kind}::r"
    wrapped = unknown_checking_proxy(json.loads(json.dumps(props), parse_int=float))  # numbers come as floats
    args = ResourceValidationArgs(kind, wrapped, urn, "r", None, None, settings, None)
    policy(rule).validate(args, lambda message, _urn=None: found.append(message))
    return found


def test_every_rule_has_documents_of_both_kinds() -> None:
    """A rule without an example of each verdict is not tested; a document without a rule is forgotten."""
    assert {path.stem for path in DOCUMENTS.iterdir()} == set(CASES)
    assert [name for name, case in CASES.items() if not (case["pass"] and case["fail"])] == []


def test_names_tell_the_resource_and_what_is_verified() -> None:
    """Rule names are unique, begin with their resource, and match their module."""
    assert len(BY_NAME) == len(RULES)
    for rule in RULES:
        assert rule.judge.__module__ == f"policies.rules.{rule.name.replace('-', '_')}"
        assert rule.name.split("-")[0] == rule.resource.split(":")[0]


@pytest.mark.parametrize(("rule", "document"), cases("pass"))
def test_what_keeps_a_rule_passes(rule: Rule, document: dict[str, Any]) -> None:
    """No finding."""
    assert violations(rule, document) == []


@pytest.mark.parametrize(("rule", "document"), cases("fail"))
def test_what_breaks_a_rule_is_found(rule: Rule, document: dict[str, Any]) -> None:
    """At least one finding, and none that is a defect of the rule."""
    found = violations(rule, document)
    assert found
    assert [message for message in found if "defect" in message] == []


@pytest.mark.parametrize(("rule", "document"), cases("fail"))
def test_messages_show_no_value_that_may_be_secret(rule: Rule, document: dict[str, Any]) -> None:
    """Policies see secrets in the clear: what they say is read by everybody."""
    said = " ".join(violations(rule, document))
    assert [value for value in leaves(document) if len(value) > 6 and value in said] == []


@pytest.mark.parametrize(("rule", "document"), cases("fail"))
def test_other_resources_are_left_alone(rule: Rule, document: dict[str, Any]) -> None:
    """A rule judges its own type only."""
    assert violations(rule, document, "azure-native:network:VirtualNetwork") == []
    assert violations(rule, document, f"other:{rule.resource}") == []


@pytest.mark.parametrize("token", ["azure-native:batch/v20250601:Pool", "azure-native_batch_v20250601:batch:Pool"])
def test_explicit_api_versions_are_judged_too(token: str) -> None:
    """A resource does not escape its rule by naming an API version."""
    rule = BY_NAME["batch-pool-identity"]
    assert violations(rule, {}, token) == violations(rule, {})


@pytest.mark.parametrize(("rule", "document"), [*cases("pass"), *cases("fail")])
def test_what_is_not_known_yet_is_undetermined(rule: Rule, document: dict[str, Any]) -> None:
    """Whichever value is unknown in a preview, a rule either needs it and says so, or judges without it."""
    for path in paths(document):
        unknown = replaced(document, path)
        try:
            found = violations(rule, unknown)
        except UnknownValueError:
            continue
        assert [message for message in found if "defect" in message] == []


def test_a_rule_that_needs_an_unknown_value_says_so() -> None:
    """The engine then says that it can't run the policy during preview; nothing is refused unseen."""
    with pytest.raises(UnknownValueError):
        violations(BY_NAME["storage-no-shared-key"], {"allowSharedKeyAccess": UNKNOWN_STRING_VALUE})


def test_known_violations_are_reported_beside_unknown_values() -> None:
    """One unknown file address does not hide a password in the command line."""
    task = {"commandLine": "login --password hunter2", "resourceFiles": [{"httpUrl": UNKNOWN_STRING_VALUE}]}
    found: list[str] = []
    rule = BY_NAME["batch-pool-start-task-secrets"]
    props = unknown_checking_proxy({"startTask": task})
    args = ResourceValidationArgs("azure-native:batch:Pool", props, "urn", "r", None, None, {}, None)
    with pytest.raises(UnknownValueError):
        policy(rule).validate(args, lambda message, _urn=None: found.append(message))
    assert len(found) == 1
    assert "startTask.commandLine" in found[0]


def test_limits_come_from_the_configuration_of_the_pack() -> None:
    """The same formula is within the limits of one stack and above those of another."""
    rule = BY_NAME["batch-pool-autoscale-caps"]
    (document, *_) = CASES[rule.name]["pass"]
    assert list(rule.judge(document, {"maxDedicated": 1, "maxSpot": 2})) == []
    (message,) = rule.judge(document, {"maxDedicated": 1, "maxSpot": 1})
    assert "may reach 2, above the limit of 1" in str(message)


def test_a_fixed_number_of_nodes_is_allowed_by_the_configuration_of_the_pack() -> None:
    """Dedicated and Spot nodes count together; without the setting there are none."""
    rule = BY_NAME["batch-pool-autoscale-caps"]
    document = {"scaleSettings": {"fixedScale": {"targetDedicatedNodes": 1, "targetLowPriorityNodes": 3}}}
    assert list(rule.judge(document, {"maxFixed": 4})) == []
    (message,) = rule.judge(document, {"maxFixed": 3})
    assert "has 4 nodes, above the limit of 3" in str(message)


def leaves(value: Any) -> Iterator[str]:
    """All strings of a document."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value


def paths(value: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of everything within a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*before, key)
        yield from paths(item, (*before, key))


def replaced(document: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document with one value that only the deployment will know."""
    made = copy.deepcopy(document)
    at: Any = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = UNKNOWN_STRING_VALUE
    return made
