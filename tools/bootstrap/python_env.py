"""`.venv`: the pinned Python packages, installed by uv."""

import hashlib
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.bootstrap.steps import ROOT, VENV, StepError, output_of, run

UV = "0.13.9"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".batchite-requirements"
NO_VENV = (
    "install Python's venv module (Debian and Ubuntu: `apt-get install python3-venv`; others ship it with Python), "
    "or `virtualenv`, then run it again"
)


def make_venv() -> str:
    """Create `.venv` unless a working one is there."""
    if output_of([PYTHON, "-c", "import sys; print(sys.version_info[:2] >= (3, 11))"]) == "True":
        return "already there"
    errors = [_try(command) for command in _ways()]
    if all(errors):
        raise StepError(f"no virtual environment could be made: {errors[0]}", NO_VENV)
    return f"made with Python {sys.version.split()[0]}"


def _ways() -> list[list[str]]:
    """Ways to make a virtual environment; venv needs ensurepip, which some distributions split off."""
    return [
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        [sys.executable, "-m", "virtualenv", "--clear", str(VENV)],
        ["virtualenv", "--clear", "-p", sys.executable, str(VENV)],
        ["uv", "venv", "--clear", "--seed", "--python", sys.executable, str(VENV)],
    ]


def _try(command: list[str]) -> str:
    """Run one way unless an earlier one worked; the reason when it did not."""
    if _has_pip():
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()


def _has_pip() -> bool:
    return output_of([PYTHON, "-m", "pip", "--version"]) is not None


def install(requirements: str) -> str:
    """Install a pinned requirements file; nothing happens while its content is the one installed last."""
    wanted = _fingerprint(ROOT / requirements)
    have = STAMP.read_text().splitlines() if STAMP.exists() else []
    if wanted in have:
        return "already there"
    uv = _uv()
    command = [uv, "pip", "install", "--python", PYTHON, "-r", requirements]
    run(f"python-{requirements}", command, env=uv_environment(os.environ))
    STAMP.write_text("\n".join({wanted, *_still_true(have)}) + "\n")
    return f"installed {requirements}"


def _fingerprint(path: Path) -> str:
    """Names the file, its content, and that of the package it installs from the tree."""
    content = path.read_bytes() + (ROOT / "batchite" / "pyproject.toml").read_bytes()
    return f"{path.name} {hashlib.sha256(content).hexdigest()}"


def _still_true(lines: list[str]) -> list[str]:
    names = [line.split(" ")[0] for line in lines]
    return [line for line, name in zip(lines, names, strict=True) if line == _fingerprint(ROOT / name)]


def uv_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """Uv reads no setting of pip: let it use the same mirror, and trust what this machine trusts."""
    paths = ssl.get_default_verify_paths()
    trust = {"UV_SYSTEM_CERTS": "true"} if paths.cafile or paths.capath else {}
    mirror = caller.get("PIP_INDEX_URL") or output_of([PYTHON, "-m", "pip", "config", "get", "global.index-url"])
    index = {"UV_DEFAULT_INDEX": mirror} if mirror else {}
    return {**trust, **index, **caller}


def _uv() -> Path:
    """The pinned uv inside `.venv`: it installs in seconds what takes pip a minute."""
    uv = VENV / "bin" / "uv"
    if (output_of([uv, "--version"]) or "").split(" ")[1:2] != [UV]:
        if not _has_pip():
            run("pip", [PYTHON, "-m", "ensurepip"])
        run("uv", [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV}"])
    return uv


def fetch(requirement: str, folder: Path) -> None:
    """Install one pinned distribution into a folder of its own (a tool that happens to be on the Python registry)."""
    command = [_uv(), "pip", "install", "--python", PYTHON, "--target", folder, requirement]
    run(requirement.split("=", maxsplit=1)[0], command, env=uv_environment(os.environ))
