"""Application packages on a running server, with the unmodified clients: made through ARM, run on a node."""

import io
import zipfile
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.batch import BatchManagementClient
from azure.mgmt.batch import models as batch
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobClient
from servers import RunningServer, job, pool, task, wait_until

pytestmark = pytest.mark.documented
CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe"
ZIP = batch.ActivateApplicationPackageParameters(format="zip")


class Cloud:
    """The management clients of a running server, as its developer."""

    def __init__(self, running: RunningServer) -> None:
        self.env = running.environment
        self.bundle = self.env["REQUESTS_CA_BUNDLE"]
        self.credential = ClientSecretCredential(
            self.env["AZURE_TENANT_ID"],
            self.env["AZURE_CLIENT_ID"],
            self.env["AZURE_CLIENT_SECRET"],
            authority=self.env["AZURE_AUTHORITY_HOST"],
            connection_verify=self.bundle,
        )

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """A token for management, whatever scope a client derives from the server's address."""
        return self.credential.get_token("https://management.azure.com/.default")

    def open(self, kind: Any) -> Any:
        """A client."""
        return kind(
            credential=self,
            subscription_id=self.env["ARM_SUBSCRIPTION_ID"],
            base_url=f"https://{self.env['ARM_METADATA_HOSTNAME']}",
            connection_verify=self.bundle,
            polling_interval=1,
        )

    def account(self, name: str, *, by_identity: bool) -> BatchClient:
        """A Batch account with auto-storage that works by key, or by the account's own identity with keys off."""
        body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        body["properties"] = {"allowSharedKeyAccess": not by_identity}
        mode = "BatchAccountManagedIdentity" if by_identity else "StorageKeys"
        with (
            self.open(ResourceManagementClient) as groups,
            self.open(StorageManagementClient) as storage,
            self.open(BatchManagementClient) as accounts,
            self.open(AuthorizationManagementClient) as roles,
        ):
            groups.resource_groups.create_or_update(name, {"location": "westeurope"})
            linked = storage.storage_accounts.begin_create(name, f"{name}store", body).result()
            auto = batch.AutoStorageBaseProperties(storage_account_id=linked.id, authentication_mode=mode)
            identity = batch.BatchAccountIdentity(type="SystemAssigned")
            parameters = batch.BatchAccountCreateParameters(location="westeurope", auto_storage=auto, identity=identity)
            made = accounts.batch_account.begin_create(name, name, parameters).result()
            assignment = {"principalId": made.identity.principal_id, "roleDefinitionId": CONTRIBUTOR}
            roles.role_assignments.create(
                linked.id, f"{len(name):08d}-1111-4111-8111-111111111111", {"properties": assignment}
            )
        return BatchClient(f"https://{made.account_endpoint}", self.credential, connection_verify=self.bundle)


@pytest.fixture(scope="module")
def cloud(running: RunningServer) -> Cloud:
    """The server's management side."""
    return Cloud(running)


def zipped(text: str) -> bytes:
    """A package with a program that prints a text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        program = zipfile.ZipInfo("tool")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, f"#!/bin/sh\necho {text}\n")
    return buffer.getvalue()


def publish(cloud: Cloud, name: str, version: str, content: bytes) -> str:
    """Make a version, upload it with nothing but its address, activate it; the address."""
    with cloud.open(BatchManagementClient) as client:
        client.application.create(name, name, "tool")
        made = client.application_package.create(name, name, "tool", version)
        with BlobClient.from_blob_url(made.storage_url, connection_verify=cloud.bundle) as blob:
            blob.upload_blob(content)
        active = client.application_package.activate(name, name, "tool", version, ZIP)
        assert active.state == "Active"
        return str(made.storage_url)


def output(client: BatchClient, name: str, script: str, **options: Any) -> Any:
    """A task on the pool `main`, when it is over."""
    if not any(one.id == "job" for one in client.list_jobs()):
        client.create_job(job("job", "main"))
    wanted = task(name, script)
    for key, value in options.items():
        setattr(wanted, key, value)
    client.create_task("job", wanted)
    return wait_until(lambda: (one := client.get_task("job", name)).state == "completed" and one, f"{name} is over")


def text(client: BatchClient, name: str) -> str:
    """What a task printed."""
    return b"".join(client.download_task_file("job", name, "stdout.txt")).decode()


@pytest.mark.parametrize(("name", "by_identity"), [("bykey", False), ("byidentity", True)])
def test_a_package_runs_on_a_node(cloud: Cloud, name: str, by_identity: bool) -> None:
    """Uploaded by storageUrl alone, signed by key or identity; the pool's nodes have it, a task may bring another."""
    client = cloud.account(name, by_identity=by_identity)
    address = publish(cloud, name, "1.0", zipped("one"))
    assert ("skoid=" in address) == by_identity
    publish(cloud, name, "2.0", zipped("two"))
    with cloud.open(BatchManagementClient) as management:
        management.application.update(name, name, "tool", batch.Application(default_version="1.0"))
    options = pool("main", dedicated=1)
    options.application_package_references = [models.BatchApplicationPackageReference(application_id="tool")]
    client.create_pool(options)
    both = "$AZ_BATCH_APP_PACKAGE_tool/tool; $AZ_BATCH_APP_PACKAGE_tool_1_0/tool"
    assert output(client, "default", both).execution_info.exit_code == 0
    assert text(client, "default") == "one\none\n"
    references = [models.BatchApplicationPackageReference(application_id="tool", version="2.0")]
    own = output(client, "own", "$AZ_BATCH_APP_PACKAGE_tool_2_0/tool", application_package_references=references)
    assert text(client, "own") == "two\n"
    found = [file.name or "" for file in client.list_node_files("main", own.node_info.node_id, recursive=True)]
    assert len([one for one in found if one.startswith("applications/tool") and one.endswith("/tool")]) == 2
    client.close()


def test_an_address_serves_its_package_only(cloud: Cloud, running: RunningServer) -> None:
    """It writes no other blob, and after activation without updates a fresh one only reads; no log has it."""
    cloud.account("address", by_identity=True).close()
    address = publish(cloud, "address", "1", zipped("one"))
    place, _, signature = address.partition("?")
    with (
        BlobClient.from_blob_url(f"{place}0?{signature}", connection_verify=cloud.bundle, retry_total=0) as other,
        pytest.raises(HttpResponseError),
    ):
        other.upload_blob(b"x")
    with cloud.open(BatchManagementClient) as client:
        client.application.update("address", "address", "tool", batch.Application(allow_updates=False))
        fresh = client.application_package.get("address", "address", "tool", "1").storage_url
        assert fresh
        with pytest.raises(HttpResponseError):
            client.application_package.activate("address", "address", "tool", "1", ZIP)
    with BlobClient.from_blob_url(fresh, connection_verify=cloud.bundle, retry_total=0) as blob:
        assert blob.download_blob().readall() == zipped("one")
        with pytest.raises(HttpResponseError):
            blob.upload_blob(b"x", overwrite=True)
    logs = [running.log, *(file for file in (running.data / "log").rglob("*") if file.is_file())]
    assert [file for file in logs if b"sig=" in file.read_bytes()] == []


def test_a_task_whose_package_has_gone_fails_with_the_documented_code(cloud: Cloud) -> None:
    """The pool's nodes are there; the task says which package it is."""
    client = cloud.account("gone", by_identity=False)
    publish(cloud, "gone", "1", b"Hey there!")
    client.create_pool(pool("main", dedicated=1))
    references = [models.BatchApplicationPackageReference(application_id="tool", version="1")]
    ended = output(client, "broken", "true", application_package_references=references)
    assert ended.execution_info.result == "failure"
    failure = ended.execution_info.failure_info
    assert failure is not None
    assert (failure.category, failure.code) == ("usererror", "ApplicationPackageError")
    assert "sig=" not in str(failure)
    client.close()


def test_a_new_version_reaches_a_node_when_it_reboots(cloud: Cloud) -> None:
    """A change of the pool's packages is not noticed by a node that runs; once it has rebooted, it has the new one."""
    client = cloud.account("reboot", by_identity=True)
    for version in ("1", "2"):
        publish(cloud, "reboot", version, zipped(version))
    options = pool("main", dedicated=1)
    options.application_package_references = [
        models.BatchApplicationPackageReference(application_id="tool", version="1")
    ]
    client.create_pool(options)
    script = "for tool in $(env | sed -n s/^AZ_BATCH_APP_PACKAGE_.*=//p); do $tool/tool; done"
    output(client, "before", script)
    wanted = [models.BatchApplicationPackageReference(application_id="tool", version="2")]
    client.update_pool("main", models.BatchPoolUpdateOptions(application_package_references=wanted))
    output(client, "unnoticed", script)
    (node,) = client.list_nodes("main")
    booted = node.last_boot_time
    reboot: Any = {"nodeRebootOption": "requeue"}
    client.begin_reboot_node("main", node.id, reboot, polling_interval=0).result()
    wait_until(
        lambda: (one := client.get_node("main", node.id)).state == "idle" and one.last_boot_time != booted,
        "the node has rebooted",
    )
    output(client, "after", script)
    assert [text(client, name) for name in ("before", "unnoticed", "after")] == ["1\n", "1\n", "2\n"]
    client.close()
