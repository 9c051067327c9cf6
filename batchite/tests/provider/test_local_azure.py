"""The whole way: program, engine, provider, tokens of the local authority, TLS, Batchite's control plane."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure
import pytest
from arm.worlds import DEVELOPER
from provider.local_azure import LocalAzure, local_azure
from provider.toy_arm import SUBSCRIPTION, StackFactory, changes
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from batchite.provider.values import decode

pytestmark = [
    pytest.mark.ours,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the SDK's own, see the fixture
]
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
OWNER = f"{ROLES}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/"
FORMULA = "$TargetDedicatedNodes = 0;"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalAzure]:
    """A fresh control plane."""
    with local_azure(tmp_path / "azure") as running:
        yield running


@pytest.fixture
def provider_port(server: LocalAzure) -> Iterator[int]:
    """The provider, attached to the real control plane instead of the toy."""
    command = [sys.executable, "-m", "batchite.provider", "--arm", server.url, "--credentials", str(server.credentials)]
    options = ["--ca", str(server.ca), "--subscription", SUBSCRIPTION]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


def everything(interval: str = "PT5M") -> None:
    """One resource of every type."""
    group = azure.resources.ResourceGroup("group")
    identity = azure.managedidentity.UserAssignedIdentity("identity", resource_group_name=group.name)
    store = azure.storage.StorageAccount(
        "store",
        resource_group_name=group.name,
        kind=azure.storage.Kind.STORAGE_V2,
        sku=azure.storage.SkuArgs(name=azure.storage.SkuName.STANDARD_LRS),
        allow_shared_key_access=False,
        enable_https_traffic_only=True,
    )
    place = {"resource_group_name": group.name, "account_name": store.name}
    azure.storage.BlobContainer("input", **place)
    azure.storage.BlobServiceProperties("service", blob_services_name="default", **place)
    azure.authorization.RoleAssignment(
        "role",
        scope=store.id,
        principal_id=identity.principal_id,
        principal_type="ServicePrincipal",
        role_definition_id=OWNER,
    )
    account = azure.batch.BatchAccount(
        "account",
        resource_group_name=group.name,
        allowed_authentication_modes=["AAD"],
        identity=azure.batch.BatchAccountIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
    )
    main = azure.batch.Pool(
        "main", resource_group_name=group.name, account_name=account.name, **pool(identity, interval)
    )
    pulumi.export("endpoint", account.account_endpoint)
    pulumi.export("pool", main.id)
    pulumi.export("client", azure.authorization.get_client_config_output().object_id)


def pool(identity: azure.managedidentity.UserAssignedIdentity, interval: str) -> dict[str, object]:
    """An autoscaled pool with a start task."""
    image = azure.batch.ImageReferenceArgs(
        publisher="canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
    )
    machine = azure.batch.VirtualMachineConfigurationArgs(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 24.04"
    )
    scale = azure.batch.AutoScaleSettingsArgs(formula=FORMULA, evaluation_interval=interval)
    return {
        "vm_size": "standard_d2s_v3",
        "deployment_configuration": azure.batch.DeploymentConfigurationArgs(virtual_machine_configuration=machine),
        "scale_settings": azure.batch.ScaleSettingsArgs(auto_scale=scale),
        "start_task": azure.batch.StartTaskArgs(command_line="/bin/true", wait_for_success=True),
        "identity": azure.batch.BatchPoolIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
    }


def imported(stub: provider_pb2_grpc.ResourceProviderStub, token: str, identifier: str) -> dict[str, Any]:
    """The inputs that an import of the resource would write into the state."""
    return decode(stub.Read(provider_pb2.ReadRequest(id=identifier, type=token)).inputs)


def test_all_types_live_on_the_real_control_plane(
    server: LocalAzure, stack: StackFactory, stub: provider_pb2_grpc.ResourceProviderStub
) -> None:
    """Up, nothing to do, refresh without drift, update, destroy: nothing is left behind."""
    made = stack(everything).up()
    assert made.outputs["endpoint"].value.startswith("127.0.0.1:")
    assert made.outputs["client"].value == DEVELOPER
    pool_inputs = imported(stub, "azure-native:batch:Pool", made.outputs["pool"].value)
    assert pool_inputs["startTask"]["commandLine"] == "/bin/true"
    assert len(pool_inputs["identity"]["userAssignedIdentities"]) == 1
    assert list(server.world.store.scan("arm", GROUPS)) != []
    stack(everything).preview(expect_no_changes=True)
    stack(everything).refresh(expect_no_changes=True)
    stack(everything).preview(expect_no_changes=True)
    updated = stack(lambda: everything("PT10M")).up()
    assert changes(updated) == {"update": 1, "same": 8}
    stack(everything).destroy()
    assert list(server.world.store.scan("arm", GROUPS)) == []
