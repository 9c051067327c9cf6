"""The peers' own environment, and running them in it. What cannot be had here is said, never left out in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".tools" / "peers"
PYTHON = FOLDER / "bin" / "python"
PINNED = ROOT / "tools" / "requirements" / "peers.txt"
PEERS = {
    "Dask": ("dask_queue", ()),
    "Huey, sqlite": ("huey_queue", ("sqlite",)),
    "Huey, redis": ("huey_queue", ("redis",)),
}
SECONDS = 600


def available() -> tuple[list[str], list[str]]:
    """The peers that can run here, and why others cannot."""
    try:
        _install()
    except (OSError, subprocess.CalledProcessError) as error:
        return [], [f"No peers: their environment could not be made ({error})."]
    if shutil.which("redis-server") is None:
        return [name for name in PEERS if "redis" not in name], ["Huey over redis is absent: no redis-server here."]
    return list(PEERS), []


def rate(name: str, count: int, slots: int) -> float:
    """Tasks a second of a peer. Raises CalledProcessError with what it wrote when it fails."""
    script, arguments = PEERS[name]
    command = [str(PYTHON), str(Path(__file__).with_name(f"{script}.py")), str(count), str(slots), *arguments]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=plain, timeout=SECONDS
    )
    return float(done.stdout)


def _install() -> None:
    """Make the environment from the pinned file; nothing happens when it is there."""
    stamp = FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == PINNED.read_text():
        return
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(FOLDER)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "-r", str(PINNED)], check=True)
    stamp.write_text(PINNED.read_text())
