"""A blob container mounted on the nodes of a running server, with a pool made through ARM."""

import json
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobClient
from servers import RunningServer, job, task, wait_until

from batchite.identity.well_known import DEVELOPER_OBJECT_ID

pytestmark = pytest.mark.documented  # "Mount a virtual file system on a Batch pool"

NAME = "mounted"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


class Cloud:
    """The control plane and a blob container of a running server, as its developer."""

    def __init__(self, running: RunningServer) -> None:
        self.running, self.env = running, running.environment
        self.group = f"/subscriptions/{self.env['ARM_SUBSCRIPTION_ID']}/resourceGroups/{NAME}"
        self.credential = ClientSecretCredential(
            self.env["AZURE_TENANT_ID"],
            self.env["AZURE_CLIENT_ID"],
            self.env["AZURE_CLIENT_SECRET"],
            authority=self.env["AZURE_AUTHORITY_HOST"],
            connection_verify=self.env["REQUESTS_CA_BUNDLE"],
        )

    def put(self, path: str, version: str, **body: Any) -> dict[str, Any]:
        """Create a resource below the group and answer it."""
        token = self.credential.get_token("https://management.azure.com/.default").token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{self.running.ready['https']}{self.group}{path}?api-version={version}"
        status, text = self.running.answer(url, headers, "PUT", json.dumps(body).encode())
        assert status < 300, text

        def made() -> Any:
            answered, found = self.running.answer(url, headers)
            return json.loads(found) if answered == 200 else None

        found: dict[str, Any] = wait_until(made, f"{path} is there")
        return found

    def assign(self, number: int, scope: str, principal: str, role: str) -> None:
        """Give a principal a role."""
        definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
        name = f"00000000-0000-4000-8000-{number:012d}"
        properties = {"principalId": principal, "roleDefinitionId": definition}
        self.put(
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", "2022-04-01", properties=properties
        )

    def upload(self, name: str, content: bytes) -> None:
        """Put a blob into the container."""
        url = f"{self.running.ready['blob']}/{NAME}store"
        with BlobClient(
            url, "input", name, credential=self.credential, connection_verify=self.env["REQUESTS_CA_BUNDLE"]
        ) as blob:
            blob.upload_blob(content)


def machine() -> dict[str, Any]:
    """A pool's virtual machines."""
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    return {"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 24.04"}


def prepare(cloud: Cloud) -> None:
    """A container with a blob that an identity may read, mounted by a pool of one node."""
    cloud.put("", "2024-03-01", location="westeurope")
    providers = "/providers/Microsoft."
    identity = cloud.put(
        f"{providers}ManagedIdentity/userAssignedIdentities/nodes", "2023-01-31", location="westeurope"
    )
    store = f"{providers}Storage/storageAccounts/{NAME}store"
    cloud.put(store, "2024-01-01", location="westeurope", kind="StorageV2", sku={"name": "Standard_LRS"})
    cloud.put(f"{store}/blobServices/default/containers/input", "2024-01-01")
    cloud.assign(1, store, identity["properties"]["principalId"], READER)
    cloud.assign(2, store, DEVELOPER_OBJECT_ID, CONTRIBUTOR)
    cloud.upload("deep/data.txt", b"content")
    account = f"{providers}Batch/batchAccounts/{NAME}"
    cloud.put(account, "2024-07-01", location="westeurope")
    mount = {
        "accountName": f"{NAME}store",
        "containerName": "input",
        "relativeMountPath": "data",
        "identityReference": {"resourceId": identity["id"]},
    }
    properties = {
        "vmSize": "STANDARD_D2S_V5",
        "deploymentConfiguration": {"virtualMachineConfiguration": machine()},
        "mountConfiguration": [{"azureBlobFileSystemConfiguration": mount}],
        "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 1}},
        "startTask": {"commandLine": "/bin/sh -c 'cat $AZ_BATCH_NODE_MOUNTS_DIR/data/deep/data.txt'"},
    }
    held = {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}}
    cloud.put(f"{account}/pools/main", "2024-07-01", properties=properties, identity=held)


def test_a_mounted_container_is_there_before_the_start_task(running: RunningServer) -> None:
    """Tasks read it and cannot write; a reboot brings what has come since."""
    cloud = Cloud(running)
    prepare(cloud)
    bundle = cloud.env["REQUESTS_CA_BUNDLE"]
    client = BatchClient(f"{running.ready['https']}/batch/{NAME}", cloud.credential, connection_verify=bundle)

    def idle() -> Any:
        return next((node for node in client.list_nodes("main") if node.state == "idle"), None)

    node = wait_until(idle, "the node is up")
    assert b"".join(client.download_node_file("main", node.id, "startup/stdout.txt")) == b"content"
    client.create_job(job("job", "main"))
    client.create_tasks("job", [task("write", "echo > $AZ_BATCH_NODE_MOUNTS_DIR/data/new")])
    wait_until(lambda: client.get_task("job", "write").state == "completed", "the task is over")
    assert client.get_task("job", "write").execution_info.result == "failure"  # type: ignore[union-attr]  # it has run
    cloud.upload("later.txt", b"later")
    options: Any = {"nodeRebootOption": "requeue"}
    client.begin_reboot_node("main", node.id, options, polling_interval=0).result()
    wait_until(lambda: (one := idle()) and one.last_boot_time != node.last_boot_time, "the node is up again")
    assert b"".join(client.download_node_file("main", node.id, "fsmounts/data/later.txt")) == b"later"
    client.close()
