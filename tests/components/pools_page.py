"""`python -m tests.components.pools_page`: write docs/pools.md from the tables of both sides.

It stands here because nothing that is deployed may know Batchite, nor Batchite what is deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pulumi_azure_native as azure

from batchite.arm.types import support
from components import arm_inputs, reach

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pools.md"
CLASSES = {
    "batch:Pool": azure.batch.PoolArgs,
    "batch:BatchAccount": azure.batch.BatchAccountArgs,
    "batch:Application": azure.batch.ApplicationArgs,
    "batch:ApplicationPackage": azure.batch.ApplicationPackageArgs,
}
HEAD = """# Pools, and every input of the Batch types

<!-- Written by `python -m tests.components.pools_page` from the tables of components and of Batchite. -->

A pool is configured under `pools.<key>`; [configuration.md](configuration.md) has every setting. What is rare is given
in ARM's own shape and names (`mountConfiguration`, `osDisk`, …) and is judged against the SDK's classes. From Python,
`PoolArgs.inputs` and `AccountArgs.inputs` take any further input and lay it over what the settings give.

## What a change does

| change | what happens | nodes that run |
|---|---|---|
| `scaleSettings`, `metadata` | in place | at once |
| `startTask` | in place | keep theirs until they are rebooted or reimaged; new nodes run the new one |
| `applicationPackages` | in place | keep theirs until they are rebooted or reimaged; new nodes get the new one |
| everything else | another pool, whose id ends in another generation | drain, then go with their pool |

`pulumi preview` says which of these a change is, and names what can't change in place. Azure changes more in a pool
that has no nodes at that moment; here a change means the same at any moment.

## How a pool is replaced

1. The new pool is made beside the old one; both count against the quotas of pools and cores until the old one is gone.
2. The old pool takes no more tasks and loses its nodes as their tasks complete. The deployment waits for that, up to
   `drainMinutes` (60).
3. When no node is left, the old pool is deleted and the stack's outputs name the new one.

Nothing is cut when the minutes are over: the deployment stops with an error, the old pool stays, and the next
`pulumi up` waits on. `drainMinutes: 0` deletes the old pool at once, with its running tasks; deploy that setting before
the change, because the pool that goes is treated as it was deployed. `BATCH_DRAINING=off pulumi up` does the same for
one deployment, also when a pool is waited for already. Whoever deploys has to reach the account's data plane, as for
start-task files. An account that is replaced takes its pools with it at once.

Tasks still queued in jobs of the old pool stay there: submit them again to the new one, or wait with the change until
the queue is empty. `pulumi destroy`, and taking a pool out of the configuration, wait for nothing. Another password of
a user account is not part of a pool's generation, since nothing of a secret is in a name: give the pool another
`generation` with it.

## On Batchite

*honoured*: it has its effect. *stored*: it is kept and given back, for it describes Azure's machines or networks.
*refused*: an error names it. Reasons stand beside the verdict; a test sends every one of them.
"""


def page() -> str:
    """The page, Markdown."""
    sections = [_section(token, kind) for token, kind in CLASSES.items()]
    return "\n".join([HEAD, *("\n".join(lines) for lines in sections)])


def rows(token: str, kind: type[object]) -> Iterator[tuple[str, str, str, str, str]]:
    """Each input of a type: path, where it comes from, what a change does, and what Batchite does with it, and why."""
    for path in arm_inputs.paths(kind):
        plain = bare(path)
        yield path, reach.source(token, plain), reach.change(token, plain), *verdict(token, plain)


def bare(path: str) -> str:
    """The path as the tables have it: without the marks of lists and mappings."""
    return re.sub(r"\[\]|\{\}", "", path)


def verdict(token: str, path: str) -> tuple[str, str]:
    """What Batchite does with an input, and why; for one that only holds others, that is said of those."""
    table = support.TABLES[token]
    try:
        found = support.support(table, path)
    except KeyError:
        if not any(row.startswith(f"{path}.") for row in table):
            raise
        return "the rows below", ""
    return found.verdict, found.reason


def _section(token: str, kind: type[object]) -> Iterator[str]:
    yield f"## azure-native:{token}\n"
    yield "| input | comes from | a change is | Batchite | |\n|---|---|---|---|---|"
    for path, source, change, verdict, reason in rows(token, kind):
        yield f"| `{path}` | {source} | {change} | {verdict} | {reason} |"
    yield ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
