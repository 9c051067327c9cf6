import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from agent.nodes import BlobStore, transfer, wait_until

from batchite.agent.launch import OutputFile, ResourceFile
from batchite.agent.transfer import ATTEMPTS, TransferError, without_query

pytestmark = pytest.mark.documented  # REST reference: ResourceFile, OutputFile, TaskFailureInformation codes

NEVER = threading.Event()


@pytest.fixture
def store() -> Iterator[BlobStore]:
    """An empty store."""
    with BlobStore() as running:
        yield running


def failure_of(file: ResourceFile, directory: Path) -> tuple[str, str]:
    """Code and whole text of the failure of a download."""
    with pytest.raises(TransferError) as caught:
        transfer().download(file, directory, NEVER)
    return caught.value.failure.code, repr(caught.value.failure) + str(caught.value)


def test_a_resource_file_is_fetched_with_its_mode_below_the_working_directory(store: BlobStore, tmp_path: Path) -> None:
    """Folders of its path are made; a path that begins at the root is taken as relative."""
    store.blobs["input/a.bin"] = bytes(300_000)
    file = ResourceFile(url=f"{store.url}/input/a.bin", path="/data/b.bin", mode="0640")
    assert transfer().download(file, tmp_path, NEVER) == [tmp_path / "data/b.bin"]
    assert (tmp_path / "data/b.bin").read_bytes() == bytes(300_000)
    assert (tmp_path / "data/b.bin").stat().st_mode & 0o777 == 0o640


def test_a_container_comes_with_all_blobs_of_the_prefix(store: BlobStore, tmp_path: Path) -> None:
    """Over several pages of the listing, under their full names, mode 0770."""
    for number in range(5):
        store.blobs[f"input/in/{number}"] = str(number).encode()
    store.blobs["input/other"] = b"no"
    file = ResourceFile(container_url=f"{store.url}/input", prefix="in/", path="sub")
    made = transfer().download(file, tmp_path, NEVER)
    assert [(path.relative_to(tmp_path).as_posix(), path.read_text()) for path in made] == [
        (f"sub/in/{number}", str(number)) for number in range(5)
    ]
    assert made[0].stat().st_mode & 0o777 == 0o770


@pytest.mark.parametrize(
    ("status", "of_a_blob", "of_a_container"),
    [
        (404, "BlobNotFound", "ResourceContainerNotFound"),
        (403, "BlobAccessDenied", "ResourceContainerAccessDenied"),
        (401, "BlobAccessDenied", "ResourceContainerAccessDenied"),
        (416, "BlobDownloadMiscError", "ResourceContainerListMiscError"),
    ],
)
def test_a_refused_download_has_the_documented_code_and_shows_no_sas(
    store: BlobStore, tmp_path: Path, status: int, of_a_blob: str, of_a_container: str
) -> None:
    """At once, without another try; the URL is shown without what is secret in it."""
    files = (
        ResourceFile(url=f"{store.url}/input/a?sig=SECRET", path="a"),
        ResourceFile(container_url=f"{store.url}/input?sig=SECRET", path="a"),
    )
    for file, code in zip(files, (of_a_blob, of_a_container), strict=True):
        store.answers = [status]
        found, text = failure_of(file, tmp_path)
        assert found == code
        assert "SECRET" not in text
        assert f"{store.url}/input" in text
    assert len(store.requests) == 2


@pytest.mark.parametrize("trouble", [503, 500, 429, 0])
def test_a_busy_store_and_a_broken_connection_are_tried_again(store: BlobStore, tmp_path: Path, trouble: int) -> None:
    """Download, listing and upload alike."""
    store.blobs["c/a"] = b"data"
    for action in ("blob", "container", "upload"):
        store.answers = [trouble, trouble]
        if action == "upload":
            (tmp_path / "wd").mkdir()
            (tmp_path / "wd/out").write_text("out")
            transfer().upload(OutputFile("out", f"{store.url}/c"), tmp_path, NEVER)
            assert store.blobs["c/out"] == b"out"
        else:
            field = {"blob": {"url": f"{store.url}/c/a"}, "container": {"container_url": f"{store.url}/c"}}[action]
            assert transfer().download(ResourceFile(path=action, **field), tmp_path, NEVER)


def test_a_store_that_stays_busy_or_away_becomes_the_tasks_failure(store: BlobStore, tmp_path: Path) -> None:
    """After five tries; nothing listens on port 1."""
    store.answers = [503] * ATTEMPTS
    assert failure_of(ResourceFile(url=f"{store.url}/c/a?sig=SECRET", path="a"), tmp_path)[0] == "BlobDownloadMiscError"
    assert len(store.requests) == ATTEMPTS
    code, text = failure_of(ResourceFile(url="http://127.0.0.1:1/c/a?sig=SECRET", path="a"), tmp_path)
    assert code == "BlobDownloadMiscError"
    assert "SECRET" not in text


def test_a_store_that_does_not_answer_in_time_has_codes_of_its_own(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a download, a listing and an upload; after five tries as well."""
    monkeypatch.setattr("batchite.agent.transfer.TIMEOUT", urllib3.Timeout(connect=10, read=0.05))
    (tmp_path / "wd").mkdir()
    (tmp_path / "wd/out").write_text("out")
    store.mute = True
    url = f"{store.url}/c"
    assert failure_of(ResourceFile(url=f"{url}/a", path="a"), tmp_path)[0] == "BlobDownloadTimedOut"
    assert failure_of(ResourceFile(container_url=url, path="a"), tmp_path)[0] == "ResourceContainerListTimedOut"
    with pytest.raises(TransferError) as caught:
        transfer().upload(OutputFile("out", url), tmp_path, NEVER)
    assert (caught.value.failure.code, len(store.requests)) == ("FileUploadTimedOut", 3 * ATTEMPTS)


def test_a_resource_file_that_cannot_be_written_is_named(store: BlobStore, tmp_path: Path) -> None:
    """A directory is in its place."""
    store.blobs["c/a"] = b"data"
    (tmp_path / "a").mkdir()
    assert failure_of(ResourceFile(url=f"{store.url}/c/a", path="a"), tmp_path)[0] == "ResourceFileWriteFailed"


@pytest.mark.parametrize("path", ["../a", "x/../../a", "link/a"])
def test_a_path_that_leads_out_of_the_directory_is_refused(store: BlobStore, tmp_path: Path, path: str) -> None:
    """By `..` or by a link; nothing is written there."""
    directory = tmp_path / "wd"
    directory.mkdir()
    (directory / "link").symlink_to(tmp_path)
    store.blobs["c/a"] = b"data"
    assert failure_of(ResourceFile(url=f"{store.url}/c/a", path=path), directory)[0] == "ResourceFileCreateFailed"
    assert not (tmp_path / "a").exists()


def test_a_blob_whose_name_leads_out_is_refused(store: BlobStore, tmp_path: Path) -> None:
    """A container is filled by others."""
    store.blobs["c/../../x"] = b"data"
    file = ResourceFile(container_url=f"{store.url}/c", path="")
    assert failure_of(file, tmp_path / "wd")[0] == "ResourceFileCreateFailed"


def test_the_pools_identity_authorises_and_no_other(store: BlobStore, tmp_path: Path) -> None:
    """Its token goes with the request; without a reference to an identity nothing does."""
    store.blobs["c/a"] = b"data"
    for client_id, header in (("identity", "Bearer the-token"), ("", None)):
        file = ResourceFile(url=f"{store.url}/c/a", path="a", client_id=client_id)
        transfer().download(file, tmp_path, NEVER)
        assert store.requests[-1][2].get("Authorization") == header
    code, text = failure_of(ResourceFile(url=f"{store.url}/c/a", path="a", client_id="foreign"), tmp_path)
    assert (code, "the-token" in text) == ("BlobAccessDenied", False)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task directory with outputs."""
    for name in ("stdout.txt", "wd/a.csv", "wd/sub/b.csv", "wd/empty"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("" if name == "wd/empty" else name)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "path", "blobs"),
    [
        ("a.csv", "", {"c/a.csv"}),
        ("a.csv", "run 1/result.csv", {"c/run 1/result.csv"}),
        ("**/*.csv", "run", {"c/run/a.csv", "c/run/sub/b.csv"}),
        ("../std*.txt", "logs/t", {"c/logs/t/stdout.txt"}),
        ("empty", "", {"c/empty"}),
        ("nothing*", "", set()),
    ],
)
def test_output_files_have_the_documented_names(
    store: BlobStore, task: Path, pattern: str, path: str, blobs: set[str]
) -> None:
    """`path` is the blob's name without wildcards, a folder with them."""
    uploaded = transfer().upload(OutputFile(pattern, f"{store.url}/c?sig=SECRET", path), task, NEVER)
    assert set(store.blobs) == blobs
    assert all(one.etag == "0x1" and "SECRET" not in one.url for one in uploaded)
    assert len(uploaded) == len(blobs)


def test_upload_headers_are_sent(store: BlobStore, task: Path) -> None:
    """As the task asks for them, beside the blob's type."""
    transfer().upload(
        OutputFile("a.csv", f"{store.url}/c", headers={"x-ms-blob-content-type": "text/csv"}), task, NEVER
    )
    headers = store.requests[0][2]
    assert (headers["x-ms-blob-content-type"], headers["x-ms-blob-type"]) == ("text/csv", "BlockBlob")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "FileUploadContainerNotFound"),
        (403, "FileUploadAccessDenied"),
        (409, "FileUploadConflict"),
        (412, "FileUploadConflict"),
        (416, "FileUploadMiscError"),
    ],
)
def test_a_refused_upload_has_the_documented_code(store: BlobStore, task: Path, status: int, code: str) -> None:
    """And shows no SAS."""
    store.answers = [status]
    with pytest.raises(TransferError) as caught:
        transfer().upload(OutputFile("a.csv", f"{store.url}/c?sig=SECRET"), task, NEVER)
    assert caught.value.failure.code == code
    assert "SECRET" not in repr(caught.value.failure)


def test_a_file_that_cannot_be_read_is_a_failure_of_the_upload(
    store: BlobStore, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task may leave files nobody may read."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("batchite.agent.directories.read", refuse)
    with pytest.raises(TransferError) as caught:
        transfer().upload(OutputFile("a.csv", f"{store.url}/c"), task, NEVER)
    assert caught.value.failure.code == "FileUploadMiscError"


def test_a_full_disk_is_named(store: BlobStore, tmp_path: Path) -> None:
    """/dev/full takes nothing."""
    store.blobs["c/a"] = bytes(100_000)
    (tmp_path / "wd").symlink_to("/dev")
    assert failure_of(ResourceFile(url=f"{store.url}/c/a", path="full"), tmp_path / "wd")[0] == "DiskFull"


def test_a_stop_ends_a_download_between_two_chunks_and_a_pause_at_once(store: BlobStore, tmp_path: Path) -> None:
    """Without a failure of its own: the attempt is being stopped."""
    store.blobs["c/a"] = bytes(2_000_000)
    for busy in (False, True):
        stop, ended = threading.Event(), threading.Event()
        store.slow, store.answers = not busy, [503] * ATTEMPTS * busy
        store.requests.clear()
        store.hold.clear()

        def download(stop: threading.Event = stop, ended: threading.Event = ended) -> None:
            patient = transfer()
            patient._first_pause = 60
            with pytest.raises(TransferError, match="ended together with its task"):
                patient.download(ResourceFile(url=f"{store.url}/c/a", path="a"), tmp_path, stop)
            ended.set()

        threading.Thread(target=download, daemon=True).start()
        wait_until(lambda: store.requests, "the request has arrived")
        stop.set()
        store.hold.set()
        assert ended.wait(10)


def test_a_stopped_transfer_makes_no_request(store: BlobStore, task: Path) -> None:
    """Neither up nor down."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(TransferError):
        transfer().upload(OutputFile("a.csv", f"{store.url}/c"), task, stop)
    with pytest.raises(TransferError):
        transfer().download(ResourceFile(url=f"{store.url}/c/a", path="a"), task, stop)
    assert store.requests == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/c/b?sig=x#f", "https://h/c/b"),
        ("https://user:pass@h/c", "https://h/c"),
        ("//[", "//["),
        ("data/a b", "data/a b"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Neither query nor user; any text will do."""
    assert without_query(url) == shown


def test_pauses_grow() -> None:
    """0.5 s, then doubled, four times: 7.5 s in all before a store that is away fails a task."""
    begin = time.monotonic()
    quick = transfer()
    quick._first_pause = 0.01
    with pytest.raises(TransferError):
        quick.download(ResourceFile(url="http://127.0.0.1:1/c/a", path="a"), Path("/tmp"), NEVER)
    assert time.monotonic() - begin >= 0.15
