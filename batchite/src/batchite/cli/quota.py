"""`batchite quota`: what a support request changes in Azure."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from batchite.cli.client import call
from batchite.data import DataDirectory

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

OPTIONS = {
    "jobs": ("activeJobAndJobScheduleQuota", "active jobs and job schedules"),
    "pools": ("poolQuota", "pools"),
    "cores": ("dedicatedCoreQuota", "vCPUs of dedicated nodes, for pools made from now on"),
    "spot_cores": ("lowPriorityCoreQuota", "vCPUs of Spot nodes, for pools made from now on"),
}


def add_parser(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add `quota`."""
    parser = commands.add_parser("quota", parents=[shared], help="an account's quotas, as JSON; null is no limit")
    parser.add_argument("account", metavar="ACCOUNT")
    for name, (_, text) in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=_number, metavar="N", help=text)
    parser.set_defaults(run=_quota)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number from 0")
    return int(text)


def _quota(arguments: argparse.Namespace) -> int:
    given = {wire: getattr(arguments, name) for name, (wire, _) in OPTIONS.items()}
    body = {"account": arguments.account} | {name: value for name, value in given.items() if value is not None}
    print(json.dumps(call(DataDirectory(arguments.data), "POST", "/batchite/quota", body)))
    return 0
