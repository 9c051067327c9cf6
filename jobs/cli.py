"""The command line: `python -m jobs COMMAND`. Human text goes to stderr, results to stdout as JSON with --json.

Exit codes: 0 done, 1 tasks failed, 2 usage or bad file, 3 service error, 4 timeout, 130 interrupted.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from jobs import commands, errors, memory, target
from jobs.client import connect
from jobs.errors import JobsError, NotBuiltError, UsageError
from jobs.ports import Services
from jobs.target import Json, Target
from jobs.watch import come_back

NOT_BUILT = ("rerun", "doctor", "cost", "dashboard")
WITHOUT_JOB = ("submit", "ssh")
EPILOG = "exit codes: 0 done, 1 tasks failed, 2 usage or bad file, 3 service error, 4 timeout, 130 interrupted"
LOG_WIDTH = 150  # of tables where no terminal says how wide it is
Connect = Callable[[Target], Services]


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    root = argparse.ArgumentParser("python -m jobs", description="Run workloads on Azure Batch.", epilog=EPILOG)
    sub = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_submit(sub)
    watch = add(sub, "watch", "follow a job to its end")
    watch.add_argument("--timeout", type=positive, metavar="SECONDS", help="give up after this time; the job goes on")
    add(sub, "status", "what the job and its pool are doing")
    logs = add(sub, "logs", "what a task has written")
    logs.add_argument("task", metavar="TASK")
    logs.add_argument("--follow", action="store_true", help="go on until the task ends")
    add(sub, "outputs", "download the outputs to outputs/JOB/")
    add(sub, "cancel", "end the job and its running tasks")
    add(sub, "report", "figures of the job, also written to outputs/JOB/report.md")
    ssh = add(sub, "ssh", "a shell on a node; after -- stands a command to run instead", job=False)
    ssh.add_argument("node", metavar="NODE", help="its id, or how that begins")
    ssh.add_argument("--admin", action="store_true", help="as a user with administrative rights")
    for name in NOT_BUILT:
        sub.add_parser(name, add_help=False)
    return root


def add_submit(sub: Any) -> None:
    """The command that creates a job."""
    submit = add(sub, "submit", "check a workload file and create its job", job=False)
    submit.add_argument("workload", type=Path, metavar="WORKLOAD.yaml")
    submit.add_argument("--follow", action="store_true", help="then watch the job to its end")
    submit.add_argument(
        "--set", action="append", default=[], metavar="PARAMETER=VALUE", help="replace a parameter's values"
    )
    submit.add_argument("--dry-run", action="store_true", help="check and show, create nothing")
    submit.add_argument("--yes", action="store_true", help=f"do not ask before more than {commands.ASK_ABOVE} tasks")
    submit.add_argument("--timeout", type=positive, metavar="SECONDS", help="with --follow: give up after this time")


def add(sub: Any, name: str, text: str, *, job: bool = True) -> argparse.ArgumentParser:
    """A command with the options that all have."""
    command: argparse.ArgumentParser = sub.add_parser(name, help=text, description=text, epilog=EPILOG)
    command.add_argument("--json", action="store_true", help="result as JSON on stdout")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--stack", default="", metavar="NAME", help="Pulumi stack (default: the selected one)")
    where.add_argument("--outputs", type=Path, metavar="FILE.json", help="the stack's outputs, without the Pulumi CLI")
    if job:
        command.add_argument("--job", default="", metavar="ID", help="default: the last one submitted from here")
    return command


def positive(text: str) -> float:
    """A number of seconds above 0, for argparse."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value


@dataclass(frozen=True)
class Chosen:
    """The deployment and job that a command is about."""

    target: Target
    job: str


def choose(arguments: argparse.Namespace) -> Chosen:
    """Find deployment and job. Without --stack or --outputs, a job submitted from here brings its deployment along."""
    new = arguments.command == "submit"
    named = arguments.stack or arguments.outputs
    last = None if new or named else memory.recall()
    place = target.parse_outputs(last.outputs if last else read_outputs(arguments))
    if arguments.command in WITHOUT_JOB:
        return Chosen(place, "")
    last = memory.recall(place.batch_endpoint)
    job = arguments.job or (last.job if last else "")
    if not job:
        raise UsageError("no job was submitted from here; name one with --job ID")
    return Chosen(place, job)


def read_outputs(arguments: argparse.Namespace) -> Json:
    """The stack's outputs, from the file or from Pulumi."""
    return target.read_outputs_file(arguments.outputs) if arguments.outputs else target.read_stack(arguments.stack)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command and its options. What follows `--` is what `ssh` runs on the node, options of its own included."""
    end = list(words).index("--") if words[:1] == ["ssh"] and "--" in words else len(words)
    arguments = parser().parse_args(words[:end])
    arguments.words = list(words[end + 1 :])
    return arguments


def run(arguments: argparse.Namespace, console: Console, connect_to: Connect) -> int:
    """Carry out a command; its exit code. Raises JobsError."""
    if arguments.command in NOT_BUILT:
        raise NotBuiltError(arguments.command)
    prepared = commands.prepare(arguments.workload, arguments.set) if arguments.command == "submit" else None
    chosen = choose(arguments)
    target.load_environment(chosen.target)
    context = commands.Context(lambda: connect_to(chosen.target), chosen.target, chosen.job, console, arguments)
    result = commands.submit(context, prepared) if prepared else getattr(commands, arguments.command)(context)
    if arguments.json:
        print(json.dumps(result.value, indent=2))
    return int(result.exit_code)


def main(argv: Sequence[str] | None = None, connect_to: Connect = connect) -> int:
    """Run the command line; the exit code."""
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else LOG_WIDTH)
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in NOT_BUILT:
            raise NotBuiltError(words[0])
        return run(parse(words), console, connect_to)
    except JobsError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return error.exit_code
    except KeyboardInterrupt:
        console.print(f"interrupted; a job that was submitted goes on. {come_back()}", soft_wrap=True)
        return errors.INTERRUPTED
