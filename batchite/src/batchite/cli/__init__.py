"""The command line `batchite`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from batchite.cli import autoscale, chaos, quota, server, story
from batchite.cli.errors import CommandError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 usage, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except CommandError as error:
        print(f"batchite: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batchite", description="A local Azure Batch.")
    parser.add_argument("--data", type=Path, default=Path(".batchite"), metavar="DIR", help="data directory")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="data directory")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    server.add_parsers(commands, shared)
    quota.add_parser(commands, shared)
    chaos.add_parser(commands, shared)
    autoscale.add_parser(commands)
    story.add_parser(commands, shared)
    return parser
