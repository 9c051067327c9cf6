"""The content of application packages: versions, zips, and what is refused before anything is deployed."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import package_version, packing
from components.package_settings import PackageSettings

pytestmark = pytest.mark.ours


def program(root: Path) -> Path:
    """A program with a script, data, and what running it has left."""
    (root / "bin").mkdir(parents=True)
    (root / "bin/run").write_bytes(b"#!/bin/sh\necho hello\n")
    (root / "bin/run").chmod(0o755)
    (root / "data.csv").write_bytes(b"1,2\n")
    (root / "data.csv").chmod(0o644)
    (root / "__pycache__").mkdir()
    (root / "__pycache__/x.pyc").write_bytes(os.urandom(9))
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program."""
    return program(tmp_path / "tool")


def packed(path: Path) -> bytes:
    """The zip of a package."""
    target = io.BytesIO()
    packing.pack(path, target)
    return target.getvalue()


def test_packing_twice_gives_the_same_bytes(folder: Path) -> None:
    """Times and the order of folders leave no trace; modes do, and what Python left behind is not packed."""
    before = packed(folder)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "__pycache__/y.pyc").write_bytes(b"new")
    assert packed(folder) == before
    with zipfile.ZipFile(io.BytesIO(before)) as archive:
        assert {one.filename: stat.S_IMODE(one.external_attr >> 16) for one in archive.infolist()} == {
            "bin/run": 0o755,
            "data.csv": 0o644,
        }


def test_a_version_is_its_content(folder: Path, tmp_path: Path) -> None:
    """A folder, its zip and another zip of it are one version; a byte, a name or an executable bit make another."""
    version = packing.version(folder)
    assert package_version.OURS.fullmatch(version)
    (tmp_path / "tool.zip").write_bytes(packed(folder))
    with zipfile.ZipFile(tmp_path / "other.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in (folder / "data.csv", folder / "bin/run"):
            archive.write(path, path.relative_to(folder))
    assert {packing.version(tmp_path / name) for name in ("tool.zip", "other.zip")} == {version}
    seen = {version}
    for change in (
        lambda: (folder / "data.csv").write_bytes(b"1,3\n"),
        lambda: (folder / "data.csv").rename(folder / "table.csv"),
        lambda: (folder / "bin/run").chmod(0o644),
    ):
        change()
        assert packing.version(folder) not in seen
        seen.add(packing.version(folder))


def test_a_zip_is_uploaded_as_it_is(folder: Path, tmp_path: Path) -> None:
    """Someone else's build is not packed again."""
    (tmp_path / "tool.zip").write_bytes(packed(folder))
    assert packed(tmp_path / "tool.zip") == (tmp_path / "tool.zip").read_bytes()


def zip_of(path: Path, name: str, mode: int = 0o100644, content: bytes = b"x" * 99) -> None:
    """A zip with one file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        about = zipfile.ZipInfo(name)
        about.external_attr = mode << 16
        archive.writestr(about, content)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("nothing", "must be a folder"),
        ("empty", "must hold a file"),
        ("linked", "links"),
        ("text", "must be a folder"),
        ("slip", "lead out"),
        ("link", "must not hold links"),
        ("damaged", "is damaged"),
        ("locked", "can be unpacked"),
    ],
)
def test_files_that_nodes_would_refuse_are_refused_first(tmp_path: Path, name: str, rule: str) -> None:
    """What is no folder and no zip, leads out of the package, or is damaged, with the setting that names it."""
    (tmp_path / "empty/__pycache__").mkdir(parents=True)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/away").symlink_to("/")
    (tmp_path / "text").write_text("no zip")
    zip_of(tmp_path / "slip", "../evil")
    zip_of(tmp_path / "link", "etc", 0o120777)
    zip_of(tmp_path / "damaged", "file", content=bytes(range(256)) * 9)
    content = bytearray((tmp_path / "damaged").read_bytes())
    content[50] ^= 0xFF
    (tmp_path / "damaged").write_bytes(content)
    zip_of(tmp_path / "locked", "file")
    content = bytearray((tmp_path / "locked").read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # says that it is encrypted
    (tmp_path / "locked").write_bytes(content)
    (problem,) = packing.problems(PackageSettings(path=name), tmp_path)
    assert (problem.key, problem.value) == ("path", name)
    assert rule in problem.rule


NAMES = st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4}\.[a-z])?", fullmatch=True)


@given(files=st.dictionaries(NAMES, st.tuples(st.binary(max_size=99), st.booleans()), min_size=1, max_size=6))
def test_any_tree_keeps_its_version_as_a_zip(files: dict[str, tuple[bytes, bool]]) -> None:
    """Whatever is packed: the zip has the version of the folder, and unpacks to the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder, zipped = Path(name, "tree"), Path(name, "tree.zip")
        for path, (content, executable) in files.items():
            target = folder / "root" / path.replace("/", "-d/")  # a folder is never called like a file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o755 if executable else 0o644)
        zipped.write_bytes(packed(folder))
        assert list(packing.problems(PackageSettings(path="tree.zip"), Path(name))) == []
        assert packing.version(zipped) == packing.version(folder)
        with zipfile.ZipFile(zipped) as archive:
            found = {one: archive.read(one) for one in archive.namelist()}
        kept = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        assert found == {path: file.read_bytes() for path, file in kept.items()}
