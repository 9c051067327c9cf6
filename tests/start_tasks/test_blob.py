"""Blobs and secrets as the node's identity: what passes, what is tried again, where a token does not go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.start_tasks.cloud import CLIENT, DEVOPS, SECRET, STORE, TOKEN, VAULT, Cloud
from tests.start_tasks.node import Node

pytestmark = pytest.mark.ours

NewNode = Callable[[str], Node]
URL = f"https://{STORE}/output/folder/file"
Done = subprocess.CompletedProcess[str]
Blob = Callable[..., Done]


@pytest.fixture
def blob(new_node: NewNode) -> Blob:
    """Runs blob.py as a start task does; `variables` are added to its environment."""
    node = new_node("node")

    def run(*words: object, variables: Mapping[str, str] | None = None) -> Done:
        command = [sys.executable, "lib/blob.py", *map(str, words)]
        environment = {**node.variables(), **(variables or {})}
        return subprocess.run(command, cwd=node.work, env=environment, capture_output=True, text=True, check=False)

    return run


def test_what_was_put_is_got(blob: Blob, cloud: Cloud, tmp_path: Path) -> None:
    """Byte for byte, also of an empty file."""
    for content in (b"", os.urandom(100_000)):
        (tmp_path / "a").write_bytes(content)
        assert blob("put", tmp_path / "a", URL).returncode == 0
        assert cloud.blobs["output/folder/file"] == content
        assert blob("get", URL, tmp_path / "b").returncode == 0
        assert (tmp_path / "b").read_bytes() == content


def test_a_large_file_goes_in_blocks(blob: Blob, cloud: Cloud, tmp_path: Path) -> None:
    """Memory stays bounded, and the blob is there in one step."""
    content = os.urandom(2**20) * 70
    (tmp_path / "a").write_bytes(content)
    assert blob("put", tmp_path / "a", URL).returncode == 0
    assert [len(block) for block in cloud.blocks.values()] == [32 * 2**20, 32 * 2**20, 6 * 2**20]
    assert cloud.blobs["output/folder/file"] == content


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again(blob: Blob, cloud: Cloud, tmp_path: Path, status: int) -> None:
    """Throttling and errors of the service: four times."""
    (tmp_path / "a").write_text("content")
    cloud.answers += [status] * 4
    assert blob("put", tmp_path / "a", URL).returncode == 0
    assert cloud.names("") == ["output/folder/file"]
    cloud.answers += [status] * 5
    assert blob("put", tmp_path / "a", URL).returncode == 1
    assert cloud.answers == []


@pytest.mark.parametrize(("status", "hint"), [(400, ""), (403, "; has the node's identity a role there?"), (302, "")])
def test_a_refusal_is_told_in_one_line(blob: Blob, cloud: Cloud, tmp_path: Path, status: int, hint: str) -> None:
    """Once, without a redirect being followed, and without a word of the token."""
    cloud.answers += [status]
    done = blob("get", URL, tmp_path / "a")
    assert done.returncode == 1
    assert done.stderr == f"blob.py: get failed: {status} AsTheTestAsked from {URL}{hint}\n"
    assert len(cloud.asked) == 1


def test_a_missing_blob_has_an_exit_code_of_its_own(blob: Blob, tmp_path: Path) -> None:
    """A script can tell it from a failure; no file is left."""
    done = blob("get", URL, tmp_path / "a")
    assert (done.returncode, list(tmp_path.iterdir())) == (3, [])
    assert done.stderr == f"blob.py: get: 404 BlobNotFound from {URL}\n"


def test_half_a_download_is_none(blob: Blob, cloud: Cloud, tmp_path: Path) -> None:
    """A file is there whole or not at all."""
    cloud.blobs["output/folder/file"] = b"x" * 1000
    cloud.cut_off.add("output/folder/file")
    done = blob("get", URL, tmp_path / "a")
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "broke off after 500 of 1000 bytes" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://store.blob.core.windows.net/output/x",
        "https://example.com/output/x",
        "https://store.blob.core.windows.net.example.com/output/x",
        "https://user:word@store.blob.core.windows.net/output/x",
        f"{URL}?sv=2023&sig=abc",
    ],
)
def test_the_token_goes_to_no_other_place(blob: Blob, cloud: Cloud, tmp_path: Path, url: str) -> None:
    """Nothing is sent, and what may be a secret in the address is not repeated."""
    done = blob("get", url, tmp_path / "a")
    assert done.returncode == 1
    assert "word" not in done.stderr
    assert "sig" not in done.stderr.replace("signature", "")
    assert cloud.asked == []


def test_the_deployments_own_host_is_trusted(blob: Blob, cloud: Cloud, tmp_path: Path) -> None:
    """What the deployment names as its logs may be any host, as on a local node."""
    place = "https://git.example.com"
    assert "does not get the node's token" in blob("get", f"{place}/a/b", tmp_path / "a").stderr
    blob("get", f"{place}/a/b", tmp_path / "a", variables={"START_TASK_LOGS": f"{place}/logs"})
    assert cloud.asked == ["GET git.example.com/a/b"]


def test_a_secret_is_got_from_a_vault_only(blob: Blob) -> None:
    """By the identity, and from nowhere else."""
    assert blob("secret", f"https://{VAULT}/secrets/git").stdout == f"{SECRET}\n"
    refused = blob("secret", f"https://{STORE}/secrets/git")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_tokens_are_those_of_the_identity(blob: Blob) -> None:
    """The metadata service is asked for the identity that is named, and what it says of another is told."""
    assert blob("token", DEVOPS).stdout == f"{TOKEN}{DEVOPS}\n"
    other = blob("token", DEVOPS, variables={"AZURE_CLIENT_ID": CLIENT[::-1]})
    assert other.returncode == 1
    assert "Identity not found" in other.stderr


@pytest.mark.parametrize("words", [(), ("put",), ("get", URL), ("remove", URL, "x")])
def test_wrong_words_are_answered_with_the_right_ones(blob: Blob, words: tuple[str, ...]) -> None:
    """The usage, and exit code 2."""
    done = blob(*words)
    assert done.returncode == 2
    assert "blob.py put FILE URL" in done.stderr
