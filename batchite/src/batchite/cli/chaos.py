"""`batchite chaos`: what a platform does to those who trust it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from batchite.cli.client import call
from batchite.cli.errors import CommandError
from batchite.data import DataDirectory

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

NOT_BUILT = ("capacity", "fail-node", "fail-start-task", "throttle", "server-error", "blob-outage", "latency", "off")


def add_parser(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add `chaos` and its drills."""
    parser = commands.add_parser("chaos", help="failures on demand")
    drills = parser.add_subparsers(dest="drill", required=True, metavar="DRILL")
    preempt = drills.add_parser("preempt", parents=[shared], help="take Spot nodes of a pool away")
    preempt.add_argument("pool", metavar="POOL", help="pool id, or ACCOUNT/POOL")
    which = preempt.add_mutually_exclusive_group()
    which.add_argument("--node", metavar="N", help="this node; without it, one that runs tasks")
    which.add_argument("--all", action="store_true", help="every Spot node that is up")
    preempt.set_defaults(run=_preempt)
    for name in NOT_BUILT:
        drill = drills.add_parser(name, parents=[shared], help="not built yet")
        drill.add_argument("arguments", nargs=argparse.REMAINDER)
        drill.set_defaults(run=_not_built)


def _preempt(arguments: argparse.Namespace) -> int:
    account, _, pool = arguments.pool.rpartition("/")
    body = {"pool": pool, "account": account, "node": arguments.node or "", "all": arguments.all}
    print(json.dumps(call(DataDirectory(arguments.data), "POST", "/batchite/chaos/preempt", body)))
    return 0


def _not_built(arguments: argparse.Namespace) -> int:
    raise CommandError(f"chaos {arguments.drill} is not built yet", exit_code=2)
