"""`batchite autoscale lint|eval`: the formula language without a pool."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchite.autoscale import Formula, FormulaError, Metrics, Sample, Targets, evaluate, lint, parse
from batchite.autoscale.samples import PERIOD

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names its type so

OK, FAILED, USAGE = 0, 1, 2

_METRICS_HELP = """\
JSON object: "samples" maps a service variable to [[time, value], ...], oldest first, or to plain numbers, one for
each 30 s, the last at --now; "start" (default: the oldest sample) is when autoscale was enabled; "targets" has the
pool's current {"dedicated": n, "spot": n}; "current" maps variables read without a method to their value. Times are
ISO 8601 or Unix seconds."""


def add_parser(subparsers: Subparsers) -> None:
    """Add `autoscale` and its subcommands; each sets `run`, which takes the arguments and returns the exit code."""
    parser = subparsers.add_parser("autoscale", help="autoscale formulas without a pool")
    commands = parser.add_subparsers(dest="autoscale_command", required=True)
    _command(commands, "lint", _lint, "report what makes a formula fail or do what you regret; 1 when it must fail")
    evaluation = _command(commands, "eval", _evaluate, "print the result string of one evaluation")
    evaluation.add_argument("--metrics", required=True, type=Path, metavar="M.json", help=_METRICS_HELP)
    evaluation.add_argument("--now", required=True, metavar="ISO", help="time of the evaluation: 2026-01-05T10:00:00Z")
    for name in ("simulate", "suggest"):
        _command(commands, name, _not_built, "not built yet")


def _command(commands: Subparsers, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text)
    command.add_argument("file", type=Path, metavar="FILE", help="the formula")
    command.set_defaults(run=run)
    return command


def _lint(args: argparse.Namespace) -> int:
    try:
        found = lint(args.file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        return _usage(str(error))
    for one in found:
        print(f"{args.file}:{one.line}:{one.column}: {one.severity}: {one.message} [{one.rule}]")
    return FAILED if any(one.severity == "error" for one in found) else OK


def _evaluate(args: argparse.Namespace) -> int:
    try:
        formula = _formula(args.file)
        now = _time(args.now)
        metrics, targets = read_metrics(json.loads(args.metrics.read_text(encoding="utf-8")), now)
    except (OSError, ValueError) as error:
        return _usage(str(error))
    result = evaluate(formula, metrics, now, targets)
    print(result.results)
    if result.error is None:
        return OK
    print(f"{result.error.code}: {result.error.message}", file=sys.stderr)
    print(*(f"{name}: {value}" for name, value in result.error.values), sep="\n", file=sys.stderr)
    return FAILED


def _formula(path: Path) -> Formula:
    text = path.read_text(encoding="utf-8")
    try:
        return parse(text)
    except FormulaError as error:
        raise ValueError(f"{path}: {error.render(text)}") from None


def _not_built(args: argparse.Namespace) -> int:
    return _usage(f"batchite autoscale {args.autoscale_command} is not built yet; lint and eval are")


def _usage(message: str) -> int:
    print(message, file=sys.stderr)
    return USAGE


def read_metrics(document: Any, now: float) -> tuple[Metrics, Targets]:
    """What a metrics file says, see the help of --metrics. Raises ValueError with what is wrong."""
    fields = _object(document, "the metrics file", {"samples", "start", "targets", "current"})
    given = _object(fields.get("samples", {}), "samples")
    samples = {name: _samples(name, values, now) for name, values in given.items()}
    oldest = min((one.at for series in samples.values() for one in series), default=now)
    current = {name: _number(value, name) for name, value in _object(fields.get("current", {}), "current").items()}
    targets = _object(fields.get("targets", {}), "targets", {"dedicated", "spot"})
    metrics = Metrics(samples, _time(fields["start"]) if "start" in fields else oldest, current)
    return metrics, Targets(*(int(_number(targets.get(kind, 0), kind)) for kind in ("dedicated", "spot")))


def _object(value: Any, name: str, allowed: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a JSON object")  # noqa: TRY004 - bad content of a file
    unknown = sorted(set(value) - allowed) if allowed is not None else []
    if unknown:
        raise ValueError(f"{name} has unknown {', '.join(unknown)}; allowed are {', '.join(sorted(allowed or ()))}")
    return value


def _samples(name: str, values: Any, now: float) -> Sequence[Sample]:
    if not isinstance(values, list):
        raise ValueError(f"samples of {name} must be a list")  # noqa: TRY004 - bad content of a file
    last = len(values) - 1
    series = [_sample(name, value, now - PERIOD * (last - place)) for place, value in enumerate(values)]
    if any(later.at < earlier.at for earlier, later in pairwise(series)):
        raise ValueError(f"samples of {name} must be in the order of their times, oldest first")
    return series


def _sample(name: str, value: Any, at: float) -> Sample:
    if not isinstance(value, list):
        return Sample(at, _number(value, name))
    if len(value) != 2:
        raise ValueError(f"a sample of {name} must be [time, value] or a number")
    return Sample(_time(value[0]), _number(value[1], name))


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: expected a number, got {value!r}")  # noqa: TRY004 - bad content of a file
    return float(value)


def _time(value: Any) -> float:
    if not isinstance(value, str):
        return _number(value, "time")
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
