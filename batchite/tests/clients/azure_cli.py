"""Runs the Azure CLI: a session is a list of steps, each a command line with what it must show."""

import json
import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.environments import plain_variables
from conformance.cases import matches

COMMAND_SECONDS = 60
WAIT_SECONDS = 60


@dataclass(frozen=True)
class Step:
    """A command line after `az `, and what it shows or how it fails; `until` repeats it until it shows that."""

    line: str
    shows: Any = None
    fails: str = ""  # what its error output holds
    until: bool = False
    keeps: Mapping[str, str] = field(default_factory=dict)  # a name for later `{name}` and the query that finds it


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    text: str
    errors: str

    @property
    def shown(self) -> Any:
        """What it printed, parsed; None when it printed nothing."""
        return json.loads(self.text) if self.text.strip() else None


@dataclass
class AzureCli:
    """The CLI of one environment, with a home of its own; telemetry is off."""

    python: Path
    home: Path
    variables: dict[str, str] = field(repr=False)  # they hold keys
    kept: dict[str, str] = field(default_factory=dict, repr=False)

    def run(self, line: str) -> Done:
        """One command, as a process of its own."""
        settings = {
            "HOME": str(self.home),
            "AZURE_CONFIG_DIR": str(self.home / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_NO_COLOR": "true",
        }
        words = [word.format(home=self.home, **self.kept) if "{" in word else word for word in shlex.split(line)]
        done = subprocess.run(
            [str(self.python), "-W", "ignore", "-m", "azure.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={**plain_variables(), **settings, **self.variables},
            cwd=self.home,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def session(self, steps: Iterable[Step]) -> None:
        """Run the steps one after the other, each checked."""
        for step in steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        done, deadline = self.run(step.line), time.monotonic() + WAIT_SECONDS
        while step.until and not (done.code == 0 and matches(done.shown, step.shows)):
            assert time.monotonic() < deadline, f"waited in vain for az {step.line}: {done}"
            done = self.run(step.line)
        if step.fails:
            assert done.code != 0, f"az {step.line}: {done}"
            assert step.fails in done.errors, f"az {step.line}: {done}"
            return
        assert done.code == 0, f"az {step.line}: {done}"
        assert step.shows is None or matches(done.shown, step.shows), f"az {step.line}: {done}"
        self.kept |= {name: str(_at(done.shown, path)) for name, path in step.keeps.items()}


def _at(value: Any, path: str) -> Any:
    """The value at a path such as `0.id`."""
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value
