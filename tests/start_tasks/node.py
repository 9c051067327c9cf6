"""A node of Batch as a start task finds it: its folders, its variables, and this repository's scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.start_tasks.cloud import Cloud

ROOT = Path(__file__).resolve().parents[2]
PATH = f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"
NOBODY = 65534
AS_ROOT = ("unshare", "--map-root-user")


@dataclass
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str


@dataclass
class Node:
    """A node's directory; `path` is searched for programs. `rights` any: those of this process."""

    root: Path
    cloud: Cloud | None = None
    path: str = PATH
    rights: Literal["any", "root", "none"] = "any"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("shared", "startup", "volatile"):
            (self.root / name).mkdir(parents=True)
        shutil.copytree(ROOT / "start_tasks", self.work)

    @property
    def work(self) -> Path:
        """The working directory of the start task, where its files lie."""
        return self.root / "startup" / "wd"

    @property
    def shared(self) -> Path:
        """The folder that tasks share."""
        return self.root / "shared"

    def write(self, name: str, text: str) -> Path:
        """A file beside the scripts."""
        path = self.work / name
        path.write_text(text)
        return path

    def variables(self) -> dict[str, str]:
        """What a start task finds in its environment, and nothing of this process's."""
        return {
            "PATH": self.path,
            "HOME": str(self.work),
            "AZ_BATCH_POOL_ID": "pool",
            "AZ_BATCH_NODE_ID": "node",
            "AZ_BATCH_NODE_ROOT_DIR": str(self.root),
            "AZ_BATCH_NODE_SHARED_DIR": str(self.shared),
            "AZ_BATCH_TASK_DIR": str(self.root / "startup"),
            "START_TASK_PAUSE": "0",
            **(self.cloud.variables() if self.cloud else {}),
            **self.environment,
        }

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a start task."""
        command = ["/bin/bash", "run.sh", *words]
        if self.rights == "root" and os.geteuid() != 0:
            command = [*AS_ROOT, *command]
        with (self.root / "startup/stdout.txt").open("wb") as out, (self.root / "startup/stderr.txt").open("wb") as err:
            return subprocess.Popen(
                command,
                cwd=self.work,
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                user=NOBODY if self.rights == "none" and os.geteuid() == 0 else None,
            )

    def run(self, *words: str, **variables: str) -> Done:
        """Run a start task to its end; variables are there from now on."""
        self.environment |= variables
        with self.begin(*words) as process:
            code = process.wait(60)
        out, err = ((self.root / "startup" / name).read_text() for name in ("stdout.txt", "stderr.txt"))
        return Done(code, out, err)


def can_be_root() -> bool:
    """Whether this process is root, or may be in a user namespace of its own."""
    return os.geteuid() == 0 or subprocess.run([*AS_ROOT, "true"], capture_output=True, check=False).returncode == 0


def tools(folder: Path, stand_ins: Mapping[str, str], *names: str) -> str:
    """A search path of stand-ins (name: script) and these of the system's programs alone."""
    folder.mkdir()
    for name in ("bash", "env", "cat", "date", "dirname", "python3", "sed", "sleep", "grep", "touch", "rm", *names):
        (folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin") or name)
    for name, text in stand_ins.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}")
        (folder / name).chmod(0o755)
    return str(folder)
