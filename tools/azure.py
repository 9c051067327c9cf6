"""`make azure STACK=dev`: the same program and policy pack on Azure, with the caller's own Azure and Pulumi logins."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tools.console import ROOT, CommandError, explain, run

HERE = {"127.0.0.1", "localhost", "::1"}


def refuse_local(stack: str, env: Mapping[str, str]) -> None:
    """Raise CommandError when this would not reach Azure at all."""
    if stack == "local":
        raise CommandError("the stack `local` is for Batchite", "make demo, or make azure STACK=dev", 2)
    authority = urlsplit(env.get("AZURE_AUTHORITY_HOST", "")).hostname
    if authority in HERE or "azure-native" in env.get("PULUMI_DEBUG_PROVIDERS", ""):
        raise CommandError("this shell points at Batchite, not at Azure", "open a new shell and run it there", 2)


def commands(stack: str, options: Sequence[str]) -> list[list[str]]:
    """What is run: Pulumi shows its preview and asks before it changes anything."""
    return [
        ["pulumi", "stack", "select", "--create", stack],
        ["pulumi", "up", "--stack", stack, "--policy-pack", "policies", *options],
    ]


def deploy(stack: str, options: Sequence[str]) -> int:
    """Run the commands in order; the first exit code that is not 0."""
    tools = [str(ROOT / ".tools" / "bin"), str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)]
    env = {**os.environ, "PATH": os.pathsep.join(tools)}
    return next((code for command in commands(stack, options) if (code := run(command, env))), 0)


def main() -> int:
    """Deploy; other options go to `pulumi up`."""
    parser = argparse.ArgumentParser(prog="make azure", description=__doc__)
    parser.add_argument("--stack", required=True)
    arguments, options = parser.parse_known_args()
    try:
        refuse_local(arguments.stack, os.environ)
        return deploy(arguments.stack, options)
    except CommandError as error:
        return explain(error)


if __name__ == "__main__":
    sys.exit(main())
