"""`python -m batchite.reference DOCS`: write the pages that are drawn from the tables; a test compares them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from batchite.arm.plane import TYPES
from batchite.batch.operations import OPERATIONS
from batchite.batch.routes import BUILT
from batchite.scheduler import transitions

NOTE = "<!-- Written by `python -m batchite.reference docs` from Batchite's own tables. -->"

_EFFECT = {True: "stored", False: "works"}


def pages() -> dict[str, str]:
    """Every generated page: its file name and its text."""
    return {"routes.md": routes_page(), "states.md": states_page()}


def routes_page() -> str:
    """What Batchite answers: the operations of the Batch data plane, and the resource types of ARM."""
    return "\n".join([NOTE, "# What Batchite answers", "", *_operations(), "", *_types(), ""])


def _operations() -> list[str]:
    rows = [
        f"| {one.name} | {one.method} | `{one.template}` | {one.status} | {_counted(one.name)} |" for one in OPERATIONS
    ]
    counted = sum(_counted(one.name) == "yes" for one in OPERATIONS)
    return [
        f"## Batch data plane: {counted} of {len(OPERATIONS)} operations",
        "",
        "Names are those of the Python client. An operation counts with a success, a failure and a state effect, each",
        "shown by three unmodified clients (`batchite/tests/clients/calls*.py`; a test fails when one is missing). An",
        "operation that is not built answers 501 with its name.",
        "",
        "| operation | method | path | success | counts |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _counted(name: str) -> str:
    return "yes" if name in BUILT else "501"


def _types() -> list[str]:
    rows = [
        f"| {kind.name} | `{kind.template}` | {_EFFECT[kind.stored]} | {', '.join(kind.actions) or 'none'} |"
        for kind in TYPES
    ]
    return [
        "## Azure Resource Manager",
        "",
        "GET, PUT, PATCH where ARM has it, DELETE and lists. Any other type answers 501 with its name.",
        "",
        "A type that works has its effect here. A stored one has none: it is kept and shown with Azure's defaults,",
        "generated values and rules (names, references, what may change, what is in use and can't be deleted).",
        "",
        "| type | path | here | actions |",
        "|---|---|---|---|",
        *rows,
    ]


def states_page() -> str:
    """The life cycles, as diagrams drawn from the transition tables."""
    tables: Mapping[str, transitions.Table] = {
        "Pool": transitions.POOL,
        "Allocation of a pool": transitions.ALLOCATION,
        "Node": transitions.NODE,
        "Job": transitions.JOB,
        "Job schedule": transitions.SCHEDULE,
        "Task": transitions.TASK,
        "Subtask of a multi-instance task": transitions.SUBTASK,
    }
    parts = [NOTE, "# Life cycles", "", "The words are the service's own. The scheduler refuses every other arrow.", ""]
    for name, table in tables.items():
        parts += [f"## {name}", "", "```mermaid", "stateDiagram-v2", *_arrows(table), "```", ""]
    return "\n".join(parts)


def _arrows(table: transitions.Table) -> list[str]:
    """One line an arrow; a state that nothing follows ends the life."""
    lines = [f"    [*] --> {next(iter(table))}"]
    for state, following in table.items():
        lines += [f"    {state} --> {after}" for after in sorted(following)] or [f"    {state} --> [*]"]
    return lines


def main() -> None:
    """Write the pages into the folder named by the first argument."""
    for name, text in pages().items():
        Path(sys.argv[1], name).write_text(text)


if __name__ == "__main__":
    main()
