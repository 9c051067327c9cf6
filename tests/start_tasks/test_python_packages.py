"""The Python of a node: real environments, made of small wheels by the real pip and uv; no index is asked."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.start_tasks.cloud import STORE, Cloud
from tests.start_tasks.node import PATH, Node

pytestmark = pytest.mark.ours

NewNode = Callable[[str], Node]
UV = Path(sys.executable).parent / "uv"
CACHE = f"https://{STORE}/output/wheels"


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], requires: str = "") -> Path:
    """A wheel with these files."""
    place = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {**files, f"{place}/METADATA": metadata, f"{place}/WHEEL": tags}
    digests = {key: hashlib.sha256(text.encode()).digest() for key, text in content.items()}
    rows = [f"{key},sha256={base64.urlsafe_b64encode(value).decode().rstrip('=')}," for key, value in digests.items()]
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for key, text in {**content, f"{place}/RECORD": "\n".join(rows)}.items():
            member = zipfile.ZipInfo(key)
            member.external_attr = (0o100755 if "/scripts/" in key else 0o100644) << 16
            made.writestr(member, text)
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: greet 1 and 2, which need words, and uv, which is this project's own."""
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "2.0"):
        wheel(folder, "greet", version, {"greet.py": f"VERSION = '{version}'\n"}, "Requires-Dist: words\n")
    wheel(folder, "words", "1.0", {"words.py": ""})
    version = subprocess.run([UV, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    wheel(folder, "uv", version, {f"uv-{version}.data/scripts/uv": f'#!/bin/sh\nexec {UV} "$@"\n'})
    return folder


def offline(index: Path) -> dict[str, str]:
    """Variables by which pip and uv know this index and no other."""
    names = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index)}
    return {**names, "PIP_CONFIG_FILE": "/dev/null"}


@pytest.fixture(scope="module")
def quick_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path whose python3 copies one environment instead of making each, which takes seconds."""
    folder = tmp_path_factory.mktemp("python")
    real = shutil.which("python3", path=PATH)
    subprocess.run([str(real), "-m", "venv", str(folder / "template")], check=True)
    program = folder / "bin" / "python3"
    program.parent.mkdir()
    copy = f'[[ "$1 $2" != "-m venv" ]] || {{ rm -rf "$4" && exec cp -a {folder}/template "$4"; }}'
    program.write_text(f'#!/bin/bash\n{copy}\nexec {real} "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{PATH}"


@pytest.fixture
def node(node: Node, index: Path, quick_python: str) -> Node:
    """A node that knows the index."""
    node.environment |= offline(index)
    node.path = quick_python
    return node


def version_of(node: Node) -> str:
    """The version of greet that a task finds."""
    command = [str(node.shared / "python/bin/python"), "-c", "import greet, words; print(greet.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_node_gets_what_its_requirements_say(node: Node) -> None:
    """Also when two ask at once; nothing is done when it has it; what fails is told, and made anew by the next run."""
    requirements = node.write("requirements.txt", "greet==1.0\nwords==1.0\n")
    first, second = (node.begin("python_packages.sh", "requirements.txt") for _ in range(2))
    assert (first.wait(60), second.wait(60), version_of(node)) == (0, 0, "1.0")
    made = node.shared / "python" / "made-by-a-task"
    made.touch()
    assert "is complete already" in node.run("python_packages.sh", "requirements.txt").out
    assert made.exists()
    requirements.write_text("greet==3.0\n")
    failed = node.run("python_packages.sh", "requirements.txt")
    assert failed.code != 0
    assert "python_packages.sh: line " in failed.err
    assert "greet==3.0" in failed.err
    requirements.write_text("greet==2.0\nwords==1.0\n")
    assert node.run("python_packages.sh", "requirements.txt").code == 0
    assert version_of(node) == "2.0"
    assert not made.exists()
    assert not (node.shared / ".python-work").exists()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("greet\nwords==1.0\nother>=2\n", [1, 3]),
        ("greet==1.*\n", [1]),
        ("# fine\n\ngreet==1.0 # fine\nwords\n", [4]),
        ("-r more.txt\n--index-url https://user:word@example.com\ngreet==1.0\n", [1, 2]),
        ("greet @ https://example.com/greet.whl\n", [1]),
        ("greet==1.0,<2\n", [1]),
        ("words==1.0 \\\n    --hash=md5:0\n", [2]),
        ("words==1.0 \\", [1]),
    ],
)
def test_what_is_not_pinned_is_refused_by_its_line(node: Node, text: str, numbers: list[int]) -> None:
    """All of it at once, before anything is made."""
    node.write("requirements.txt", text)
    done = node.run("python_packages.sh", "requirements.txt")
    told = [line for line in done.err.splitlines() if line.startswith("requirements.txt: line ")]
    assert done.code == 1
    assert [int(line.split()[2].rstrip(":")) for line in told] == numbers
    assert "must hold lines NAME==VERSION only" in done.err
    assert "word@" not in done.err
    assert not (node.shared / "python").exists()


@pytest.mark.parametrize(
    "line",
    [
        "greet==1.0",
        "greet[fast,small]==1!2.0.post1+local",
        "greet == 1.0 ; python_version < '3.12'",
        "greet==1.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:ab12 \\\n    --hash=sha256:cd34",
        "    # via words",
    ],
)
def test_what_lock_files_hold_is_pinned(node: Node, line: str) -> None:
    """Markers, extras, hashes over several lines, comments: only what comes after them is refused."""
    node.write("requirements.txt", f"{line}\nlast\n")
    done = node.run("python_packages.sh", "requirements.txt")
    (told,) = [text for text in done.err.splitlines() if text.startswith("requirements.txt: line ")]
    assert told.endswith(": last")


@pytest.mark.parametrize("words", [(), ("a", "b", "c"), ("missing.txt",)])
def test_wrong_arguments_are_refused(node: Node, words: tuple[str, ...]) -> None:
    """Without a readable requirements file nothing is done."""
    done = node.run("python_packages.sh", *words)
    assert done.code == 1
    assert "python_packages.sh: line " in done.err
    assert list(node.shared.iterdir()) == []


def test_a_python_without_its_venv_module_is_completed_by_root_only(node: Node) -> None:
    """Anybody else is told what is missing."""
    node.write("requirements.txt", "greet==1.0\n")
    done = node.run("python_packages.sh", "requirements.txt", "python3.99", BATCHITE_HOST_CHANGES="refused")
    assert done.code == 1
    assert "installing python3.99" in done.err
    assert "needs root, and this local node never changes its host" in done.err


def caching(node: Node, index: Path, requirements: str = "greet==1.0\nwords==1.0\n") -> Node:
    """The node with a wheel cache."""
    node.write("requirements.txt", requirements)
    node.environment |= {**offline(index), "WHEEL_CACHE": CACHE}
    return node


def test_nodes_share_wheels(new_node: NewNode, cloud: Cloud, index: Path, tmp_path: Path, quick_python: str) -> None:
    """The second needs no index. One that somebody has changed in the cache is not installed: hashes are checked."""
    lines = []
    for name in ("greet", "words"):
        digest = hashlib.sha256((index / f"{name}-1.0-py3-none-any.whl").read_bytes()).hexdigest()
        lines.append(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")
    first, second, third = (new_node(name) for name in ("one", "two", "three"))
    first.path = second.path = third.path = quick_python
    one = caching(first, index, "".join(lines)).run("python_packages.sh", "requirements.txt")
    (name,) = cloud.names("output/wheels/")
    assert one.code == 0
    assert f"the wheels are in the cache: https://{STORE}/{name}" in one.out
    assert sys.implementation.cache_tag in name
    two = caching(second, tmp_path, "".join(lines)).run("python_packages.sh", "requirements.txt")
    assert (two.code, version_of(second)) == (0, "1.0")
    assert "no use of the wheel cache" not in two.err
    assert f"installed from the cache: https://{STORE}/{name}" in two.out
    changed = wheel(tmp_path, "greet", "1.0", {"greet.py": "VERSION = 'changed'\n"}, "Requires-Dist: words\n")
    files = {path.name: path.read_bytes() for path in index.glob("*.whl")}
    cloud.blobs[name] = _tar({**files, changed.name: changed.read_bytes()})
    three = caching(third, index, "".join(lines)).run("python_packages.sh", "requirements.txt")
    assert (three.code, version_of(third)) == (0, "1.0")
    assert "no use of the wheel cache" in three.err


def _tar(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(f"wheels/{name}")
            member.size = len(text)
            made.addfile(member, io.BytesIO(text))
    return content.getvalue()


def test_a_broken_cache_costs_time_only(new_node: NewNode, cloud: Cloud, index: Path) -> None:
    """The node asks the index. That its wheels can't be put there either does not fail the start task."""
    cloud.blobs = Broken()
    node = caching(new_node("one"), index)
    done = node.run("python_packages.sh", "requirements.txt")
    assert (done.code, version_of(node)) == (0, "1.0")
    assert "no use of the wheel cache" in done.err
    assert "could not be put into the cache" in done.err


class Broken(dict[str, bytes]):
    """Blobs all of which are there and none of use; they can't be written."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> bytes:
        return b"no archive"

    def __setitem__(self, *_: object) -> None:
        raise OSError("the stand-in closes the connection")
