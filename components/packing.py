"""The content of an application package: its version, and the zip that holds it. Reads files, writes one.

The version is a digest of names, contents and executable bits, not of the zip: a folder and a zip of it are one
version, and packing twice gives the same bytes. A zip that is given is uploaded as it is.

Does not own what is done with the zip.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from components.package_settings import PackageSettings
from components.validation import Problem

VERSION_LENGTH = 16
LEFT_OUT = "__pycache__"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can tell
_CHUNK = 1 << 20

Content: TypeAlias = tuple[str, bool, str]
"""A file of a package: its name within, whether it can be executed, the SHA-256 of what is in it."""


def problems(settings: PackageSettings, root: Path = Path()) -> Iterator[Problem]:
    """What is wrong with the files of a package; keys are relative to its settings."""
    path = root / settings.path
    if not path.is_dir() and not zipfile.is_zipfile(path):
        yield Problem("path", settings.path, "must be a folder of this repository, or a zip")
        return
    rule = _rule(path) if path.is_dir() else _rule_of_zip(path)
    if rule:
        yield Problem("path", settings.path, rule)


def version(path: Path) -> str:
    """The name of the version: the same for the same content, wherever and whenever it was packed."""
    digest = hashlib.sha256()
    for name, executable, content in sorted(_of_folder(path) if path.is_dir() else _of_zip(path)):
        digest.update(f"{name}\0{'x' if executable else '-'}\0{content}\n".encode())
    return digest.hexdigest()[:VERSION_LENGTH]


def pack(path: Path, target: IO[bytes]) -> None:
    """Write the zip of a folder, or copy the zip that is there."""
    if not path.is_dir():
        with path.open("rb") as source:
            shutil.copyfileobj(source, target, _CHUNK)
        return
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted((file.relative_to(path).as_posix(), file) for file in _files(path)):
            about = zipfile.ZipInfo(name, _EPOCH)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.create_system = 3  # Unix, wherever it is packed: only such entries have modes
            about.external_attr = (stat.S_IFREG | (0o755 if _is_executable(file) else 0o644)) << 16
            with file.open("rb") as source, archive.open(about, "w", force_zip64=True) as packed:
                shutil.copyfileobj(source, packed, _CHUNK)


def _of_folder(folder: Path) -> Iterator[Content]:
    for file in _files(folder):
        with file.open("rb") as source:
            yield file.relative_to(folder).as_posix(), _is_executable(file), _digest(source)


def _of_zip(path: Path) -> Iterator[Content]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if not info.is_dir():
                with archive.open(info) as source:
                    yield info.filename.replace("\\", "/"), bool(mode & stat.S_IXUSR) or not mode, _digest(source)


def _digest(source: Any) -> str:
    return hashlib.file_digest(source, "sha256").hexdigest()


def _is_executable(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IXUSR)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != LEFT_OUT]
        yield from (Path(place, name) for name in names)


def _rule(folder: Path) -> str:
    """Why the folder cannot be packed."""
    linked = next((found for found in folder.rglob("*") if found.is_symlink() and not found.is_file()), None)
    if linked is not None:
        return f"must not hold links to folders or to nothing: {linked.relative_to(folder)}"
    return "" if any(_files(folder)) else "must hold a file"


def _rule_of_zip(path: Path) -> str:
    """Why nodes would not unpack it."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        try:
            damaged = archive.testzip()
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            return f"must be a zip that can be unpacked: {error}"
    for info in infos:
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
            return f"must not hold files that lead out of it: {info.filename}"
        if stat.S_ISLNK(info.external_attr >> 16):
            return f"must not hold links: {info.filename}"
    return f"is damaged: {damaged}" if damaged else ""
