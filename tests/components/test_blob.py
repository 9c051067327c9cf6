"""Uploading a file as the deployer, without the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]  # carries no types
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from pulumi.output import UNKNOWN

from components import blob
from components.blob import BlobProvider, patiently

pytestmark = pytest.mark.ours

URL = "https://batch.blob.core.windows.net/start-tasks/abc/setup.sh"
CONTENT = b"echo hello\n"


class FakeService:
    """Blobs by address; the first answers to every kind of call are 403, as before a role is known everywhere."""

    def __init__(self, refusals: int = 0) -> None:
        self.blobs: dict[str, bytes] = {}
        self.refusals = refusals

    def client(self, url: str) -> FakeBlob:
        """Stands in for `blob_client`."""
        return FakeBlob(self, url)

    def admit(self) -> None:
        """Refuse while the role is on its way."""
        self.refusals -= 1
        if self.refusals >= 0:
            raise refusal(403)


class FakeBlob:
    """The calls of a BlobClient that are used."""

    def __init__(self, service: FakeService, url: str) -> None:
        self.service, self.url = service, url

    def upload_blob(self, content: bytes, *, overwrite: bool) -> None:
        """Keep the content."""
        self.service.admit()
        assert overwrite
        self.service.blobs[self.url] = content

    def exists(self) -> bool:
        """Whether it is there."""
        self.service.admit()
        return self.url in self.service.blobs

    def delete_blob(self) -> None:
        """Forget it."""
        self.service.admit()
        if self.service.blobs.pop(self.url, None) is None:
            raise ResourceNotFoundError("BlobNotFound")


def refusal(status: int) -> HttpResponseError:
    """An answer of the service that is an error."""
    error = HttpResponseError(f"status {status}")
    error.status_code = status
    return error


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """A service in place of the real one; nobody waits."""
    made = FakeService()
    monkeypatch.setattr(blob, "blob_client", made.client)
    monkeypatch.setattr(blob, "PAUSE", 0.0)
    return made


@pytest.fixture
def props(tmp_path: Path) -> dict[str, Any]:
    """The inputs of a blob whose file exists."""
    path = tmp_path / "setup.sh"
    path.write_bytes(CONTENT)
    return {"url": URL, "path": str(path), "sha256": hashlib.sha256(CONTENT).hexdigest(), "__provider": "code"}


def test_a_blob_lives_through_all_operations(service: FakeService, props: dict[str, Any]) -> None:
    """Create uploads, read finds, delete removes; a second delete is no error."""
    provider = BlobProvider()
    made = provider.create(props)
    assert (made.id, service.blobs) == (URL, {URL: CONTENT})
    assert provider.read(URL, props).id == URL
    provider.delete(URL, props)
    assert service.blobs == {}
    assert provider.read(URL, props).id == ""
    provider.delete(URL, props)


@pytest.mark.usefixtures("service")
def test_the_state_holds_address_path_and_hash_only(props: dict[str, Any]) -> None:
    """Neither content nor credential reaches the state."""
    made = BlobProvider().create(props)
    assert made.outs is not None
    assert set(made.outs) == {"url", "path", "sha256"}


@pytest.mark.usefixtures("service")
def test_a_file_that_has_changed_is_not_uploaded(props: dict[str, Any]) -> None:
    """What was previewed is what is uploaded, or nothing."""
    Path(props["path"]).write_bytes(b"other")
    with pytest.raises(ValueError, match="has changed while it was being deployed"):
        BlobProvider().create(props)


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({}, []),
        ({"path": "elsewhere"}, []),
        ({"url": UNKNOWN}, []),
        ({"url": UNKNOWN, "sha256": "1"}, ["sha256"]),
        ({"sha256": "1"}, ["sha256"]),
        ({"url": "u", "sha256": "1"}, ["url", "sha256"]),
    ],
)
def test_another_content_is_another_blob(props: dict[str, Any], changes: dict[str, str], replaces: list[str]) -> None:
    """Address and content decide; where the file lies does not, nor an address that is not known yet."""
    result = BlobProvider().diff(URL, props, {**props, **changes})
    assert (result.changes, result.replaces) == (bool(replaces), replaces)


def test_an_upload_waits_for_its_role(service: FakeService, props: dict[str, Any]) -> None:
    """A role assignment takes minutes to be seen everywhere; until then 403 means "not yet"."""
    service.refusals = 3
    BlobProvider().create(props)
    assert service.blobs == {URL: CONTENT}


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


def failing(status: int) -> Callable[[], Any]:
    """A call that always fails."""

    def call() -> Any:
        raise refusal(status)

    return call


@pytest.mark.parametrize(("status", "seconds"), [(403, blob.PATIENCE), (409, 0), (500, 0)])
def test_patience_ends_and_is_for_refusals_only(status: int, seconds: float) -> None:
    """After five minutes a 403 is an error like any other; others are errors at once."""
    clock = Clock()
    with pytest.raises(HttpResponseError):
        patiently(failing(status), lambda: clock.now, clock.sleep)
    assert clock.now == seconds


def test_the_provider_is_kept_by_name() -> None:
    """Pulumi keeps a pickle of the provider in the state: by name it is the same after every change of its code."""
    pickled = dill.dumps(BlobProvider(), recurse=True)
    assert b"components.blob" in pickled
    assert len(pickled) < 200
