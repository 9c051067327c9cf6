"""Examples of translation, difference, drift and ids."""

from __future__ import annotations

import pytest

from batchite.provider import difference, drift, paths, translate
from batchite.provider.tables import POOL, RESOURCE_GROUP, ROLE_ASSIGNMENT, STORAGE_ACCOUNT
from batchite.provider.values import API_VERSION, CREATE_BEFORE_DELETE, UNKNOWN

pytestmark = pytest.mark.documented  # azure-native's documented behaviour and ARM's REST reference

ACCOUNT = {
    "resourceGroupName": "g",
    "accountName": "abc",
    "location": "westeurope",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
    "enableHttpsTrafficOnly": True,
    "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "1.2.3.4"}]},
    "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/i/2", "/i/1"]},
    "tags": {"enableHttpsTrafficOnly": "x"},
}


def test_a_storage_account_in_arms_words() -> None:
    """Flattened and renamed properties go to their places; user keys are left alone."""
    assert translate.body(STORAGE_ACCOUNT, ACCOUNT) == {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/i/2": {}, "/i/1": {}}},
        "tags": {"enableHttpsTrafficOnly": "x"},
        "properties": {
            "supportsHttpsTrafficOnly": True,
            "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]},
        },
    }


def test_outputs_are_those_of_the_sdk() -> None:
    """The envelope is flattened, the id and what the SDK does not know are left out."""
    resource = {
        "id": "/x",
        "name": "main",
        "secretOfTheService": 1,
        "properties": {"allocationState": "Steady", "vmSize": "a", "currentNodeCommunicationMode": None},
    }
    assert translate.outputs(POOL, resource) == {
        "name": "main",
        "allocationState": "Steady",
        "vmSize": "a",
        API_VERSION: "2024-07-01",
    }


def test_a_resource_groups_properties_stay_together() -> None:
    """The SDK shows a resource group's `properties` as one output."""
    shown = translate.outputs(RESOURCE_GROUP, {"location": "x", "properties": {"provisioningState": "Succeeded"}})
    assert shown["properties"] == {"provisioningState": "Succeeded"}


def test_a_preview_knows_the_inputs_and_nothing_else() -> None:
    """Outputs of the service are unknown; identities are a map as after the deployment."""
    shown = translate.preview(STORAGE_ACCOUNT, ACCOUNT)
    assert shown["location"] == "westeurope"
    assert shown["primaryEndpoints"] == UNKNOWN
    assert shown["identity"]["userAssignedIdentities"] == {"/i/2": UNKNOWN, "/i/1": UNKNOWN}
    assert shown.keys() == STORAGE_ACCOUNT.outputs


def test_ids_are_matched_without_regard_to_case_and_decoded() -> None:
    """An id as ARM writes it gives the parameters; another type's id gives none."""
    identifier = "/SUBSCRIPTIONS/s/resourcegroups/g%20h/providers/microsoft.batch/batchaccounts/a/pools/p"
    assert paths.match(POOL.path, identifier) == {
        "subscriptionId": "s",
        "resourceGroupName": "g h",
        "accountName": "a",
        "poolName": "p",
    }
    assert paths.match(STORAGE_ACCOUNT.path, identifier) is None


def test_a_scope_is_an_id_inside_an_id() -> None:
    """A role assignment's scope keeps its slashes, with or without the leading one."""
    values = {"scope": "/subscriptions/s/resourceGroups/g", "roleAssignmentName": "n"}
    identifier = paths.render(ROLE_ASSIGNMENT.path, values)
    assert identifier == ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/n")
    assert paths.match(ROLE_ASSIGNMENT.path, identifier) == values
    assert paths.render(ROLE_ASSIGNMENT.path, {**values, "scope": values["scope"][1:]}) == identifier


def test_changes_are_named_down_to_the_leaf() -> None:
    """Nested paths, list items and odd keys are written as the engine reads them."""
    olds = {"tags": {"a.b": "1"}, "metadata": [{"name": "x", "value": "1"}], "startTask": {"commandLine": "a"}}
    news = {"tags": {"a.b": "2"}, "metadata": [{"name": "x", "value": "2"}, {}], "vmSize": "v"}
    found = {change.path: change.kind.name for change in difference.compare(POOL, olds, news).changes}
    assert found == {
        'tags["a.b"]': "UPDATE",
        "metadata[0].value": "UPDATE",
        "metadata[1]": "ADD",
        "startTask": "DELETE",
        "vmSize": "ADD",
    }


def test_identities_are_a_set() -> None:
    """The order of a pool's identities means nothing."""
    one = {"identity": {"userAssignedIdentities": ["a", "b"]}}
    other = {"identity": {"userAssignedIdentities": ["b", "a"]}}
    assert difference.compare(POOL, one, other).changes == ()


def test_a_random_name_allows_the_replacement_to_come_first() -> None:
    """A chosen name is deleted before, a random one after the replacement."""
    olds, news = {"resourceGroupName": "a"}, {"resourceGroupName": "b"}
    assert difference.compare(RESOURCE_GROUP, olds, news).delete_before_replace
    random = difference.compare(RESOURCE_GROUP, {**olds, CREATE_BEFORE_DELETE: True}, news)
    assert (random.replaces, random.delete_before_replace) == (("resourceGroupName",), False)


def test_drift_copies_only_what_changed() -> None:
    """A changed leaf is copied into the input beside it; defaults of the service stay out."""
    inputs = {"startTask": {"commandLine": "a"}, "metadata": [{"name": "x"}]}
    before = {"startTask": {"commandLine": "a", "waitForSuccess": True}, "metadata": [{"name": "x", "value": "d"}]}
    now = {"startTask": {"commandLine": "b", "waitForSuccess": True}, "metadata": [{"name": "x", "value": "d"}]}
    assert drift.drifted(inputs, before, now) == {"startTask": {"commandLine": "b"}, "metadata": [{"name": "x"}]}


def test_drift_forgets_what_is_gone() -> None:
    """An input whose output disappeared is no input any more."""
    assert drift.drifted({"tags": {"a": "b"}, "vmSize": "v"}, {"tags": {"a": "b"}, "vmSize": "v"}, {"vmSize": "v"}) == {
        "vmSize": "v"
    }
