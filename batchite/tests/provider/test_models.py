"""Where the provider puts inputs in ARM's bodies, beside the models of Azure's management SDKs."""

from __future__ import annotations

import importlib

import pytest
from provider.models import misplaced
from provider.wire_names import NEWER

from batchite.provider.schema import PACKAGE
from batchite.provider.tables import RESOURCES

pytestmark = pytest.mark.documented

AUTHORIZATION = "authorization.v2022_04_01.models"
MODELS = {
    "authorization:RoleAssignment": (AUTHORIZATION, "RoleAssignmentCreateParameters"),
    "authorization:RoleDefinition": ("authorization.v2022_05_01_preview.models", "RoleDefinition"),
    "batch:Application": ("batch.models", "Application"),
    "batch:ApplicationPackage": ("batch.models", "ApplicationPackage"),
    "batch:BatchAccount": ("batch.models", "BatchAccountCreateParameters"),
    "batch:Pool": ("batch.models", "Pool"),
    "managedidentity:FederatedIdentityCredential": ("msi.v2024_11_30.models", "FederatedIdentityCredential"),
    "managedidentity:UserAssignedIdentity": ("msi.v2024_11_30.models", "Identity"),
    "network:NatGateway": ("network.models", "NatGateway"),
    "network:NetworkSecurityGroup": ("network.models", "NetworkSecurityGroup"),
    "network:PrivateDnsZoneGroup": ("network.models", "PrivateDnsZoneGroup"),
    "network:PrivateEndpoint": ("network.models", "PrivateEndpoint"),
    "network:PublicIPAddress": ("network.models", "PublicIPAddress"),
    "network:RouteTable": ("network.models", "RouteTable"),
    "network:SecurityRule": ("network.models", "SecurityRule"),
    "network:Subnet": ("network.models", "Subnet"),
    "network:VirtualNetwork": ("network.models", "VirtualNetwork"),
    "resources:ResourceGroup": ("resource.resources.models", "ResourceGroup"),
    "storage:BlobContainer": ("storage.models", "BlobContainer"),
    "storage:BlobServiceProperties": ("storage.models", "BlobServiceProperties"),
    "storage:ManagementPolicy": ("storage.models", "ManagementPolicy"),
    "storage:StorageAccount": ("storage.models", "StorageAccountCreateParameters"),
}


@pytest.mark.parametrize("token", MODELS)
def test_inputs_have_the_names_and_places_of_the_api(token: str) -> None:
    """Every input, nested ones too, lies in the body where the API's own model puts it, under the same name."""
    package, model = MODELS[token]
    models = importlib.import_module(f"azure.mgmt.{package}")
    newer = {f"{path}: no {place} in Subnet" for path, place in NEWER.get(token, {}).items()}
    assert set(misplaced(RESOURCES[f"{PACKAGE}:{token}"], models, model)) == newer


def test_a_wrong_name_is_found() -> None:
    """The comparison sees inputs that the model does not have."""
    models = importlib.import_module("azure.mgmt.network.models")
    assert "protocol: no properties.protocol in RouteTable" in list(
        misplaced(RESOURCES[f"{PACKAGE}:network:SecurityRule"], models, "RouteTable")
    )
