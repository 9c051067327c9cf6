"""What the provider supports: one row of data per resource type and per function (`schema` says what a row holds).

Wire names of Batch and storage come from the models of azure-mgmt-batch and azure-mgmt-storage, force-new properties
from azure-native's own metadata, name rules from ARM's naming reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchite.provider import tables_management, tables_network
from batchite.provider.schema import (
    GROUP,
    GROUP_NAME,
    IDENTITIES,
    PACKAGE,
    VERSION,
    Function,
    NameRule,
    ResourceType,
    Shape,
)

__all__ = [
    "CLIENT_CONFIG",
    "FUNCTIONS",
    "PACKAGE",
    "RESOURCES",
    "VERSION",
    "Function",
    "NameRule",
    "ResourceType",
    "Shape",
]

_BATCH = GROUP + "/providers/Microsoft.Batch/batchAccounts/{accountName}"
_STORAGE = GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"
_BLOB_SERVICE = _STORAGE + "/blobServices"
_DEFAULT_ONLY = NameRule(7, 7, "^default$")
_BATCH_ACCOUNT_NAME = NameRule(3, 24, "^[a-zA-Z0-9]+$")
_STORAGE_ACCOUNT_NAME = NameRule(3, 24, "^[a-z0-9]+$")

RESOURCE_GROUP = ResourceType(
    name="resources:ResourceGroup",
    api_version="2024-03-01",
    path="/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
    name_rules={"resourceGroupName": GROUP_NAME},
    top=frozenset({"location", "managedBy", "tags"}),
    flat=False,
    force_new=frozenset({"location"}),
)
STORAGE_ACCOUNT = ResourceType(
    name="storage:StorageAccount",
    api_version="2024-01-01",
    path=_STORAGE,
    name_rules={"resourceGroupName": GROUP_NAME, "accountName": _STORAGE_ACCOUNT_NAME},
    top=frozenset({"extendedLocation", "identity", "kind", "location", "sku", "tags"}),
    renamed={
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
    string_sets=IDENTITIES,
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
        "resourceGroupName": GROUP_NAME,
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
        "resourceGroupName": GROUP_NAME,
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
        "resourceGroupName": GROUP_NAME,
        "accountName": _STORAGE_ACCOUNT_NAME,
        "managementPolicyName": _DEFAULT_ONLY,
    },
    top=frozenset(),
)
USER_ASSIGNED_IDENTITY = ResourceType(
    name="managedidentity:UserAssignedIdentity",
    api_version="2023-01-31",
    path=GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    name_rules={"resourceGroupName": GROUP_NAME, "resourceName": NameRule(3, 128, "^[a-zA-Z0-9][a-zA-Z0-9_-]*$")},
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
    name_rules={"resourceGroupName": GROUP_NAME, "accountName": _BATCH_ACCOUNT_NAME},
    string_sets=IDENTITIES,
)
POOL = ResourceType(
    name="batch:Pool",
    api_version="2024-07-01",
    path=_BATCH + "/pools/{poolName}",
    name_rules={
        "resourceGroupName": GROUP_NAME,
        "accountName": _BATCH_ACCOUNT_NAME,
        "poolName": NameRule(1, 64, "^[a-zA-Z0-9_-]+$"),
    },
    top=frozenset({"identity", "tags"}),
    renamed={
        "startTask.containerSettings.registry.userName": "username",
        "deploymentConfiguration.virtualMachineConfiguration.containerConfiguration.containerRegistries.userName": (
            "username"
        ),
    },
    string_sets=IDENTITIES,
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
        *tables_network.ROWS,
        *tables_management.ROWS,
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
        *tables_network.FUNCTIONS,
        *tables_management.FUNCTIONS,
    )
}
