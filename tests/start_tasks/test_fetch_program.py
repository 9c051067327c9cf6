"""Programs from Git, from Blob storage and from application packages."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.start_tasks.cloud import SECRET, STORE, TOKEN, VAULT, Cloud
from tests.start_tasks.node import Done, Node

pytestmark = pytest.mark.ours

NewNode = Callable[[str], Node]
OPEN, PRIVATE = "https://git.example.com/team/tool.git", "https://git.example.com/private-tool.git"
DEVOPS = "https://dev.azure.com/private-team/_git/tool.git"
NAME = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(folder: Path, *words: str) -> str:
    """Run git without anybody's configuration."""
    environment = {**NAME, "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", "-C", folder, *words], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def commits(cloud: Cloud) -> list[str]:
    """Three commits of the repository at all three addresses, oldest first; the last lies on a branch."""
    made = cloud.folder / "made"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch", "main")
    found = []
    for number in "123":
        if number == "3":
            git(made, "checkout", "--quiet", "-b", "side")
        (made / "tool.sh").write_text(f"#!/bin/sh\necho {number}\n")
        (made / "tool.sh").chmod(0o755)
        git(made, "add", ".")
        git(made, "commit", "--quiet", "--message", number)
        found.append(git(made, "rev-parse", "HEAD"))
    for url in (OPEN, PRIVATE, DEVOPS):
        git(made, "clone", "--quiet", "--bare", ".", str(cloud.git / url.split("/", 3)[3]))
    return found


@pytest.fixture
def node(new_node: NewNode) -> Node:
    """A node that reaches the cloud."""
    return new_node("node")


def output_of(node: Node, name: str = "tool") -> str:
    """What the fetched tool says."""
    return subprocess.run([node.shared / name / "tool.sh"], capture_output=True, text=True, check=True).stdout.strip()


def leftovers(node: Node) -> list[str]:
    """What is in the shared folder beside programs and locks."""
    return [path.name for path in node.shared.iterdir() if path.name.endswith((".new", ".old"))]


def test_a_commit_is_what_the_node_gets(node: Node, commits: list[str]) -> None:
    """Any one that the repository has: an old one, one of a branch."""
    for commit, said in zip(commits, "123", strict=True):
        done = node.run("fetch_program.sh", "git", OPEN, commit, "tool")
        assert (done.code, done.err) == (0, "")
        assert output_of(node) == said
        assert (node.shared / "tool/.fetched").read_text() == f"git {OPEN} {commit}\n"
    assert leftovers(node) == []


def test_only_that_commit_is_fetched(node: Node, commits: list[str]) -> None:
    """A long history costs nothing."""
    node.run("fetch_program.sh", "git", OPEN, commits[1], "tool")
    assert git(node.shared / "tool", "rev-list", "--count", "--all") == "1"


def test_what_is_there_is_not_fetched_again(node: Node, commits: list[str], cloud: Cloud) -> None:
    """A reboot asks nothing of the repository."""
    node.run("fetch_program.sh", "git", OPEN, commits[0], "tool")
    (node.shared / "tool" / "made-by-a-task").touch()
    cloud.asked.clear()
    done = node.run("fetch_program.sh", "git", OPEN, commits[0], "tool")
    assert (done.code, cloud.asked) == (0, [])
    assert (node.shared / "tool" / "made-by-a-task").exists()


def test_a_commit_that_is_not_there_leaves_the_old_program(node: Node, commits: list[str]) -> None:
    """Tasks go on with what they have; the failure names script and line."""
    node.run("fetch_program.sh", "git", OPEN, commits[0], "tool")
    done = node.run("fetch_program.sh", "git", OPEN, "0" * 40, "tool")
    assert done.code != 0
    assert "fetch_program.sh: line " in done.err
    assert output_of(node) == "1"


@pytest.mark.parametrize(
    ("url", "credential"), [(PRIVATE, f"https://{VAULT}/secrets/git-token"), (DEVOPS, "azure-devops")]
)
def test_a_private_repository_opens_for_the_nodes_identity(
    node: Node, commits: list[str], cloud: Cloud, url: str, credential: str
) -> None:
    """With a secret of a vault or a token of its own; neither is in the log or in any file of the node."""
    done = node.run("fetch_program.sh", "git", url, commits[0], "tool", credential, GIT_TRACE="1")
    assert (done.code, output_of(node)) == (0, "1")
    assert any(f"{VAULT}/secrets/git-token" in line for line in cloud.asked) == (url == PRIVATE)
    said = done.out + done.err + "".join(_contents(node.root))
    assert "git fetch" in said
    assert SECRET not in said
    assert TOKEN not in said


def _contents(folder: Path) -> list[str]:
    return [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]


def test_a_private_repository_stays_closed_without(node: Node, commits: list[str]) -> None:
    """No prompt hangs the node."""
    done = node.run("fetch_program.sh", "git", PRIVATE, commits[0], "tool")
    assert done.code != 0
    assert "terminal prompts disabled" in done.err
    assert not (node.shared / "tool").exists()


def test_a_credential_is_for_its_own_host(node: Node, commits: list[str], cloud: Cloud) -> None:
    """A repository that sends its visitors elsewhere does not send the secret along."""
    git(node.work, "config", "--global", f"url.{DEVOPS}.insteadOf", PRIVATE)
    done = node.run("fetch_program.sh", "git", PRIVATE, commits[0], "tool", f"https://{VAULT}/secrets/git-token")
    assert done.code != 0
    assert not any(VAULT in line for line in cloud.asked)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("git", "http://git.example.com/x", "a" * 40, "tool"), "must be https://HOST/PATH"),
        (("git", "file:///srv/x.git", "a" * 40, "tool"), "must be https://HOST/PATH"),
        (("git", "https://user:word@git.example.com/x", "a" * 40, "tool"), "without user, token or query"),
        (("git", OPEN, "main", "tool"), "COMMIT 'main' must be a full hash"),
        (("git", OPEN, "a" * 39, "tool"), "must be a full hash"),
        (("git", OPEN, "a" * 40, "../tool"), "DIR '../tool' must be one name"),
        (("git", OPEN, "a" * 40, "/usr"), "DIR '/usr' must be one name"),
        (("git", OPEN, "a" * 40, "taken"), "taken exists and is none of this script's"),
        (("git", OPEN, "a" * 40, "tool", "a-token"), "must be https://HOST/PATH"),
        (("blob", f"https://{STORE}/a/b?sig=x", "tool"), "without user, token or query"),
        (("blob", f"https://{STORE}/a/b", "tool", "abc"), "SHA256 'abc' must have 64 hexadecimal digits"),
        (("svn", OPEN, "1", "tool"), "one of these is needed: git URL COMMIT DIR"),
        ((), "one of these is needed"),
    ],
)
def test_what_is_not_safe_is_refused(node: Node, cloud: Cloud, words: tuple[str, ...], said: str) -> None:
    """Before anything is asked of anybody, and without a password being repeated."""
    (node.shared / "taken").mkdir()
    done = node.run("fetch_program.sh", *words, START_TASK_LOGS="")
    assert done.code == 1
    assert said in done.err
    assert "word" not in done.err
    assert cloud.asked == []


def archive(kind: str) -> bytes:
    """A tool in an archive, with a member that would like to be elsewhere."""
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w") as made:
            info = zipfile.ZipInfo("tool.sh")
            info.external_attr = 0o755 << 16
            made.writestr(info, "#!/bin/sh\necho zip\n")
            made.writestr("../outside", "x")
    else:
        with tarfile.open(fileobj=content, mode="w:gz") as made_tar:
            member = tarfile.TarInfo("tool.sh")
            member.mode, member.size = 0o755, 19
            made_tar.addfile(member, io.BytesIO(b"#!/bin/sh\necho tgz\n"))
    return content.getvalue()


def fetch_blob(node: Node, cloud: Cloud, name: str, content: bytes, *digest: str) -> Done:
    """Fetch a blob of this name and content."""
    cloud.blobs[f"tools/{name}"] = content
    return node.run("fetch_program.sh", "blob", f"https://{STORE}/tools/{name}", "tool", *digest)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_is_unpacked(node: Node, cloud: Cloud, kind: str) -> None:
    """What may be executed stays so; nothing gets out of the folder, and the archive is gone."""
    content = archive(kind)
    name = "tool.zip" if kind == "zip" else "tool.tar.gz"
    done = fetch_blob(node, cloud, name, content, hashlib.sha256(content).hexdigest().upper())
    assert (done.code, done.err) == (0, "")
    assert output_of(node) == kind
    assert not (node.shared / "outside").exists()
    assert not (node.shared / "tool" / name).exists()


def test_a_single_file_keeps_its_name(node: Node, cloud: Cloud) -> None:
    """And is there for every user to read."""
    fetch_blob(node, cloud, "model.bin", b"\x00\x01")
    file = node.shared / "tool/model.bin"
    assert file.read_bytes() == b"\x00\x01"
    assert file.stat().st_mode & 0o004


def test_another_content_than_promised_is_thrown_away(node: Node, cloud: Cloud) -> None:
    """The program before stays in place."""
    fetch_blob(node, cloud, "tool.zip", archive("zip"))
    done = fetch_blob(node, cloud, "tool.zip", archive("tgz"), "a" * 64)
    assert done.code == 1
    assert f"instead of {'a' * 64}; nothing was kept of it" in done.err
    assert output_of(node) == "zip"


def test_a_missing_blob_is_told(node: Node) -> None:
    """By its address."""
    done = node.run("fetch_program.sh", "blob", f"https://{STORE}/tools/none.zip", "tool")
    assert done.code == 3
    assert f"404 BlobNotFound from https://{STORE}/tools/none.zip" in done.err


def test_what_a_killed_run_left_is_in_nobodys_way(node: Node, cloud: Cloud) -> None:
    """A node may go down at any moment."""
    (node.shared / ".tool.new" / "half").mkdir(parents=True)
    (node.shared / ".tool.old").mkdir()
    assert fetch_blob(node, cloud, "tool.zip", archive("zip")).code == 0
    assert leftovers(node) == []
    assert not (node.shared / "tool/half").exists()


def test_two_at_once_fetch_once(node: Node, cloud: Cloud) -> None:
    """The second waits and finds it done."""
    cloud.blobs["tools/tool.zip"] = archive("zip")
    words = ("fetch_program.sh", "blob", f"https://{STORE}/tools/tool.zip", "tool")
    first, second = node.begin(*words), node.begin(*words)
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert len(cloud.asked) == 1


@pytest.mark.parametrize("variable", ["AZ_BATCH_APP_PACKAGE_my_tool_1_0_2", "AZ_BATCH_APP_PACKAGE_My_Tool_1_0_2"])
def test_an_application_package_is_found_by_its_variable(node: Node, variable: str) -> None:
    """Dots and hyphens are underscores there; letters are small, or as written, or there is one of both kinds."""
    package = node.root / "applications" / "my-tool"
    package.mkdir(parents=True)
    (package / "tool.sh").write_text("#!/bin/sh\necho package\n")
    (package / "tool.sh").chmod(0o755)
    node.environment |= {variable: str(package), variable.replace("My_Tool", "my_tool"): str(package)}
    assert node.run("fetch_program.sh", "package", "My-Tool", "1.0.2", "tool").code == 0
    assert output_of(node) == "package"
    assert not (package / ".fetched").exists()


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["my_tool_9f3c"], 0),
        (["my_tool"], 0),
        (["my_tool_1", "my_tool_2"], 1),
        (["my_toolbox_1"], 1),
    ],
)
def test_any_version_is_the_one_that_the_pool_has(node: Node, names: list[str], code: int) -> None:
    """Packages of a stack have versions that nobody writes down; of several none is guessed."""
    for name in names:
        package = node.root / "applications" / name
        package.mkdir(parents=True)
        (package / "tool.sh").touch()
        node.environment[f"AZ_BATCH_APP_PACKAGE_{name}"] = str(package)
    done = node.run("fetch_program.sh", "package", "my-tool", "any", "tool")
    assert done.code == code
    assert (node.shared / "tool/tool.sh").exists() == (code == 0)


def test_another_version_of_a_package_takes_the_place_of_the_old(node: Node) -> None:
    """Also where the start task says `any`: what counts is what the node has."""
    for version in ("1", "2"):
        package = node.root / "applications" / version
        package.mkdir(parents=True)
        (package / "tool.sh").write_text(version)
        node.environment["AZ_BATCH_APP_PACKAGE_tool"] = str(package)
        for _ in range(2):
            assert node.run("fetch_program.sh", "package", "tool", "any", "tool").code == 0
        assert (node.shared / "tool/tool.sh").read_text() == version


def test_a_package_that_the_pool_does_not_have_is_told(node: Node) -> None:
    """With the variable that was looked for."""
    done = node.run("fetch_program.sh", "package", "tool", "1.0", "tool")
    assert done.code == 1
    assert "no application package tool 1.0 (no variable AZ_BATCH_APP_PACKAGE_tool_1_0)" in done.err
