"""`make down`: destroy the local stack and stop Batchite. `make clean` (`--clean`): stop it and remove all its data."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import local_stack
from tools.console import DATA, CommandError, explain, say, turn


def down() -> int:
    """Destroy what is deployed, then stop the server; the exit code."""
    if not Path(local_stack.BATCHITE).exists():
        raise CommandError("there is no .venv here, so nothing was started from it", "`make setup`, if that is not so")
    if is_deployed():
        if not local_stack.is_running():
            say("starting Batchite once more, because the stack still has resources in it")
            local_stack.start_batchite([])
        env = local_stack.environment()
        local_stack.prepare(env)
        say("destroying the stack `local`")
        if code := local_stack.destroy(env):
            raise CommandError("the stack could not be destroyed", "`make down` again, or `make clean`", code)
    say("stopping Batchite")
    local_stack.stop_batchite()
    return 0


def is_deployed() -> bool:
    """Whether the private backend holds resources of the stack."""
    states = (local_stack.PULUMI / "state").glob(f".pulumi/stacks/*/{local_stack.STACK}.json")
    return any(holds_resources(json.loads(path.read_text())) for path in states)


def holds_resources(state: Mapping[str, Any]) -> bool:
    """Whether a checkpoint of Pulumi's file backend lists resources."""
    return bool((state["checkpoint"].get("latest") or {}).get("resources"))


def clean() -> int:
    """Stop the server and remove the data directory, the stack's state included; the exit code."""
    if Path(local_stack.BATCHITE).exists():
        say("stopping Batchite")
        local_stack.stop_batchite()
    say(f"removing {DATA}")
    shutil.rmtree(DATA, ignore_errors=True)
    if DATA.exists():
        left = subprocess.run(["find", str(DATA)], capture_output=True, text=True, check=False).stdout.splitlines()
        raise CommandError(f"{len(left)} files belong to another user", f"sudo rm -r {DATA}")
    return 0


def main() -> int:
    """Take down alone in this folder."""
    work = clean if sys.argv[1:] == ["--clean"] else down
    if not DATA.exists():
        say("nothing is deployed from this folder")
        return 0
    try:
        with turn():
            return work()
    except CommandError as error:
        return explain(error)


if __name__ == "__main__":
    sys.exit(main())
