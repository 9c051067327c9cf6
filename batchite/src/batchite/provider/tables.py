"""What the provider supports: one row of data per resource type and per function.

Sources: API versions and property shapes from the SDK pulumi_azure_native 3.29.0 (`shapes.json`, derived by
`tests/provider/sdk_shapes.py`); wire names from the models of azure-mgmt-batch and azure-mgmt-storage; force-new
properties from azure-native's own metadata; name rules from ARM's naming reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, TypeAlias

Shape: TypeAlias = Any
"""The type of a property: a scalar's name, `[item]`, `{"*": value}` or an object (`name!` marks a required one)."""

PACKAGE = "azure-native"
VERSION = "3.29.0"
"""The version of azure-native whose behaviour and tables this provider follows."""

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_BATCH = _GROUP + "/providers/Microsoft.Batch/batchAccounts/{accountName}"
_STORAGE = _GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"
_BLOB_SERVICE = _STORAGE + "/blobServices"


@dataclass(frozen=True, slots=True)
class NameRule:
    """Length and pattern of a name that is part of the path."""

    shortest: int
    longest: int
    pattern: str


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type; `name` is its token without the package.

    `top` are the inputs beside `properties` in ARM's body (all others lie under it; `flat` is False where none do);
    `wire_names` give ARM's name of an input path where it differs; `string_sets` are lists in the program and
    `{"id": {}}` maps in ARM; `force_new` are the inputs beside path parameters whose change replaces the resource;
    `removed` are the values sent for an input that was set before and is not any more; a `singleton` exists with its
    parent: it is not created but set, and `reset` is what deleting it sets.
    """

    name: str
    api_version: str
    path: str
    name_rules: Mapping[str, NameRule] = field(default_factory=dict)
    top: frozenset[str] = frozenset({"identity", "location", "tags"})
    flat: bool = True
    wire_names: Mapping[str, str] = field(default_factory=dict)
    string_sets: frozenset[str] = frozenset()
    force_new: frozenset[str] = frozenset()
    removed: Mapping[str, Any] = field(default_factory=dict)
    singleton: bool = False
    reset: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """The shape of the program's inputs."""
        shape: Mapping[str, Shape] = _SHAPES[self.name]["inputs"]
        return shape

    @property
    def outputs(self) -> frozenset[str]:
        """The names of the outputs."""
        return frozenset(_SHAPES[self.name]["outputs"])


@dataclass(frozen=True, slots=True)
class Function:
    """One function (invoke): a GET of the type's resource, or a POST of an action on it.

    `query` maps arguments to query parameters.
    """

    name: str
    resource: ResourceType
    action: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


_SHAPES: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath("shapes.json").read_text("utf-8"))
_IDENTITIES = frozenset({"identity.userAssignedIdentities"})
_DEFAULT_ONLY = NameRule(7, 7, "^default$")
_GROUP_NAME = NameRule(1, 90, r"^[-\w._()]*[-\w_()]$")
_BATCH_ACCOUNT_NAME = NameRule(3, 24, "^[a-zA-Z0-9]+$")
_STORAGE_ACCOUNT_NAME = NameRule(3, 24, "^[a-z0-9]+$")

RESOURCE_GROUP = ResourceType(
    name="resources:ResourceGroup",
    api_version="2024-03-01",
    path="/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
    name_rules={"resourceGroupName": _GROUP_NAME},
    top=frozenset({"location", "managedBy", "tags"}),
    flat=False,
    force_new=frozenset({"location"}),
)
STORAGE_ACCOUNT = ResourceType(
    name="storage:StorageAccount",
    api_version="2024-01-01",
    path=_STORAGE,
    name_rules={"resourceGroupName": _GROUP_NAME, "accountName": _STORAGE_ACCOUNT_NAME},
    top=frozenset({"extendedLocation", "identity", "kind", "location", "sku", "tags"}),
    wire_names={
        "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
        "enableNfsV3": "isNfsV3Enabled",
        "networkRuleSet": "networkAcls",
        "networkRuleSet.ipRules.iPAddressOrRange": "value",
        "networkRuleSet.virtualNetworkRules.virtualNetworkResourceId": "id",
        "encryption.encryptionIdentity": "identity",
        "encryption.encryptionIdentity.encryptionUserAssignedIdentity": "userAssignedIdentity",
        "encryption.encryptionIdentity.encryptionFederatedIdentityClientId": "federatedIdentityClientId",
        "encryption.keyVaultProperties": "keyvaultproperties",
        "encryption.keyVaultProperties.keyName": "keyname",
        "encryption.keyVaultProperties.keyVaultUri": "keyvaulturi",
        "encryption.keyVaultProperties.keyVersion": "keyversion",
    },
    string_sets=_IDENTITIES,
    force_new=frozenset({"location", "isHnsEnabled"}),
    removed={
        "networkRuleSet": {
            "bypass": "AzureServices",
            "defaultAction": "Allow",
            "ipRules": [],
            "virtualNetworkRules": [],
        }
    },
)
BLOB_CONTAINER = ResourceType(
    name="storage:BlobContainer",
    api_version="2024-01-01",
    path=_BLOB_SERVICE + "/default/containers/{containerName}",
    name_rules={
        "resourceGroupName": _GROUP_NAME,
        "accountName": _STORAGE_ACCOUNT_NAME,
        "containerName": NameRule(3, 63, r"^(\$root|\$web|\$logs|(?!.*--)[a-z0-9][a-z0-9-]*[a-z0-9])$"),
    },
    top=frozenset(),
)
BLOB_SERVICE_PROPERTIES = ResourceType(
    name="storage:BlobServiceProperties",
    api_version="2024-01-01",
    path=_BLOB_SERVICE + "/{blobServicesName}",
    name_rules={
        "resourceGroupName": _GROUP_NAME,
        "accountName": _STORAGE_ACCOUNT_NAME,
        "blobServicesName": _DEFAULT_ONLY,
    },
    top=frozenset({"sku"}),
    singleton=True,
    reset={"properties": {"cors": {"corsRules": []}, "deleteRetentionPolicy": {"enabled": False}}},
)
MANAGEMENT_POLICY = ResourceType(
    name="storage:ManagementPolicy",
    api_version="2024-01-01",
    path=_STORAGE + "/managementPolicies/{managementPolicyName}",
    name_rules={
        "resourceGroupName": _GROUP_NAME,
        "accountName": _STORAGE_ACCOUNT_NAME,
        "managementPolicyName": _DEFAULT_ONLY,
    },
    top=frozenset(),
)
USER_ASSIGNED_IDENTITY = ResourceType(
    name="managedidentity:UserAssignedIdentity",
    api_version="2023-01-31",
    path=_GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    name_rules={"resourceGroupName": _GROUP_NAME, "resourceName": NameRule(3, 128, "^[a-zA-Z0-9][a-zA-Z0-9_-]*$")},
    force_new=frozenset({"location"}),
)
ROLE_ASSIGNMENT = ResourceType(
    name="authorization:RoleAssignment",
    api_version="2022-04-01",
    path="/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    name_rules={"roleAssignmentName": NameRule(36, 36, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")},
    top=frozenset(),
    force_new=frozenset({"principalId"}),
)
BATCH_ACCOUNT = ResourceType(
    name="batch:BatchAccount",
    api_version="2024-07-01",
    path=_BATCH,
    name_rules={"resourceGroupName": _GROUP_NAME, "accountName": _BATCH_ACCOUNT_NAME},
    string_sets=_IDENTITIES,
)
POOL = ResourceType(
    name="batch:Pool",
    api_version="2024-07-01",
    path=_BATCH + "/pools/{poolName}",
    name_rules={
        "resourceGroupName": _GROUP_NAME,
        "accountName": _BATCH_ACCOUNT_NAME,
        "poolName": NameRule(1, 64, "^[a-zA-Z0-9_-]+$"),
    },
    top=frozenset({"identity", "tags"}),
    wire_names={
        "startTask.containerSettings.registry.userName": "username",
        "deploymentConfiguration.virtualMachineConfiguration.containerConfiguration.containerRegistries.userName": (
            "username"
        ),
    },
    string_sets=_IDENTITIES,
)

RESOURCES: Mapping[str, ResourceType] = {
    f"{PACKAGE}:{row.name}": row
    for row in (
        ROLE_ASSIGNMENT,
        BATCH_ACCOUNT,
        POOL,
        USER_ASSIGNED_IDENTITY,
        RESOURCE_GROUP,
        BLOB_CONTAINER,
        BLOB_SERVICE_PROPERTIES,
        MANAGEMENT_POLICY,
        STORAGE_ACCOUNT,
    )
}

CLIENT_CONFIG = f"{PACKAGE}:authorization:getClientConfig"
"""The one function that asks ARM nothing: it tells who the provider is signed in as."""

FUNCTIONS: Mapping[str, Function] = {
    f"{PACKAGE}:{row.name}": row
    for row in (
        Function("authorization:getRoleAssignment", ROLE_ASSIGNMENT),
        Function("batch:getBatchAccount", BATCH_ACCOUNT),
        Function("batch:getPool", POOL),
        Function("batch:listBatchAccountKeys", BATCH_ACCOUNT, action="listKeys"),
        Function("managedidentity:getUserAssignedIdentity", USER_ASSIGNED_IDENTITY),
        Function("resources:getResourceGroup", RESOURCE_GROUP),
        Function("storage:getBlobContainer", BLOB_CONTAINER),
        Function("storage:getBlobServiceProperties", BLOB_SERVICE_PROPERTIES),
        Function("storage:getManagementPolicy", MANAGEMENT_POLICY),
        Function("storage:getStorageAccount", STORAGE_ACCOUNT, query={"expand": "$expand"}),
        Function("storage:listStorageAccountKeys", STORAGE_ACCOUNT, action="listKeys", query={"expand": "$expand"}),
    )
}
