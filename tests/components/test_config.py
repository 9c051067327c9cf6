"""Reading the stack configuration."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config import Settings, parse
from components.pool_settings import PoolSettings
from components.public_access import PublicAccess
from components.validation import SettingsError
from tests.components.harness import configuration

pytestmark = pytest.mark.ours

POOL: dict[str, Any] = {"vmSize": "standard_d2s_v3", "maxDedicated": 1, "maxSpot": 3}
ANYONE = {"allow": "anyone"}
GOOD: dict[str, Any] = {
    "location": "westeurope",
    "publicAccess": json.dumps(ANYONE),
    "pools": json.dumps({"main": POOL}),
}


def problems(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong, rule by key."""
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values)
    return {problem.key: problem.rule for problem in caught.value.problems}


def entries(values: dict[str, Any]) -> dict[str, object]:
    """What is wrong, value by key, beside secrets in plain text."""
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values)
    return {one.key: one.value for one in caught.value.problems if "encrypted" not in one.rule}


def with_pool(**changes: Any) -> dict[str, Any]:
    """A configuration whose pool has other settings."""
    return {**GOOD, "pools": json.dumps({"main": {**POOL, **changes}})}


def test_defaults_complete_what_is_not_configured() -> None:
    """Region, VM size and limits are asked for; everything else has a default."""
    pool = PoolSettings(vm_size="standard_d2s_v3", max_dedicated=1, max_spot=3)
    read = parse("azure-batch", GOOD)
    assert read == Settings(location="westeurope", pools={"main": pool}, public_access=PublicAccess(allow="anyone"))
    assert (pool.task_slots_per_node, pool.evaluation_interval, pool.deallocation) == (1, "PT5M", "taskcompletion")


@pytest.mark.parametrize("stack", ["local", "dev", "production.example"])
def test_the_stacks_of_the_project_are_right(stack: str) -> None:
    """The configuration files that come with the project are valid."""
    prefix = "azure-batch:"
    values = {key.removeprefix(prefix): v for key, v in configuration(stack).items() if key.startswith(prefix)}
    assert parse("azure-batch", values).location == "westeurope"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vmSize", "d2s"),
        ("maxDedicated", -1),
        ("maxDedicated", "1"),
        ("maxDedicated", 1.5),
        ("maxSpot", True),
        ("minSpot", 10_001),
        ("taskSlotsPerNode", 0),
        ("taskSlotsPerNode", 257),
        ("evaluationInterval", "PT4M"),
        ("evaluationInterval", "PT169H"),
        ("evaluationInterval", "5 minutes"),
        ("deallocation", "retaineddata"),
        ("startTask", "../outside.sh"),
        ("formulaFile", "/etc/passwd"),
        ("image", "ubuntu-20.04"),
        ("targetNodeCommunicationMode", "Classic"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(key: str, value: object) -> None:
    """The error has the full key, as it stands in the file, and what is allowed."""
    found = problems(with_pool(**{key: value}))
    assert list(found) == [f"azure-batch:pools.main.{key}"]
    assert "must be" in found[f"azure-batch:pools.main.{key}"]


@pytest.mark.parametrize(
    ("start_task", "key"),
    [
        ({"scripts": [{"script": "../outside.sh"}]}, "scripts[0].script"),
        ({"scripts": [{"script": "a.sh", "files": ["/etc/passwd"]}]}, "scripts[0].files"),
        ({"scripts": [{"script": "a.sh", "parameters": ["--"]}]}, "scripts[0].parameters"),
        ({"scripts": [{"script": "a.sh", "parameters": [1]}]}, "scripts[0].parameters"),
        ({"scripts": [{"script": "a.ps1"}]}, "scripts[0].script"),
        ({"scripts": [{"script": "a/x.sh"}, {"script": "b/x.sh"}]}, "scripts"),
        ({"environment": {"A": 1}}, "environment"),
        ({"retries": -2}, "retries"),
        ({"elevation": "Root"}, "elevation"),
        ({"resourceFiles": [{"httpURL": "https://example.com"}]}, "resourceFiles[0].httpURL"),
        ({"containerSettings": {}}, "containerSettings.imageName"),
    ],
)
def test_a_wrong_start_task_is_named_with_its_rule(start_task: dict[str, Any], key: str) -> None:
    """At any depth, in our own names as in ARM's."""
    assert list(problems(with_pool(startTask=start_task))) == [f"azure-batch:pools.main.startTask.{key}"]


DISK = {"lun": 0, "diskSizeGB": 10}
CIFS = {"source": "//example.com/a", "userName": "me", "password": "x", "relativeMountPath": "c"}
BOTH = "nfsMountConfiguration, cifsMountConfiguration"
NFS = {"nfsMountConfiguration": {"source": "nfs.example.com:/a", "relativeMountPath": "n"}}


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"mountConfiguration": [{}]}, "mountConfiguration[0]", None),
        ({"mountConfiguration": [{**NFS, "cifsMountConfiguration": CIFS}]}, "mountConfiguration[0]", BOTH),
        ({"mountConfiguration": [NFS, NFS]}, "mountConfiguration[1].nfsMountConfiguration.relativeMountPath", "n"),
        ({"dataDisks": [DISK, {**DISK, "lun": 1}, DISK]}, "dataDisks[2].lun", 0),
        ({"displayName": "x" * 1025}, "displayName", "x" * 1025),
    ],
)
def test_what_arm_refuses_of_a_pool_is_refused_before(changes: dict[str, Any], key: str, value: object) -> None:
    """One kind to a mount, one mount to a place, one disk to a number, names of up to 1024 characters."""
    assert entries(with_pool(**changes)) == {f"azure-batch:pools.main.{key}": value}


@pytest.mark.parametrize(
    ("values", "key", "value"),
    [
        (with_pool(startTask={"scripts": [{"script": "a.sh", "parameters": ["x", 1]}]}), "scripts[0].parameters", 1),
        (with_pool(startTask={"scripts": [{"script": "a.sh"}, "foo"]}), "scripts[1]", "foo"),
        (with_pool(startTask={"environment": {"A": "a", "B": 2}}), "environment", "B: 2"),
        (with_pool(metadata=["a"]), "metadata", None),
        (with_pool(packages=["a", "b", "a"]), "packages", "a"),
        (
            {**GOOD, "publicAccess": '{"allow": "listed", "ipRanges": ["20.61.97.129", "10.0.0.1"]}'},
            "ipRanges",
            "10.0.0.1",
        ),
        ({**GOOD, "monitoring": '{"without": ["noise"]}'}, "without", "noise"),
        ({**GOOD, "budget": '{"amount": 1, "start": "2026-12-01", "mails": ["a@b.cd"], "actual": []}'}, "actual", []),
    ],
)
def test_the_entry_that_is_wrong_is_shown(values: dict[str, Any], key: str, value: object) -> None:
    """Not the type of the whole, nor how many there are; and no class of ours."""
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values)
    assert any(one.key.endswith(f".{key}") and one.value == value for one in caught.value.problems)
    assert not re.search(r"[a-z]Settings|[a-z]Args|'list'|'dict'", str(caught.value))


def test_all_problems_are_told_at_once() -> None:
    """Unknown, missing and wrong settings of the stack and of several pools are one error."""
    pools = {"a": {**POOL, "vmSzie": "standard_d2s_v3"}, "b": {"maxSpot": 1}, "-": POOL, "c": 7}
    found = problems({"locations": "westeurope", "pools": json.dumps(pools), "namePrefix": "Batch!"})
    assert set(found) == {
        "azure-batch:publicAccess.allow",
        "azure-batch:locations",
        "azure-batch:location",
        "azure-batch:namePrefix",
        "azure-batch:pools",
        "azure-batch:pools.a.vmSzie",
        "azure-batch:pools.b.vmSize",
        "azure-batch:pools.c",
    }
    assert "vmSize" in found["azure-batch:pools.a.vmSzie"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"minSpot": 4}, "minSpot"),
        ({"minDedicated": 2}, "minDedicated"),
        ({"maxDedicated": 0, "maxSpot": 0}, "maxDedicated"),
    ],
)
def test_limits_have_to_fit_together(changes: dict[str, int], key: str) -> None:
    """A minimum is at most the maximum, and a pool may have a node."""
    assert list(problems(with_pool(**changes))) == [f"azure-batch:pools.main.{key}"]


def test_values_of_secret_settings_are_not_shown() -> None:
    """Neither a secret nor what was put under a wrong key gets into an error."""
    values = {**with_pool(vmSize="hunter2"), "namePrefix": "Hunter2!", "password": "hunter2"}
    with pytest.raises(SettingsError) as caught:
        parse("azure-batch", values, ["namePrefix", "pools"])
    assert len(caught.value.problems) == 3
    assert "hunter2" not in str(caught.value).lower()


@pytest.mark.parametrize("pools", ["", "main", "[]", "{}", "{"])
def test_pools_that_are_no_mapping_are_refused(pools: str) -> None:
    """A structured setting of another shape is named like any other."""
    assert "azure-batch:pools" in problems({**GOOD, "pools": pools})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["vmSize", "maxDedicated", "maxSpot", "minSpot", "evaluationInterval", "startTask", "other"])


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), st.dictionaries(KEYS, JSON) | JSON, max_size=3))
def test_anything_is_either_read_or_refused(pools: dict[str, Any]) -> None:
    """Whatever the file says, the answer is settings or a SettingsError, never another exception."""
    values = {**GOOD, "pools": json.dumps(pools)}
    try:
        read = parse("azure-batch", values)
    except SettingsError as error:
        assert error.problems  # noqa: PT017 - the other outcome is as good
    else:
        assert set(read.pools) == set(pools)
