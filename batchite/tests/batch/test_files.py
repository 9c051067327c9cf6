"""Files of tasks and nodes: ranges, headers, and no way out of a node's directory."""

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from batch.harness import Account

from batchite.batch.file_handlers import wanted_range
from batchite.batch.files import LocalNodeFiles
from batchite.errors import ServiceError
from batchite.scheduler.model import NodeKey


@pytest.mark.documented
def test_files_before_a_task_ran(account: Account) -> None:
    """A task that has not run has no files yet."""
    account.pool()
    account.job("exit 0")
    answer = account.get("/jobs/job/tasks/t0/files")
    assert (answer.status, answer.code) == (409, "TaskFilesUnavailable")


@pytest.mark.documented
def test_lists_can_be_filtered_by_name(account: Account) -> None:
    """A list of files honours startswith(name, …) and recursive; another value of recursive is refused."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    listed = account.get("/jobs/job/tasks/t0/files?recursive=true&$filter=startswith(name,'wd/')").json["value"]
    assert [item["name"] for item in listed] == ["wd/ein Bericht ä.txt"]
    assert listed[0]["properties"]["contentLength"] == "5"
    assert account.get(f"/jobs/job/tasks/t0/files/{listed[0]['url'].rsplit('/files/')[1]}").body == b"hello"
    assert account.get("/jobs/job/tasks/t0/files?recursive=maybe").code == "InvalidQueryParameterValue"


@pytest.mark.documented
def test_ranges_and_headers_of_a_download(account: Account) -> None:
    """A range is answered with 200 and the slice; outside the file it is 416; the file's headers are there."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    target = "/jobs/job/tasks/t0/files/stdout.txt"
    part = account.get(target, ocp_range="bytes=8-100")
    assert (part.status, part.body, part.headers["content-length"]) == (200, b"89", "2")
    assert account.get(target, ocp_range="bytes=10-").status == 416
    assert account.get(target, ocp_range="bytes=5-2").status == 400
    assert account.get(target, If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT").status == 304
    head = account.call("HEAD", target)
    assert head.headers["content-length"] == "10"
    assert head.headers["ocp-batch-file-isdirectory"] == "False"
    assert head.headers["ocp-batch-file-url"].endswith("files%2Fstdout.txt")


@pytest.mark.ours
@pytest.mark.parametrize(
    "path", ["..%2Fx", "%2Fetc%2Fpasswd", "wd%2F..%2F..%2F..%2Fx", "%2e%2e", "wd%5C..%5C..%5Cx", "a%00b"]
)
def test_no_path_leaves_the_task_directory(account: Account, path: str) -> None:
    """Paths that lead out of the directory do not exist."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    assert account.get(f"/jobs/job/tasks/t0/files/{path}").status == 404


@pytest.mark.ours
@pytest.mark.parametrize(
    "name",
    [
        "100%.txt",
        "%2e%2e",
        "a b",
        "a+b",
        "a?b#c",
        "\u00fc/\u00f1 \u65e5\u672c.csv",
        "back\\slash",
        "'q'\"",
        "a;b&c=d",
        " ",
    ],
)
def test_any_name_can_be_listed_read_and_deleted(account: Account, name: str) -> None:
    """The URL that a listing shows leads to the file, whatever its name holds; so does the client's own encoding."""
    account.pool(nodes=1)
    account.job("exit 0")
    node = account.finished()["nodeInfo"]["nodeId"]
    file = account.server.root / account.name / "pool" / node / "shared" / "names" / name
    file.parent.mkdir(parents=True)
    file.write_text("found")
    target = f"/pools/pool/nodes/{node}/files"
    (item,) = [
        item
        for item in account.get(f"{target}?recursive=true&$filter=startswith(name,'shared/names/')").json["value"]
        if not item["isDirectory"]
    ]
    assert item["name"] == f"shared/names/{name}"
    assert account.get(item["url"].removeprefix(f"{account.server.url}/open/{account.name}")).body == b"found"
    encoded = quote(f"shared/names/{name}", safe="")
    assert account.get(f"{target}/{encoded}").body == b"found"
    assert account.call("HEAD", f"{target}/{encoded}").headers["content-length"] == "5"
    assert account.call("DELETE", f"{target}/{encoded}").status == 200
    assert not file.exists()


@pytest.mark.documented
def test_a_listing_is_paged(account: Account) -> None:
    """Pages of files follow by their link, which repeats recursive and the filter."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    page = account.get("/jobs/job/tasks/t0/files?recursive=true&maxresults=1&$filter=startswith(name,'wd')").json
    seen = [item["name"] for item in page["value"]]
    link = page["odata.nextLink"].removeprefix(f"{account.server.url}/open/{account.name}")
    assert "recursive=true" in link
    last = account.get(link).json
    assert seen + [item["name"] for item in last["value"]] == ["wd", "wd/ein Bericht \u00e4.txt"]
    assert "odata.nextLink" not in last


@pytest.mark.documented
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Modified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304),
        ({"If_Unmodified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"If_Unmodified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
        ({"If_Match": "*"}, 400),
        ({"If_None_Match": "*"}, 400),
    ],
)
def test_conditions_on_files(account: Account, headers: dict[str, str], status: int) -> None:
    """Files have dates and no ETag: the two date conditions are honoured, the others refused."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    for method in ("GET", "HEAD"):
        assert account.call(method, "/jobs/job/tasks/t0/files/stdout.txt", **headers).status == status


@pytest.mark.recorded
def test_text_files_are_called_so(account: Account) -> None:
    """A file named .txt is text/plain, any other a stream of bytes."""
    account.pool(nodes=1)
    account.job("exit 0")
    account.finished()
    assert account.get("/jobs/job/tasks/t0/files/stdout.txt").headers["content-type"] == "text/plain"
    (item,) = account.get("/jobs/job/tasks/t0/files?$filter=startswith(name,'stdout')").json["value"]
    assert item["properties"]["contentType"] == "text/plain"


@pytest.fixture
def node(tmp_path: Path) -> NodeKey:
    """A node with a task directory in which tasks have laid traps."""
    key = NodeKey("a", "p", "n")
    task = tmp_path / "a" / "p" / "n" / "workitems" / "j"
    task.mkdir(parents=True)
    (tmp_path / "secret").write_text("the server's own")
    (task / "plain.txt").write_text("plain")
    (task / "outside").symlink_to(tmp_path / "secret")
    (task / "folder").symlink_to(tmp_path)
    (task / "loop").symlink_to("loop")
    (task / "inside").symlink_to("plain.txt")
    os.mkfifo(task / "pipe")
    return key


@pytest.mark.ours
@pytest.mark.parametrize("path", ["outside", "folder/secret", "loop", "pipe", ".", "../../x", "x" * 5000])
def test_traps_of_a_task_lead_nowhere(tmp_path: Path, node: NodeKey, path: str) -> None:
    """Links out of the node, loops and pipes do not exist for readers."""
    with pytest.raises(ServiceError) as refused:
        asyncio.run(LocalNodeFiles(tmp_path).open(node, "workitems/j", path))
    assert refused.value.code == "FileNotFound"


@pytest.mark.ours
def test_links_inside_the_node_are_followed(tmp_path: Path, node: NodeKey) -> None:
    """A link that stays inside gives the file it points to."""

    async def read() -> bytes:
        opened = await LocalNodeFiles(tmp_path).open(node, "workitems/j", "inside")
        return b"".join([chunk async for chunk in opened.chunks(0, opened.entry.size)])

    assert asyncio.run(read()) == b"plain"


@pytest.mark.ours
def test_a_file_that_grows_while_it_is_read(tmp_path: Path, node: NodeKey) -> None:
    """A reader gets the file as long as it was when it was opened; one that shrinks ends early."""
    plain = tmp_path / "a/p/n/workitems/j/plain.txt"

    async def read(then: str) -> bytes:
        opened = await LocalNodeFiles(tmp_path).open(node, "workitems/j", "plain.txt")
        plain.write_text(then)
        return b"".join([chunk async for chunk in opened.chunks(0, opened.entry.size)])

    assert asyncio.run(read("plain and more")) == b"plain"
    assert asyncio.run(read("pl")) == b"pl"


@pytest.mark.ours
def test_listing_does_not_follow_links(tmp_path: Path, node: NodeKey) -> None:
    """A listing names links but shows nothing behind them."""
    entries = asyncio.run(LocalNodeFiles(tmp_path).entries(node, "workitems/j", recursive=True))
    assert [entry.name for entry in entries] == ["folder", "inside", "loop", "outside", "pipe", "plain.txt"]


@pytest.mark.ours
@pytest.mark.parametrize("directory", ["workitems/none", "../q", "workitems/j/folder"])
def test_directories_outside_are_not_listed(tmp_path: Path, node: NodeKey, directory: str) -> None:
    """Only directories inside the node can be listed."""
    with pytest.raises(ServiceError):
        asyncio.run(LocalNodeFiles(tmp_path).entries(node, directory, recursive=False))


@pytest.mark.ours
def test_a_tree_deeper_than_the_stack_is_listed(tmp_path: Path, node: NodeKey) -> None:
    """A task may nest directories as deep as the file system lets it."""
    folders = [tmp_path / "a/p/n/workitems/j" / ("d/" * depth) for depth in range(1, 1201)]
    for folder in folders:
        folder.mkdir()
    entries = asyncio.run(LocalNodeFiles(tmp_path).entries(node, "workitems/j", recursive=True))
    for folder in reversed(folders):  # what removes temporary directories is not as patient
        folder.rmdir()
    assert len([entry for entry in entries if entry.name.endswith("d")]) == len(folders)


@pytest.mark.ours
def test_a_name_that_is_no_utf8_is_listed_readably(tmp_path: Path, node: NodeKey) -> None:
    """Such a name cannot stand in JSON: it is shown with a replacement character, and breaks no listing."""
    Path(os.fsdecode(bytes(tmp_path / "a/p/n/workitems/j") + b"/bad\xff.txt")).touch()
    entries = asyncio.run(LocalNodeFiles(tmp_path).entries(node, "workitems/j", recursive=True))
    assert "bad\ufffd.txt" in {entry.name for entry in entries}


@pytest.mark.ours
@pytest.mark.parametrize("header", ["bytes=" + "9" * 5000 + "-", "bytes=0-" + "9" * 5000, "bytes=\u0663-"])
def test_a_range_has_numbers_of_a_sensible_size(header: str) -> None:
    """A number that no file can have is refused like any other bad header."""
    with pytest.raises(ServiceError) as refused:
        wanted_range(header, 10)
    assert refused.value.code == "InvalidHeaderValue"
