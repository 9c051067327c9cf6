"""Deployments of several sizes on Batchite, beside the engine's own time for programs that need no provider."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from benchmarks.server import Server, running
from benchmarks.table import Row, Table, row
from tools.console import compiling_once

ROOT = Path(__file__).resolve().parent.parent
STACK = "local"
PACK = ("--policy-pack", "policies")
PROJECT = "name: {name}\nruntime: {{name: python, options: {{virtualenv: .venv}}}}\n"
EMPTY = "import pulumi\n"
TRIVIAL = 'import pulumi\n\nfor number in range({count}):\n    pulumi.ComponentResource("bench:x:Y", str(number))\n'
Config: TypeAlias = dict[str, Any]
Configure: TypeAlias = Callable[[Config], None]
OWN_RESOURCES = 1
"""The stack itself, which the engine counts too."""


@dataclass(slots=True)
class Project:
    """A folder the engine works in, against one server."""

    folder: Path
    server: Server
    environment: dict[str, str]
    judged: bool = False  # by the policy pack too

    def create(self) -> None:
        """Make the stack, in the server's own backend."""
        self.pulumi("stack", "select", "--create", STACK)

    def up(self, *options: str) -> None:
        """Deploy."""
        self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, *options)

    def preview(self) -> None:
        """Show what would change: nothing."""
        self.pulumi("preview", "--expect-no-changes", "--stack", STACK)

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

    def time(self, name: str, server: Server, action: Callable[[], None]) -> None:
        """Do it once, timed."""
        served, engine = server.processor_seconds(), _processor_seconds_of_children()
        begin = time.perf_counter()
        action()
        self.wall[name].append(time.perf_counter() - begin)
        self.served[name].append(server.processor_seconds() - served)
        self.engine[name].append(_processor_seconds_of_children() - engine)

    def rows(self, name: str, floor: str) -> list[Row]:
        """The time, beside a floor, and how much processor time went where."""
        return [
            row(name, "s", self.wall[name], floor, self.wall[floor]),
            row(f"{name}: processor, engine and program", "s", self.engine[name], "the time", self.wall[name]),
            row(f"{name}: processor, Batchite and provider", "s", self.served[name], "the time", self.wall[name]),
        ]


def run(*, rounds: int) -> list[Table]:
    """One table for each size of stack."""
    with running() as server:
        return [_measure(server, name, configure, rounds) for name, configure in STACKS.items()]


def _measure(server: Server, name: str, configure: Configure, rounds: int) -> Table:
    with projects(server, configure) as (empty, trivial, stack):
        count, measured = _warm_up(stack), Measured()
        _program(trivial.folder, TRIVIAL.format(count=count))
        for _ in range(rounds):
            for what, project in (("empty program", empty), (f"{count} components", trivial), (name, stack)):
                _live(measured, server, what, project)
        return _table(measured, rounds, name, count)


def _live(measured: Measured, server: Server, name: str, project: Project) -> None:
    """One life of a project's stack: made, left as it is, taken down."""
    measured.time(f"{name}, first", server, project.up)
    measured.time(f"{name}, preview of no change", server, project.preview)
    measured.time(f"{name}, no change", server, project.up)
    if project.judged:
        measured.time(f"{name}, no change, policy pack", server, lambda: project.up(*PACK))
    measured.time(f"{name}, destroy", server, project.destroy)


def _warm_up(stack: Project) -> int:
    """Deploy once unmeasured, so that files are in memory and compiled; the number of resources."""
    stack.up()
    count = stack.resources() - OWN_RESOURCES
    stack.destroy()
    return count


def _table(measured: Measured, rounds: int, name: str, count: int) -> Table:
    rows: list[Row] = []
    for kind in ("first", "preview of no change", "no change", "destroy"):
        floor = f"empty program, {kind}"
        rows.append(row(floor, "s", measured.wall[floor]))
        rows.append(row(f"{count} components, {kind}", "s", measured.wall[f"{count} components, {kind}"]))
        rows += measured.rows(f"{name}, {kind}", floor)
    rows += measured.rows(f"{name}, no change, policy pack", "empty program, no change")
    note = f"`pulumi up --skip-preview` of {count} resources and what follows, {rounds} interleaved rounds; a floor is "
    note += "the same engine and language host with a program of no resources, or of as many that need no provider."
    return Table(f"Deployment: {name}", note, tuple(rows))


@contextmanager
def projects(server: Server, configure: Configure) -> Iterator[tuple[Project, Project, Project]]:
    """An empty program, one of components, and a copy of this repository's, each with its stack made."""
    with tempfile.TemporaryDirectory(prefix="batchite-bench-") as temporary:
        made = [Project(Path(temporary, name), server, _environment(server)) for name in ("empty", "trivial", "stack")]
        for project in made:
            project.folder.mkdir()
        for project in made[:2]:
            (project.folder / ".venv").symlink_to(ROOT / ".venv")
            (project.folder / "Pulumi.yaml").write_text(PROJECT.format(name=project.folder.name))
            _program(project.folder, EMPTY)
        _mirror(made[2].folder, configure)
        made[2].judged = True
        for project in made:
            project.create()
        yield made[0], made[1], made[2]


def _mirror(folder: Path, configure: Configure) -> None:
    """This repository's program; the engine may rewrite the stack's configuration, so that is a file of its own."""
    for path in ROOT.iterdir():
        if path.name != f"Pulumi.{STACK}.yaml":
            (folder / path.name).symlink_to(path)
    document = yaml.safe_load((ROOT / f"Pulumi.{STACK}.yaml").read_text())
    configure(document["config"])
    (folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))


def as_is(_config: Config) -> None:
    """The stack of `make demo`."""


def with_monitoring(config: Config) -> None:
    """The stack of `make demo` with what else it may have without a network: alerts, budget, pipelines, submitters."""
    example = yaml.safe_load((ROOT / "Pulumi.production.example.yaml").read_text())["config"]
    for section in ("monitoring", "budget", "pipelines", "submitters"):
        config[f"azure-batch:{section}"] = example[f"azure-batch:{section}"]


def everything(config: Config) -> None:
    """The production example, but for what is in the way of doing it again: protection, and a vault's taken name."""
    example = yaml.safe_load((ROOT / "Pulumi.production.example.yaml").read_text())["config"]
    del example["azure-batch:keyVault"], example["azure-batch:account"]["customerManagedKey"]
    for section in example.values():
        if isinstance(section, dict) and "protect" in section:
            section["protect"] = False
    config.update(example)


def many_pools(config: Config) -> None:
    """As many pools as its table says, of the size of the demo's."""
    pools = config["azure-batch:pools"]
    config["azure-batch:pools"] = {f"pool{number:02}": pools["main"] for number in range(POOLS)}


POOLS = 60
STACKS: Mapping[str, Configure] = {
    "local stack": as_is,
    "with monitoring": with_monitoring,
    "production example": everything,
    f"{POOLS} pools": many_pools,
}


def _processor_seconds_of_children() -> float:
    """Of every process that has ended below this one: the engine, its language host, the program, the policy pack."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _program(folder: Path, text: str) -> None:
    (folder / "__main__.py").write_text(text)


def _environment(server: Server) -> dict[str, str]:
    """The caller's environment without logins, the project's own tools in front, everything pointed at the server."""
    logins = ("AZURE_", "ARM_", "PULUMI_")
    kept = {name: value for name, value in compiling_once(os.environ).items() if not name.startswith(logins)}
    path = os.pathsep.join([str(ROOT / ".tools" / "bin"), str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
    return {**kept, **server.environment, "PATH": path}
