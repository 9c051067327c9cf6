"""Files that the server makes in directories that belong to tasks."""

import os
from pathlib import Path

import pytest

from batchite.agent import directories

pytestmark = pytest.mark.ours


def test_a_file_is_made_with_its_folders_or_emptied(tmp_path: Path) -> None:
    """As often as is wanted."""
    path = tmp_path.resolve() / "a" / "b" / "file"
    for text in (b"longer", b"short"):
        with directories.create(path) as file:
            file.write(text)
        assert path.read_bytes() == text


@pytest.mark.parametrize("link", ["a", "a/b", "a/b/file"])
def test_no_file_is_made_where_a_link_leads(tmp_path: Path, link: str) -> None:
    """Wherever on the way it is; a task may put it there at any moment."""
    target, path = tmp_path / "target", tmp_path.resolve() / "a" / "b" / "file"
    (target / "b").mkdir(parents=True)
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(target / "file" if link.endswith("file") else target)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        directories.create(path)
    assert not list(target.rglob("file"))


@pytest.mark.parametrize("link", ["a", "a/b", "a/b/file"])
def test_no_file_is_read_where_a_link_leads(tmp_path: Path, link: str) -> None:
    """Output files are uploaded by a server that may read more than a task."""
    target, path = tmp_path / "target", tmp_path.resolve() / "a" / "b" / "file"
    (target / "b").mkdir(parents=True)
    for secret in (target / "file", target / "b" / "file"):
        secret.write_text("secret")
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(target / "file" if link.endswith("file") else target)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        directories.read(path)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    """A pipe would hold the server up for ever."""
    (tmp_path / "file").write_text("text")
    with directories.read(tmp_path.resolve() / "file") as file:
        assert file.read() == b"text"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular"):
        directories.read(tmp_path.resolve() / "pipe")
