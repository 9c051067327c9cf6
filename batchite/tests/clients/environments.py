"""Environments of their own for other makers' clients: nothing of this project is in them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[3] / "tools" / "requirements"
INSTALL_SECONDS = 600  # azure-cli: 154 packages, 370 MB; seconds where uv has them in its cache
FOREIGN = ("AZURE_", "ARM_", "PYTHON", "REQUESTS_", "SSL_")


def uv() -> str:
    """The installer, beside this interpreter or on the PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found, "uv is missing: run `make setup`"
    return found


def environment(folder: Path, requirements: str) -> Path:
    """The interpreter of a new environment that holds what `tools/requirements` pins under that name."""
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(python), "-r", str(REQUIREMENTS / f"{requirements}.txt")],
    ):
        subprocess.run([uv(), *command], check=True, timeout=INSTALL_SECONDS)
    return python


def plain_variables() -> dict[str, str]:
    """This process's variables without those that point a client or an interpreter anywhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
