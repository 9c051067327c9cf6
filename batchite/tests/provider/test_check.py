"""Checked inputs: names, locations, required and unknown properties, types."""

from __future__ import annotations

from typing import Any

import pytest

from batchite.provider import check, naming
from batchite.provider.tables import (
    BATCH_ACCOUNT,
    BLOB_SERVICE_PROPERTIES,
    POOL,
    RESOURCE_GROUP,
    ROLE_ASSIGNMENT,
    STORAGE_ACCOUNT,
    ResourceType,
)
from batchite.provider.tables_network import SUBNET, VIRTUAL_NETWORK
from batchite.provider.values import API_VERSION, CREATE_BEFORE_DELETE, UNKNOWN

pytestmark = pytest.mark.ours

WISH = naming.Wish("main", b"seed")
PLACE = {"resourceGroupName": "group", "accountName": "account"}


def pool(**inputs: Any) -> check.Checked:
    """A pool with these inputs, checked."""
    return check.check(POOL, {**PLACE, **inputs}, {}, WISH, None)


def reasons(checked: check.Checked) -> dict[str, str]:
    """Failures by property path."""
    return {failure.path: failure.reason for failure in checked.failures}


def test_a_right_pool_gets_name_and_version() -> None:
    """A child is named like its logical name; the API version becomes an input."""
    checked = pool(vmSize="standard_d2s_v3")
    assert checked.failures == ()
    assert checked.inputs == {**PLACE, "vmSize": "standard_d2s_v3", "poolName": "main", API_VERSION: "2024-07-01"}


@pytest.mark.parametrize(
    ("inputs", "path", "reason"),
    [
        ({"vmsize": "x"}, "vmsize", "did you mean 'vmSize'?"),
        ({"startTask": {"resourceFiles": [{"url": "x"}]}}, "startTask.resourceFiles[0].url", "unknown property"),
        ({"scaleSettings": {"autoScale": {}}}, "scaleSettings.autoScale.formula", "missing required property"),
        ({"taskSlotsPerNode": "4"}, "taskSlotsPerNode", "should be of type 'integer' but got a string"),
        ({"taskSlotsPerNode": True}, "taskSlotsPerNode", "but got a boolean"),
        ({"taskSlotsPerNode": 1.5}, "taskSlotsPerNode", "should be of type 'integer' but got a number"),
        ({"metadata": {"a": "b"}}, "metadata", "should be of type 'array' but got an object"),
        ({"startTask": "true"}, "startTask", "should be of type 'object' but got a string"),
        ({"tags": {"a": 1}}, "tags.a", "should be of type 'string' but got a number"),
        ({"poolName": "a b"}, "poolName", "does not match expression"),
        ({"poolName": "a" * 65}, "poolName", "must have 1 to 64 characters"),
        ({API_VERSION: "2020-01-01"}, API_VERSION, "only version 2024-07-01"),
    ],
)
def test_what_is_wrong_is_named_by_path(inputs: dict[str, Any], path: str, reason: str) -> None:
    """Each mistake fails once, under the path of its property."""
    found = reasons(pool(**inputs))
    assert list(found) == [path]
    assert reason in found[path]


@pytest.mark.parametrize(
    ("row", "inputs", "path", "reason"),
    [
        (POOL, {"certificates": [{"id": "x"}]}, "certificates", "key vault"),
        (STORAGE_ACCOUNT, {"isHnsEnabled": True}, "isHnsEnabled", "with the value True"),
        (STORAGE_ACCOUNT, {"kind": "FileStorage"}, "kind", "serves blobs only"),
        (
            VIRTUAL_NETWORK,
            {"addressSpace": {"ipamPoolPrefixAllocations": [{"numberOfIpAddresses": "1"}]}},
            "addressSpace.ipamPoolPrefixAllocations",
            "not supported",
        ),
        (SUBNET, {"id": "x"}, "id", "not supported"),
    ],
)
def test_what_the_server_does_not_support_is_refused_by_path(
    row: ResourceType, inputs: dict[str, Any], path: str, reason: str
) -> None:
    """An input, or one of its values, fails in Check, nested ones with their whole path."""
    found = reasons(check.check(row, inputs, {}, WISH, "westeurope"))
    assert f"'{path}'" in found[path]
    assert "is not supported by the local stand-in" in found[path]
    assert reason in found[path]


@pytest.mark.parametrize("inputs", [{"isHnsEnabled": False}, {"isHnsEnabled": UNKNOWN}, {"kind": "StorageV2"}])
def test_values_that_are_supported_or_unknown_pass(inputs: dict[str, Any]) -> None:
    """Only the values that the server refuses are."""
    assert inputs.keys() & reasons(check.check(STORAGE_ACCOUNT, inputs, {}, WISH, "westeurope")).keys() == set()


def test_unknown_values_are_not_judged() -> None:
    """A value that another resource will give passes every rule."""
    assert pool(accountName=UNKNOWN, vmSize=UNKNOWN, taskSlotsPerNode=UNKNOWN, startTask=UNKNOWN).failures == ()


def test_a_missing_location_is_the_default_or_a_failure() -> None:
    """The failure tells both ways out."""
    group = {"resourceGroupName": "group"}
    assert check.check(BATCH_ACCOUNT, group, {}, WISH, "westeurope").inputs["location"] == "westeurope"
    found = reasons(check.check(RESOURCE_GROUP, {}, {}, WISH, None))
    assert "pulumi config set azure-native:location" in found["location"]


def test_a_singleton_accepts_only_the_name_of_the_service() -> None:
    """Blob service properties exist once, as `default`."""
    assert list(reasons(check.check(BLOB_SERVICE_PROPERTIES, PLACE, {}, WISH, None))) == ["blobServicesName"]
    right = {**PLACE, "blobServicesName": "default"}
    assert check.check(BLOB_SERVICE_PROPERTIES, right, {}, WISH, None).failures == ()


def test_a_random_name_is_stable_for_its_seed_and_kept_later() -> None:
    """The name has eight hexadecimal digits, lets a replacement live beside it, and outlives other seeds."""
    first = check.check(RESOURCE_GROUP, {}, {}, WISH, "westeurope").inputs
    assert first["resourceGroupName"].startswith("main")
    assert len(first["resourceGroupName"]) == len("main") + 8
    assert first[CREATE_BEFORE_DELETE] is True
    again = check.check(RESOURCE_GROUP, {}, first, naming.Wish("main", b"other"), "westeurope").inputs
    assert again == first


def test_a_role_assignment_is_named_by_a_uuid_unless_naming_is_enforced() -> None:
    """A proposed name does not replace a UUID, an enforced one does."""

    def name(mode: naming.Mode) -> str:
        chosen = naming.choose(ROLE_ASSIGNMENT.path, naming.Wish("role", b"s", mode, "proposed"), {})
        assert chosen is not None
        return chosen.value

    assert len(name(naming.Mode.PROPOSE)) == 36
    assert name(naming.Mode.NONE) == name(naming.Mode.PROPOSE)
    assert name(naming.Mode.ENFORCE) == "proposed"


def test_disabled_naming_needs_a_name_from_the_program() -> None:
    """Without automatic names the failure says which property to set."""
    wish = naming.Wish("main", b"seed", naming.Mode.DISABLE)
    found = reasons(check.check(POOL, PLACE, {}, wish, None))
    assert "disables automatic naming" in found["poolName"]
