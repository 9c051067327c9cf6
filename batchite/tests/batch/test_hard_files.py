"""Files that are hard: names of two spellings, directories, thousands, huge ones, and files that change while read."""

import asyncio
import os
import tracemalloc
from pathlib import Path

import pytest
from batch.harness import Account

from batchite.batch.files import LocalNodeFiles
from batchite.scheduler.model import NodeKey

NODE = NodeKey("a", "p", "n")
COMPOSED, DECOMPOSED = "caf\u00e9.txt", "cafe\u0301.txt"


@pytest.fixture
def ran(account: Account) -> tuple[Account, Path, str]:
    """An account whose task t0 has run, the directory `shared` of its node, and the URL of the node's files."""
    account.pool(nodes=1)
    account.job("exit 0")
    node = account.finished()["nodeInfo"]["nodeId"]
    return account, account.server.root / account.name / "pool" / node / "shared", f"/pools/pool/nodes/{node}/files"


@pytest.mark.ours
def test_names_of_two_spellings_are_two_files(ran: tuple[Account, Path, str]) -> None:
    """Composed and decomposed letters are what the file system says: two names, each read and deleted by itself."""
    account, shared, files = ran
    for name in (COMPOSED, DECOMPOSED):
        (shared / name).write_text(name)
    if len(list(shared.glob("caf*"))) == 1:
        pytest.skip("this file system takes both spellings for one name")
    listed = account.get(f"{files}?recursive=true&$filter=startswith(name,'shared/caf')").json["value"]
    assert {item["name"] for item in listed} == {f"shared/{COMPOSED}", f"shared/{DECOMPOSED}"}
    prefix = f"{account.server.url}/open/{account.name}"
    for item in listed:
        assert account.get(item["url"].removeprefix(prefix)).body.decode() == item["name"].removeprefix("shared/")
    assert account.call("DELETE", listed[0]["url"].removeprefix(prefix)).status == 200
    assert not (shared / listed[0]["name"].removeprefix("shared/")).exists()
    assert (shared / listed[1]["name"].removeprefix("shared/")).exists()


@pytest.mark.ours
def test_a_directory_has_properties_and_no_content(ran: tuple[Account, Path, str]) -> None:
    """HEAD says that it is one; a download finds no file."""
    account, _, files = ran
    head = account.call("HEAD", f"{files}/shared")
    assert (head.status, head.headers["ocp-batch-file-isdirectory"]) == (200, "True")
    answer = account.get(f"{files}/shared")
    assert (answer.status, answer.code) == (404, "FileNotFound")


@pytest.mark.ours
def test_a_name_as_long_as_the_file_system_allows(ran: tuple[Account, Path, str]) -> None:
    """255 bytes are read; one more does not exist, and is no error of the server."""
    account, shared, files = ran
    (shared / ("n" * 255)).write_text("long")
    assert account.get(f"{files}/shared%2F{'n' * 255}").body == b"long"
    assert account.get(f"{files}/shared%2F{'n' * 256}").status == 404


@pytest.mark.documented
def test_thousands_of_files_come_in_pages(ran: tuple[Account, Path, str]) -> None:
    """A page has a thousand at most; all pages together have each file once, though one page's last file is deleted."""
    account, shared, files = ran
    for number in range(2500):
        (shared / f"f{number}").touch()
    target, seen, sizes = f"{files}?recursive=true&$filter=startswith(name,'shared/f')", list[str](), list[int]()
    while target:
        page = account.get(target).json
        seen += [item["name"] for item in page["value"]]
        sizes.append(len(page["value"]))
        target = page.get("odata.nextLink", "").removeprefix(f"{account.server.url}/open/{account.name}")
        if len(sizes) == 1:
            (shared / seen[-1].removeprefix("shared/")).unlink()
    assert sizes == [1000, 1000, 500]
    assert sorted(seen) == sorted(f"shared/f{number}" for number in range(2500))


@pytest.mark.documented
@pytest.mark.parametrize("header", ["bytes=-5", "bytes=1-2,4-5", "items=0-1", "bytes=a-b", "bytes=", "0-5"])
def test_ranges_that_are_not_built_are_refused(ran: tuple[Account, Path, str], header: str) -> None:
    """Only `bytes=start-` and `bytes=start-end` are documented; the rest is an invalid header, never the whole file."""
    answer = ran[0].get("/jobs/job/tasks/t0/files/stdout.txt", ocp_range=header)
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")


@pytest.mark.documented
def test_an_empty_file_has_no_range(ran: tuple[Account, Path, str]) -> None:
    """It is downloaded as nothing; a range of it is 416."""
    account, shared, files = ran
    (shared / "empty").touch()
    assert account.get(f"{files}/shared%2Fempty").body == b""
    assert account.get(f"{files}/shared%2Fempty", ocp_range="bytes=0-").code == "InvalidRange"


def _task(root: Path) -> Path:
    folder = root / "a" / "p" / "n" / "workitems" / "j"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.ours
@pytest.mark.parametrize("fate", ["replaced", "removed"])
def test_a_file_that_goes_while_it_is_read(tmp_path: Path, fate: str) -> None:
    """Its reader gets the file that was opened, to its end."""
    file = _task(tmp_path) / "file"
    file.write_bytes(b"old" * 200_000)

    async def read() -> bytes:
        opened = await LocalNodeFiles(tmp_path).open(NODE, "workitems/j", "file")
        chunks = opened.chunks(0, opened.entry.size)
        found = await anext(chunks)
        file.unlink()
        if fate == "replaced":
            file.write_bytes(b"new" * 200_000)
        return found + b"".join([chunk async for chunk in chunks])

    assert asyncio.run(read()) == b"old" * 200_000


@pytest.mark.ours
def test_a_huge_file_takes_little_memory(tmp_path: Path) -> None:
    """A quarter of a gigabyte is read in pieces; its holes are on no disk."""
    file = _task(tmp_path) / "file"
    with file.open("wb") as sparse:
        os.truncate(sparse.fileno(), 256 << 20)

    async def read() -> int:
        opened = await LocalNodeFiles(tmp_path).open(NODE, "workitems/j", "file")
        return sum([len(chunk) async for chunk in opened.chunks(0, opened.entry.size)])

    tracemalloc.start()
    try:
        assert asyncio.run(read()) == 256 << 20
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
