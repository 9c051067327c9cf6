"""The unmodified azure-mgmt clients against a running server over HTTPS, with tokens of its own authority."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from arm.worlds import DEVELOPER, SUBSCRIPTION, World
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.batch import BatchManagementClient
from azure.mgmt.batch import models as batch
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential, Identity, IdentityUpdate
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import TagsObject
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroupPatchable
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import BlobContainer, BlobServiceProperties

from batchite.http.asgi import App
from batchite.http.plane import Plane, everything
from batchite.http.render import ARM
from batchite.http.serve import Listener, bind, port_of, serve
from batchite.identity.authenticators import ArmAuthenticator
from batchite.identity.ca import Certificates, ensure_certificates
from batchite.identity.tokens import TokenIssuer, TokenVerifier, create_keys
from batchite.identity.well_known import DEVELOPER_CLIENT_ID, TENANT_ID

pytestmark = pytest.mark.documented
SCOPE = "https://management.azure.com/.default"
FORMULA = "$TargetDedicatedNodes = 1;"


class Server:
    """A control plane in a thread of its own, and a credential for it."""

    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.issuer = TokenIssuer(create_keys().token_key)
        self._socket = bind(0, "--https-port")
        self.base = f"https://127.0.0.1:{port_of(self._socket)}"
        self._answering = threading.Event()
        self._thread = threading.Thread(target=uvloop.run, args=(self._main(),))
        self._thread.start()
        assert self._answering.wait(20)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """A token of the developer's; clients ask for the scope they were given."""
        assert scopes == (SCOPE,)
        token = self.issuer.issue("https://management.azure.com/", DEVELOPER, DEVELOPER_CLIENT_ID, TENANT_ID)
        return AccessToken(token, 2**31)

    def options(self) -> dict[str, Any]:
        """What every client is made with."""
        return {
            "credential": self,
            "subscription_id": SUBSCRIPTION,
            "base_url": self.base,
            "credential_scopes": [SCOPE],
            "connection_verify": str(self.certificates.ca),
            "polling_interval": 1,
        }

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.world = world = World()
        world.endpoints.https = self.base
        await world.start()
        authenticate = ArmAuthenticator(TokenVerifier(self.issuer.public_key), set())
        plane = Plane("arm", everything(""), world.router, authenticate, ARM)
        certificate = (self.certificates.certificate, self.certificates.key)
        listener = Listener(self._socket, App([plane]), certificate)
        try:
            await serve([listener], self._answering.set, self._stop, signals=False)
        finally:
            await world.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the module."""
    running = Server(ensure_certificates(Path(tmp_path_factory.mktemp("ca"))))
    yield running
    running.close()


@pytest.fixture
def group(server: Server) -> Iterator[str]:
    """A resource group that is deleted with everything inside."""
    with ResourceManagementClient(**server.options()) as client:
        client.resource_groups.create_or_update("sdk", {"location": "westeurope"})
        yield "sdk"
        client.resource_groups.begin_delete("sdk").result()
        assert not client.resource_groups.check_existence("sdk")


def test_groups_and_providers(server: Server, group: str) -> None:
    """azure-mgmt-resource reads and tags groups, and reads registrations."""
    with ResourceManagementClient(**server.options()) as client:
        assert client.resource_groups.get(group).location == "westeurope"
        assert [found.name for found in client.resource_groups.list()] == [group]
        changed = client.resource_groups.update(group, ResourceGroupPatchable(tags={"a": "b"}))
        assert changed.tags == {"a": "b"}
        assert client.providers.get("Microsoft.Batch").registration_state == "Registered"
        assert client.providers.register("Microsoft.Storage").registration_state == "Registered"
        assert "Microsoft.Network" in {found.namespace for found in client.providers.list()}
        with pytest.raises(ResourceNotFoundError) as raised:
            client.resource_groups.get("none")
        assert raised.value.error
        assert raised.value.error.code == "ResourceGroupNotFound"


def test_storage_accounts_and_containers(server: Server, group: str) -> None:
    """azure-mgmt-storage makes, changes and lists accounts, their keys, containers, services and policies."""
    with StorageManagementClient(**server.options()) as client:
        body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        account = client.storage_accounts.begin_create(group, "sdkstore", body).result()
        assert account.provisioning_state == "Succeeded"
        taken: Any = {"name": "sdkstore", "type": "Microsoft.Storage/storageAccounts"}
        assert client.storage_accounts.check_name_availability(taken).name_available is False
        changed = client.storage_accounts.update(group, "sdkstore", {"tags": {"a": "b"}})
        assert changed.tags == {"a": "b"}
        assert [one.name for one in client.storage_accounts.list_by_resource_group(group)] == ["sdkstore"]
        keys = client.storage_accounts.list_keys(group, "sdkstore").keys_property
        assert keys
        new = client.storage_accounts.regenerate_key(group, "sdkstore", {"keyName": "key1"}).keys_property
        assert new
        assert (new[0].value == keys[0].value, new[1].value == keys[1].value) == (False, True)
        client.blob_containers.create(group, "sdkstore", "input", BlobContainer())
        assert [found.name for found in client.blob_containers.list(group, "sdkstore")] == ["input"]
        updated = client.blob_containers.update(
            group, "sdkstore", "input", BlobContainer({"properties": {"metadata": {"a": "b"}}})
        )
        assert updated.metadata == {"a": "b"}
        services = client.blob_services.set_service_properties(
            group, "sdkstore", BlobServiceProperties({"properties": {"isVersioningEnabled": True}})
        )
        assert services.is_versioning_enabled
        assert client.blob_services.get_service_properties(group, "sdkstore").is_versioning_enabled
        client.blob_containers.delete(group, "sdkstore", "input")
        client.storage_accounts.delete(group, "sdkstore")
        with pytest.raises(ResourceNotFoundError):
            client.storage_accounts.get_properties(group, "sdkstore")


def test_lifecycle_policies(server: Server, group: str) -> None:
    """azure-mgmt-storage makes, reads and deletes the policy of an account."""
    with StorageManagementClient(**server.options()) as client:
        body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        client.storage_accounts.begin_create(group, "sdkpolicy", body).result()
        delete = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}
        rule = {"name": "old", "type": "Lifecycle", "definition": {"actions": delete}}
        policy: Any = {"properties": {"policy": {"rules": [rule]}}}
        made = client.management_policies.create_or_update(group, "sdkpolicy", "default", policy)
        assert made.policy
        assert made.policy.rules[0].name == "old"
        assert client.management_policies.get(group, "sdkpolicy", "default").last_modified_time
        client.management_policies.delete(group, "sdkpolicy", "default")
        with pytest.raises(ResourceNotFoundError):
            client.management_policies.get(group, "sdkpolicy", "default")


def test_identities_and_their_credentials(server: Server, group: str) -> None:
    """azure-mgmt-msi makes, changes, lists and deletes identities and what they trust."""
    with ManagedServiceIdentityClient(**server.options()) as client:
        made = client.user_assigned_identities.create_or_update(group, "nodes", Identity(location="westeurope"))
        changed = client.user_assigned_identities.update(group, "nodes", IdentityUpdate(tags={"a": "b"}))
        assert (changed.principal_id, changed.tags) == (made.principal_id, {"a": "b"})
        assert client.user_assigned_identities.get(group, "nodes").client_id == made.client_id
        assert [one.name for one in client.user_assigned_identities.list_by_resource_group(group)] == ["nodes"]
        trust = FederatedIdentityCredential(
            issuer="https://issuer.example.com", subject="a", audiences=["api://AzureADTokenExchange"]
        )
        credentials = client.federated_identity_credentials
        assert credentials.create_or_update(group, "nodes", "pipeline", trust).subject == "a"
        trust.subject = "b"
        assert credentials.create_or_update(group, "nodes", "pipeline", trust).subject == "b"
        assert [one.name for one in credentials.list(group, "nodes")] == ["pipeline"]
        credentials.delete(group, "nodes", "pipeline")
        client.user_assigned_identities.delete(group, "nodes")
        with pytest.raises(ResourceNotFoundError):
            client.user_assigned_identities.get(group, "nodes")


def test_roles_and_their_assignments(server: Server, group: str) -> None:
    """azure-mgmt-authorization finds roles, makes one, assigns both, and takes them back."""
    with ManagedServiceIdentityClient(**server.options()) as identities:
        identity = identities.user_assigned_identities.create_or_update(group, "nodes", Identity(location="westeurope"))
    with AuthorizationManagementClient(**server.options()) as client:
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        (reader,) = client.role_definitions.list(scope, filter="roleName eq 'Reader'")
        body: Any = {"properties": {"principalId": identity.principal_id, "roleDefinitionId": reader.id}}
        name = "11111111-1111-4111-8111-111111111111"
        made = client.role_assignments.create(scope, name, body)
        assert made.principal_id == identity.principal_id
        assert client.role_assignments.get(scope, name).role_definition_id == reader.id
        assert [found.name for found in client.role_assignments.list_for_scope(scope)] == [name]
        client.role_assignments.delete(scope, name)
        role: Any = {"roleName": "SDK", "assignableScopes": [scope], "permissions": [{"actions": ["*/read"]}]}
        custom = client.role_definitions.create_or_update(scope, name, {"properties": role})
        assert custom.role_type == "CustomRole"
        assert client.role_definitions.get(scope, name).permissions[0].actions == ["*/read"]
        client.role_definitions.delete(scope, name)


def test_networks(server: Server, group: str) -> None:
    """azure-mgmt-network polls what it makes, changes and deletes."""
    with NetworkManagementClient(**server.options()) as client:
        body: Any = {"location": "westeurope", "address_space": {"address_prefixes": ["10.0.0.0/16"]}}
        made = client.virtual_networks.begin_create_or_update(group, "sdknet", body).result()
        assert made.provisioning_state == "Succeeded"
        subnet: Any = {"address_prefix": "10.0.0.0/24"}
        client.subnets.begin_create_or_update(group, "sdknet", "a", subnet).result()
        found = client.virtual_networks.get(group, "sdknet")
        assert [one.name for one in found.subnets or ()] == ["a"]
        with ResourceManagementClient(**server.options()) as resources:
            listed = resources.resources.list_by_resource_group(group)
            assert [one.type for one in listed] == ["Microsoft.Network/virtualNetworks"]
        found.tags = {"a": "b"}
        again = client.virtual_networks.begin_create_or_update(group, "sdknet", found).result()
        assert (again.tags, [one.name for one in again.subnets or ()]) == ({"a": "b"}, ["a"])
        assert client.virtual_networks.update_tags(group, "sdknet", TagsObject(tags={"c": "d"})).tags == {"c": "d"}
        client.subnets.begin_delete(group, "sdknet", "a").result()
        assert list(client.subnets.list(group, "sdknet")) == []
        client.virtual_networks.begin_delete(group, "sdknet").result()
        assert list(client.virtual_networks.list(group)) == []


def test_batch_accounts(server: Server, group: str) -> None:
    """azure-mgmt-batch makes, changes, lists and deletes accounts, their keys, applications and versions."""
    with BatchManagementClient(**server.options()) as client:
        with StorageManagementClient(**server.options()) as storage:
            body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
            store = storage.storage_accounts.begin_create(group, "sdkpackages", body).result()
        linked = batch.AutoStorageBaseProperties(storage_account_id=str(store.id))
        parameters = batch.BatchAccountCreateParameters(location="westeurope", auto_storage=linked)
        client.batch_account.begin_create(group, "sdkaccount", parameters).result()
        taken = batch.CheckNameAvailabilityParameters(name="sdkaccount")
        assert client.location.check_name_availability("westeurope", taken).name_available is False
        update = batch.BatchAccountUpdateParameters(tags={"a": "b"})
        assert client.batch_account.update(group, "sdkaccount", update).tags == {"a": "b"}
        assert client.batch_account.get(group, "sdkaccount").auto_storage
        assert [one.name for one in client.batch_account.list_by_resource_group(group)] == ["sdkaccount"]
        keys = client.batch_account.get_keys(group, "sdkaccount")
        new = batch.BatchAccountRegenerateKeyParameters(key_name=batch.AccountKeyType.PRIMARY)
        assert client.batch_account.regenerate_key(group, "sdkaccount", new).primary != keys.primary
        application = batch.Application(display_name="Tool")
        assert client.application.create(group, "sdkaccount", "tool", application).display_name == "Tool"
        application.display_name = "Tools"
        assert client.application.update(group, "sdkaccount", "tool", application).display_name == "Tools"
        assert client.application_package.create(group, "sdkaccount", "tool", "1").storage_url
        assert [one.name for one in client.application_package.list(group, "sdkaccount", "tool")] == ["1"]
        client.application_package.delete(group, "sdkaccount", "tool", "1")
        client.application.delete(group, "sdkaccount", "tool")
        assert list(client.application.list(group, "sdkaccount")) == []
        client.batch_account.begin_delete(group, "sdkaccount").result()


def test_batch_accounts_and_pools(server: Server, group: str) -> None:
    """azure-mgmt-batch creates an account and an autoscaled pool, changes the pool and deletes both."""
    with BatchManagementClient(**server.options()) as client:
        parameters = batch.BatchAccountCreateParameters(location="westeurope")
        account = client.batch_account.begin_create(group, "sdkbatch", parameters).result()
        assert account.account_endpoint == f"{server.base.removeprefix('https://')}/batch/sdkbatch"
        assert client.batch_account.get_keys(group, "sdkbatch").primary
        machine = batch.VirtualMachineConfiguration(
            image_reference=batch.ImageReference(publisher="canonical", offer="ubuntu", sku="server"),
            node_agent_sku_id="batch.node.ubuntu 24.04",
        )
        pool = batch.Pool(
            vm_size="STANDARD_D2S_V3",
            deployment_configuration=batch.DeploymentConfiguration(virtual_machine_configuration=machine),
            scale_settings=batch.ScaleSettings(auto_scale=batch.AutoScaleSettings(formula=FORMULA)),
            start_task=batch.StartTask(command_line="/bin/true"),
        )
        made = client.pool.create(group, "sdkbatch", "main", pool)
        assert made.scale_settings
        assert made.scale_settings.auto_scale
        assert made.scale_settings.auto_scale.formula == FORMULA
        changed = client.pool.update(
            group, "sdkbatch", "main", batch.Pool(metadata=[batch.MetadataItem(name="a", value="b")])
        )
        assert changed.metadata
        assert changed.metadata[0].value == "b"
        with pytest.raises(HttpResponseError) as raised:
            client.pool.update(group, "sdkbatch", "main", batch.Pool(vm_size="STANDARD_D4S_V3"))
        assert raised.value.error
        assert raised.value.error.code == "PropertyCannotBeUpdated"
        assert [found.name for found in client.pool.list_by_batch_account(group, "sdkbatch")] == ["main"]
        client.pool.begin_delete(group, "sdkbatch", "main").result()
        with pytest.raises(ResourceNotFoundError):
            client.pool.get(group, "sdkbatch", "main")
        client.batch_account.begin_delete(group, "sdkbatch").result()
        assert list(client.batch_account.list()) == []


def test_applications_and_packages(server: Server, group: str) -> None:
    """azure-mgmt-batch makes an application and a version, activates it once it is uploaded, and deletes both."""
    with StorageManagementClient(**server.options()) as storage:
        body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        linked = storage.storage_accounts.begin_create(group, "appstore", body).result().id
    assert linked
    with BatchManagementClient(**server.options()) as client:
        auto = batch.AutoStorageBaseProperties(storage_account_id=linked)
        parameters = batch.BatchAccountCreateParameters(location="westeurope", auto_storage=auto)
        client.batch_account.begin_create(group, "appbatch", parameters).result()
        where = (group, "appbatch", "tool")
        made = client.application.create(*where, batch.Application(display_name="A tool"))
        assert made.allow_updates is True
        version = client.application_package.create(*where, "1.0")
        assert version.state == "Pending"
        assert version.storage_url
        assert version.storage_url_expiry
        zipped = batch.ActivateApplicationPackageParameters(format="zip")
        with pytest.raises(HttpResponseError, match="ApplicationPackageBlobNotFound"):
            client.application_package.activate(*where, "1.0", zipped)
        account, container, name = version.storage_url.partition("?")[0].split("/")[-3:]
        server.world.blobs.blobs.add((account, container, name))
        active = client.application_package.activate(*where, "1.0", zipped)
        assert (active.state, active.format) == ("Active", "zip")
        assert active.last_activation_time
        client.application.update(*where, batch.Application(default_version="1.0", allow_updates=False))
        assert client.application.get(*where).default_version == "1.0"
        assert [found.name for found in client.application.list(group, "appbatch")] == ["tool"]
        assert [found.state for found in client.application_package.list(*where)] == ["Active"]
        client.application_package.delete(*where, "1.0")
        client.application.delete(*where)
        with pytest.raises(ResourceNotFoundError):
            client.application.get(*where)
        client.batch_account.begin_delete(group, "appbatch").result()
