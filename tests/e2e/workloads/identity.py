"""What a task can and can't do with the identity of its pool.

    python identity.py BLOB_ENDPOINT BATCH_ENDPOINT ARM_ENDPOINT

Writes findings.json: the task's environment, the blobs it saw, the text it stored, and the HTTP status that each
service gave to each of its tokens.
"""

import json
import os
import sys
from pathlib import Path

import requests
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

STORAGE, BATCH, ARM = "https://storage.azure.com", "https://batch.core.windows.net", "https://management.azure.com"


def main(blobs: str, batch: str, arm: str) -> None:
    """Try everything and write down what came of it."""
    credential = DefaultAzureCredential()
    storage = BlobServiceClient(blobs, credential)
    note = f"{os.environ['AZ_BATCH_JOB_ID']}/note.txt"
    storage.get_blob_client("output", note).upload_blob(b"written by the task itself")
    tokens = {scope: credential.get_token(f"{scope}/.default").token for scope in (STORAGE, BATCH, ARM)}
    findings = {
        "environment": dict(os.environ),
        "inputs": list(storage.get_container_client("input").list_blob_names()),
        "note": storage.get_blob_client("output", note).download_blob().readall().decode(),
        "batch": {scope: status(f"{batch}/jobs?api-version=2025-06-01", token) for scope, token in tokens.items()},
        "arm": {scope: status(f"{arm}/subscriptions?api-version=2022-12-01", token) for scope, token in tokens.items()},
        "blobs": {scope: status(f"{blobs}/?comp=list", token) for scope, token in tokens.items()},
    }
    Path("findings.json").write_text(json.dumps(findings))


def status(url: str, token: str) -> int:
    """The status that a service answers to a GET with this token."""
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-12-02"}
    return requests.get(url, headers=headers, timeout=30).status_code


if __name__ == "__main__":
    main(*sys.argv[1:])
