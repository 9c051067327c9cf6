from __future__ import annotations

import argparse
import json
import sys

from benchmarks import deploy, machine, requests, scale, table, tasks


def main() -> int:
    """Run what was asked for and print tables, or JSON."""
    arguments = _parser().parse_args()
    described = machine.describe()
    tables: list[table.Table] = []
    if arguments.only in {None, "tasks"}:
        given = {"rounds": arguments.rounds, "count": arguments.tasks, "full": arguments.full}
        tables += tasks.run(**given, own_user=arguments.own_user)
    if arguments.only in {None, "requests"}:
        tables += requests.run(rounds=arguments.rounds, count=arguments.tasks)
    if arguments.only in {None, "scale"}:
        tables += scale.run(rounds=arguments.rounds, counts=scale.LARGEST if arguments.full else scale.LARGE)
    if arguments.only in {None, "deploy"}:
        tables += deploy.run(rounds=arguments.rounds)
    if arguments.json:
        print(json.dumps({"machine": described, "tables": [item.as_dict() for item in tables]}, indent=2))
    else:
        print(machine.render(described))
        print("\n".join(table.render(item) for item in tables))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Ratios to a floor measured in the same run.")
    parser.add_argument(
        "--only", choices=("tasks", "requests", "scale", "deploy"), help="one of the benchmarks instead of all"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--tasks", type=int, default=2000, help="trivial tasks, or requests, a round (default 2000)")
    parser.add_argument(
        "--full", action="store_true", help="growth up to ten times as many tasks: a million in one job"
    )
    parser.add_argument("--own-user", action="store_true", help="run as root: tasks run as root too")
    parser.add_argument("--json", action="store_true", help="results as JSON")
    return parser


sys.exit(main())
