"""The unmodified SDK with a token credential, through the gateway, on a real Azurite."""

import os

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings, StandardBlobTier

pytestmark = pytest.mark.documented


def test_upload_and_download(writer: BlobServiceClient, container: str) -> None:
    """A blob comes back as it was sent, with its type, its metadata and an ETag."""
    blob = writer.get_blob_client(container, "out/result.csv")
    sent = blob.upload_blob(b"a,b\n1,2\n", metadata={"stage_1": "x", "stage_a": "y", "stage1": "z"})
    properties = blob.get_blob_properties()
    assert properties.etag == sent["etag"]
    assert properties.metadata == {"stage_1": "x", "stage_a": "y", "stage1": "z"}
    assert properties.size == 8
    assert blob.download_blob().readall() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    "name",
    ["Ergebnis für Köln.txt", "日本/データ.bin", "a b+c%20d&e=f?g#h.txt", "deep/er/~x(1)'!.log", "emoji-🌞"],
)
def test_names(writer: BlobServiceClient, container: str, name: str) -> None:
    """Any blob name survives the way: spaces, percent signs, reserved characters, all of Unicode."""
    blob = writer.get_blob_client(container, name)
    blob.upload_blob(b"x")
    assert blob.download_blob().readall() == b"x"
    assert [found.name for found in writer.get_container_client(container).list_blobs(name_starts_with=name)] == [name]


def test_ranges(writer: BlobServiceClient, container: str) -> None:
    """A range gives its bytes, a range beyond the end is refused."""
    blob = writer.get_blob_client(container, "digits")
    blob.upload_blob(b"0123456789")
    assert blob.download_blob(offset=2, length=3).readall() == b"234"
    assert blob.download_blob(offset=8).readall() == b"89"
    with pytest.raises(Exception, match="InvalidRange"):
        blob.download_blob(offset=20, length=1)


def test_large_blob(writer: BlobServiceClient, container: str) -> None:
    """20 MiB go up in one request and in parallel blocks, and come down in ranges."""
    content = os.urandom(20 * 2**20)
    for name, parallel in {"whole": 1, "blocks": 4}.items():
        blob = writer.get_blob_client(container, name)
        blob._config.max_single_put_size = 64 * 2**20 if name == "whole" else 2**20
        blob._config.max_block_size = 4 * 2**20
        blob.upload_blob(content, max_concurrency=parallel)
        assert blob.download_blob(max_concurrency=2).readall() == content


def test_listing_with_delimiter(writer: BlobServiceClient, container: str) -> None:
    """A delimiter folds names into prefixes, and pages continue where they ended."""
    client = writer.get_container_client(container)
    for name in ("a/1", "a/2", "b/1", "top"):
        client.upload_blob(name, b"")
    assert [item.name for item in client.walk_blobs(delimiter="/")] == ["a/", "b/", "top"]
    assert [item.name for item in client.list_blobs(results_per_page=1)] == ["a/1", "a/2", "b/1", "top"]


def test_conditions(writer: BlobServiceClient, container: str) -> None:
    """`If-None-Match: *` and an old ETag are refused with the service's own errors."""
    blob = writer.get_blob_client(container, "once")
    first = blob.upload_blob(b"1")
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"2", overwrite=False)
    blob.upload_blob(b"2", overwrite=True)
    with pytest.raises(ResourceModifiedError):
        blob.upload_blob(b"3", overwrite=True, etag=first["etag"], match_condition=MatchConditions.IfNotModified)


def test_delete(writer: BlobServiceClient, container: str) -> None:
    """A deleted blob is gone for HEAD and GET."""
    blob = writer.get_blob_client(container, "gone")
    blob.upload_blob(b"x")
    blob.delete_blob()
    assert not blob.exists()
    with pytest.raises(ResourceNotFoundError):
        blob.download_blob()


def test_blocks_append_and_properties(writer: BlobServiceClient, container: str) -> None:
    """Block lists, append blobs, snapshots, tiers and header changes go through."""
    blocks = writer.get_blob_client(container, "blocks")
    blocks.stage_block("YQ==", b"left ")
    blocks.stage_block("Yg==", b"right")
    blocks.commit_block_list([BlobBlock("YQ=="), BlobBlock("Yg==")])
    assert blocks.download_blob().readall() == b"left right"
    blocks.set_http_headers(ContentSettings(content_type="text/plain", content_encoding="identity"))
    assert blocks.get_blob_properties().content_settings.content_type == "text/plain"
    assert blocks.create_snapshot()["snapshot"]
    blocks.set_standard_blob_tier(StandardBlobTier.COOL)
    logs = writer.get_blob_client(container, "log")
    logs.create_append_blob()
    logs.append_block(b"line 1\n")
    logs.append_block(b"line 2\n")
    assert logs.download_blob().readall() == b"line 1\nline 2\n"


def test_leases_and_containers(writer: BlobServiceClient, container: str) -> None:
    """Containers are created, leased, described and deleted by a bearer with the container actions."""
    client = writer.create_container(f"{container}x", metadata={"team": "solar"})
    assert client.get_container_properties().metadata == {"team": "solar"}
    assert f"{container}x" in [found.name for found in writer.list_containers()]
    client.acquire_lease().release()
    client.delete_container()
    assert not client.exists()


def test_compressed_content_stays_compressed(writer: BlobServiceClient, container: str) -> None:
    """A blob stored with Content-Encoding gzip is passed on byte by byte."""
    blob = writer.get_blob_client(container, "packed")
    packed = b"\x1f\x8b not really gzip"
    blob.upload_blob(packed, content_settings=ContentSettings(content_encoding="gzip"))
    assert blob.get_blob_properties().size == len(packed)
    assert blob.download_blob(decompress=False).readall() == packed
