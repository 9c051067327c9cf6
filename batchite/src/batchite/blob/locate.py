"""Where Node and Azurite's node_modules are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]


class ToolMissingError(Exception):
    """Node or Azurite is not there; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs the blob store: the `node` executable itself (no wrapper script) and a node_modules folder."""

    node: Path
    azurite: Path


def locate(environment: Mapping[str, str] = os.environ, repository: Path = REPOSITORY) -> Tools:
    """The tools named by BATCHITE_NODE and BATCHITE_AZURITE, else those the set-up brought.

    Raises ToolMissingError.
    """
    node = Path(environment["BATCHITE_NODE"]) if "BATCHITE_NODE" in environment else _node(environment, repository)
    azurite = Path(environment.get("BATCHITE_AZURITE") or repository / ".tools" / "azurite" / "node_modules")
    if not node.is_file():
        raise ToolMissingError(f"Node is missing ({node}). Run `make setup`, or set BATCHITE_NODE to Node 20 or newer.")
    if not (azurite / "azurite" / "package.json").is_file():
        raise ToolMissingError(
            f"Azurite is missing ({azurite}). Run `make setup`, or set BATCHITE_AZURITE to a node_modules folder."
        )
    return Tools(node, azurite)


def _node(environment: Mapping[str, str], repository: Path) -> Path:
    ours = repository / ".tools" / "bin" / "node"
    found = shutil.which("node", path=environment.get("PATH", ""))
    return ours if ours.is_file() or found is None else Path(found)
