"""The official release of the Pulumi CLI, checked against its published SHA-256 list."""

import hashlib
import io
import os
import shutil
import tarfile
import urllib.request
from pathlib import Path

BASE = "https://github.com/pulumi/pulumi/releases/download"
PATIENCE = 5  # Seconds for an answer: networks that reach only package registries must fall through quickly.
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class ReleaseError(Exception):
    """The release cannot be used; the text says why."""


def download(version: str, folder: Path) -> str:
    """Fetch and unpack the release for this machine into a folder; the reason when that is not possible, else ""."""
    try:
        name = archive_name(version, os.uname().sysname, os.uname().machine)
        expected = find_checksum(_get(f"{BASE}/v{version}/pulumi-{version}-checksums.txt").decode(), name)
        data = _get(f"{BASE}/v{version}/{name}")
        check(data, expected, name)
        _unpack(data, folder)
    except (OSError, ReleaseError, tarfile.TarError) as error:
        return str(error)
    return ""


def archive_name(version: str, system: str, machine: str) -> str:
    """The file of the release for a system and machine, as `uname` names them. Raises ReleaseError for unknown ones."""
    if system not in SYSTEMS or machine not in MACHINES:
        raise ReleaseError(f"there is none for {system} on {machine}")
    return f"pulumi-v{version}-{SYSTEMS[system]}-{MACHINES[machine]}.tar.gz"


def find_checksum(listing: str, name: str) -> str:
    """The SHA-256 of a file in a list of `<digest>  <name>` lines. Raises ReleaseError when it is not listed."""
    for line in listing.splitlines():
        digest, _, listed = line.partition(" ")
        if listed.strip() == name:
            return digest
    raise ReleaseError(f"{name} has no published checksum")


def check(data: bytes, expected: str, name: str) -> None:
    """Raise ReleaseError when the data is not what was published."""
    if hashlib.sha256(data).hexdigest() != expected:
        raise ReleaseError(f"{name} does not match its published checksum and was thrown away")


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - the address is a constant above
        data: bytes = answer.read()
    return data


def _unpack(data: bytes, folder: Path) -> None:
    """Unpack into place in one step; everything in the archive lies in a folder `pulumi/`."""
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        archive.extractall(fresh, filter="data")
    shutil.rmtree(folder, ignore_errors=True)
    (fresh / "pulumi").replace(folder)
    shutil.rmtree(fresh)
