"""The tables beside what they were taken from: the Pulumi SDK, and the control plane that refuses."""

from __future__ import annotations

import inspect
import json
from importlib import resources
from typing import Any

import pytest
from provider import refused_inputs, sdk_shapes, wire_names

from batchite.provider import naming, paths
from batchite.provider.tables import FUNCTIONS, RESOURCES, ResourceType
from batchite.provider.translate import members

pytestmark = pytest.mark.documented


def test_shapes_are_those_of_the_installed_sdk() -> None:
    """Inputs, required marks and outputs equal what pulumi_azure_native declares."""
    stored = json.loads(resources.files("batchite.provider").joinpath("shapes.json").read_text())
    assert stored == sdk_shapes.shapes()


@pytest.mark.parametrize("token", [token for token in wire_names.MODELS if token.startswith("network:")])
def test_wire_names_are_those_of_the_installed_models(token: str) -> None:
    """Names and places in ARM's bodies equal the attribute maps of azure-mgmt-network."""
    stored = json.loads(resources.files("batchite.provider").joinpath("wire.json").read_text())
    assert stored.get(token, {}) == wire_names.row(token)


def test_what_the_control_plane_does_not_support_is_refused_before_it_is_asked() -> None:
    """The inputs that a preview refuses are those that ARM answers with 501."""
    stored = json.loads(resources.files("batchite.provider").joinpath("refused.json").read_text())
    assert stored == refused_inputs.refused()


@pytest.mark.parametrize("row", RESOURCES.values(), ids=lambda row: row.name)
def test_api_versions_are_those_of_the_installed_sdk(row: ResourceType) -> None:
    """The version in the SDK's docstring is the one that is sent."""
    source = inspect.getsource(sdk_shapes.resource_class(row.name))
    assert f"Uses Azure REST API version {row.api_version}." in source


@pytest.mark.parametrize("row", RESOURCES.values(), ids=lambda row: row.name)
def test_rows_name_only_what_the_shapes_have(row: ResourceType) -> None:
    """Path parameters, name rules and every property a row mentions are inputs or outputs of the type."""
    inputs = members(row.inputs)
    assert set(paths.parameters(row.path)) - {"subscriptionId"} <= inputs.keys()
    assert row.name_rules.keys() <= inputs.keys()
    assert row.force_new | row.refused | row.removed.keys() <= inputs.keys()
    for path in (*row.wire_names, *row.string_sets, *row.kept, *row.refusals):
        assert _has(row.inputs, path.split(".")), path


def test_names_are_chosen_as_the_real_provider_does() -> None:
    """Random for what hangs on a resource group, the logical name for children, a UUID for role assignments."""
    kinds = {row.name: naming.kind(row.path) for row in RESOURCES.values()}
    assert {name for name, kind in kinds.items() if kind is naming.Kind.COPY} == {
        "batch:Application",
        "batch:ApplicationPackage",
        "batch:Pool",
        "keyvault:Key",
        "keyvault:Secret",
        "managedidentity:FederatedIdentityCredential",
        "network:PrivateDnsZoneGroup",
        "network:SecurityRule",
        "network:Subnet",
        "privatedns:PrivateRecordSet",
        "privatedns:VirtualNetworkLink",
        "storage:BlobContainer",
        "storage:BlobServiceProperties",
        "storage:ManagementPolicy",
    }
    uuids = {"authorization:RoleAssignment", "authorization:RoleDefinition"}
    assert {name for name, kind in kinds.items() if kind is naming.Kind.UUID} == uuids


@pytest.mark.parametrize("token", FUNCTIONS)
def test_functions_exist_in_the_sdk(token: str) -> None:
    """Each function is one the SDK can call."""
    assert token in sdk_shapes.function_source(token)


def _has(shape: Any, path: list[str]) -> bool:
    if isinstance(shape, list):
        return _has(shape[0], path)
    if not path or shape == "any":
        return True
    return path[0] in members(shape) and _has(members(shape)[path[0]], path[1:])
