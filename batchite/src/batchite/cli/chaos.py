"""`batchite chaos`: what a platform does to those who trust it. Each drill answers one JSON object with its id."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from batchite.chaos.drills import LONGEST_DELAY, LONGEST_OUTAGE, LONGEST_RETRY_AFTER, MOMENTS, PLANES, SERVER_ERRORS
from batchite.cli.client import call
from batchite.cli.errors import CommandError
from batchite.data import DataDirectory

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

ABOUT = """\
Failures on demand. A drill acts on what it names and on nothing else; those that last (all but preempt) go on over
restarts of the server until `batchite chaos off`, and `batchite status` shows them. Logs, answers (header
x-batchite-drill) and `batchite story` call a drill by its id."""
OFF = ("capacity", "fail-node", "throttle", "server-error", "latency", "blob-outage", "fail-start-task")


def add_parser(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add `chaos` and its drills."""
    parser = commands.add_parser("chaos", help="failures on demand", description=ABOUT)
    drills = parser.add_subparsers(dest="drill", required=True, metavar="DRILL")
    add = partial(_add, drills, shared)
    _add_preempt(add("preempt", "take Spot nodes of a pool away; their tasks run again on other nodes", _preempt))
    _add_capacity(add("capacity", "the region gives a pool only so many nodes; Spot nodes above are taken", _capacity))
    _add_fail_node(add("fail-node", "a node becomes unusable; its tasks run again on other nodes", _fail_node))
    _add_start_task(add("fail-start-task", "start tasks of nodes that boot from now on fail", _fail_start_task))
    _add_throttle(add("throttle", "a share of the requests is answered 429 with Retry-After", _throttle))
    _add_server_error(add("server-error", "a share of the requests is answered 500 or 503", _server_error))
    _add_latency(add("latency", "every answer waits", _latency))
    outage = add("blob-outage", "the blob endpoint serves nobody for a while: 503 ServerBusy", _blob_outage)
    outage.add_argument("seconds", metavar="SECONDS", type=_number(0, LONGEST_OUTAGE), help="ends by itself after that")
    outage.add_argument("--reset", action="store_true", help="reset connections instead of answering")
    off = add("off", "end all drills, or one", _off)
    off.add_argument("which", metavar="DRILL", nargs="?", choices=OFF, help=f"one of: {', '.join(OFF)}")


def _add(
    drills: Subparsers,
    shared: argparse.ArgumentParser,
    name: str,
    text: str,
    body: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.ArgumentParser:
    """A drill; `body` makes the request from its arguments."""
    parser = drills.add_parser(name, parents=[shared], help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=lambda arguments: _run(name, body, arguments))
    return parser


def _run(name: str, body: Callable[[argparse.Namespace], dict[str, Any]], arguments: argparse.Namespace) -> int:
    given = {key: value for key, value in body(arguments).items() if value is not None}
    print(json.dumps(call(DataDirectory(arguments.data), "POST", f"/batchite/chaos/{name}", given)))
    return 0


def _add_preempt(parser: argparse.ArgumentParser) -> None:
    _add_pool(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--node", metavar="N", help="this node; without it, one that runs tasks")
    which.add_argument("--all", action="store_true", help="every Spot node that is up")


def _add_capacity(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description} Resizes and evaluations that want more end with AllocationFailed."
    _add_pool(parser)
    for name in ("dedicated", "spot"):
        parser.add_argument(f"--{name}", metavar="N", type=_whole(0, 1_000_000), help=f"{name} nodes (no limit)")


def _add_fail_node(parser: argparse.ArgumentParser) -> None:
    _add_pool(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--node", metavar="N", help="this node; without it, one that runs tasks")
    which.add_argument("--all", action="store_true", help="every node that is up")
    parser.add_argument(
        "--error",
        metavar="CODE",
        help="the node's `errors` show this code, and the service does not recover it; without it the service "
        "has lost contact, shows no error and recovers it",
    )
    parser.add_argument(
        "--recover",
        metavar="SECONDS",
        type=_number(0, 10_000_000),
        help="service seconds until it boots again (300; with --error never)",
    )


def _add_start_task(parser: argparse.ArgumentParser) -> None:
    _add_pool(parser)
    parser.add_argument("--exit-code", metavar="N", type=_whole(1, 255), default=1, help="of the start task (1)")
    parser.add_argument(
        "--times", metavar="N", type=_whole(1, 1_000_000), help="only the next N runs, each retry is one (all)"
    )


def _add_throttle(parser: argparse.ArgumentParser) -> None:
    _add_rate(parser)
    parser.add_argument(
        "--status", type=int, choices=(429, 503), default=429, help="429 TooManyRequests (default) or 503 ServerBusy"
    )
    parser.add_argument(
        "--retry-after",
        metavar="SECONDS",
        type=_whole(0, LONGEST_RETRY_AFTER),
        default=1,
        help="the header's value (1); clients wait as long",
    )


def _add_server_error(parser: argparse.ArgumentParser) -> None:
    _add_rate(parser)
    parser.add_argument(
        "--code",
        dest="codes",
        action="append",
        choices=SERVER_ERRORS,
        help="may be given several times (InternalError and ServerBusy)",
    )
    parser.add_argument(
        "--when",
        choices=MOMENTS,
        default="either",
        help="before the request takes effect, after it (a task that was added is answered 500), or either (default); "
        "tasks of a collection fail one by one, too",
    )


def _add_latency(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("milliseconds", metavar="MS", type=_number(0, LONGEST_DELAY), help="how long")
    parser.add_argument(
        "--jitter", metavar="MS", type=_number(0, LONGEST_DELAY), default=0, help="up to this much more or less (0)"
    )
    _add_planes(parser)


def _add_pool(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", metavar="POOL", help="pool id, or ACCOUNT/POOL")


def _add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rate", metavar="RATE", type=_rate, help="share of the requests: 0.2 is every fifth")
    _add_planes(parser)


def _add_planes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plane",
        dest="planes",
        action="append",
        choices=(*PLANES, "all"),
        help="which requests; may be given several times (batch)",
    )
    parser.add_argument(
        "--seed", type=_whole(0, 2**63), metavar="N", help="the same seed hits the same requests, by their order"
    )


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
        return value

    return parse


def _rate(text: str) -> float:
    value = _number(0, 1)(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 hits nothing; `batchite chaos off` ends a drill")
    return value


def _pool(arguments: argparse.Namespace) -> dict[str, Any]:
    account, _, pool = arguments.pool.rpartition("/")
    return {"pool": pool, "account": account}


def _preempt(arguments: argparse.Namespace) -> dict[str, Any]:
    return {**_pool(arguments), "node": arguments.node, "all": arguments.all}


def _capacity(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.dedicated is None and arguments.spot is None:
        raise CommandError(
            "chaos capacity needs --dedicated N, --spot N or both; `batchite chaos off capacity` lifts it", 2
        )
    return {**_pool(arguments), "dedicated": arguments.dedicated, "spot": arguments.spot}


def _fail_node(arguments: argparse.Namespace) -> dict[str, Any]:
    own = {"node": arguments.node, "all": arguments.all, "error": arguments.error, "recovers": arguments.recover}
    return {**_pool(arguments), **own}


def _fail_start_task(arguments: argparse.Namespace) -> dict[str, Any]:
    return {**_pool(arguments), "exitCode": arguments.exit_code, "times": arguments.times}


def _share(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"planes": arguments.planes, "seed": arguments.seed}


def _throttle(arguments: argparse.Namespace) -> dict[str, Any]:
    own = {"rate": arguments.rate, "status": arguments.status, "retryAfter": arguments.retry_after}
    return own | _share(arguments)


def _server_error(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"rate": arguments.rate, "codes": arguments.codes, "when": arguments.when} | _share(arguments)


def _latency(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"milliseconds": arguments.milliseconds, "jitter": arguments.jitter} | _share(arguments)


def _blob_outage(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"seconds": arguments.seconds, "reset": arguments.reset}


def _off(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"drill": arguments.which}
