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
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import BlobContainer

from batchite.http.asgi import App
from batchite.http.plane import Plane, everything
from batchite.http.render import ARM
from batchite.http.serve import Listener, bind, port_of, serve
from batchite.identity.authenticators import ArmAuthenticator
from batchite.identity.ca import Certificates, ensure_certificates
from batchite.identity.tokens import TokenIssuer, TokenVerifier, create_keys
from batchite.identity.well_known import DEVELOPER_CLIENT_ID, TENANT_ID

pytestmark = pytest.mark.documented
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
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
        """A token of the developer's."""
        token = self.issuer.issue("https://management.azure.com/", DEVELOPER, DEVELOPER_CLIENT_ID, TENANT_ID)
        return AccessToken(token, 2**31)

    def options(self) -> dict[str, Any]:
        """What every client is made with."""
        return {
            "credential": self,
            "subscription_id": SUBSCRIPTION,
            "base_url": self.base,
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
    """azure-mgmt-resource reads groups and registrations."""
    with ResourceManagementClient(**server.options()) as client:
        assert client.resource_groups.get(group).location == "westeurope"
        assert [found.name for found in client.resource_groups.list()] == [group]
        assert client.providers.get("Microsoft.Batch").registration_state == "Registered"
        assert client.providers.register("Microsoft.Storage").registration_state == "Registered"
        with pytest.raises(ResourceNotFoundError) as raised:
            client.resource_groups.get("none")
        assert raised.value.error
        assert raised.value.error.code == "ResourceGroupNotFound"


def test_storage_accounts_and_containers(server: Server, group: str) -> None:
    """azure-mgmt-storage creates an account, reads its keys, makes and lists containers."""
    with StorageManagementClient(**server.options()) as client:
        body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        account = client.storage_accounts.begin_create(group, "sdkstore", body).result()
        assert account.provisioning_state == "Succeeded"
        assert (
            client.storage_accounts.check_name_availability(
                {"name": "sdkstore", "type": "Microsoft.Storage/storageAccounts"}
            ).name_available
            is False
        )
        keys = client.storage_accounts.list_keys(group, "sdkstore").keys_property
        assert keys
        assert len(keys) == 2
        client.blob_containers.create(group, "sdkstore", "input", BlobContainer())
        assert [found.name for found in client.blob_containers.list(group, "sdkstore")] == ["input"]
        client.blob_containers.delete(group, "sdkstore", "input")
        client.storage_accounts.delete(group, "sdkstore")


def test_identities_and_role_assignments(server: Server, group: str) -> None:
    """azure-mgmt-msi makes an identity, azure-mgmt-authorization gives it a role."""
    with ManagedServiceIdentityClient(**server.options()) as identities:
        identity: Any = identities.user_assigned_identities.create_or_update(group, "nodes", {"location": "westeurope"})
    with AuthorizationManagementClient(**server.options()) as client:
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
        body: Any = {"properties": {"principalId": identity.principal_id, "roleDefinitionId": READER}}
        name = "11111111-1111-4111-8111-111111111111"
        made = client.role_assignments.create(scope, name, body)
        assert made.principal_id == identity.principal_id
        assert [found.name for found in client.role_assignments.list_for_scope(scope)] == [name]
        client.role_assignments.delete(scope, name)


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
