"""Further stacks in the checkout of the other tests: another configuration of the same program on the same Batchite."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.checkout import Checkout, Done, Json

UP = ("up", "--yes", "--skip-preview")


@dataclass(frozen=True)
class Stack:
    """A stack by its name; its configuration is a file that tests may change."""

    name: str
    checkout: Checkout

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.checkout.root / f"Pulumi.{self.name}.yaml"

    def make(self, config: Json) -> None:
        """Make the stack, with this configuration and where Batchite is."""
        here = {
            "azure-native:subscriptionId": self.checkout.outputs["subscriptionId"],
            "azure-batch:environmentFile": ".batchite/env",
        }
        self.file.write_text(yaml.safe_dump({"config": {**config, **here}}))
        self.checkout.run("pulumi", "stack", "init", self.name, "--no-select", "--non-interactive")

    def pulumi(self, *arguments: str, expect: int | None = 0) -> Done:
        """`pulumi … --stack NAME`."""
        return self.checkout.run("pulumi", *arguments, "--stack", self.name, "--non-interactive", expect=expect)

    def configure(self, section: str, **settings: object) -> None:
        """Change settings of a section."""
        document = yaml.safe_load(self.file.read_text())
        document["config"].setdefault(f"azure-batch:{section}", {}).update(settings)
        self.file.write_text(yaml.safe_dump(document))

    @property
    def resources(self) -> list[Json]:
        """The resources of Azure in the state."""
        state = json.loads(self.pulumi("stack", "export").stdout)
        found = state["deployment"].get("resources", [])
        return [one for one in found if one["type"].startswith("azure-native:")]

    @property
    def outputs(self) -> Json:
        """The outputs, as they are now."""
        found: Json = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return found

    @contextlib.contextmanager
    def deployed(self, *options: str) -> Iterator[Stack]:
        """The stack while it is up; destroying it leaves nothing."""
        self.pulumi(*UP, *options)
        yield self
        self.pulumi("destroy", "--yes", "--skip-preview")
        assert self.resources == []
        self.pulumi("stack", "rm", "--yes")
