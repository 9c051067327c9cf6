"""A task reaches storage as its pool's identity, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.e2e.azure_clients import Clients
from tests.e2e.checkout import Checkout, Json
from tests.e2e.conftest import WORKLOADS
from tests.e2e.secrets_of import secrets_of

STORAGE, BATCH, ARM = "https://storage.azure.com", "https://batch.core.windows.net", "https://management.azure.com"


@pytest.fixture(scope="module")
def findings(local: Checkout, azure: Clients) -> Json:
    """What the task of identity.yaml wrote down."""
    job = local.submit(
        WORKLOADS / "identity.yaml",
        blobs=local.outputs["storage"]["blobEndpoint"],
        batch=local.outputs["batch"]["endpoint"],
        arm=f"https://{local.env['ARM_METADATA_HOSTNAME']}",
    )
    done = local.wait_for_job(job)
    assert done.returncode == 0, done.stdout + done.stderr
    found: Json = json.loads(azure.text("output", f"{job}/identity/findings.json"))
    return found


@pytest.mark.documented
def test_default_credential_works_in_a_task(findings: Json) -> None:
    """DefaultAzureCredential finds the pool's identity without any setting; list, upload and download work with it."""
    assert any(name.endswith("/identity.py") for name in findings["inputs"])
    assert findings["note"] == "written by the task itself"


@pytest.mark.ours
def test_environment_of_a_task_holds_no_secret(local: Checkout, azure: Clients, findings: Json) -> None:
    """No key and no client secret, neither the server's nor the deployment's, is in a task's environment."""
    text = json.dumps(findings["environment"])
    assert [name for name, secret in secrets_of(local, azure).items() if secret in text] == []
    assert not {"AZURE_CLIENT_SECRET", "AZURE_BATCH_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING"} & set(
        findings["environment"]
    )


@pytest.mark.documented
def test_tokens_of_a_task_open_storage_only(findings: Json) -> None:
    """A token for another service is none (401); one for the right service is refused for want of a role (403)."""
    assert findings["batch"] == {STORAGE: 401, BATCH: 403, ARM: 401}
    assert findings["arm"][STORAGE] == 401
    assert findings["blobs"][BATCH] == findings["blobs"][ARM] == 401
