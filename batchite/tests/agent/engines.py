"""Engines for tests: a stand-in that is always there, and the machine's own podman with an image made of busybox."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from batchite.agent.engine import Engine, find_engine

IMAGE = "localhost/batchite-test:1"
BUSYBOX = Path("/bin/busybox")
_FAKE = Path(__file__).with_name("fake_docker.py")
_CONF = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def fake_engine(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A program called docker in the PATH, which has one image."""
    state, programs = directory / "fake", directory / "programs"
    state.mkdir()
    programs.mkdir()
    (state / "images").write_text(f"{IMAGE}\n")
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} {_FAKE} "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("CONTAINER_FAKE", str(state))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    found = find_engine("docker")
    assert found is not None
    return found


def real_engine(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Podman with storage of its own in a directory, filled at the first call. Skips where it runs no container."""
    if not shutil.which("podman") or not BUSYBOX.exists():
        pytest.skip("needs podman and a static /bin/busybox")
    _configure(directory, monkeypatch)
    engine = find_engine("podman")
    if engine is None:
        pytest.skip("podman does not answer here")
    if engine.call("image", "inspect", IMAGE).code:
        _import_image(directory, engine)
    tried = engine.call("run", "--rm", "--network", "host", IMAGE, "/bin/sh", "-c", "exit 0")
    if tried.code:
        pytest.skip(f"podman runs no container here: {tried.error.strip()}")
    return engine


def _configure(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = f'[storage]\ndriver = "vfs"\nrunroot = "{directory}/run"\ngraphroot = "{directory}/graph"\n'
    (directory / "storage.conf").write_text(storage)
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""  # where crun refuses the machine's cgroups
    (directory / "containers.conf").write_text(_CONF + runtime)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(directory / "storage.conf"))
    monkeypatch.setenv("CONTAINERS_CONF", str(directory / "containers.conf"))


def _import_image(directory: Path, engine: Engine) -> None:
    archive = directory / "image.tar"
    with tarfile.open(archive, "w") as packed:
        packed.add(BUSYBOX, "bin/busybox")
        for name in subprocess.check_output([BUSYBOX, "--list"], text=True).split():
            if name != "busybox":
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                packed.addfile(link)
        for name in ("tmp", "proc", "dev", "sys", "etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            packed.addfile(folder)
    assert engine.call("import", str(archive), IMAGE).code == 0
