"""The Pulumi CLI and its Python parts: from the machine, else the official release, else built from source."""

import fcntl
import os
import shutil
from pathlib import Path

from tools.bootstrap import go_build, release
from tools.bootstrap.steps import BIN, VENV, cache, link, output_of, place, say, version_tuple

VERSION = "3.259.0"
PARTS = ("pulumi-language-python-exec", "pulumi-resource-pulumi-python")  # Beside the language host.
HOST = "pulumi-language-python"
LAUNCHER = """#!/bin/sh
# Stands in for the official language host of Pulumi; made by tools/bootstrap.
root=$(cd "$(dirname "$0")/../.." && pwd)
exec "$root/.venv/bin/python" "$root/tools/language_host.py" "$@"
"""
COMMAND = """#!/bin/sh
# The Pulumi of this project, for whoever has activated its Python environment; made by tools/bootstrap.
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH="$root/.tools/bin:$PATH" exec "$root/.tools/bin/pulumi" "$@"
"""


def bring_cli() -> str:
    """Put a Pulumi CLI of at least the pinned version, with its Python parts, into `.tools/bin`.

    `pulumi` in `.venv/bin` leads there: an activated environment has everything.
    """
    path = _path_without_ours()
    if _new_enough(shutil.which("pulumi", path=path)):
        outcome = _use_machines(path)
    else:
        outcome = _use(_cached("release") or _cached("built") or _fetch())
    _script(VENV / "bin" / "pulumi", COMMAND)
    return outcome


def _path_without_ours() -> str:
    """The caller's PATH without what this bootstrap has made, in this clone or another one."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    own = {BIN.resolve(), (VENV / "bin").resolve()}
    return os.pathsep.join(one for one in folders if Path(one).resolve() not in own and not _is_a_clones(Path(one)))


def _is_a_clones(folder: Path) -> bool:
    return any(_begins(folder / name, text) for name, text in (("pulumi", COMMAND), (HOST, LAUNCHER)))


def _begins(program: Path, text: str) -> bool:
    try:
        with program.open("rb") as file:
            return file.read(len(text)) == text.encode()
    except OSError:
        return False


def _new_enough(program: Path | str | None) -> bool:
    if not program:
        return False
    return version_tuple(output_of([program, "version"], _quiet()) or "") >= version_tuple(VERSION)


def _quiet() -> dict[str, str]:
    """An environment in which asking for the version writes nothing into the user's own folders and asks no server."""
    home = BIN.parent / "pulumi-home"
    home.mkdir(parents=True, exist_ok=True)
    return {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}


def _use_machines(path: str) -> str:
    """Leave the machine's CLI in charge; add only what it lacks for Python."""
    program = Path(shutil.which("pulumi", path=path) or "")
    for name in ("pulumi", HOST, *PARTS):
        (BIN / name).unlink(missing_ok=True)
    link(program, "pulumi")
    if not _has_host(program, path):
        parts = _cached("parts") or go_build.fetch_parts(_folder("parts"), PARTS)
        _link_parts(parts)
    return f"uses {program}"


def _has_host(program: Path, path: str) -> bool:
    return (program.resolve().parent / HOST).exists() or shutil.which(HOST, path=path) is not None


def _folder(kind: str) -> Path:
    """Where one kind of result is kept; the name holds the version, what it is built from, and the machine."""
    machine = f"{os.uname().sysname}-{os.uname().machine}".lower()
    return cache() / f"pulumi-v{VERSION}-{kind}-{go_build.lock_hash()}-{machine}"


def _cached(kind: str) -> Path | None:
    folder = _folder(kind)
    done = folder / PARTS[0] if kind == "parts" else folder / "pulumi"
    return folder if done.exists() and (kind == "parts" or _new_enough(done)) else None


def _fetch() -> Path:
    """The official release where its server can be reached, else a build from the Go module."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "pulumi.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Another clone may be at it; then its result is ours.
        return _cached("release") or _cached("built") or _download_or_build()


def _download_or_build() -> Path:
    folder = _folder("release")
    reason = release.download(VERSION, folder)
    if not reason:
        return folder
    say(f"    the official release cannot be had here ({reason}); building the same version from its Go module instead")
    return go_build.build(VERSION, _folder("built"), PARTS)


def _use(folder: Path) -> str:
    if (folder / HOST).exists():
        link(folder / "pulumi", "pulumi")
        for name in (HOST, *PARTS):
            link(folder / name, name)
    else:
        place(folder / "pulumi", "pulumi")  # The engine warns about a language host that does not lie beside itself.
        _link_parts(folder)
    return f"Pulumi {VERSION} at {folder}"


def _link_parts(folder: Path) -> None:
    """Our own language host, and the parts of the SDK it and the engine start."""
    for name in PARTS:
        link(folder / name, name)
    _script(BIN / HOST, LAUNCHER)


def _script(path: Path, text: str) -> None:
    """Write a program, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(path)
