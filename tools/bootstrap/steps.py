"""What a step of the bootstrap is, and how commands are run in one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
TAIL = 15  # Lines of a failed command that are shown; all of them are in the log.
TRUST_SIGNS = ("self_signed", "self-signed", "unknownissuer", "certificate verify failed", "unable_to_verify_leaf")
NETWORK_SIGNS = ("connection", "connect error", "timed out", "timeout", "resolve", "network", "enotfound", "dns", "i/o")


class StepError(Exception):
    """A step failed: what happened, and what the user can do next."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step


@dataclass(frozen=True)
class Step:
    """One step: what it brings, why it is needed, and `run`, which returns a sentence about the outcome."""

    name: str
    why: str
    run: Callable[[], str]


def cache() -> Path:
    """Where things shared by all clones of a user lie: $XDG_CACHE_HOME/batchite, else ~/.cache/batchite."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchite"


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


def perform(steps: Sequence[Step]) -> int:
    """Run the steps in order; the exit code is 1 as soon as one fails."""
    for step in steps:
        say(f"==> {step.name}: {step.why}")
        begun = time.monotonic()
        try:
            outcome = step.run()
        except StepError as error:
            say(f"    failed: {error}\n    next: {error.next_step}")
            return 1
        except OSError as error:
            say(f"    failed: {error}\n    next: make sure that it can be written to, then run it again")
            return 1
        say(f"    {outcome} ({time.monotonic() - begun:.1f} s)")
    return 0


def run(name: str, command: Sequence[object], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a command with its output in `.tools/log/<name>.log`. Raises StepError with the end of it."""
    log = TOOLS / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    parts = [str(part) for part in command]
    with log.open("w") as output:
        output.write(f"$ {' '.join(parts)}\n")
        output.flush()
        try:
            done = subprocess.run(
                parts, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
            )
        except OSError as error:
            raise StepError(f"{parts[0]} cannot be started: {error.strerror}", "see the message above") from error
    if done.returncode:
        raise _failure(name, parts, done.returncode, log)


def _failure(name: str, command: Sequence[str], code: int, log: Path) -> StepError:
    text = log.read_text(errors="replace")
    tail = "\n".join(f"      | {line}" for line in text.splitlines()[-TAIL:])
    what = f"{Path(command[0]).name} ended with exit code {code} while preparing {name} (all of it: {log})\n{tail}"
    return StepError(what, advice(text))


def advice(output: str) -> str:
    """What to do about a failed command, judged by what it printed."""
    lowered = output.lower()
    if "no space left" in lowered or "enospc" in lowered:
        return "free some disk space (the whole set-up needs up to 5 GB while it runs), then run it again"
    if any(sign in lowered for sign in TRUST_SIGNS):
        return (
            "this network has a certificate authority of its own: add it to this machine's certificates, or name its "
            "file in SSL_CERT_FILE, PIP_CERT and NODE_EXTRA_CA_CERTS, then run it again"
        )
    if any(sign in lowered for sign in NETWORK_SIGNS):
        return (
            "check that this machine reaches its package registries (a proxy or mirror is taken from the usual "
            "settings of pip, npm and go), then run it again: finished steps are not repeated"
        )
    return "read the lines above; after a repair run it again: finished steps are not repeated"


def output_of(command: Sequence[object], env: Mapping[str, str] | None = None) -> str | None:
    """What a quick command prints, stripped; None when it is absent, fails or takes longer than 20 seconds."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, env=env, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def require_space(folder: Path, gigabytes: float) -> None:
    """Raise StepError when the file system of a folder has less free space than that."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise StepError(
            f"{folder} has {free:.1f} GB of free space, {gigabytes:.1f} are needed",
            "free some space, or name another folder with XDG_CACHE_HOME, then run it again",
        )


def link(target: Path, name: str) -> None:
    """Make `.tools/bin/<name>` a link to the target, in one step."""
    BIN.mkdir(parents=True, exist_ok=True)
    fresh = BIN / f".{name}.{os.getpid()}"
    fresh.symlink_to(target)
    fresh.replace(BIN / name)


def place(source: Path, name: str) -> None:
    """Put a file at `.tools/bin/<name>` itself, as a hard link where the file system allows, else as a copy."""
    BIN.mkdir(parents=True, exist_ok=True)
    if _alike(source, BIN / name):
        return
    fresh = BIN / f".{name}.{os.getpid()}"
    try:
        os.link(source.resolve(), fresh)
    except OSError:
        shutil.copy2(source, fresh)
    fresh.replace(BIN / name)


def _alike(one: Path, other: Path) -> bool:
    if other.is_symlink() or not other.exists():
        return False
    return (one.stat().st_size, one.stat().st_mtime) == (other.stat().st_size, other.stat().st_mtime)


def version_tuple(text: str) -> tuple[int, ...]:
    """`v3.259.0-dev` → (3, 259, 0); () when it is no version."""
    numbers = text.strip().lstrip("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(part) for part in numbers) if all(part.isdigit() for part in numbers) else ()
