"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = ("azure-batch", "azure-core", "uvicorn", "uvloop", "orjson", "pulumi")


def describe() -> dict[str, str]:
    """Machine and versions, by name."""
    found = {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "user": "root" if os.getuid() == 0 else "unprivileged",
    }
    return found | {name: metadata.version(name) for name in PACKAGES}


def render(machine: dict[str, str]) -> str:
    """One paragraph."""
    return ", ".join(f"{name} {value}" for name, value in machine.items()) + "\n"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
