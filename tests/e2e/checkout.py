"""A checkout of its own with a Batchite and a stack of its own, driven by the commands that a user types."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = (".venv", ".tools")
NOT_COPIED = shutil.ignore_patterns(
    ".git", *TOOLS, ".batchite", ".jobs", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__",
    "outputs",
)  # fmt: skip
PREPARE = "import json; from tools import local_stack as s; e = s.environment(); s.prepare(e); print(json.dumps(e))"
QUICK_START = {
    "scripts": [
        {
            "script": "start_tasks/python_packages.sh",
            "parameters": ["requirements.txt"],
            "files": ["tests/e2e/workloads/requirements.txt"],
        }
    ]
}
"""A start task whose packages install quickly."""
PATIENCE = 60.0
COMMAND_SECONDS = 180.0

Found = TypeVar("Found")
Done = subprocess.CompletedProcess[str]
Json = dict[str, Any]


def wait_for(find: Callable[[], Found | Literal[False] | None], description: str, seconds: float = PATIENCE) -> Found:
    """The first true value of `find`; fails with the description when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"waited in vain for {seconds:g} s: {description}"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that tasks can pass through too, whoever they run as."""
    with tempfile.TemporaryDirectory(prefix="batchite-e2e-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


def clean_environment() -> dict[str, str]:
    """The caller's environment without any login or session in it."""
    foreign = ("AZURE_", "ARM_", "PULUMI_", "PYTEST_", "BATCHITE_DATA")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


@dataclass
class Checkout:
    """The files of this repository in another folder; `env` is what its programs get."""

    root: Path
    env: dict[str, str] = field(default_factory=clean_environment, repr=False)  # holds secrets

    @classmethod
    def copy_to(cls, root: Path) -> Checkout:
        """Copy the files, borrow the installed tools."""
        shutil.copytree(REPOSITORY, root, ignore=NOT_COPIED, symlinks=True)
        for name in TOOLS:
            (root / name).symlink_to(REPOSITORY / name)
        return cls(root)

    @property
    def data(self) -> Path:
        """The data directory of the checkout's Batchite."""
        return self.root / ".batchite"

    @property
    def config(self) -> Path:
        """The configuration of the stack."""
        return self.root / "Pulumi.local.yaml"

    def start(self, *options: str) -> Json:
        """Start Batchite in the background; its ready line."""
        ready: Json = json.loads(self.batchite("start", "--detach", *options).stdout)
        return ready

    def enter(self) -> None:
        """Prepare the stack as `make demo` does and take over the environment for it."""
        done = self.run(sys.executable, "-c", PREPARE)
        self.env = json.loads(done.stdout)

    def run(self, *command: str, expect: int | None = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run a program in the checkout; fails when its exit code is not the expected one (None: any)."""
        done = subprocess.run(
            command, cwd=self.root, env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS,
        )  # fmt: skip
        words = f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert expect in (None, done.returncode), words
        return done

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a program in the checkout and return while it runs."""
        return subprocess.Popen(
            command, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def batchite(self, *arguments: str, expect: int | None = 0) -> Done:
        """`batchite …`."""
        return self.run(str(self.root / ".venv" / "bin" / "batchite"), *arguments, expect=expect)

    def pulumi(self, *arguments: str, expect: int | None = 0, env: Mapping[str, str] | None = None) -> Done:
        """`pulumi … --stack local --non-interactive`."""
        return self.run("pulumi", *arguments, "--stack", "local", "--non-interactive", expect=expect, env=env)

    def jobs(self, *arguments: str, expect: int | None = 0) -> Done:
        """`python -m jobs …`."""
        return self.run(*self.jobs_command(*arguments), expect=expect)

    def jobs_command(self, *arguments: str) -> tuple[str, ...]:
        """The command line of `python -m jobs …`."""
        return (str(self.root / ".venv" / "bin" / "python"), "-m", "jobs", *arguments)

    def set_pool(self, **settings: object) -> None:
        """Change settings of the pool `main` in the stack's configuration."""
        content = yaml.safe_load(self.config.read_text())
        content["config"]["azure-batch:pools"]["main"].update(settings)
        self.config.write_text(yaml.safe_dump(content))

    @cached_property
    def outputs(self) -> Json:
        """The outputs of the deployed stack."""
        found: Json = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return found

    @property
    def pool(self) -> Json:
        """What the outputs say of the pool `main`."""
        found: Json = self.outputs["pools"]["main"]
        return found

    def submit(self, workload: Path, **values: str) -> str:
        """Submit a workload with these values of its parameters; the job's id."""
        done = self.jobs("submit", str(workload), "--json", *self.target(), *settings(values))
        return str(json.loads(done.stdout)["job"])

    def target(self) -> tuple[str, str]:
        """The option of `jobs submit` that names this deployment."""
        file = self.data / "outputs.json"
        file.write_text(json.dumps(self.outputs))
        return "--outputs", str(file)

    def wait_for_job(self, job: str) -> Done:
        """Watch a job to its end, whatever that is."""
        return self.jobs("watch", "--json", "--job", job, "--timeout", str(PATIENCE), expect=None)


def settings(values: Mapping[str, str]) -> tuple[str, ...]:
    """`--set name=value` for each value."""
    return tuple(word for name, value in values.items() for word in ("--set", f"{name}={value}"))


def processes_of(folder: Path) -> dict[int, str]:
    """Processes that have to do with a folder by their command line, working directory or environment (Linux)."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if str(folder).encode() in _traces(process):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def _traces(process: Path) -> bytes:
    texts = [(process / "cmdline").read_bytes(), bytes((process / "cwd").readlink())]
    with contextlib.suppress(OSError):
        texts.append((process / "environ").read_bytes())
    return b"\0".join(texts)


def event_lines(place: Path) -> list[list[str]]:
    """What the tasks of worker.py wrote: [event, task, node, …], in the order of writing."""
    file = place / "events"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def claims(token: str) -> Json:
    """The claims of a token, unchecked."""
    body = token.split(".")[1]
    found: Json = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def changes(preview: str) -> Sequence[tuple[str, str]]:
    """(operation, type and name) of everything a `pulumi preview --json` would not leave as it is."""
    steps = json.loads(preview)["steps"]
    return [(step["op"], "::".join(step["urn"].split("::")[2:])) for step in steps if step["op"] != "same"]
