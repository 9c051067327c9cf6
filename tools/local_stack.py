"""The stack `local`: Batchite, a private Pulumi backend beside its data, and the few calls that demo and down make."""

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.console import DATA, ROOT, CommandError, ask, compiling_once, policy_pack, run

STACK = "local"
PULUMI = DATA / "pulumi"
OUTPUTS = DATA / "outputs.json"
BATCHITE = str(ROOT / ".venv" / "bin" / "batchite")
FOREIGN = ("AZURE_", "ARM_", "PULUMI_", "BATCHITE_")  # The caller's own logins have no business on the local stack.
KEPT = ("BATCHITE_NODE", "BATCHITE_AZURITE")


def clean_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without the logins in it, with the project's own tools in front."""
    tools = [str((ROOT / ".tools" / "bin").resolve()), str(ROOT / ".venv" / "bin"), caller.get("PATH", os.defpath)]
    kept = {name: value for name, value in caller.items() if name in KEPT or not name.startswith(FOREIGN)}
    return {**compiling_once(kept), "PATH": os.pathsep.join(tools)}


def is_running() -> bool:
    """Whether a Batchite serves this data directory."""
    command = [BATCHITE, "status"]
    environment = clean_environment(os.environ)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0


def start_batchite(options: Sequence[str]) -> None:
    """Start it in the background and wait until it serves. Raises CommandError."""
    if run([BATCHITE, "start", "--detach", *options], clean_environment(os.environ)):
        raise CommandError(
            "Batchite did not start",
            "see the line above; other ports: make demo START='--http-port 0 --https-port 0 …'",
        )


def stop_batchite() -> None:
    """Stop it; nothing happens when none runs. Raises CommandError."""
    ask([BATCHITE, "stop"], clean_environment(os.environ))


def environment() -> dict[str, str]:
    """What Pulumi and jobs need to reach the running Batchite, and nothing of the caller's logins."""
    base = clean_environment(os.environ)
    theirs: dict[str, str] = json.loads(ask([BATCHITE, "env", "--format", "json"], base))
    return {**base, **theirs}


def prepare(env: Mapping[str, str]) -> None:
    """Make the private backend and home and the stack, as far as they are missing, and select it."""
    for folder in (PULUMI, PULUMI / "state", PULUMI / "home"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ask(["pulumi", "stack", "select", "--create", STACK, "--non-interactive"], env)
    _unlock(env)


def _unlock(env: Mapping[str, str]) -> None:
    """Release the stack when the Pulumi that locked it is gone; two of ours never run at once."""
    locks = [json.loads(path.read_text()) for path in (PULUMI / "state").glob(".pulumi/locks/**/*.json")]
    if locks and all(_is_dead(lock) for lock in locks):
        ask(["pulumi", "cancel", "--yes", "--stack", STACK, "--non-interactive"], env)


def _is_dead(lock: Mapping[str, object]) -> bool:
    try:
        os.kill(int(str(lock["pid"])), 0)
    except ProcessLookupError:
        return lock.get("hostname") == socket.gethostname()
    except PermissionError:
        return False
    return False


def deploy(env: Mapping[str, str]) -> int:
    """`pulumi up` under the policy pack; its exit code."""
    return run(["pulumi", "up", "--yes", "--skip-preview", *policy_pack(STACK), "--stack", STACK], env)


def destroy(env: Mapping[str, str]) -> int:
    """`pulumi destroy`; its exit code."""
    return run(["pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK], env)


def save_outputs(env: Mapping[str, str]) -> Path:
    """Write the stack's outputs to a file, for `python -m jobs --outputs`."""
    OUTPUTS.write_text(ask(["pulumi", "stack", "output", "--json", "--stack", STACK, "--non-interactive"], env))
    return OUTPUTS
