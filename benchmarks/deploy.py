"""`pulumi up` of the local stack, beside the engine's own time for programs that need no provider."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server import Server, running
from benchmarks.table import Row, Table, row

ROOT = Path(__file__).resolve().parent.parent
STACK = "local"
PACK = ("--policy-pack", "policies")
PROJECT = "name: {name}\nruntime: {{name: python, options: {{virtualenv: .venv}}}}\n"
EMPTY = "import pulumi\n"
TRIVIAL = 'import pulumi\n\nfor number in range({count}):\n    pulumi.ComponentResource("bench:x:Y", str(number))\n'
OWN_RESOURCES = 1
"""The stack itself, which the engine counts too."""


@dataclass(slots=True)
class Project:
    """A folder the engine works in, against one server."""

    folder: Path
    server: Server
    environment: dict[str, str]

    def create(self) -> None:
        """Make the stack, in the server's own backend."""
        self.pulumi("stack", "select", "--create", STACK)

    def up(self, *options: str) -> None:
        """Deploy."""
        self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, *options)

    def destroy(self) -> None:
        """Take down."""
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK)

    def resources(self) -> int:
        """How many resources the stack has now, the stack itself among them."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", STACK))
        return len(exported["deployment"]["resources"])

    def pulumi(self, *arguments: str) -> str:
        """Run the engine; its standard output. Raises RuntimeError with what it said when it fails."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pulumi {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


@dataclass(slots=True)
class Measured:
    """Seconds of every round; processor seconds of the engine with all it starts, and of Batchite."""

    wall: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    engine: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    served: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def up(self, name: str, project: Project, *options: str) -> None:
        """Deploy once, timed."""
        served, engine = project.server.processor_seconds(), _processor_seconds_of_children()
        begin = time.perf_counter()
        project.up(*options)
        self.wall[name].append(time.perf_counter() - begin)
        self.served[name].append(project.server.processor_seconds() - served)
        self.engine[name].append(_processor_seconds_of_children() - engine)

    def rows(self, name: str, floor: str) -> list[Row]:
        """The time, beside a floor, and how much processor time went where."""
        return [
            row(name, "s", self.wall[name], floor, self.wall[floor]),
            row(f"{name}: processor, engine and program", "s", self.engine[name], "the time", self.wall[name]),
            row(f"{name}: processor, Batchite", "s", self.served[name], "the time", self.wall[name]),
        ]


def run(*, rounds: int) -> list[Table]:
    """The table of this benchmark."""
    with running() as server, projects(server) as (empty, trivial, local):
        measured = Measured()
        count = _warm_up(local)
        _program(trivial.folder, TRIVIAL.format(count=count))
        for _ in range(rounds):
            for name, project in (("empty program", empty), (f"{count} components", trivial), ("local stack", local)):
                measured.up(f"{name}, first", project)
                measured.up(f"{name}, no change", project)
                if project is local:
                    measured.up(f"{name}, no change, policy pack", project, *PACK)
                project.destroy()
            measured.up("local stack, first, policy pack", local, *PACK)
            local.destroy()
        return [_table(measured, rounds, count)]


def _warm_up(local: Project) -> int:
    """Deploy once unmeasured, so that files are in memory and compiled; the number of resources."""
    local.up()
    count = local.resources() - OWN_RESOURCES
    local.destroy()
    return count


def _table(measured: Measured, rounds: int, count: int) -> Table:
    rows: list[Row] = []
    for kind in ("first", "no change"):
        floor = f"empty program, {kind}"
        rows.append(row(floor, "s", measured.wall[floor]))
        rows.append(row(f"{count} components, {kind}", "s", measured.wall[f"{count} components, {kind}"]))
        rows += measured.rows(f"local stack, {kind}", floor)
        rows += measured.rows(f"local stack, {kind}, policy pack", floor)
    note = f"`pulumi up --skip-preview` of {count} resources, {rounds} interleaved rounds; a floor is the same engine "
    note += "and language host with a program of no resources, or of as many that need no provider."
    return Table("Deployment", note, tuple(rows))


@contextmanager
def projects(server: Server) -> Iterator[tuple[Project, Project, Project]]:
    """An empty program, one of components, and a copy of this repository's, each with its stack made."""
    with tempfile.TemporaryDirectory(prefix="batchite-bench-") as temporary:
        made = [Project(Path(temporary, name), server, _environment(server)) for name in ("empty", "trivial", "local")]
        for project in made:
            project.folder.mkdir()
        for project in made[:2]:
            (project.folder / ".venv").symlink_to(ROOT / ".venv")
            (project.folder / "Pulumi.yaml").write_text(PROJECT.format(name=project.folder.name))
            _program(project.folder, EMPTY)
        _mirror(made[2].folder)
        for project in made:
            project.create()
        yield made[0], made[1], made[2]


def _mirror(folder: Path) -> None:
    """This repository's program; the engine may rewrite the stack's configuration, so that is a copy."""
    for path in ROOT.iterdir():
        if path.name == f"Pulumi.{STACK}.yaml":
            shutil.copy(path, folder)
        else:
            (folder / path.name).symlink_to(path)


def _processor_seconds_of_children() -> float:
    """Of every process that has ended below this one: the engine, its language host, the program, the policy pack."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _program(folder: Path, text: str) -> None:
    (folder / "__main__.py").write_text(text)


def _environment(server: Server) -> dict[str, str]:
    """The caller's environment without logins, the project's own tools in front, everything pointed at the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_", "PULUMI_"))}
    path = os.pathsep.join([str(ROOT / ".tools" / "bin"), str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
    return {**kept, **server.environment, "PATH": path}
